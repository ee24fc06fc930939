"""The runs of a job, and what a card says about one beside those before it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import takewhile
from operator import attrgetter

from alert_router.domain.time_words import duration

MAX_PAST = 500
"""How many runs before one are looked at."""
_ORDINALS = {1: "st", 2: "nd", 3: "rd"}


class RunState(StrEnum):
    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    MEASURED = "measured"
    """Neither good nor bad: a check that reports numbers."""

    @property
    def is_end(self) -> bool:
        return self in (RunState.SUCCEEDED, RunState.FAILED)


@dataclass(frozen=True, slots=True)
class Run:
    job: str
    run_id: str
    state: RunState
    at: datetime
    """When it reached that state."""
    duration_s: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    deployed: bool = False
    """Its model became the champion."""


def ordinal(number: int) -> str:
    tens, ones = divmod(number % 100, 10)
    return f"{number}{'th' if tens == 1 else _ORDINALS.get(ones, 'th')}"


def edge(past: Sequence[Run], run: Run) -> str:
    """What is new about the run: "first failure after 41 good runs", "4th in a row".

    past: the runs before it, newest first. Empty where there is nothing to say.
    """
    ended = [before for before in past if before.state.is_end]
    if not ended or not run.state.is_end:
        return ""
    streak = list(takewhile(lambda before: before.state is ended[0].state, ended))
    if run.state is RunState.FAILED:
        if ended[0].state is RunState.FAILED:
            return f"{ordinal(len(streak) + 1)} in a row"
        return f"first failure after {_counted(streak, 'good run')}"
    if ended[0].state is RunState.SUCCEEDED:
        return ""
    since = min(map(attrgetter("at"), streak))
    return f"good again after {_counted(streak, 'failure')}, {duration(run.at - since)}"


def _counted(streak: Sequence[Run], noun: str) -> str:
    if len(streak) == 1:
        return f"1 {noun}"
    more = " or more" if len(streak) == MAX_PAST else ""
    return f"{len(streak)}{more} {noun}s"


def compared(past: Sequence[Run], run: Run) -> str:
    """Each of its metrics against the run before and the champion: "r2 0.91 ↑ from 0.89, champion 0.9 ↑".

    past: newest first.
    """
    previous = next((before.metrics for before in past if before.metrics), {})
    champion = next((before.metrics for before in past if before.deployed and before.metrics), {})
    return " · ".join(
        _compared(name, value, previous.get(name), champion.get(name)) for name, value in run.metrics.items()
    )


def _compared(name: str, value: float, previous: float | None, champion: float | None) -> str:
    text = f"{name} {_digits(value)}"
    if previous is not None:
        text += f" {_arrow(previous, value)} from {_digits(previous)}"
    if champion is not None and champion != previous:
        text += f", {_arrow(champion, value)} from the champion's {_digits(champion)}"
    return text


def _arrow(before: float, now: float) -> str:
    if now == before:
        return "→"
    return "↑" if now > before else "↓"


def _digits(value: float) -> str:
    """Its own digits, but not those of binary fractions."""
    return format(value, ".10g")
