"""Alertmanager's webhook body, version "4" (template.Data), and how one of its alerts becomes a signal.

Newer Alertmanagers add keys (notification_reason 0.32, routeLabels 0.34): unknown keys are accepted. Programs
in Go write null for an empty map or list: null means empty. Other senders leave times out.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from alert_router.domain import index_keys
from alert_router.domain.model import Fingerprint, Signal, Status
from alert_router.sources import fingerprints

SOURCE = "alertmanager"
WATCHDOG = "Watchdog"
"""The customary name of the alert that always fires, to prove that alerts get through."""
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Later times become the last, so that spans can be added to every time that is stored."""


_ESCAPE = re.compile(rb"\\(u0000|.)", re.DOTALL)


def without_nul(body: bytes) -> bytes:
    """JSON with U+FFFD for each NUL, which PostgreSQL cannot store."""
    if b"\\u0000" not in body:
        return body
    return _ESCAPE.sub(lambda escape: rb"\ufffd" if escape[1] == b"u0000" else escape[0], body)


def _text(value: str) -> str:
    return value.replace("\x00", "�")


def utc(value: datetime) -> datetime:
    try:
        return min(value.astimezone(UTC), LAST)
    except OverflowError:  # the year 1 east of Greenwich (Go's zero time, moved), or 9999 west of it
        return FIRST if value.year == 1 else LAST


def _without_empty(labels: Any) -> Any:
    """A label with an empty value is no label, as everywhere in Prometheus."""
    if isinstance(labels, dict) and not all(labels.values()):
        return {name: text for name, text in labels.items() if text not in (None, "")}
    return {} if labels is None else labels


def _without_null(annotations: Any) -> Any:
    if isinstance(annotations, dict) and not all(annotations.values()):
        return {name: "" if text is None else text for name, text in annotations.items()}
    return {} if annotations is None else annotations


Text = Annotated[str, Field(strict=True), AfterValidator(_text)]
WireText = Annotated[str, Field(strict=True)]
"""Of a body `without_nul`: to look at each text for itself took a quarter of the parser's time."""
Time = Annotated[AwareDatetime, AfterValidator(utc)]
Annotations = Annotated[dict[WireText, WireText], BeforeValidator(_without_null)]
LabelSet = Annotated[dict[WireText, WireText], BeforeValidator(_without_empty)]
AlertLabels = Annotated[LabelSet, Field(min_length=1)]


def _is_missing(moment: datetime | None) -> bool:
    """Go's zero time stands for a missing one."""
    return moment is None or moment.year == 1


@dataclass(frozen=True, slots=True)
class Origin:
    """What the webhook's URL says beside the body."""

    name: str = ""
    """The sender's, to tell two clusters apart: "eu" makes the source "alertmanager:eu"."""
    channel: str = ""

    def source(self, kind: str) -> str:
        return f"{kind}:{self.name}" if self.name else kind


class WireAlert(BaseModel):
    source: ClassVar[str] = SOURCE
    reporter: ClassVar[str] = "Prometheus"

    status: Literal["firing", "resolved"]
    labels: AlertLabels
    annotations: Annotations = {}
    startsAt: Time | None = None
    endsAt: Time | None = None
    generatorURL: WireText | None = None
    fingerprint: WireText | None = None

    def to_signal(self, envelope: "WireEnvelope", now: datetime, origin: Origin) -> Signal:
        firing = self.status == "firing"
        starts_at = None if _is_missing(self.startsAt) else self.startsAt
        return Signal(
            source=origin.source(self.source),
            status=Status.FIRING if firing else Status.RESOLVED,
            labels=self.labels,
            annotations=self.annotations,
            starts_at=starts_at or now,
            ends_at=None if firing else self._end(starts_at, now),
            # Old senders omit it.
            fingerprint=Fingerprint(
                index_keys.hash_if_long(self.fingerprint or "") or fingerprints.of(self.labels)
            ),
            group_labels=envelope.groupLabels,
            generator_url=self.generatorURL or "",
            source_url=envelope.externalURL or "",
            reporter=self.reporter,
            sent_to=origin.channel,
            start_known=starts_at is not None,
        )

    def _end(self, starts_at: datetime | None, now: datetime) -> datetime:
        # A sender's clock may be ahead: nothing is over before it is reported.
        ends_at = now if self.endsAt is None or _is_missing(self.endsAt) else min(self.endsAt, now)
        return max(ends_at, starts_at) if starts_at else ends_at


class WireEnvelope(BaseModel):
    """What the alerts of a group share. Grafana's differs in its version only."""

    model_config = ConfigDict(extra="ignore")

    version: Any = ""
    alerts: list[Any] | None
    receiver: WireText | None = None
    groupLabels: LabelSet = {}
    externalURL: WireText | None = None
    truncatedAlerts: int | None = None
