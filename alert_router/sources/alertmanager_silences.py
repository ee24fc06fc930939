"""Creates silences through Alertmanager's API v2 (POST /api/v2/silences)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from alert_router.domain.silences import SilenceMatcher

TIMEOUT = httpx.Timeout(5.0, connect=3.0)
MAX_REASON_CHARS = 300


@dataclass(frozen=True, slots=True)
class NewSilence:
    matchers: tuple[SilenceMatcher, ...]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str

    def as_json(self) -> dict[str, Any]:
        matchers = [
            {"name": one.name, "value": one.value, "isRegex": one.is_regex, "isEqual": True}
            for one in self.matchers
        ]
        return {
            "matchers": matchers,
            "startsAt": self.starts_at.isoformat(),
            "endsAt": self.ends_at.isoformat(),
            "createdBy": self.created_by,
            "comment": self.comment,
        }


@dataclass(frozen=True, slots=True)
class NotCreated:
    reason: str
    """Without a URL: a password may be in it."""


async def create(http: httpx.AsyncClient, urls: Sequence[str], silence: NewSilence) -> str | NotCreated:
    """The id that the first replica to answer gave it."""
    failed = NotCreated("there is no ALERTMANAGER_URL")
    for url in urls:
        answer = await _post(http, url, silence)
        if isinstance(answer, str):
            return answer
        failed = answer
    return failed


async def _post(http: httpx.AsyncClient, url: str, silence: NewSilence) -> str | NotCreated:
    try:
        answer = await http.post(f"{url}/api/v2/silences", json=silence.as_json(), timeout=TIMEOUT)
    except httpx.HTTPError as error:
        return NotCreated(f"Alertmanager does not answer ({type(error).__name__})")
    if not answer.is_success:
        return NotCreated(f"Alertmanager answered {answer.status_code}: {answer.text[:MAX_REASON_CHARS]}")
    try:
        return str(answer.json()["silenceID"])
    except (ValueError, KeyError, TypeError):
        return NotCreated("Alertmanager's answer names no silence")
