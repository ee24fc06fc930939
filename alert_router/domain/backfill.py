"""Past samples of firing alerts become episodes; those that are known already are left out. Pure."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain

from alert_router.domain.model import Labels

ABSENT = timedelta(minutes=2)
"""A shorter absence is none: webhooks are sent again, and Alertmanager waits for longer."""
MOST = timedelta(days=15)
"""How long a Prometheus keeps samples by default."""
FINE_FOR = timedelta(hours=6)
FINE, COARSE = 15.0, 60.0
"""Seconds between samples. A shorter episode can be missed."""
GAP_STEPS = 2
"""So many steps without a sample do not end an episode."""
NOT_LABELS = frozenset({"__name__", "alertstate"})

Span = tuple[float, float]
"""From the first sample to the last, in Unix time."""
LabelPairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Window:
    """The span that is asked about, in whole steps."""

    start: float
    end: float
    """The present, and the last sample: what fires then is not over."""
    step_s: float
    until: float
    """What began later is left to the router, which ran then."""

    @property
    def gap_s(self) -> float:
        return (GAP_STEPS + 1) * self.step_s


def window(
    covered: datetime | None, now: datetime, *, most: timedelta = MOST, until: datetime | None = None
) -> Window | None:
    """None: nothing is missing. covered: up to when the history is complete; None: it was never asked for.

    until: when the lack was noticed; None: now.
    """
    since = max(covered or now - most, now - most)
    away = now - since
    if away <= ABSENT:
        return None
    step_s = FINE if away <= FINE_FOR else COARSE
    end = round(now.timestamp(), 3)  # Prometheus has milliseconds
    start = end - away.total_seconds() // step_s * step_s
    return Window(start, end, step_s, until.timestamp() if until else end)


@dataclass(frozen=True, slots=True)
class Episode:
    labels: Labels
    starts_at: datetime
    ends_at: datetime


@dataclass(slots=True)
class Samples:
    """What several answers say together, as spans."""

    window: Window
    spans: dict[LabelPairs, list[Span]] = field(default_factory=dict)

    def add(self, labels: Labels, times: Iterable[float]) -> None:
        pairs = _readable(labels)
        if not dict(pairs).get("alertname"):
            return
        slack = self.window.step_s / 2
        inside = (
            (at, at) for at in times if -slack <= at - self.window.start and at <= self.window.end + slack
        )
        self.spans[pairs] = joined(chain(self.spans.get(pairs, ()), inside), self.window.gap_s)

    def __len__(self) -> int:
        """How many episodes there are at least."""
        return sum(map(len, self.spans.values()))

    def episodes(self) -> list[Episode]:
        """Those that are over, oldest first."""
        found = [
            Episode(dict(pairs), _moment(first), _moment(last + self.window.step_s))
            for pairs, spans in self.spans.items()
            for first, last in spans
            if last <= self.window.end - self.window.step_s / 2 and first <= self.window.until
        ]
        return sorted(found, key=lambda one: (one.starts_at, one.ends_at))


def _readable(labels: Labels) -> LabelPairs:
    """As a database can store them."""
    return tuple(
        (_text(name), _text(text)) for name, text in sorted(labels.items()) if text and name not in NOT_LABELS
    )


def _text(text: str) -> str:
    return text.encode(errors="replace").decode().replace("\x00", "�")


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def joined(spans: Iterable[Span], within_s: float) -> list[Span]:
    """In the order of time; those that are no further apart than this are one."""
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first - found[-1][1] <= within_s:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


@dataclass(frozen=True, slots=True)
class Known:
    """The episodes of one label set that the history has."""

    labels: Labels
    spans: Sequence[Span]
    """The end of one that fires is infinite."""


def unknown(episodes: Iterable[Episode], known: Iterable[Known], slack_s: float) -> list[Episode]:
    """Those that overlap no known one of the same alert. slack_s: how imprecise their times are.

    Alertmanager sends more labels than Prometheus stores: its external ones.
    """
    by_name: dict[str, list[Known]] = defaultdict(list)
    for one in known:
        by_name[one.labels.get("alertname", "")].append(one)
    spans: dict[LabelPairs, list[Span]] = {}
    found = []
    for episode in episodes:
        pairs = tuple(episode.labels.items())
        if pairs not in spans:
            spans[pairs] = joined(_spans_of(episode.labels, by_name), slack_s)
        if not overlaps(episode, spans[pairs], slack_s):
            found.append(episode)
    return found


def _spans_of(labels: Labels, by_name: Mapping[str, Sequence[Known]]) -> Iterator[Span]:
    for one in by_name.get(labels["alertname"], ()):
        if labels.items() <= one.labels.items():
            yield from one.spans


def overlaps(episode: Episode, spans: Sequence[Span], slack_s: float) -> bool:
    """spans: disjoint, in the order of time."""
    start, end = episode.starts_at.timestamp() - slack_s, episode.ends_at.timestamp() + slack_s
    place = bisect_left(spans, start, key=lambda span: span[1])  # the first that ends after the start
    return place < len(spans) and spans[place][0] <= end
