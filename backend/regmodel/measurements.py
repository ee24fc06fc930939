"""The last measurements, which the gauges show. On disk, so that a restart does not look like a recovery."""

import logging
from collections.abc import Mapping
from pathlib import Path

from pydantic import AwareDatetime

from backend.regmodel.atomic_files import write_atomically
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.registry.summary import Frozen

log = logging.getLogger(__name__)


class Performance(Frozen):
    r2: float
    rmse: float
    mae: float | None = None
    """None when it was measured before this field existed."""
    run_id: str
    at: AwareDatetime


class DriftMeasurement(Frozen):
    detected: bool
    share: float
    drifted_features: int
    at: AwareDatetime


class LastMeasurements(Frozen):
    performance: Mapping[ModelType, Performance] = {}
    drift: DriftMeasurement | None = None


class Measurements:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._last = _read(path)

    @property
    def last(self) -> LastMeasurements:
        return self._last

    def record_performance(self, model_type: ModelType, performance: Performance) -> None:
        performances = {**self._last.performance, model_type: performance}
        self._save(self._last.model_copy(update={"performance": performances}))

    def record_drift(self, drift: DriftMeasurement) -> None:
        self._save(self._last.model_copy(update={"drift": drift}))

    def _save(self, measurements: LastMeasurements) -> None:
        write_atomically(self._path, measurements.model_dump_json(indent=1).encode())
        self._last = measurements


def _read(path: Path) -> LastMeasurements:
    """Empty when the file is invalid: gauges without a value are better than no service."""
    if not path.exists():
        return LastMeasurements()
    try:
        return LastMeasurements.model_validate_json(path.read_bytes())
    except ValueError:
        log.exception("%s cannot be read; the gauges start without a value", path)
        return LastMeasurements()
