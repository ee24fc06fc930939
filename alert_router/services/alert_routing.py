"""What the configuration says about an alert: its rank, its channels, its identity, its group."""

import json
from collections.abc import Mapping
from operator import attrgetter

from alert_router.config import Configuration
from alert_router.domain import index_keys, routes
from alert_router.domain.model import Alert, Labels, Signal, join_channels
from alert_router.domain.values import evolve

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def routed(alert: Alert, configuration: Configuration) -> Alert:
    return evolve(
        alert,
        severity_rank=configuration.severities.rank(alert.labels.get("severity")),
        channels=_channels(alert, configuration),
        identity=_identity(alert.labels, configuration),
    )


def group_labels(signal: Signal, configuration: Configuration) -> Labels:
    """The labels that make the signal's incident: those of the configuration, else those the source sent."""
    names = configuration.incidents.group_by
    if names is None:
        return signal.group_labels
    return {name: value for name in names if (value := signal.labels.get(name))}


def _channels(alert: Alert, configuration: Configuration) -> str:
    """Its sender's choice, as far as there are such channels; else that of the routes."""
    if alert.sent_to:
        known = [name for name in alert.sent_to.split("|") if name in configuration.channels]
        if known:
            return join_channels(known)
    targets = routes.resolve(configuration.route, alert.labels)
    return join_channels(map(attrgetter("channel"), targets))


def _identity(labels: Mapping[str, str], configuration: Configuration) -> str:
    """The same for one trouble in one pod and in the next."""
    lasting = dict(labels)
    for name in configuration.incidents.churn_labels & lasting.keys():
        del lasting[name]
    return index_keys.hash_if_long(_ENCODER.encode(lasting))
