"""The table of training runs: one small JSON file each, so that runs survive a restart."""

import logging
import re
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import AwareDatetime

from backend.regmodel.atomic_files import write_atomically
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.registry.summary import Frozen, Model, Summary

log = logging.getLogger(__name__)

RUN_ID = re.compile(r"[a-z]+-\d{8}T\d{6}-[0-9a-f]{6}")
INTERRUPTED = "the service stopped while the run was in progress"


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Run(Frozen):
    run_id: str
    model_type: ModelType
    state: State
    submitted_at: AwareDatetime
    started_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None
    test_mode: bool = False
    idempotency_key: str | None = None
    reason: str | None = None
    """Why it failed, for people."""
    interrupted: bool = False
    """The service stopped during the run: it failed through no fault of its own and can be repeated."""
    result: Model | None = None
    promoted: bool = False

    @property
    def is_over(self) -> bool:
        return self.state in (State.SUCCEEDED, State.FAILED)

    def changed(self, **changes: object) -> Self:
        return self.model_copy(update=changes)


class RunTable:
    """One process writes it; after a restart the files are the truth."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs = {run.run_id: run for run in _read_all(folder)}
        self._unwritten: set[str] = set()

    def get(self, run_id: str) -> Run | None:
        return self._runs.get(run_id)

    def create(self, run: Run) -> None:
        """The run is on disk when this returns."""
        self._write(run)
        self._runs[run.run_id] = run

    def record(self, run: Run) -> None:
        """Takes effect at once; a file that could not be written is written by a later `flush`."""
        self._runs[run.run_id] = run
        self._unwritten.add(run.run_id)
        self.flush()

    def flush(self) -> None:
        for run_id in sorted(self._unwritten):
            try:
                self._write(self._runs[run_id])
            except OSError as error:
                log.warning("run %s cannot be written yet: %s", run_id, error)
                return
            self._unwritten.discard(run_id)

    def find_by_key(self, key: str) -> Run | None:
        """Skips a failed run: a cleared Airflow task sends the same key and needs a new run."""
        known = (run for run in self._runs.values() if run.idempotency_key == key)
        return next((run for run in known if run.state is not State.FAILED), None)

    def waiting(self) -> int:
        return sum(run.state is State.QUEUED for run in self._runs.values())

    def close_interrupted(self, now: datetime, registry: Summary) -> list[Run]:
        """After a restart no run is active: close every unfinished one.

        A run whose model is in the registry succeeded; only its file was not updated in time.
        """
        interrupted = [run for run in self._runs.values() if not run.is_over]
        closed = [_close(run, now, registry) for run in interrupted]
        for run in closed:
            self.record(run)
        return closed

    def stage_file(self, run_id: str) -> Path:
        """The worker writes its current stage here, as one word."""
        return self._folder / f"{run_id}.stage"

    def stage(self, run: Run) -> str:
        if run.state is not State.RUNNING:
            return run.state.value
        try:
            return self.stage_file(run.run_id).read_text() or "starting"
        except FileNotFoundError:
            return "starting"

    def _write(self, run: Run) -> None:
        write_atomically(self._folder / f"{run.run_id}.json", run.model_dump_json(indent=1).encode())


def _close(run: Run, now: datetime, registry: Summary) -> Run:
    model = registry.model(run.run_id)
    if model is None:
        return run.changed(state=State.FAILED, finished_at=now, reason=INTERRUPTED, interrupted=True)
    promoted = any(promotion.run_id == run.run_id for promotion in registry.promotions)
    return run.changed(state=State.SUCCEEDED, finished_at=model.created_at, result=model, promoted=promoted)


def _read_all(folder: Path) -> list[Run]:
    paths = (path for path in folder.glob("*.json") if RUN_ID.fullmatch(path.stem))
    return [Run.model_validate_json(path.read_bytes()) for path in paths]
