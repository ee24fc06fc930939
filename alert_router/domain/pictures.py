"""When a card's chart must be drawn, and of what. Pure."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alert_router.domain.model import Alert

LEAD = timedelta(hours=1)
"""How much is shown before it fired."""
MAX_SPAN = timedelta(days=7)
AFTER_END = timedelta(minutes=10)
"""How much is shown of what came after."""
REDRAWN_AFTER = timedelta(minutes=1)
"""More alerts that join a firing incident do not redraw its chart sooner."""
OLD = timedelta(minutes=10)
"""A chart older than this is redrawn for a new message."""


@dataclass(frozen=True, slots=True)
class Window:
    start: datetime
    end: datetime


def subject_of(expression: str, alerts: Sequence[Alert]) -> str:
    """Identifies what a chart of these alerts shows."""
    states = sorted(f"{alert.id}{alert.status}" for alert in alerts)
    return hashlib.sha256("\n".join((expression, *states)).encode()).hexdigest()[:16]


def is_due(
    drawn: tuple[str, datetime] | None, subject: str, now: datetime, *, firing: bool, is_new: bool
) -> bool:
    """drawn: subject and time of the present chart. is_new: the message is about to be created."""
    if drawn is None:
        return True
    drawn_for, drawn_at = drawn
    age = now - drawn_at
    if drawn_for != subject:
        return not firing or age >= REDRAWN_AFTER
    return firing and is_new and age >= OLD


def window_of(alerts: Sequence[Alert], now: datetime) -> Window:
    """From before the first began to the present, or to a little after the last ended."""
    began = min(alert.starts_at for alert in alerts)
    ends = [alert.ends_at for alert in alerts if alert.ends_at is not None]
    is_over = not any(alert.firing for alert in alerts)
    end = min(now, max(ends) + AFTER_END) if is_over and ends else now
    start = max(min(began, end) - LEAD, end - MAX_SPAN)
    return Window(start, end)
