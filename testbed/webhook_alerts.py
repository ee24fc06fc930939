"""Alerts for real Alertmanagers, and webhook bodies as Alertmanager sends them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Known:
    """An alert as Prometheus knows it."""

    name: str
    starts_at: datetime
    ends_at: datetime | None


def utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def push(
    alertmanagers: Sequence[str], *, name: str, starts_at: datetime, firing: bool, **labels: str
) -> None:
    """Tell the Alertmanagers as Prometheus does: each of them, the same alert."""
    now = datetime.now(UTC)
    alert = {
        "labels": {"alertname": name, "severity": "critical", **labels},
        "annotations": {"summary": f"{name} is down"},
        "startsAt": utc(starts_at),
        "endsAt": utc(now + timedelta(minutes=5) if firing else now),
        "generatorURL": "http://127.0.0.1:9090/graph",
    }
    for url in alertmanagers:
        httpx.post(f"{url}/api/v2/alerts", json=[alert], timeout=10).raise_for_status()


def push_all(alertmanagers: Sequence[str], known: Sequence[Known]) -> None:
    """Tell the Alertmanagers all of these at once, as Prometheus does after an evaluation."""
    soon = datetime.now(UTC) + timedelta(minutes=5)
    body = [
        {
            "labels": {"alertname": one.name, "severity": "critical"},
            "annotations": {"summary": f"{one.name} is down"},
            "startsAt": utc(one.starts_at),
            "endsAt": utc(one.ends_at or soon),
            "generatorURL": "http://127.0.0.1:9090/graph",
        }
        for one in known
    ]
    for url in alertmanagers:
        httpx.post(f"{url}/api/v2/alerts", json=body, timeout=10).raise_for_status()


def webhook(
    group: str, instances: Sequence[str], *, starts_at: datetime, ends_at: datetime | None
) -> dict[str, Any]:
    status = "firing" if ends_at is None else "resolved"
    return {
        "version": "4",
        "status": status,
        "receiver": "router",
        "groupKey": f"{{}}:{{alertname={group}}}",
        "groupLabels": {"alertname": group},
        "commonLabels": {"alertname": group},
        "commonAnnotations": {},
        "externalURL": "http://127.0.0.1:9093",
        "truncatedAlerts": 0,
        "alerts": [
            {
                "status": status,
                "labels": {"alertname": group, "severity": "warning", "instance": instance},
                "annotations": {"summary": f"{instance} is in trouble"},
                "startsAt": utc(starts_at),
                "endsAt": utc(ends_at) if ends_at else "0001-01-01T00:00:00Z",
                "generatorURL": "http://127.0.0.1:9090/graph",
                "fingerprint": "",
            }
            for instance in instances
        ],
    }
