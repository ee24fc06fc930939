"""A client of the service under test: trainings, metrics and waiting."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

AUTUMN = {"start": "2020-09-01T00:00:00Z", "end": "2020-12-01T00:00:00Z"}
DECEMBER = {"start": "2020-12-01T00:00:00Z", "end": "2020-12-15T00:00:00Z"}
CHRISTMAS = {"start": "2020-12-21T00:00:00Z", "end": "2021-01-04T00:00:00Z"}
NOWHERE = {"start": "2019-01-01T00:00:00Z", "end": "2019-03-01T00:00:00Z"}
# Quick to train, but not in test_mode: it can become champion.
QUICK = {"model_type": "rf", "hyperparameters": {"n_estimators": 10}, **AUTUMN}


T = TypeVar("T")


def until(look: Callable[[], T | None], seconds: float = 60) -> T:
    """The first value that is not None; fails after the deadline."""
    end, pause = time.monotonic() + seconds, threading.Event()
    while time.monotonic() < end:
        if (value := look()) is not None:
            return value
        pause.wait(0.05)
    pytest.fail(f"not seen within {seconds} s")


def submit(client: TestClient, **body: Any) -> str:
    answer = client.post("/train", json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["run_id"])


def wait_for(client: TestClient, run_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        run: dict[str, Any] = client.get(f"/train/{run_id}").json()
        return run if run["state"] in ("succeeded", "failed") else None

    return until(look)


def trained(client: TestClient, **body: Any) -> dict[str, Any]:
    return wait_for(client, submit(client, **body))


def samples(client: TestClient) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
    }


def sample(client: TestClient, name: str, **labels: str) -> float | None:
    return samples(client).get((name, tuple(sorted(labels.items()))))


def training_process(client: TestClient) -> int:
    service: Any = client.app_state["service"]
    return int(service.trainer._worker.pids[0])


def is_running(process: int) -> bool:
    """False for a process that has ended, whether or not its parent has noticed."""
    stat = Path(f"/proc/{process}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
