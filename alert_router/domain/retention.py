"""How long what is stored is kept, by kind: "alerts=400d,deliveries=90d,quarantine=30d". Pure."""

import re
from dataclasses import dataclass, replace
from datetime import timedelta

_SPAN = re.compile(r"(\d{1,5})([hdw])")
_SIZE = re.compile(r"(\d{1,6})MB")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Retention:
    """None: for ever, or of any size."""

    alerts: timedelta | None = timedelta(days=400)
    """After their end, with their transitions, incidents, cards and all that belongs to them.

    Also runs, marks, and silences that are over.
    """
    deliveries: timedelta | None = timedelta(days=90)
    """And decisions, of incidents that are over."""
    quarantine: timedelta | None = timedelta(days=30)
    quarantine_bytes: int | None = 256 * MB
    """The oldest bodies go first."""


DEFAULT = "alerts=400d,deliveries=90d,quarantine=30d,quarantine_size=256MB"
KINDS = ("alerts", "deliveries", "quarantine", "quarantine_size")


def parse(text: str) -> Retention:
    """What is not named keeps its default; 0 is for ever. Raises ValueError."""
    retention = Retention()
    for part in filter(None, (part.strip() for part in text.split(","))):
        kind, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or kind not in KINDS:
            raise ValueError(f"{part!r}: must be KIND=AGE with one of {', '.join(KINDS)}")
        retention = _changed(retention, kind, value)
    return retention


def _changed(retention: Retention, kind: str, value: str) -> Retention:
    if kind == "alerts":
        return replace(retention, alerts=_age(value))
    if kind == "deliveries":
        return replace(retention, deliveries=_age(value))
    if kind == "quarantine":
        return replace(retention, quarantine=_age(value))
    return replace(retention, quarantine_bytes=_size(value))


def _age(text: str) -> timedelta | None:
    if text == "0":
        return None
    found = _SPAN.fullmatch(text)
    if found is None or not int(found[1]):
        raise ValueError(f"{text!r} is not an age such as 36h, 90d or 52w, or 0 for ever")
    return int(found[1]) * _UNITS[found[2]]


def _size(text: str) -> int | None:
    if text == "0":
        return None
    found = _SIZE.fullmatch(text)
    if found is None or not int(found[1]):
        raise ValueError(f"{text!r} is not a size such as 256MB, or 0 for any")
    return int(found[1]) * MB
