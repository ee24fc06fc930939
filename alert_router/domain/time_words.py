"""Spans of time as people say them."""

from datetime import timedelta

MINUTE_S = 60


def duration(span: timedelta) -> str:
    """Two units at the most: "45 s", "12 min", "2 h 5 min", "3 d 4 h"."""
    seconds = max(int(span.total_seconds()), 0)
    if seconds < MINUTE_S:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if not hours:
        return f"{minutes} min"
    if not days:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{days} d {hours % 24} h" if hours % 24 else f"{days} d"
