"""What two replicas of Alertmanager send about one true history, in every order that can happen.

Each replica keeps its own order: firing at least once, then its end at least once, episode after episode; it
may miss whole episodes, repeat itself, and come any time after the other. A replica that comes later than the
hold has seen the last episode: Alertmanager sends what it knows now, not what it once wanted to say.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from alert_router.domain.model import Signal
from testbed.factories import NOON, make_signal

Draw = Any


@dataclass(frozen=True, slots=True)
class Episode:
    starts_at: datetime
    ends_at: datetime | None
    """None: it fires to this day."""


@dataclass(frozen=True, slots=True)
class Saying:
    after_s: float
    """How long after the one before it arrives."""
    episode: Episode
    firing: bool

    def signal(self, **changes: Any) -> Signal:
        ends_at = None if self.firing else self.episode.ends_at
        return make_signal(starts_at=self.episode.starts_at, ends_at=ends_at, **changes)


@dataclass(frozen=True, slots=True)
class Story:
    episodes: Sequence[Episode]
    sayings: Sequence[Saying]

    @property
    def last(self) -> Episode:
        return self.episodes[-1]

    @property
    def told_from(self) -> datetime:
        """When the first of the sayings may arrive: everything has happened by then."""
        return (self.last.ends_at or self.last.starts_at) + timedelta(seconds=1)

    @property
    def span_s(self) -> float:
        return sum(saying.after_s for saying in self.sayings)

    def moments(self) -> Iterator[tuple[datetime, Saying]]:
        now = self.told_from
        for saying in self.sayings:
            now += timedelta(seconds=saying.after_s)
            yield now, saying


@st.composite
def stories(draw: Draw, *, most_gap_s: float, both_see_the_last: bool = True) -> Story:
    """most_gap_s: between two sayings that follow one another."""
    episodes = draw(_histories())
    one = draw(_replica(episodes, needs_last=True))
    other = draw(_replica(episodes, needs_last=both_see_the_last))
    sayings = []
    while one or other:
        next_ = (one if draw(st.booleans()) else other) if one and other else one or other
        episode, firing = next_.pop(0)
        sayings.append(Saying(draw(st.floats(0, most_gap_s)), episode, firing))
    return Story(episodes, sayings)


@st.composite
def _histories(draw: Draw) -> list[Episode]:
    at = NOON
    found = []
    for _ in range(draw(st.integers(1, 4))):
        starts_at = at + timedelta(seconds=draw(st.integers(1, 3000)))
        at = starts_at + timedelta(seconds=draw(st.integers(0, 3000)))
        found.append(Episode(starts_at, at))
    if draw(st.booleans()):
        found[-1] = Episode(found[-1].starts_at, None)
    return found


@st.composite
def _replica(draw: Draw, episodes: list[Episode], *, needs_last: bool) -> list[tuple[Episode, bool]]:
    said = []
    for episode in episodes:
        if not (needs_last and episode is episodes[-1]) and draw(st.booleans()):
            continue
        said += [(episode, True)] * draw(st.integers(1, 3))
        if episode.ends_at is not None:
            said += [(episode, False)] * draw(st.integers(1, 2))
    return said
