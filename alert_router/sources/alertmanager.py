"""Alertmanager's webhook body, version "4" (template.Data), and how one of its alerts becomes a signal.

Newer Alertmanagers add keys (notification_reason 0.32, routeLabels 0.34): unknown keys are accepted.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from alert_router.domain import index_keys
from alert_router.domain.model import Fingerprint, Signal, Status
from alert_router.sources import fingerprints

SOURCE = "alertmanager"
WATCHDOG = "Watchdog"
"""The customary name of the alert that always fires, to prove that alerts get through."""
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def _text(value: str) -> str:
    # PostgreSQL cannot store NUL; U+FFFD shows that there was one.
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
    source: ClassVar[str] = SOURCE
    reporter: ClassVar[str] = "Prometheus"

    status: Literal["firing", "resolved"]
    labels: Annotated[LabelSet, Field(min_length=1)]
    annotations: LabelSet = {}
    startsAt: Time
    endsAt: Time | None = None
    generatorURL: Text = ""
    fingerprint: Text = ""

    def to_signal(self, envelope: "WireEnvelope", now: datetime) -> Signal:
        firing = self.status == "firing"
        return Signal(
            source=self.source,
            status=Status.FIRING if firing else Status.RESOLVED,
            labels=self.labels,
            annotations=self.annotations,
            starts_at=self.startsAt,
            ends_at=None if firing else self._end(now),
            # Old senders omit it.
            fingerprint=Fingerprint(
                index_keys.hash_if_long(self.fingerprint) or fingerprints.of(self.labels)
            ),
            group_labels=envelope.groupLabels,
            generator_url=self.generatorURL,
            source_url=envelope.externalURL,
            reporter=self.reporter,
        )

    def _end(self, now: datetime) -> datetime:
        if self.endsAt is None or self.endsAt.year == 1:  # Go's zero time stands for a missing one
            return now
        return max(self.endsAt, self.startsAt)


class WireEnvelope(BaseModel):
    """What the alerts of a group share. Grafana's differs in its version only."""

    model_config = ConfigDict(extra="ignore")

    version: Any = ""
    alerts: list[Any]
    receiver: Text = ""
    groupLabels: LabelSet = {}
    externalURL: Text = ""
    truncatedAlerts: int = 0
