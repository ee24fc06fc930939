"""From a rule's history to the picture of it: which line is stressed, what it is called, what is marked."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from operator import attrgetter

from alert_router.charts.spec import ChartSpec, Line, Mark
from alert_router.domain.model import Alert
from alert_router.domain.quantities import NONE, RATIO
from alert_router.domain.runs import Run
from alert_router.prometheus.client import Series
from alert_router.prometheus.expressions import Rule
from alert_router.prometheus.history import History
from alert_router.store.changes import Change

MAX_SPANS = 20
MAX_MARKS = 4
MAX_RUNS = 60
MIN_RUNS = 3
"""Fewer points say less than the numbers on the card."""
FIRST = frozenset({"drift_share", "r2"})
SHARES = ("_share", "_ratio")


def of(history: History, rule: Rule, alerts: Sequence[Alert], changes: Iterable[Change]) -> ChartSpec:
    firing = any(alert.firing for alert in alerts)
    own = history.own
    others = history.others
    if not own and len(others) == 1:  # the rule replaces the labels of its only series
        own, others = others, ()
    names = _telling_names(own)
    return ChartSpec(
        start=history.start,
        end=history.end,
        step_s=history.step_s,
        lines=(
            *(Line(one.points) for one in others),
            *(Line(one.points, _label(one, names), stressed=True) for one in own),
        ),
        spans=_spans(alerts, history.end),
        firing=firing,
        limit=next((one.limit_value for one in rule.comparisons), None),
        marks=_marks(changes),
        unit=rule.unit,
    )


def of_runs(runs: Sequence[Run], alert: Alert, now: datetime) -> ChartSpec | None:
    """One metric of a job's last runs, with its deployments; None with fewer than MIN_RUNS that have it."""
    name = _metric(runs)
    measured = [run for run in runs if name in run.metrics]
    if len(measured) < MIN_RUNS:
        return None
    start, end = measured[0].at.timestamp(), max(now, measured[-1].at).timestamp()
    points = tuple((run.at.timestamp(), run.metrics[name]) for run in measured)
    return ChartSpec(
        start=start - 0.03 * (end - start),
        end=end,
        step_s=end - start,  # however far apart runs are, there is no gap between them
        lines=(Line(points, name, stressed=True),),
        spans=_spans([alert], end),
        firing=alert.firing,
        marks=tuple(Mark(run.at.timestamp(), "deployed") for run in measured if run.deployed)[-MAX_MARKS:],
        unit=RATIO if name.endswith(SHARES) else NONE,
        caption=name,
        dots=True,
    )


def _metric(runs: Sequence[Run]) -> str:
    """The one that the last runs have, by name: r2 and drift_share before the others."""
    names = {name for run in runs[-MIN_RUNS:] for name in run.metrics}
    return min(names, key=lambda name: (name not in FIRST, name), default="")


def _marks(changes: Iterable[Change]) -> tuple[Mark, ...]:
    first = sorted(islice(changes, MAX_MARKS), key=attrgetter("at"))
    return tuple(Mark(change.at.timestamp(), change.text) for change in first)


def _spans(alerts: Sequence[Alert], end: float) -> tuple[tuple[float, float], ...]:
    """When any of them fired, without overlaps: shades would add up."""
    spans: list[tuple[float, float]] = []
    for alert in sorted(alerts, key=lambda alert: alert.starts_at):
        began = alert.starts_at.timestamp()
        ended = alert.ends_at.timestamp() if alert.ends_at else end
        if spans and began <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], ended))
        else:
            spans.append((began, ended))
    return tuple(spans[-MAX_SPANS:])


def _telling_names(series: Sequence[Series]) -> list[str]:
    """The labels in which they differ."""
    names = sorted({name for one in series for name in one.labels})
    return [name for name in names if len({one.labels.get(name) for one in series}) > 1]


def _label(series: Series, names: Iterable[str]) -> str:
    return " ".join(filter(None, (series.labels.get(name, "") for name in names)))
