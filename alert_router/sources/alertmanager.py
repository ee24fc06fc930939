"""What Alertmanager says of an alert in its webhook's body, version "4" (template.Data), to a signal.

Newer Alertmanagers add keys (notification_reason 0.32, routeLabels 0.34): unknown keys are accepted.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from alert_router.domain import index_keys
from alert_router.domain.model import Fingerprint, Signal, Status
from alert_router.sources import fingerprints

SOURCE = "alertmanager"
WATCHDOG = "Watchdog"
"""The customary name of the alert that always fires, to prove that alerts get through."""
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def _text(value: str) -> str:
    # PostgreSQL stores no NUL character; the sign for "cannot be shown" says that one was there.
    return value.replace("\x00", "�")


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:  # the year 1 east of Greenwich (Go's zero time, moved), or 9999 west of it
        return FIRST if value.year == 1 else LAST


Text = Annotated[str, Field(strict=True), AfterValidator(_text)]
Time = Annotated[AwareDatetime, AfterValidator(_utc)]
LabelSet = dict[Text, Text]


class WireAlert(BaseModel):
    status: Literal["firing", "resolved"]
    labels: Annotated[LabelSet, Field(min_length=1)]
    annotations: LabelSet = {}
    startsAt: Time
    endsAt: Time | None = None
    generatorURL: Text = ""
    fingerprint: Text = ""


class WireMessage(BaseModel):
    """Grafana's is the same but for its version."""

    model_config = ConfigDict(extra="ignore")

    version: Any = ""
    alerts: list[Any]
    receiver: Text = ""
    groupLabels: LabelSet = {}
    externalURL: Text = ""
    truncatedAlerts: int = 0


def signal(item: Any, wire: WireMessage, now: datetime) -> Signal:
    """Raises ValidationError."""
    return signal_of(WireAlert.model_validate(item), wire, now)


def signal_of(
    alert: WireAlert, wire: WireMessage, now: datetime, *, source: str = SOURCE, reporter: str = "Prometheus"
) -> Signal:
    firing = alert.status == "firing"
    return Signal(
        source=source,
        status=Status(alert.status),
        labels=alert.labels,
        annotations=alert.annotations,
        starts_at=alert.startsAt,
        ends_at=None if firing else _ended(alert, now),
        # Old senders leave it out.
        fingerprint=Fingerprint(index_keys.fitting(alert.fingerprint) or fingerprints.of(alert.labels)),
        group_labels=wire.groupLabels,
        generator_url=alert.generatorURL,
        source_url=wire.externalURL,
        reporter=reporter,
    )


def is_watchdog(signal: Signal) -> bool:
    """Of Prometheus, through Alertmanager: what Grafana calls so proves nothing of that path."""
    return signal.source == SOURCE and signal.labels.get("alertname") == WATCHDOG


def _ended(alert: WireAlert, now: datetime) -> datetime:
    """Go's zero time means "not said"."""
    ended = alert.endsAt
    return now if ended is None or ended.year == 1 else max(ended, alert.startsAt)
