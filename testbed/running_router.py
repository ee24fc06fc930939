"""A running router, asked as a client asks it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from testbed.processes import Process
from testbed.stack import TOKEN

AUTH = {"Authorization": f"Bearer {TOKEN}"}


@dataclass(frozen=True, slots=True)
class RunningRouter:
    program: Process
    url: str
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30))
    """One for all threads: a new one for each request spends 50 ms on TLS that is not used here."""

    def close(self) -> None:
        self.client.close()

    def alerts(self, **filters: str) -> list[dict[str, Any]]:
        """All alerts of the history that match, newest first, page by page."""
        return list(self._pages({"limit": "500", **filters}))

    def _pages(self, params: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            page = self.client.get(
                f"{self.url}/alerts", params={**params, **({"cursor": cursor} if cursor else {})}
            ).json()
            yield from page["alerts"]
            cursor = page["next"]
            if cursor is None:
                return

    def life(self, alert_id: int) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.get(f"{self.url}/alerts/{alert_id}").json()
        return answer

    def post_event(self, event: Mapping[str, Any]) -> httpx.Response:
        return self.client.post(f"{self.url}/events", json=event, headers=AUTH)

    def post_webhook(self, body: Mapping[str, Any]) -> httpx.Response:
        return self.client.post(f"{self.url}/webhooks/alertmanager", json=body, headers=AUTH)

    def metric(self, name: str) -> float:
        """One sample of /metrics, named with its labels as exposed."""
        text = self.client.get(f"{self.url}/metrics").text
        return next(
            float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(f"{name} ")
        )

    @property
    def all_delivered(self) -> bool:
        return self.metric('alert_router_cards{state="pending"}') == 0
