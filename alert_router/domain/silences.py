"""What a silence of an incident matches, and until when. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from alert_router.domain.model import Alert

ALERTNAME = "alertname"
MORNING = time(9)
HOURS = {"1h": timedelta(hours=1), "4h": timedelta(hours=4)}
UNTIL_MORNING = "9:00"
CHOICES = (*HOURS, UNTIL_MORNING)


@dataclass(frozen=True, slots=True)
class SilenceMatcher:
    name: str
    value: str
    is_regex: bool = False

    def __str__(self) -> str:
        return f'{self.name}{"=~" if self.is_regex else "="}"{self.value}"'


def matchers(firing: Sequence[Alert]) -> tuple[SilenceMatcher, ...]:
    """The labels common to all that fires, and the alertnames: a cluster alone would silence all of it."""
    shared = set(firing[0].labels.items()) if firing else set()
    for alert in firing:
        shared &= alert.labels.items()
    names = sorted({alert.labels.get(ALERTNAME, "") for alert in firing} - {""})
    common = [SilenceMatcher(name, value) for name, value in sorted(shared) if name != ALERTNAME]
    if not names:
        return tuple(common)
    by_name = names[0] if len(names) == 1 else "|".join(map(re.escape, names))
    return (SilenceMatcher(ALERTNAME, by_name, is_regex=len(names) > 1), *common)


def until(choice: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The end of one of CHOICES."""
    if choice in HOURS:
        return now + HOURS[choice]
    local = now.astimezone(zone)
    morning = datetime.combine(local.date(), MORNING, zone)
    if morning <= local:
        morning = datetime.combine(local.date() + timedelta(days=1), MORNING, zone)
    return morning.astimezone(UTC)
