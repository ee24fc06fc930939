"""What happened to an alert, in words: one line for each fact, and one for many of the same."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alert_router.store.timeline import Moment
from alert_router.web.jinja_filters import ACTIONS, OUTCOMES, TRANSITIONS, words

ORDER = ("began", "opened", "updated", "silence", "acknowledged", "resolved", "notified", "delivery")
"""Of facts of one moment: causes before effects; what is not named comes last."""
AT_ONCE = timedelta(minutes=1)
"""What is heard of sooner needs no line of its own."""
TONES = {"began": "bad", "reopened": "bad", "resolved": "good", "acknowledged": "person", "silence": "muted"}
OF_THE_INCIDENT = frozenset({"notified", "not_notified", "delivery", "acknowledged", "silence", "away"})
"""Kinds of moments that alerts of one incident share."""
SENT = "sent"


@dataclass(frozen=True, slots=True)
class Line:
    at: datetime
    title: str
    detail: str = ""
    tone: str = "plain"
    """bad | good | person | muted | plain"""
    until: datetime | None = None
    place: str = ""
    """Which of an incident's alerts it is about; empty: all of them."""
    count: int = 1
    """How many of these came in a row."""
    last_at: datetime | None = None
    """Of several, the last."""


def of_alert(moments: Sequence[Moment]) -> tuple[Line, ...]:
    """Oldest first."""
    return tuple(_merged(map(_line, _without_echo(sorted(moments, key=_place_in_time)))))


def of_incident(by_place: Iterable[tuple[str, Sequence[Moment]]]) -> tuple[Line, ...]:
    """Of several alerts, each with what tells it apart. What they share is said once."""
    facts = [(moment, place) for place, moments in by_place for moment in _without_echo(moments)]
    lines: dict[Line, None] = {}
    for moment, place in sorted(facts, key=lambda fact: _place_in_time(fact[0])):
        own = "" if moment.kind in OF_THE_INCIDENT else place
        lines[replace(_line(moment), place=own)] = None
    return tuple(_merged(lines))


def _place_in_time(moment: Moment) -> tuple[datetime, int]:
    return moment.at, ORDER.index(moment.kind) if moment.kind in ORDER else len(ORDER)


def _without_echo(moments: Sequence[Moment]) -> Iterator[Moment]:
    """Without the first report, where it came as soon as the alert began."""
    began_at = next((one.at for one in moments if one.kind == "began"), None)
    for moment in moments:
        is_echo = moment.kind == "opened" and began_at is not None and moment.at - began_at < AT_ONCE
        if not is_echo:
            yield moment


def _line(moment: Moment) -> Line:
    return Line(
        at=moment.at,
        title=_title(moment),
        detail=moment.text,
        tone=_tone(moment),
        until=moment.until if moment.kind in ("silence", "away") else None,
    )


def _title(moment: Moment) -> str:
    match moment.kind:
        case "began":
            return f"Began, says {moment.by}"
        case "opened":
            return "First report received"
        case "notified":
            return f"New message for {moment.by}"
        case "not_notified":
            return f"No new message for {moment.by}"
        case "silence":
            return f"Silenced by {moment.by}"
        case "away":
            return "The router was away"
        case "delivery":
            return _delivery(moment)
        case kind:
            return words(kind, TRANSITIONS)


def _delivery(moment: Moment) -> str:
    action, _, outcome = moment.outcome.partition(" ")
    done = {"create": "Message posted", "edit": "Message edited"}.get(action, words(action, ACTIONS))
    if outcome == SENT:
        return f"{done} in {moment.by}"
    return f"{words(action, ACTIONS).capitalize()} for {moment.by}: {words(outcome, OUTCOMES)}"


def _tone(moment: Moment) -> str:
    failed = moment.kind == "delivery" and not moment.outcome.endswith(f" {SENT}")
    return "bad" if failed else TONES.get(moment.kind, "plain")


def _merged(lines: Iterable[Line]) -> Iterator[Line]:
    """Edits come in dozens: those in a row are one line."""
    pending: Line | None = None
    for line in lines:
        if pending and _is_same(pending, line):
            pending = replace(pending, count=pending.count + 1, last_at=line.at)
            continue
        if pending:
            yield pending
        pending = line
    if pending:
        yield pending


def _is_same(line: Line, other: Line) -> bool:
    return replace(line, at=other.at, count=1, last_at=None) == other
