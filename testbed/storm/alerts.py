"""The alerts of a storm, as when a whole site goes down: all distinct, some critical."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

NAMES = ("DiskFull", "ApiDown", "HighLatency", "TargetDown", "QueueGrows")
SERVICES = 100
CRITICAL_EVERY = 50
"""Every 50th alert is critical."""


@dataclass(frozen=True, slots=True)
class StormAlert:
    """One alert of the storm."""

    number: int
    began: datetime

    @property
    def instance(self) -> str:
        """Unique: identifies the alert in any message."""
        return f"host-{self.number:04}"

    @property
    def critical(self) -> bool:
        return self.number % CRITICAL_EVERY == CRITICAL_EVERY // 2

    @property
    def labels(self) -> dict[str, str]:
        return {
            "alertname": NAMES[self.number % len(NAMES)],
            "instance": self.instance,
            "service": f"service-{self.number % SERVICES:03}",
            "severity": "critical" if self.critical else "warning",
        }

    @property
    def annotations(self) -> dict[str, str]:
        return {"summary": f"{self.instance} is in trouble"}

    def webhook(self, ended: datetime | None = None) -> dict[str, Any]:
        """As Alertmanager sends it when every instance is a group of its own."""
        status = "resolved" if ended else "firing"
        group = {name: self.labels[name] for name in ("alertname", "instance")}
        return {
            "version": "4",
            "status": status,
            "receiver": "router",
            "groupKey": f'{{}}:{{alertname="{group["alertname"]}", instance="{self.instance}"}}',
            "groupLabels": group,
            "commonLabels": self.labels,
            "commonAnnotations": self.annotations,
            "externalURL": "http://127.0.0.1:9093",
            "truncatedAlerts": 0,
            "alerts": [
                {
                    "status": status,
                    "labels": self.labels,
                    "annotations": self.annotations,
                    "startsAt": self.began.isoformat(),
                    "endsAt": ended.isoformat() if ended else "0001-01-01T00:00:00Z",
                    "generatorURL": "http://127.0.0.1:9090/graph?g0.expr=up",
                    "fingerprint": f"{self.number:016x}",
                }
            ],
        }


def storm(size: int) -> list[StormAlert]:
    began = datetime.now(UTC)
    return [StormAlert(number, began) for number in range(size)]


def webhooks(alerts: Sequence[StormAlert], *, ended: datetime | None = None) -> Iterator[dict[str, Any]]:
    return (alert.webhook(ended) for alert in alerts)
