"""Asks the router what people were told."""

from dataclasses import dataclass, field
from typing import Any

import httpx

from year.results import Alert

PAGE = 500


@dataclass(slots=True)
class RouterHistory:
    """Remembers what it saw, to say what is new since the last look."""

    http: httpx.Client
    _open: dict[int, str] = field(default_factory=dict)
    _seen: set[int] = field(default_factory=set)

    def changes(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names of the alerts that opened and of those that resolved. One can be among both."""
        alerts = [alert for alert in self.alerts() if not alert.is_news]
        opened = [alert for alert in alerts if alert.id not in self._seen]
        over = [
            alert for alert in alerts if alert.ends_at and (alert.id in self._open or alert.id not in self._seen)
        ]
        self._seen |= {alert.id for alert in alerts}
        self._open = {alert.id: alert.alertname for alert in alerts if alert.ends_at is None}
        return tuple(alert.alertname for alert in opened), tuple(alert.alertname for alert in over)

    def alerts(self) -> tuple[Alert, ...]:
        """All of them, in the order they came."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            asked = {"limit": PAGE} | ({"cursor": cursor} if cursor else {})
            page = self.http.get("/alerts", params=asked).raise_for_status().json()
            found += page["alerts"]
            cursor = page["next"]
            if cursor is None:
                return tuple(_alert(one) for one in reversed(found))

    def ledger(self) -> dict[str, int]:
        lines = self.http.get("/metrics").raise_for_status().text.splitlines()
        told = [line for line in lines if line.startswith("alert_router_ledger{")]
        return {line.split('"')[1]: int(float(line.rpartition(" ")[2])) for line in told}


def _alert(one: dict[str, Any]) -> Alert:
    return Alert(**{name: one[name] for name in Alert.model_fields})
