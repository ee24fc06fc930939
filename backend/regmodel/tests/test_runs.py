"""Every run ends and is counted, also when the disk is full or the service is killed."""

import errno
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backend.regmodel.app.fastapi_app import create_app
from backend.regmodel.atomic_files import write_atomically
from backend.regmodel.jobs.runs import Run, RunTable, State
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.registry.registry import Registry
from backend.regmodel.registry.storage import Storage
from backend.regmodel.settings import Settings
from backend.regmodel.tests.conftest import NOON, small_settings
from backend.regmodel.tests.factories import add, promote
from backend.regmodel.tests.service_client import NOWHERE, sample, submit, until, wait_for

RUN = Run(run_id="rf-20210601T120000-abcdef", model_type=ModelType.RF, state=State.RUNNING, submitted_at=NOON)


class Disk:
    """Full for every file that holds the text."""

    def __init__(self) -> None:
        self.full_for: bytes | None = None

    def write(self, path: Path, content: bytes) -> None:
        if self.full_for and self.full_for in content:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_atomically(path, content)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr("backend.regmodel.jobs.runs.write_atomically", disk.write)
    return disk


def test_failed_run_is_repeated_under_the_same_idempotency_key(settings: Settings) -> None:
    """As when a task of Airflow is cleared: its key is the same."""
    key = {"Idempotency-Key": "manual__2026-11-24T12:00:00+00:00"}
    with TestClient(create_app(settings)) as client:
        first, second = (
            wait_for(
                client,
                client.post("/train", json={"model_type": "rf", **NOWHERE}, headers=key).json()["run_id"],
            )
            for _ in range(2)
        )

    assert first["state"] == second["state"] == "failed"
    assert first["run_id"] != second["run_id"]


@pytest.mark.parametrize("state", ["running", "failed"])
def test_run_ends_and_is_counted_while_the_disk_is_full(settings: Settings, disk: Disk, state: str) -> None:
    settings = small_settings(Path(settings.state_dir), registry_refresh_seconds=0.01, max_waiting_runs=1)
    disk.full_for = f'"state": "{state}"'.encode()

    with TestClient(create_app(settings)) as client:
        first = wait_for(client, submit(client, model_type="rf", **NOWHERE))
        second = wait_for(client, submit(client, model_type="rf", **NOWHERE))
        counted = sample(client, "training_runs_total", status="failure", model_type="rf")
        disk.full_for = None

        def on_disk() -> bool | None:
            table = RunTable(settings.state_dir / "runs")
            stored = [table.get(run["run_id"]) for run in (first, second)]
            return all(run is not None and run.state is State.FAILED for run in stored) or None

        until(on_disk, seconds=10)

    assert "0 recorded" in first["reason"]
    assert counted == 2


def test_interrupted_run_is_reported_and_repeated_under_its_key(settings: Settings) -> None:
    key = "weekly__2026-11-23"
    interrupted = RUN.changed(idempotency_key=key)
    RunTable(settings.state_dir / "runs").create(interrupted)

    with TestClient(create_app(settings)) as client:
        before = client.get(f"/train/{RUN.run_id}").json()
        again = client.post(
            "/train", json={"model_type": "rf", **NOWHERE}, headers={"Idempotency-Key": key}
        ).json()
        after = wait_for(client, again["run_id"])

    assert (before["state"], before["interrupted"]) == ("failed", True)
    assert again["run_id"] != RUN.run_id
    assert (after["state"], after["interrupted"]) == ("failed", False)


def test_run_written_before_these_fields_existed_is_read(settings: Settings) -> None:
    folder = settings.state_dir / "runs"
    folder.mkdir()
    stored = RUN.model_dump_json(exclude={"test_mode", "interrupted"})
    (folder / f"{RUN.run_id}.json").write_text(stored)

    assert RunTable(folder).get(RUN.run_id) == RUN


def test_failed_write_of_a_run_leaves_no_partial_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    table = RunTable(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        table.record(RUN)
        assert list(tmp_path.iterdir()) == []
    table.flush()

    assert RunTable(tmp_path).get(RUN.run_id) == RUN


@pytest.mark.parametrize("promotes", [True, False])
def test_interrupted_run_with_a_registered_model_has_succeeded(settings: Settings, promotes: bool) -> None:
    RunTable(settings.state_dir / "runs").create(RUN)
    registry = Registry(Storage.at(settings.registry))
    model = add(registry, RUN.run_id).models[0]
    if promotes:
        promote(registry, RUN.run_id)

    closed = RunTable(settings.state_dir / "runs").close_interrupted(NOON, registry.current())

    assert [(run.state, run.result, run.promoted, run.reason) for run in closed] == [
        (State.SUCCEEDED, model, promotes, None)
    ]
    assert RunTable(settings.state_dir / "runs").get(RUN.run_id) == closed[0]
