"""Prometheus durations (5m, 1h30m, 250ms): read, written, shortened."""

import re

_UNITS_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
_PART = re.compile(r"(\d+)(ms|[smhdwy])")


def seconds(text: str) -> float:
    """Raises ValueError for an invalid duration."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a Prometheus duration")
    return float(sum(int(number) * _UNITS_S[unit] for number, unit in parts))


def duration(length_s: float) -> str:
    """To the millisecond, which is as fine as Prometheus and Alertmanager go."""
    milliseconds = round(length_s * 1000)
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"


def shorter(text: str, *, factor: float, floor_s: float) -> str:
    """Divide by the factor, but not below the floor. A duration below the floor stays as it is."""
    full_s = seconds(text)
    return duration(max(full_s / factor, min(floor_s, full_s)))
