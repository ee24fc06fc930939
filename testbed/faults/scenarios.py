"""The lives of alert groups, and what each Alertmanager replica sends about them at a time. Pure.

All times are seconds of the campaign; `moment` converts them to dates.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import inf
from random import Random
from typing import Any

BEGAN = datetime(2026, 11, 22, 10, tzinfo=UTC)
FLUSH_S = 0.5
"""From a change to the webhook that reports it."""
REFUSED_SUMMARY = "has a text that Discord refuses"
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
        """Its key in the history."""
        return self.instance, moment(self.starts_s)


@dataclass(frozen=True, slots=True)
class Flush:
    """A replica sends the group at `at_s`, in the state of `view_s`."""

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
    """In every instance's name, so that every message about the group can be recognised."""
    alertname: str
    labels: Mapping[str, str]
    replicas: tuple[Replica, ...]
    in_order: bool
    """The next webhook is not sent before this one is accepted."""
    has_invalid_alert: bool = False
    """Each of its webhooks contains an invalid alert."""

    @property
    def team(self) -> str:
        """Half of the single groups are team b's, and a tenth of a storm: the rest exceeds a limit."""
        share = 10 if self.token.startswith("B") else 2
        return "a" if int(self.token[1:]) % share else "b"

    @property
    def final(self) -> Mapping[tuple[str, datetime], Episode]:
        """Every alert's final state."""
        newest: dict[tuple[str, datetime], Episode] = {}
        for episode in sorted(self.replicas[0].episodes, key=lambda episode: episode.seen_s):
            newest[episode.key] = episode
        return newest

    @property
    def firing(self) -> list[Episode]:
        return [episode for episode in self.final.values() if episode.ends_s is None]


def moment(at_s: float) -> datetime:
    return BEGAN + timedelta(seconds=round(at_s, 3))


def visible(replica: Replica, view_s: float, sent_s: float) -> list[Episode]:
    """The group as the replica sees it: what fires, and what ended since its last accepted webhook."""
    newest: dict[str, Episode] = {}
    for episode in replica.episodes:
        if episode.seen_s <= view_s:
            newest[episode.instance] = episode
    return [
        episode
        for episode in newest.values()
        if episode.firing_at(view_s) or (episode.ends_s or 0.0) > sent_s
    ]


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
                if group.has_invalid_alert
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
            "team": group.team,
        },
        "annotations": {"summary": f"{episode.instance} {episode.summary}"},
        "startsAt": moment(episode.starts_s).isoformat(),
        "endsAt": "0001-01-01T00:00:00Z" if firing else moment(episode.ends_s or 0.0).isoformat(),
        "generatorURL": "http://127.0.0.1:9090/graph",
        "fingerprint": "",
    }


@dataclass(frozen=True, slots=True)
class _Scenario:
    """What the replicas know and when they send it, from a start at 0."""

    views: tuple[Replica, ...]
    in_order: bool = False


@dataclass(frozen=True, slots=True)
class _EpisodeFactory:
    """Creates the episodes of one group."""

    token: str
    random: Random

    def episode(
        self, starts_s: float, ends_s: float | None, *, severity: str = "warning", number: int = 0
    ) -> Episode:
        return Episode(f"{self.token}-{number}", severity, starts_s, ends_s, starts_s)


def _replica(episodes: Sequence[Episode], *moments: float) -> Replica:
    """A replica that sends the present state shortly after each of these moments."""
    flushes = tuple(Flush(at + FLUSH_S, at + FLUSH_S / 2) for at in moments)
    return Replica(tuple(episodes), flushes)


def _plain(factory: _EpisodeFactory, life_s: float) -> _Scenario:
    severity = factory.random.choice(("warning", "warning", "critical", "info"))
    return _Scenario((_replica([factory.episode(0, life_s, severity=severity)], 0, life_s),))


def _never_ends(factory: _EpisodeFactory, life_s: float) -> _Scenario:
    severity = factory.random.choice(("warning", "critical"))
    return _Scenario((_replica([factory.episode(0, None, severity=severity)], 0, life_s),))


def _joins(factory: _EpisodeFactory, life_s: float) -> _Scenario:
    """More alerts join the group and leave it again; in some groups the last one stays."""
    starts = [
        0.0,
        *sorted(factory.random.uniform(0, life_s / 2) for _ in range(factory.random.randint(1, 4))),
    ]
    ends = [factory.random.uniform(life_s * 0.6, life_s) for _ in starts]
    stays = factory.random.random() < 0.3
    episodes = [
        factory.episode(start, None if stays and number == len(starts) - 1 else end, number=number)
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]
    return _Scenario((_replica(episodes, *starts, *sorted(ends)),))


def _flaps(factory: _EpisodeFactory, life_s: float) -> _Scenario:
    times = factory.random.randint(2, 3)
    step = life_s / times
    episodes = [factory.episode(step * i, step * i + step / 2) for i in range(times)]
    moments = [at for episode in episodes for at in (episode.starts_s, episode.ends_s or 0.0)]
    return _Scenario((_replica(episodes, *moments),), in_order=True)


def _escalates(factory: _EpisodeFactory, life_s: float) -> _Scenario:
    """A critical alert joins a warning: the router posts a new card."""
    joins_s = factory.random.uniform(0.3, 0.7) * life_s
    ends_s = None if factory.random.random() < 0.5 else life_s
    episodes = [
        factory.episode(0, life_s),
        factory.episode(joins_s, ends_s, severity="critical", number=1),
    ]
    return _Scenario((_replica(episodes, 0, joins_s, life_s),))


