"""What becomes of groups of alerts, and what Alertmanager's replicas say about them at a moment. Pure.

All times are seconds of the campaign; `moment` makes a date of them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import inf
from random import Random
from typing import Any

BEGAN = datetime(2026, 11, 22, 10, tzinfo=UTC)
FLUSH_S = 0.5
"""Between what happens and the webhook that tells it."""
UNSPEAKABLE = "says what Discord will not have"
HOLD_S = 4.0
"""The router's setting in the campaign."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One alert from its start to its end, as Alertmanager knows it from `seen_s` on."""

    instance: str
    severity: str
    starts_s: float
    ends_s: float | None
    seen_s: float
    summary: str = "is in trouble"

    def firing_at(self, view_s: float) -> bool:
        return self.ends_s is None or view_s < self.ends_s

    @property
    def key(self) -> tuple[str, datetime]:
        """How the history knows it."""
        return self.instance, moment(self.starts_s)


@dataclass(frozen=True, slots=True)
class Flush:
    """A replica's turn to tell the group: when, and of which moment it tells."""

    at_s: float
    view_s: float


@dataclass(frozen=True, slots=True)
class Replica:
    episodes: tuple[Episode, ...]
    flushes: tuple[Flush, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """One planned incident."""

    token: str
    """In every instance's name, so that whatever tells of the group can be recognised."""
    alertname: str
    labels: Mapping[str, str]
    replicas: tuple[Replica, ...]
    in_order: bool
    """Each webhook matters: the next is not sent before this one is taken."""
    spoilt: bool = False
    """An alert that nobody can read stands in each of its webhooks."""

    @property
    def final(self) -> Mapping[tuple[str, datetime], Episode]:
        """Every alert as it is when all is over."""
        newest: dict[tuple[str, datetime], Episode] = {}
        for episode in sorted(self.replicas[0].episodes, key=lambda one: one.seen_s):
            newest[episode.key] = episode
        return newest

    @property
    def firing(self) -> list[Episode]:
        return [episode for episode in self.final.values() if episode.ends_s is None]


def moment(at_s: float) -> datetime:
    return BEGAN + timedelta(seconds=round(at_s, 3))


def shown(replica: Replica, view_s: float, told_s: float) -> list[Episode]:
    """The group as the replica sees it: all that fires, and what ended since it last got through."""
    newest: dict[str, Episode] = {}
    for episode in replica.episodes:
        if episode.seen_s <= view_s:
            newest[episode.instance] = episode
    return [one for one in newest.values() if one.firing_at(view_s) or (one.ends_s or 0.0) > told_s]


def body(group: Group, episodes: Sequence[Episode], view_s: float) -> dict[str, Any]:
    """The webhook, as Alertmanager writes it."""
    firing = any(episode.firing_at(view_s) for episode in episodes)
    return {
        "version": "4",
        "status": "firing" if firing else "resolved",
        "receiver": "router",
        "groupKey": f"{{}}:{{{group.token}}}",
        "groupLabels": group.labels,
        "commonLabels": {"alertname": group.alertname},
        "commonAnnotations": {},
        "externalURL": "http://127.0.0.1:9093",
        "truncatedAlerts": 0,
        "alerts": [
            *(_alert(group, episode, firing=episode.firing_at(view_s)) for episode in episodes),
            *(
                [{"status": "firing", "labels": group.labels, "startsAt": "yesterday"}]
                if group.spoilt
                else []
            ),
        ],
    }


def _alert(group: Group, episode: Episode, *, firing: bool) -> dict[str, Any]:
    return {
        "status": "firing" if firing else "resolved",
        "labels": {
            "alertname": group.alertname,
            "severity": episode.severity,
            "instance": episode.instance,
        },
        "annotations": {"summary": f"{episode.instance} {episode.summary}"},
        "startsAt": moment(episode.starts_s).isoformat(),
        "endsAt": "0001-01-01T00:00:00Z" if firing else moment(episode.ends_s or 0.0).isoformat(),
        "generatorURL": "http://127.0.0.1:9090/graph",
        "fingerprint": "",
    }


@dataclass(frozen=True, slots=True)
class _Story:
    """What the replicas know and when they tell it, from a start at 0."""

    views: tuple[Replica, ...]
    in_order: bool = False


@dataclass(frozen=True, slots=True)
class _Teller:
    """Makes episodes of one group."""

    token: str
    random: Random

    def episode(
        self, starts_s: float, ends_s: float | None, *, severity: str = "warning", number: int = 0
    ) -> Episode:
        return Episode(f"{self.token}-{number}", severity, starts_s, ends_s, starts_s)


def _told(episodes: Sequence[Episode], *moments: float, lag_s: float = 0.0) -> Replica:
    """A replica that tells what is, shortly after each of these moments."""
    flushes = tuple(Flush(at + FLUSH_S + lag_s, at + FLUSH_S / 2) for at in moments)
    return Replica(tuple(episodes), flushes)


def _plain(one: _Teller, life_s: float) -> _Story:
    severity = one.random.choice(("warning", "warning", "critical", "info"))
    return _Story((_told([one.episode(0, life_s, severity=severity)], 0, life_s),))


def _stays(one: _Teller, life_s: float) -> _Story:
    severity = one.random.choice(("warning", "critical"))
    return _Story((_told([one.episode(0, None, severity=severity)], 0, life_s),))


def _joins(one: _Teller, life_s: float) -> _Story:
    """More alerts join the group and leave it again; in some groups one stays."""
    starts = [0.0, *sorted(one.random.uniform(0, life_s / 2) for _ in range(one.random.randint(1, 4)))]
    ends = [one.random.uniform(life_s * 0.6, life_s) for _ in starts]
    stays = one.random.random() < 0.3
    episodes = [
        one.episode(start, None if stays and not number else end, number=number)
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]
    return _Story((_told(episodes, *starts, *sorted(ends)),))


def _flaps(one: _Teller, life_s: float) -> _Story:
    times = one.random.randint(2, 3)
    step = life_s / times
    episodes = [one.episode(step * i, step * i + step / 2) for i in range(times)]
    moments = [at for episode in episodes for at in (episode.starts_s, episode.ends_s or 0.0)]
    return _Story((_told(episodes, *moments),), in_order=True)


def _rises(one: _Teller, life_s: float) -> _Story:
    """A critical alert joins a warning: people are pinged by a new card."""
    joins_s = one.random.uniform(0.3, 0.7) * life_s
    episodes = [
        one.episode(0, life_s),
        one.episode(joins_s, life_s, severity="critical", number=1),
    ]
    return _Story((_told(episodes, 0, joins_s, life_s),))


def _misses_a_resolve(one: _Teller, life_s: float) -> _Story:
    again_s = life_s / 2
    episodes = [one.episode(0, again_s - 1), one.episode(again_s, life_s)]
    return _Story((_told(episodes, 0, again_s, life_s),), in_order=True)


def _says_more(one: _Teller, life_s: float) -> _Story:
    first = one.episode(0, None)
    later = replace(first, ends_s=life_s, seen_s=life_s / 2, summary="is in worse trouble")
    return _Story((_told([first, later], 0, life_s / 2, life_s),))


def _only_over(one: _Teller, life_s: float) -> _Story:
    return _Story((_told([one.episode(0, life_s)], life_s),), in_order=True)


def _late_replica(one: _Teller, life_s: float) -> _Story:
    """The second replica says "firing" after the first said "resolved", then says "resolved" too."""
    episodes = (one.episode(0, life_s),)
    late_s = life_s + FLUSH_S + one.random.uniform(0.1, 1.0)
    late = Replica(
        episodes, (Flush(late_s, life_s / 2), Flush(late_s + one.random.uniform(0.5, 3.0), life_s + FLUSH_S))
    )
    return _Story((_told(episodes, 0, life_s), late), in_order=True)


def _true_after_all(one: _Teller, life_s: float) -> _Story:
    """The first replica believed it resolved too early, the second goes on; both see the true end."""
    early_s = life_s / 2
    end_s = life_s + HOLD_S + 4
    first = one.episode(0, early_s)
    whole = replace(first, ends_s=end_s, seen_s=early_s + FLUSH_S)
    ahead = _told((first, whole), 0, early_s, end_s)
    behind = _told((replace(first, ends_s=end_s),), early_s + 1, early_s + HOLD_S + 3, end_s + 1)
    return _Story((ahead, behind), in_order=True)


STORIES: Sequence[tuple[Callable[[_Teller, float], _Story], int]] = (
    (_plain, 30),
    (_stays, 10),
    (_joins, 12),
    (_flaps, 10),
    (_rises, 8),
    (_misses_a_resolve, 4),
    (_says_more, 5),
    (_only_over, 3),
    (_late_replica, 13),
    (_true_after_all, 5),
)
"""Each with its share."""


def group(token: str, starts_s: float, life_s: float, random: Random) -> Group:
    """One group with a story of its own, told by one replica or by two."""
    tell = random.choices([story for story, _ in STORIES], [share for _, share in STORIES])[0]
    return _placed(tell(_Teller(token, random), life_s), token, token, {}, starts_s, random)


def refused(token: str, starts_s: float, life_s: float, random: Random) -> Group:
    """One whose card of its own Discord will not take; a digest does not show what it says."""
    story = _plain(_Teller(token, random), life_s)
    episodes = tuple(replace(one, summary=UNSPEAKABLE) for one in story.views[0].episodes)
    story = _Story((replace(story.views[0], episodes=episodes),))
    return _placed(story, token, token, {}, starts_s, random)


def of_a_storm(name: str, token: str, starts_s: float, life_s: float, random: Random) -> Group:
    """One of many groups that share an alertname; few stay."""
    teller = _Teller(token, random)
    story = (_stays if random.random() < 0.05 else _plain)(teller, life_s)
    return _placed(story, token, name, {"instance": f"{token}-0"}, starts_s, random)


def _placed(
    story: _Story, token: str, alertname: str, labels: Mapping[str, str], starts_s: float, random: Random
) -> Group:
    replicas = [_moved(view, starts_s) for view in story.views]
    if len(replicas) == 1 and random.random() < 0.4:  # the other of the pair says the same a little later
        replicas.append(_lagging(replicas[0], random.uniform(0.02, 0.5)))
    return Group(
        token,
        alertname,
        {"alertname": alertname, **labels},
        tuple(replicas),
        story.in_order,
        spoilt=random.random() < 0.02,
    )


def _moved(replica: Replica, by_s: float) -> Replica:
    def episode(one: Episode) -> Episode:
        ends_s = None if one.ends_s is None else one.ends_s + by_s
        return replace(one, starts_s=one.starts_s + by_s, ends_s=ends_s, seen_s=one.seen_s + by_s)

    flushes = tuple(Flush(one.at_s + by_s, one.view_s + by_s) for one in replica.flushes)
    return Replica(tuple(map(episode, replica.episodes)), flushes)


def _lagging(replica: Replica, lag_s: float) -> Replica:
    return replace(replica, flushes=tuple(replace(one, at_s=one.at_s + lag_s) for one in replica.flushes))


def turns(replica: Replica) -> Iterator[tuple[Flush, float]]:
    """Each flush with the moment at which the next one takes its place (inf: none does)."""
    following = [*(flush.at_s for flush in replica.flushes[1:]), inf]
    yield from zip(replica.flushes, following, strict=True)
