"""What a message says about alerts: their sign, their sentence, the labels in which they differ."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from alert_router.domain import overview
from alert_router.domain.model import Alert, Labels
from alert_router.domain.severity import Severities, Severity

SIGNS = {
    Severity.CRITICAL: "🔴",
    Severity.ERROR: "🟠",
    Severity.WARNING: "🟡",
    Severity.INFO: "🔵",
}
RESOLVED_SIGN = "🟢"
HIDDEN = frozenset({"alertname", "severity"})
"""Labels that have a place of their own on the card."""
TEXT_ANNOTATIONS = ("description", "message", "summary")
"""The customary ones, most informative first."""
SENTENCE_ANNOTATIONS = ("summary", "description", "message")
"""The shortest first."""
PLACES = ("instance", "host", "hostname", "node", "pod", "service", "job")
"""Labels that people know a machine or a service by, the most telling first."""
FIRST_YEAR = 2000
"""A start before that is a zero of some kind."""


def sign(alert: Alert) -> str:
    return SIGNS[Severity(alert.severity_rank)] if alert.firing else RESOLVED_SIGN


def severity_sign(severity: str | int) -> str:
    """For a rank, or for one of the shipped words: an operator's templates may have either."""
    rank = Severities().rank(severity) if isinstance(severity, str) else Severity(severity)
    return SIGNS[rank]


def text_of(alert: Alert) -> str:
    return _first(alert, TEXT_ANNOTATIONS)


def sentence_of(alert: Alert) -> str:
    """On one line."""
    return " ".join(_first(alert, SENTENCE_ANNOTATIONS).split())


def _first(alert: Alert, names: Sequence[str]) -> str:
    return next((text for name in names if (text := alert.annotations.get(name, "")).strip()), "")


def start_of(alert: Alert) -> datetime:
    """Never a zero time, nor one that was still ahead when the alert came."""
    is_zero = alert.starts_at.year < FIRST_YEAR
    return alert.received_at if is_zero else min(alert.starts_at, alert.received_at)


def end_of(alert: Alert) -> datetime | None:
    return None if alert.ends_at is None else max(alert.ends_at, start_of(alert))


def lasted(alerts: Sequence[Alert]) -> timedelta:
    """From the first start to the last end of these alerts."""
    ends = [end for alert in alerts if (end := end_of(alert))]
    return max(ends) - min(map(start_of, alerts)) if ends else timedelta()


def is_moment(alert: Alert) -> bool:
    """Whether it is a report of something that happened, and never fired."""
    return not alert.firing and alert.ends_at == alert.starts_at and alert.severity_rank == Severity.INFO


def labels(alerts: Sequence[Alert], shared: Labels | None = None) -> tuple[Labels, Mapping[int, Labels]]:
    """The labels that all alerts share, without the hidden ones; and of each alert, by id, the others.

    shared: those of all alerts, where these are not all.
    """
    common = dict(overview.of(alerts).labels if shared is None else shared)
    distinct = {alert.id: dict(sorted(alert.labels.items() - common.items())) for alert in alerts}
    for name in HIDDEN:
        common.pop(name, None)
    return common, distinct


def places(alerts: Sequence[Alert], among: Sequence[Alert]) -> list[str]:
    """What tells each of these alerts from the others on the card: "pg-2", or "pg-2 sda1".

    Empty where nothing does.
    """
    _, distinct = labels(among)
    own = [{name: text for name, text in distinct[alert.id].items() if name not in HIDDEN} for alert in among]
    names = _telling_names(own)
    values = (" ".join(filter(None, (alert.labels.get(name, "") for name in names))) for alert in alerts)
    return list(filter(None, dict.fromkeys(values)))


def _telling_names(own: Sequence[Labels]) -> Sequence[str]:
    """One label, if its value is another on each alert; else all in which they differ."""
    names = sorted({name for each in own for name in each}, key=most_telling_first)
    for name in names:
        if len({each.get(name, "") for each in own}) == len(own):
            return [name]
    return names


def most_telling_first(name: str) -> tuple[int, str]:
    return (PLACES.index(name) if name in PLACES else len(PLACES), name)