def _misses_a_resolve(factory: _EpisodeFactory, life_s: float) -> _Scenario:
    again_s = life_s / 2
    ends_s = None if factory.random.random() < 0.5 else life_s
    episodes = [factory.episode(0, again_s - 1), factory.episode(again_s, ends_s)]
    return _Scenario((_replica(episodes, 0, again_s, life_s),), in_order=True)


def _updates(factory: _EpisodeFactory, life_s: float) -> _Scenario:
    first = factory.episode(0, None)
    later = replace(first, ends_s=life_s, seen_s=life_s / 2, summary="is in worse trouble")
    return _Scenario((_replica([first, later], 0, life_s / 2, life_s),))


def _only_resolved(factory: _EpisodeFactory, life_s: float) -> _Scenario:
    return _Scenario((_replica([factory.episode(0, life_s)], life_s),), in_order=True)


def _late_replica(factory: _EpisodeFactory, life_s: float) -> _Scenario:
    """The second replica sends "firing" after the first sent "resolved", and then "resolved" too."""
    episodes = (factory.episode(0, life_s),)
    late_s = life_s + FLUSH_S + factory.random.uniform(0.1, 1.0)
    late = Replica(
        episodes,
        (Flush(late_s, life_s / 2), Flush(late_s + factory.random.uniform(0.5, 3.0), life_s + FLUSH_S)),
    )
    return _Scenario((_replica(episodes, 0, life_s), late), in_order=True)


def _premature_resolve(factory: _EpisodeFactory, life_s: float) -> _Scenario:
    """The first replica resolves too early, the second still fires; both send the real end."""
    early_s = life_s / 2
    end_s = life_s + HOLD_S + 4
    first = factory.episode(0, early_s)
    whole = replace(first, ends_s=end_s, seen_s=early_s + FLUSH_S)
    ahead = _replica((first, whole), 0, early_s, end_s)
    behind = _replica((replace(first, ends_s=end_s),), early_s + 1, early_s + HOLD_S + 3, end_s + 1)
    return _Scenario((ahead, behind), in_order=True)


SCENARIOS: Sequence[tuple[Callable[[_EpisodeFactory, float], _Scenario], int]] = (
    (_plain, 30),
    (_never_ends, 10),
    (_joins, 12),
    (_flaps, 10),
    (_escalates, 8),
    (_misses_a_resolve, 4),
    (_updates, 5),
    (_only_resolved, 3),
    (_late_replica, 13),
    (_premature_resolve, 5),
)
"""Each with its weight."""


def group(token: str, starts_s: float, life_s: float, random: Random) -> Group:
    """One group with a random scenario, sent by one replica or by two."""
    scenario = random.choices([scenario for scenario, _ in SCENARIOS], [weight for _, weight in SCENARIOS])[0]
    return _placed(scenario(_EpisodeFactory(token, random), life_s), token, token, {}, starts_s, random)


def refused(token: str, starts_s: float, life_s: float, random: Random) -> Group:
    """A group whose own card Discord refuses; a digest does not show its summary."""
    scenario = _plain(_EpisodeFactory(token, random), life_s)
    episodes = tuple(replace(old, summary=REFUSED_SUMMARY) for old in scenario.views[0].episodes)
    scenario = _Scenario((replace(scenario.views[0], episodes=episodes),))
    return _placed(scenario, token, token, {}, starts_s, random)


def in_storm(name: str, token: str, starts_s: float, life_s: float, random: Random) -> Group:
    """One of many groups that share an alertname; few never end."""
    factory = _EpisodeFactory(token, random)
    scenario = (_never_ends if random.random() < 0.05 else _plain)(factory, life_s)
    return _placed(scenario, token, name, {"instance": f"{token}-0"}, starts_s, random)


def _placed(
    scenario: _Scenario,
    token: str,
    alertname: str,
    labels: Mapping[str, str],
    starts_s: float,
    random: Random,
) -> Group:
    replicas = [_moved(view, starts_s) for view in scenario.views]
    if len(replicas) == 1 and random.random() < 0.4:  # the other of the pair sends the same a little later
        replicas.append(_lagging(replicas[0], random.uniform(0.02, 0.5)))
    return Group(
        token,
        alertname,
        {"alertname": alertname, **labels},
        tuple(replicas),
        scenario.in_order,
        has_invalid_alert=random.random() < 0.02,
    )


def _moved(replica: Replica, by_s: float) -> Replica:
    def episode(old: Episode) -> Episode:
        ends_s = None if old.ends_s is None else old.ends_s + by_s
        return replace(old, starts_s=old.starts_s + by_s, ends_s=ends_s, seen_s=old.seen_s + by_s)

    flushes = tuple(Flush(flush.at_s + by_s, flush.view_s + by_s) for flush in replica.flushes)
    return Replica(tuple(map(episode, replica.episodes)), flushes)


def _lagging(replica: Replica, lag_s: float) -> Replica:
    return replace(
        replica, flushes=tuple(replace(flush, at_s=flush.at_s + lag_s) for flush in replica.flushes)
    )


def turns(replica: Replica) -> Iterator[tuple[Flush, float]]:
    """Each flush with the time at which the next one replaces it (inf: none does)."""
    following = [*(flush.at_s for flush in replica.flushes[1:]), inf]
    yield from zip(replica.flushes, following, strict=True)
