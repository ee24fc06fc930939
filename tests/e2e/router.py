"""A running router, asked as a client asks it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from demo.processes import Process
from demo.stack import TOKEN

AUTH = {"Authorization": f"Bearer {TOKEN}"}


@dataclass(frozen=True, slots=True)
class RunningRouter:
    program: Process
    url: str

    def alerts(self, **filters: str) -> list[dict[str, Any]]:
        """All alerts of the history that match, newest first, page by page."""
        return list(self._pages({"limit": "500", **filters}))

    def _pages(self, params: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            page = httpx.get(
                f"{self.url}/alerts", params={**params, **({"cursor": cursor} if cursor else {})}, timeout=30
            ).json()
            yield from page["alerts"]
            cursor = page["next"]
            if cursor is None:
                return

    def life(self, alert_id: int) -> dict[str, Any]:
        answer: dict[str, Any] = httpx.get(f"{self.url}/alerts/{alert_id}", timeout=10).json()
        return answer

    def post_event(self, event: Mapping[str, Any]) -> httpx.Response:
        return httpx.post(f"{self.url}/events", json=event, headers=AUTH, timeout=10)

    def post_webhook(self, body: Mapping[str, Any]) -> httpx.Response:
        return httpx.post(f"{self.url}/webhooks/alertmanager", json=body, headers=AUTH, timeout=10)

    def metric(self, name: str) -> float:
        """One sample of /metrics, named with its labels as exposed."""
        text = httpx.get(f"{self.url}/metrics", timeout=10).text
        return next(
            float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(f"{name} ")
        )

    @property
    def all_told(self) -> bool:
        return self.metric('alert_router_cards{state="pending"}') == 0
