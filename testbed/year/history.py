"""Reads the alerts and the ledger from the router."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from testbed.processes import until
from testbed.year.clock import Clock
from testbed.year.episodes import episodes
from testbed.year.results import Alert

PAGE = 500
SETTLED_S = 120.0


@dataclass(slots=True)
class RouterHistory:
    """Remembers the episodes of the last call, to return the new ones."""

    http: httpx.Client
    _begun: set[tuple[str, datetime]] = field(default_factory=set)
    _over: set[tuple[str, datetime]] = field(default_factory=set)

    def changes(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names of the episodes that began and of those that ended. One can be among both."""
        current = episodes(self.alerts())
        begun = {(episode.alertname, episode.starts_at) for episode in current}
        over = {(episode.alertname, episode.starts_at) for episode in current if episode.ends_at}
        changed = begun - self._begun, over - self._over
        self._begun, self._over = begun, over
        first, last = (tuple(name for name, _ in sorted(names)) for names in changed)
        return first, last

    def alerts(self) -> tuple[Alert, ...]:
        """All of them, in the order they came."""
        rows: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            query = {"limit": PAGE} | ({"cursor": cursor} if cursor else {})
            page = self.http.get("/alerts", params=query).raise_for_status().json()
            rows += page["alerts"]
            cursor = page["next"]
            if cursor is None:
                return tuple(_alert(row) for row in reversed(rows))

    def final_ledger(self, clock: Clock) -> dict[str, int]:
        """The ledger when no card is pending: the clock moves meanwhile, for Discord limits the rate."""

        def is_settled() -> bool:
            clock.move(clock() + timedelta(seconds=1))
            return self.ledger()["pending"] == 0

        until(is_settled, "no card is pending", within_s=SETTLED_S)
        return self.ledger()

    def ledger(self) -> dict[str, int]:
        lines = self.http.get("/metrics").raise_for_status().text.splitlines()
        ledger = [line for line in lines if line.startswith("alert_router_ledger{")]
        return {line.split('"')[1]: int(float(line.rpartition(" ")[2])) for line in ledger}


def _alert(row: dict[str, Any]) -> Alert:
    return Alert(**{name: row[name] for name in Alert.model_fields})
