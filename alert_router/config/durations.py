"""Durations as Prometheus writes them: 30s, 1m, 4h, 1d12h."""

import re
from datetime import timedelta

UNITS = {
    "y": timedelta(days=365),
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_SHAPE = re.compile("".join(f"(?:([0-9]+){unit})?" for unit in UNITS))


def parse(text: str) -> timedelta:
    """Raises ValueError. Units stand from the largest to the smallest, each at most once."""
    match = _SHAPE.fullmatch(text)
    if match is None or not text:
        raise ValueError(f'"{text}" is not a duration; write it like 30s, 5m, 4h or 1d12h')
    try:
        duration = sum(
            (int(count) * unit for count, unit in zip(match.groups(), UNITS.values(), strict=True) if count),
            timedelta(),
        )
    except OverflowError:
        raise ValueError(f'"{text}" is too long') from None
    if not duration:
        raise ValueError(f'"{text}" must be longer than nothing')
    return duration


def format_duration(duration: timedelta) -> str:
    """The shortest text that parses to the duration, in whole milliseconds."""
    text, rest = "", duration
    for name, unit in UNITS.items():
        count, rest = divmod(rest, unit)
        text += f"{count}{name}" if count else ""
    return text
