"""What alerts measured at the moment they fired, and their limits."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice

from alert_router.domain import quantities
from alert_router.domain.card_facts import Measure
from alert_router.domain.model import Alert
from alert_router.prometheus.client import Labels, Prometheus, Sample
from alert_router.prometheus.expressions import Comparison, Rule

MAX_MOMENTS = 8
"""How many different beginnings are asked about: a card shows no more alerts one by one."""
NO_VALUE = Measure("")
"""Prometheus knows of none: it need not be asked again."""


async def of(prometheus: Prometheus, rule: Rule, alerts: Iterable[Alert]) -> dict[int, Measure]:
    """By alert id, of alerts of this rule. Raises PrometheusError."""
    by_start: dict[datetime, list[Alert]] = defaultdict(list)
    for alert in alerts:
        by_start[alert.starts_at].append(alert)
    measures: dict[int, Measure] = {}
    for starts_at, together in islice(by_start.items(), MAX_MOMENTS):
        measures |= await _at(prometheus, rule, starts_at, together)
    return measures


async def _at(
    prometheus: Prometheus, rule: Rule, at: datetime, alerts: Sequence[Alert]
) -> dict[int, Measure]:
    measures = {alert.id: NO_VALUE for alert in alerts}
    if not rule.has_value:
        return measures
    if not rule.comparisons:
        values = _matched(await prometheus.values(rule.expression, at), alerts)
        return measures | {
            alert: Measure(quantities.shown(value, rule.unit)) for alert, value in values.items()
        }
    for comparison in rule.comparisons:
        missing = [alert for alert in alerts if measures[alert.id] == NO_VALUE]
        if not missing:
            break
        measures |= await _compared(prometheus, comparison, at, missing)
    return measures


async def _compared(
    prometheus: Prometheus, comparison: Comparison, at: datetime, alerts: Sequence[Alert]
) -> dict[int, Measure]:
    values = _matched(await prometheus.values(comparison.filtered, at), alerts)
    if not values:
        return {}
    if comparison.limit_value is not None:
        limits = dict.fromkeys(values, comparison.limit_value)
    else:
        limits = _matched(await prometheus.values(comparison.limit, at), alerts)
    return {alert: _measure(value, limits.get(alert), comparison.unit) for alert, value in values.items()}


def _measure(value: float, limit: float | None, unit: quantities.Unit) -> Measure:
    if limit is None:
        return Measure(quantities.shown(value, unit))
    return Measure(*quantities.shown_together(value, limit, unit))


def _matched(samples: Sequence[Sample], alerts: Iterable[Alert]) -> dict[int, float]:
    """By alert id, the value of the alert's own series; an alert with none, or with several, has none."""
    matched: dict[int, float] = {}
    for alert in alerts:
        own = best(samples, alert.labels)
        if own is not None:
            matched[alert.id] = own.value
    return matched


def best(samples: Sequence[Sample], labels: Labels) -> Sample | None:
    """The series that agrees with the alert in most labels and contradicts it in none."""
    own = [sample for sample in samples if agrees(sample.labels, labels)]
    common = [len(sample.labels.keys() & labels.keys()) for sample in own]
    closest = [sample for sample, count in zip(own, common, strict=True) if count == max(common)]
    return closest[0] if len(closest) == 1 else None


def agrees(series: Labels, labels: Labels) -> bool:
    """A rule adds labels to its series, and relabelling removes some."""
    return all(labels.get(name, text) == text for name, text in series.items())
