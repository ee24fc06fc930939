"""Stored alerts under a configuration: which new messages it would have made. Pure; nothing is sent.

The routes and the notify rule are the running router's. Its delays are left out, and a storm is not gathered
in a digest. Each group of alerts is replayed by itself, on a clock that jumps to what happens next.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from alert_router.config import Configuration
from alert_router.domain import incidents, routes
from alert_router.domain.model import ChannelName, Labels
from alert_router.domain.routes import Target
from alert_router.domain.severity import Severity
from alert_router.services.replay_rule import ReplayedGroup
from alert_router.services.replay_values import Message, Replay, Routed
from alert_router.store.past import PastAlert, PastTransition

__all__ = ["Message", "Replay", "replay", "targets_of"]


def replay(
    alerts: Mapping[int, PastAlert],
    transitions: Iterable[PastTransition],
    configuration: Configuration,
    *,
    until: datetime,
) -> Replay:
    """transitions: of these alerts, in the order in which they were recorded. until: the present."""
    router = _Router(configuration)
    groups: dict[str, list[PastTransition]] = defaultdict(list)
    routed: dict[int, Routed] = {}
    for transition in transitions:
        alert = alerts.get(transition.alert_id)
        if alert is not None:
            groups[router.incident_key(alert)].append(transition)
            if alert.id not in routed:
                routed[alert.id] = router.route(alert)
    result = Replay(routed=routed)
    flap_window = configuration.route.policy.notify.flap_window
    for group in groups.values():
        ReplayedGroup(routed, result, flap_window=flap_window).run(group, until)
    result.messages.sort(key=lambda message: message.at)
    return result


def targets_of(configuration: Configuration, labels: Labels, sent_to: str) -> tuple[Target, ...]:
    """sent_to: the channels that senders named, with bars between; those that exist no more are ignored."""
    names = [ChannelName(name) for name in sent_to.split("|") if name in configuration.channels]
    if not names:
        return routes.resolve(configuration.route, labels)
    return tuple(routes.target_in(configuration.route, name, labels) for name in names)


@dataclass(frozen=True, slots=True)
class _SeenByRoutes:
    """What does not change from one alert to the next of the same labels."""

    identity: str
    severity: Severity
    targets: tuple[Target, ...]


class _Router:
    """Routes each set of labels once."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._group_by = configuration.incidents.group_by
        self._known: dict[tuple[str, frozenset[tuple[str, str]]], _SeenByRoutes] = {}

    def incident_key(self, alert: PastAlert) -> str:
        if self._group_by is None:
            return alert.incident_key
        return incidents.key_of({name: value for name in self._group_by if (value := alert.labels.get(name))})

    def route(self, alert: PastAlert) -> Routed:
        key = alert.sent_to, frozenset(alert.labels.items())
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._look_up(alert)
        return Routed(alert.fingerprint, known.identity, known.severity, alert.ends_at, known.targets)

    def _look_up(self, alert: PastAlert) -> _SeenByRoutes:
        configuration, labels = self._configuration, alert.labels
        stable = sorted(
            item for item in labels.items() if item[0] not in configuration.incidents.churn_labels
        )
        return _SeenByRoutes(
            "\0".join(f"{name}={value}" for name, value in stable),
            configuration.severities.rank(labels.get("severity")),
            targets_of(configuration, labels, alert.sent_to),
        )
