"""What the worker processes do: load the counts, train or measure, and answer with values.

Expected failures are answers too, so that nothing that cannot be pickled has to travel.
"""

import functools
import logging
from dataclasses import dataclass
from pathlib import Path

from backend.regmodel.data.counts import Counts, Window, overlaid
from backend.regmodel.data.files import DataFolderError
from backend.regmodel.data.history import History
from backend.regmodel.data.source import Source
from backend.regmodel.model.decision import Decision, Exam
from backend.regmodel.model.drift import Drift, DriftLimits, drift
from backend.regmodel.model.scores import NotComputed, Scores
from backend.regmodel.model.training import Champion, Order, TrainingRefused, measure, train
from backend.regmodel.registry.registry import Registry, RegistryError
from backend.regmodel.registry.storage import Storage

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Data:
    """The counts to work on; `version` changes when they do, so that a worker may keep what it read."""

    source: Source
    version: int
    posted: Counts | None = None
    """Counts of this one request, laid over the rest."""


@dataclass(frozen=True, slots=True)
class Training:
    run_id: str
    order: Order
    data: Data
    registry_url: str
    champion_run_id: str | None
    champion_fit: Window | None
    champion_left_out: Window | None
    stage_file: Path


@dataclass(frozen=True, slots=True)
class Fitted:
    rows: int
    fit_seconds: float
    challenger: Exam
    champion: Exam | None
    decision: Decision


@dataclass(frozen=True, slots=True)
class Failed:
    reason: str


def train_model(training: Training) -> Fitted | Failed:
    """Fit, compare with the champion, and store the model's file. The registry's summary is not touched."""
    try:
        return _train(training)
    except (TrainingRefused, DataFolderError, RegistryError) as error:
        return Failed(str(error))
    except Exception as error:
        # The edge of the process: whatever scikit-learn says about a bad hyperparameter belongs
        # to the caller.
        log.exception("training %s failed", training.run_id)
        return Failed(f"{type(error).__name__}: {error}")
    finally:
        training.stage_file.unlink(missing_ok=True)


def evaluate_model(
    data: Data, registry_url: str, run_id: str, window: Window, min_rows: int
) -> Scores | NotComputed | Failed:
    try:
        forecaster = Registry(Storage.at(registry_url)).load(run_id)
        return measure(_history(data), forecaster, window, min_rows=min_rows)
    except (DataFolderError, RegistryError) as error:
        return Failed(str(error))


def measure_drift(
    data: Data, reference: Window, current: Window, limits: DriftLimits
) -> Drift | NotComputed | Failed:
    try:
        return drift(_history(data).counts, reference=reference, current=current, limits=limits)
    except DataFolderError as error:
        return Failed(str(error))


def _train(training: Training) -> Fitted:
    def progress(stage: str) -> None:
        training.stage_file.write_text(stage)

    progress("loading")
    registry = Registry(Storage.at(training.registry_url))
    history = _history(training.data)
    trained = train(history, training.order, _champion(registry, training), progress)
    progress("storing")
    registry.save(training.run_id, trained.forecaster)
    return Fitted(trained.rows, trained.fit_seconds, trained.challenger, trained.champion, trained.decision)


def _champion(registry: Registry, training: Training) -> Champion | None:
    if training.champion_run_id is None or training.champion_fit is None:
        return None
    forecaster = registry.load(training.champion_run_id)
    return Champion(training.champion_run_id, forecaster, training.champion_fit, training.champion_left_out)


def _history(data: Data) -> History:
    if data.posted is None:
        return _stored(data.source, data.version)
    return History.of(overlaid(_stored(data.source, data.version).counts, data.posted))


@functools.lru_cache(maxsize=1)
def _stored(source: Source, _version: int) -> History:
    return History.of(source.load())
