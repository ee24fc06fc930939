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
ADDRESS = "http://alertmanager.example.org:9093"
ADDRESSES = ("http://alertmanager-1:9093", "http://alertmanager-2:9093")


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
    source_url: str = ADDRESS

    def signal(self, **changes: Any) -> Signal:
        ends_at = None if self.firing else self.episode.ends_at
        own = {"starts_at": self.episode.starts_at, "ends_at": ends_at, "source_url": self.source_url}
        return make_signal(**{**own, **changes})


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
def stories(
    draw: Draw, *, max_gap_s: float, both_see_the_last: bool = True, own_addresses: bool = False
) -> Story:
    """max_gap_s: between two notifications that follow one another. own_addresses: an externalURL each."""
    episodes = draw(_histories())
    first = draw(_replica(episodes, needs_last=True))
    second = draw(_replica(episodes, needs_last=both_see_the_last))
    addresses = ADDRESSES if own_addresses else (ADDRESS, ADDRESS)
    return Story(episodes, draw(_interleaved(first, second, addresses, max_gap_s)))


@st.composite
def _interleaved(
    draw: Draw,
    first: list[tuple[Episode, bool]],
    second: list[tuple[Episode, bool]],
    addresses: Sequence[str],
    max_gap_s: float,
) -> list[Notification]:
    notifications = []
    while first or second:
        is_first = draw(st.booleans()) if first and second else bool(first)
        episode, firing = (first if is_first else second).pop(0)
        address = addresses[0] if is_first else addresses[1]
        notifications.append(Notification(draw(st.floats(0, max_gap_s)), episode, firing, address))
    return notifications


@dataclass(frozen=True, slots=True)
class TwoClusters:
    """Each has an Alertmanager of its own, and no label says which."""

    histories: tuple[Sequence[Episode], Sequence[Episode]]
    notifications: Sequence[Notification]

    def moments(self) -> Iterator[tuple[datetime, Notification]]:
        """A notification comes when what it says has happened."""
        now = NOON
        for notification in self.notifications:
            episode = notification.episode
            happened = episode.starts_at if notification.firing else episode.ends_at or episode.starts_at
            now = max(now, happened) + timedelta(seconds=notification.after_s)
            yield now, notification


@st.composite
def two_clusters(draw: Draw, *, max_gap_s: float) -> TwoClusters:
    # The half second: no episode of one begins when one of the other does.
    histories = draw(_histories()), draw(_histories(began=NOON + timedelta(seconds=0.5)))
    first, second = (draw(_replica(history, needs_last=True)) for history in histories)
    return TwoClusters(histories, draw(_interleaved(first, second, ADDRESSES, max_gap_s)))


@st.composite
def _histories(draw: Draw, began: datetime = NOON) -> list[Episode]:
    at = began
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
