"""What a card remembers of the times before: how often, how long, who did what. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from alert_router.domain.runs import ordinal
from alert_router.domain.time_words import duration

SPAN = timedelta(days=30)
MAX_PAST = 200
"""How many times before one are looked at."""
MANY = 5
"""So many times that ended say how long it usually lasts."""
NAME_CHARS, NOTE_CHARS = 40, 80


class Lasts(StrEnum):
    """Longer than nine of ten of its kind."""

    USUAL = "usual"
    EVER = "ever"


@dataclass(frozen=True, slots=True)
class Past:
    """One time before."""

    began_at: datetime
    ended_at: datetime | None
    by: str | None = None
    """Who acknowledged it last; None: nobody did."""
    note: str = ""

    @property
    def lasted(self) -> timedelta | None:
        return max(self.ended_at - self.began_at, timedelta()) if self.ended_at else None


def words(past: Sequence[Past], lasts: str = "", *, firing: bool = True) -> str:
    """Of the present time, which is not among them. past: newest first. Empty if there is nothing to say."""
    if not past:
        return ""
    count = f"more than {MAX_PAST} times" if len(past) >= MAX_PAST else f"{ordinal(len(past) + 1)} time"
    parts = (
        f"{count} in {SPAN.days} days",
        _lasting(lasts, firing=firing),
        _usual_end(past),
        _last_act(past),
    )
    return ", ".join(filter(None, parts))


def _lasting(lasts: str, *, firing: bool) -> str:
    if not lasts:
        return ""
    return f"{'lasts' if firing else 'lasted'} longer than {lasts}"


def _usual_end(past: Sequence[Past]) -> str:
    ended = [one for one in past if one.ended_at is not None]
    alone = [one for one in ended if one.by is None]
    if len(ended) > 1 and 2 * len(alone) > len(ended):
        span = duration(_quantile(_spans(alone), 0.5))
        return f"usually over by itself after {span} ({len(alone)} of {len(ended)})"
    return f"usually over after {duration(_quantile(_spans(ended), 0.5))}" if len(ended) > 1 else ""


def _last_act(past: Sequence[Past]) -> str:
    """By whom, and with which words: the last time, or before that."""
    for times_ago, one in enumerate(past):
        if one.by:
            when = "earlier" if times_ago else "last time"
            name, note = _short(one.by, NAME_CHARS), _short(one.note, NOTE_CHARS)
            return f"{when} {name}: {note}" if note else f"{when} acknowledged by {name}"
    return ""


def long_after(past: Sequence[Past]) -> tuple[timedelta, Lasts] | None:
    """How long one must last to outlast nine of ten of its kind; None where too few have ended."""
    spans = _spans(past)
    if len(spans) < MANY:
        return None
    limit = _quantile(spans, 0.9)
    return limit, Lasts.EVER if limit == max(spans) else Lasts.USUAL


def _spans(past: Sequence[Past]) -> list[timedelta]:
    return sorted(one.lasted for one in past if one.lasted is not None)


def _quantile(spans: Sequence[timedelta], share: float) -> timedelta:
    """The nearest rank: as long as one of them really lasted. spans: sorted, not empty."""
    return spans[min(int(share * len(spans)), len(spans) - 1)]


def _short(text: str, max_chars: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= max_chars else f"{line[: max_chars - 1].rstrip()}…"
