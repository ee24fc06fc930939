"""The series behind a chart: those of the alerts, and some of the others for comparison."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from alert_router.domain.model import Alert
from alert_router.prometheus.client import Labels, Prometheus, Sample, Series, TooLarge
from alert_router.prometheus.expressions import Rule
from alert_router.prometheus.measures import best

POINTS = 150
"""Of a line: more than a phone can show."""
MAX_OWN = 5
MAX_OTHERS = 20
MIN_SPAN_S = 60.0
SPARSE = 0.25
"""With data in less than this part of the window, the window is narrowed to them."""


@dataclass(frozen=True, slots=True)
class History:
    start: float
    end: float
    step_s: float
    own: tuple[Series, ...]
    """Of the alerts, in their order."""
    others: tuple[Series, ...]


async def of(
    prometheus: Prometheus, rule: Rule, alerts: Sequence[Alert], start: datetime, end: datetime
) -> History:
    """Without lines where Prometheus has none. Raises PrometheusError."""
    history = await _between(prometheus, rule, alerts, start.timestamp(), end.timestamp())
    first = min((series.points[0][0] for series in (*history.own, *history.others)), default=history.start)
    if history.end - first >= SPARSE * (history.end - history.start) or first >= history.end:
        return history
    # A new series, or a new Prometheus: its few points are worth a look from near.
    near = min(first - 0.1 * (history.end - first), history.end - MIN_SPAN_S)
    return await _between(prometheus, rule, alerts, near, history.end)


async def _between(
    prometheus: Prometheus, rule: Rule, alerts: Sequence[Alert], start: float, end: float
) -> History:
    step_s = max(1.0, round((end - start) / POINTS))
    try:
        found = await prometheus.history(rule.charted, start, end, step_s)
    except TooLarge:
        # Thousands of series would be a cloud: those of the alerts alone.
        found = await prometheus.history(await _own_only(prometheus, rule, alerts, end), start, end, step_s)
    own = _own(found, alerts)
    ids = set(map(id, own))
    others = [series for series in found if id(series) not in ids]
    return History(start, end, step_s, own, tuple(others[:MAX_OTHERS]))


def _own(found: Sequence[Series], alerts: Iterable[Alert]) -> tuple[Series, ...]:
    by_labels = {id(series.labels): series for series in found}
    samples = [Sample(series.labels, 0.0) for series in found]
    own: dict[int, Series] = {}
    for alert in alerts:
        sample = best(samples, alert.labels)
        if sample is not None:
            own[id(sample.labels)] = by_labels[id(sample.labels)]
    return tuple(own.values())[:MAX_OWN]


async def _own_only(prometheus: Prometheus, rule: Rule, alerts: Sequence[Alert], at: float) -> str:
    """The charted expression, of these alerts' labels alone. One of its series tells which labels it has."""
    moment = datetime.fromtimestamp(at, alerts[0].starts_at.tzinfo)
    sample = next(iter(await prometheus.values(f"topk(1, {rule.charted})", moment)), None)
    names = sorted(sample.labels) if sample else []
    wanted = [
        _with_labels({name: alert.labels.get(name, "") for name in names}) for alert in alerts[:MAX_OWN]
    ]
    return f"({rule.charted}) and on ({', '.join(names)}) ({' or '.join(dict.fromkeys(wanted))})"


def _with_labels(labels: Labels) -> str:
    expression = "vector(1)"
    for name, text in labels.items():
        replacement = text.replace("$", "$$")  # "$1" would be a group
        expression = f'label_replace({expression}, "{name}", {quoted(replacement)}, "", "")'
    return expression


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
