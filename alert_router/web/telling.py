"""How a row looks, and which labels it shows: those that tell it from its neighbours, no noise."""

from collections.abc import Sequence

from alert_router.discord import alert_facts
from alert_router.domain.model import Alert

MAX_LABELS = 3
MAX_OF_ONE = 2
"""Of an alert without neighbours."""
MAX_PLACES = 6
NOISE = frozenset(
    {
        *("alertname", "severity"),  # shown in a place of their own
        *("prometheus", "prometheus_replica", "replica", "receive_replica", "monitor", "tenant_id"),
        *("uid", "container_id", "pod_ip", "pod_template_hash", "controller_revision_hash"),
        *("endpoint", "metrics_path", "scrape_job", "__replica__", "__alert_rule_uid__", "grafana_folder"),
    }
)
"""Labels of the machinery: who scraped, which copy of Prometheus. The alert's own page has them all."""


def look(alert: Alert) -> str:
    """The class of its row: what is silenced fires, but must not look like it."""
    if not alert.firing:
        return "is-resolved"
    return "is-silenced" if alert.suppressed else "is-firing"


def telling_labels(alert: Alert, neighbours: Sequence[Alert]) -> list[tuple[str, str]]:
    """In which it differs from alerts of the same name; if in none, the most telling."""
    others = [one for one in neighbours if one.alertname == alert.alertname and one.id != alert.id]
    names = sorted(set(alert.labels) - NOISE, key=_most_telling_first)
    differing = [name for name in names if any(one.labels.get(name) != alert.labels[name] for one in others)]
    chosen = differing[:MAX_LABELS] or names[:MAX_OF_ONE]
    return [(name, alert.labels[name]) for name in chosen]


def places(alerts: Sequence[Alert]) -> tuple[str, ...]:
    """What tells these alerts apart, worst first: "pg-2", "pg-9"; "4 more" for the rest."""
    names = alert_facts.places(alerts, alerts)
    rest = len(names) - MAX_PLACES
    return (*names[:MAX_PLACES], f"{rest} more") if rest > 0 else tuple(names)


def place(alert: Alert, among: Sequence[Alert]) -> str:
    """What tells it from the others: "pg-2"; empty where nothing does."""
    return " ".join(alert_facts.places([alert], among)[:1])


def _most_telling_first(name: str) -> tuple[int, str]:
    known = alert_facts.PLACES
    return (known.index(name) if name in known else len(known), name)
