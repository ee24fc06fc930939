"""Asks the router what people were told."""

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
    """Remembers what it saw, to say what is new since the last look."""

    http: httpx.Client
    _begun: set[tuple[str, datetime]] = field(default_factory=set)
    _over: set[tuple[str, datetime]] = field(default_factory=set)

    def changes(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names of the episodes that began and of those that ended. One can be among both."""
        found = episodes(self.alerts())
        begun = {(one.alertname, one.starts_at) for one in found}
        over = {(one.alertname, one.starts_at) for one in found if one.ends_at}
        changed = begun - self._begun, over - self._over
        self._begun, self._over = begun, over
        first, last = (tuple(name for name, _ in sorted(names)) for names in changed)
        return first, last

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

    def settled(self, clock: Clock) -> dict[str, int]:
        """The ledger, once every card has gone out: Discord has a pace, and time stands still."""

        def is_settled() -> bool:
            clock.move(clock() + timedelta(seconds=1))
            return self.ledger()["pending"] == 0

        until(is_settled, "no card is pending", within_s=SETTLED_S)
        return self.ledger()

    def ledger(self) -> dict[str, int]:
        lines = self.http.get("/metrics").raise_for_status().text.splitlines()
        told = [line for line in lines if line.startswith("alert_router_ledger{")]
        return {line.split('"')[1]: int(float(line.rpartition(" ")[2])) for line in told}


def _alert(one: dict[str, Any]) -> Alert:
    return Alert(**{name: one[name] for name in Alert.model_fields})
