"""Real Alertmanagers for the tests of what compares us with them, emptied in between."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from testbed.monitoring.programs import alertmanager, run, wait_until

CONFIG = {
    "route": {
        "receiver": "alert-router.test",
        "group_by": ["alertname"],
        "group_wait": "1h",
        "routes": [{"receiver": "elsewhere", "matchers": ['to="elsewhere"']}],
    },
    "receivers": [{"name": "alert-router.test"}, {"name": "elsewhere"}],
    "inhibit_rules": [
        {
            "source_matchers": ['severity="critical"'],
            "target_matchers": ['severity="warning"'],
            "equal": ["cluster"],
        }
    ],
}
"""The dot in the receiver's name is one that its webhooks quote and its API does not."""


@dataclass(frozen=True, slots=True)
class Alertmanager:
    client: httpx.Client

    @property
    def url(self) -> str:
        return str(self.client.base_url).rstrip("/")

    def fires(self, labels: Mapping[str, str], *, since: datetime) -> None:
        self._tell(labels, since, datetime.now(UTC) + timedelta(hours=1))

    def resolves(self, labels: Mapping[str, str], *, since: datetime) -> None:
        self._tell(labels, since, datetime.now(UTC))

    def silences(self, matcher: str) -> str:
        """With amtool, as a person would; the silence's id."""
        said = run(
            "amtool", f"--alertmanager.url={self.url}", "silence", "add", matcher, "-d1h", "-cnoise", "-aAda"
        )
        return said.strip()

    def unsilences(self, silence_id: str) -> None:
        run("amtool", f"--alertmanager.url={self.url}", "silence", "expire", silence_id)

    def clear(self) -> None:
        for alert in self.client.get("/api/v2/alerts").json():
            self.resolves(alert["labels"], since=datetime.fromisoformat(alert["startsAt"]))
        for silence in self.client.get("/api/v2/silences").json():
            self.client.delete(f"/api/v2/silence/{silence['id']}")

    def _tell(self, labels: Mapping[str, str], starts_at: datetime, ends_at: datetime) -> None:
        alert: dict[str, Any] = {
            "labels": dict(labels),
            "annotations": {"summary": f"{labels['alertname']} it is"},
            "startsAt": starts_at.isoformat(),
            "endsAt": ends_at.isoformat(),
            "generatorURL": "http://prometheus.example.org:9090/graph",
        }
        sent_at = datetime.now(UTC)
        self.client.post("/api/v2/alerts", json=[alert]).raise_for_status()
        wait_until(
            lambda: self._has_taken(labels, sent_at, over=ends_at <= sent_at),
            within_s=10,
            otherwise=f"Alertmanager's groups do not show {labels} as it was sent",
        )

    def until_inhibited(self, labels: Mapping[str, str]) -> None:
        """Wait for the alert's inhibition: the inhibitor is a task of its own, too."""
        wait_until(
            lambda: any(
                alert["status"]["inhibitedBy"]
                for alert in self.client.get("/api/v2/alerts").json()
                if alert["labels"] == labels
            ),
            within_s=10,
            otherwise=f"nothing inhibits {labels}",
        )

    def _has_taken(self, labels: Mapping[str, str], sent_at: datetime, *, over: bool) -> bool:
        """A group gets an alert a moment after the POST was answered: the dispatcher is a task of its own."""
        shown = [
            datetime.fromisoformat(alert["updatedAt"])
            for group in self.client.get("/api/v2/alerts/groups").json()
            for alert in group["alerts"]
            if alert["labels"] == labels
        ]
        if over:
            return not shown
        # The API writes milliseconds.
        return any(updated_at >= sent_at - timedelta(milliseconds=1) for updated_at in shown)


@contextmanager
def pair(folder: Path) -> Iterator[tuple[Alertmanager, Alertmanager]]:
    """Two that do not know each other, as on both sides of a broken network."""
    config = folder / "alertmanager.yml"
    config.write_text(json.dumps(CONFIG))
    with ExitStack() as running:
        made = []
        for name in ("one", "two"):
            (folder / name).mkdir()
            made.append(Alertmanager(running.enter_context(alertmanager(config, folder / name))))
        yield made[0], made[1]
