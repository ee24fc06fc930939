"""What all alerts of a card have in common. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence

from alert_router.domain.model import Alert, Labels, Overview


def of(alerts: Sequence[Alert]) -> Overview:
    firing = Counter(alert.alertname for alert in alerts if alert.firing)
    return Overview(
        labels=_shared(alert.labels for alert in alerts),
        annotations=_shared(alert.annotations for alert in alerts),
        firing=dict(firing.most_common()),
        resolved=sum(not alert.firing for alert in alerts),
    )


def _shared(each: Iterable[Labels]) -> Labels:
    shared: set[tuple[str, str]] | None = None
    for one in each:
        shared = set(one.items()) if shared is None else shared & one.items()
    return dict(sorted(shared or ()))
