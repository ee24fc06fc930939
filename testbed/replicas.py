"""What two replicas of Alertmanager send about one history, in every order that can happen.

Each replica keeps its own order: firing at least once, then its end at least once, episode after episode; it
may miss whole episodes, repeat itself, and come any time after the other. A replica that comes later than the
hold has seen the last episode: Alertmanager sends its present state, not an older one.
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
class Notification:
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
    notifications: Sequence[Notification]

    @property
    def last(self) -> Episode:
        return self.episodes[-1]

    @property
    def earliest_arrival(self) -> datetime:
        """When the first of the notifications may arrive: everything has happened by then."""
        return (self.last.ends_at or self.last.starts_at) + timedelta(seconds=1)

    @property
    def span_s(self) -> float:
        return sum(notification.after_s for notification in self.notifications)

    def moments(self) -> Iterator[tuple[datetime, Notification]]:
        now = self.earliest_arrival
        for notification in self.notifications:
            now += timedelta(seconds=notification.after_s)
            yield now, notification


@st.composite
def stories(draw: Draw, *, max_gap_s: float, both_see_the_last: bool = True) -> Story:
    """max_gap_s: between two notifications that follow one another."""
    episodes = draw(_histories())
    first = draw(_replica(episodes, needs_last=True))
    second = draw(_replica(episodes, needs_last=both_see_the_last))
    notifications = []
    while first or second:
        next_ = (first if draw(st.booleans()) else second) if first and second else first or second
        episode, firing = next_.pop(0)
        notifications.append(Notification(draw(st.floats(0, max_gap_s)), episode, firing))
    return Story(episodes, notifications)


@st.composite
def _histories(draw: Draw) -> list[Episode]:
    at = NOON
    episodes = []
    for _ in range(draw(st.integers(1, 4))):
        starts_at = at + timedelta(seconds=draw(st.integers(1, 3000)))
        at = starts_at + timedelta(seconds=draw(st.integers(0, 3000)))
        episodes.append(Episode(starts_at, at))
    if draw(st.booleans()):
        episodes[-1] = Episode(episodes[-1].starts_at, None)
    return episodes


@st.composite
def _replica(draw: Draw, episodes: list[Episode], *, needs_last: bool) -> list[tuple[Episode, bool]]:
    sent: list[tuple[Episode, bool]] = []
    for episode in episodes:
        if not (needs_last and episode is episodes[-1]) and draw(st.booleans()):
            continue
        sent += [(episode, True)] * draw(st.integers(1, 3))
        if episode.ends_at is not None:
            sent += [(episode, False)] * draw(st.integers(1, 2))
    return sent
