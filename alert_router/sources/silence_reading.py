"""Reads Alertmanager's silences (GET /api/v2/silences): who silenced what, why, and until when."""

from dataclasses import dataclass
from datetime import datetime

import httpx
from pydantic import BaseModel, TypeAdapter

from alert_router.domain.matchers import Matcher
from alert_router.sources.alertmanager import Text, Time

TIMEOUT = httpx.Timeout(10.0, connect=3.0)
OPERATORS = {(False, True): "=", (False, False): "!=", (True, True): "=~", (True, False): "!~"}
"""By isRegex and isEqual; the second is missing before Alertmanager 0.22, and then true."""


class _Matcher(BaseModel):
    name: Text
    value: Text
    isRegex: bool = False
    isEqual: bool = True


class _Silence(BaseModel):
    id: Text
    createdBy: Text = ""
    comment: Text = ""
    startsAt: Time
    endsAt: Time
    matchers: list[_Matcher] = []


_SILENCES = TypeAdapter(list[_Silence])


@dataclass(frozen=True, slots=True)
class SilenceSeen:
    id: str
    created_by: str
    comment: str
    starts_at: datetime
    ends_at: datetime
    matchers: tuple[Matcher, ...]


async def fetch(http: httpx.AsyncClient, url: str) -> tuple[SilenceSeen, ...]:
    """Those that Alertmanager has, also expired ones; none when it does not answer, or not in this form."""
    try:
        answer = await http.get(f"{url}/api/v2/silences", timeout=TIMEOUT)
        silences = _SILENCES.validate_json(answer.content) if answer.is_success else []
    except (httpx.HTTPError, ValueError):
        return ()
    return tuple(map(_seen, silences))


def _seen(silence: _Silence) -> SilenceSeen:
    matchers = tuple(
        Matcher(one.name, OPERATORS[one.isRegex, one.isEqual], one.value) for one in silence.matchers
    )
    return SilenceSeen(
        silence.id, silence.createdBy, silence.comment, silence.startsAt, silence.endsAt, matchers
    )
