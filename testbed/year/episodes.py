"""Joins weekly reports of the same problem to episodes.

The router's history has a row for each report, in one incident with one card: each closes the row before it.
"""

from collections.abc import Iterable
from datetime import datetime

from testbed.year.results import Alert, Value


class Episode(Value):
    alertname: str
    severity: str
    starts_at: datetime
    ends_at: datetime | None
    reports: int
    """How often it was reported, the first time included."""

    def joined(self, alert: Alert) -> "Episode":
        return self.model_copy(update={"ends_at": alert.ends_at, "reports": self.reports + 1 + alert.repeats})


def episodes(alerts: Iterable[Alert]) -> tuple[Episode, ...]:
    """In the order of their start, without announcements, which are never open."""
    done: list[Episode] = []
    last: dict[tuple[str, int], int] = {}
    for alert in sorted(alerts, key=lambda alert: (alert.starts_at, alert.id)):
        if alert.is_announcement:
            continue
        subject = alert.alertname, alert.incident_id
        before = last.get(subject)
        if before is not None and _goes_on(done[before], alert):
            done[before] = done[before].joined(alert)
        else:
            last[subject] = len(done)
            done.append(_begun(alert))
    return tuple(done)


def _goes_on(before: Episode, alert: Alert) -> bool:
    return before.ends_at == alert.starts_at != before.starts_at


def _begun(alert: Alert) -> Episode:
    known = alert.model_dump(include={"alertname", "severity", "starts_at", "ends_at"})
    return Episode(**known, reports=1 + alert.repeats)
