"""The last measurements, which the gauges show: kept on disk: a restart is no recovery."""

import logging
from collections.abc import Mapping
from pathlib import Path

from pydantic import AwareDatetime

from backend.regmodel.atomic_files import write_whole
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.registry.summary import Frozen

log = logging.getLogger(__name__)


class Performance(Frozen):
    r2: float
    rmse: float
    run_id: str
    at: AwareDatetime


class DriftSeen(Frozen):
    detected: bool
    share: float
    drifted_features: int
    at: AwareDatetime


class Measured(Frozen):
    performance: Mapping[ModelType, Performance] = {}
    drift: DriftSeen | None = None


class Measurements:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._last = _read(path)

    @property
    def last(self) -> Measured:
        return self._last

    def saw_performance(self, model_type: ModelType, performance: Performance) -> None:
        known = {**self._last.performance, model_type: performance}
        self._keep(self._last.model_copy(update={"performance": known}))

    def saw_drift(self, drift: DriftSeen) -> None:
        self._keep(self._last.model_copy(update={"drift": drift}))

    def _keep(self, measured: Measured) -> None:
        write_whole(self._path, measured.model_dump_json(indent=1).encode())
        self._last = measured


def _read(path: Path) -> Measured:
    """Empty where the file cannot be understood: gauges without a value are better than no service."""
    if not path.exists():
        return Measured()
    try:
        return Measured.model_validate_json(path.read_bytes())
    except ValueError:
        log.exception("%s cannot be read; the gauges start without a value", path)
        return Measured()
