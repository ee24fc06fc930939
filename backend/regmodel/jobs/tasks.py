"""The worker processes' functions: load the counts, train or measure, and return values.

Expected failures are values too: exceptions of other libraries may not survive pickling.
"""

import functools
import logging
from dataclasses import dataclass
from pathlib import Path

from backend.regmodel.data.counts import Counts, Window
from backend.regmodel.data.files import DataFolderError
from backend.regmodel.data.history import History
from backend.regmodel.data.source import Origin, Source
from backend.regmodel.model.decision import Decision, Evaluation
from backend.regmodel.model.drift import Drift, DriftLimits, drift
from backend.regmodel.model.scores import NotComputed, Scores
from backend.regmodel.model.training import Champion, TrainingRefused, TrainingSpec, measure, train
from backend.regmodel.registry.registry import Registry, RegistryError
from backend.regmodel.registry.storage import Storage

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Data:
    """The counts to work on; `version` changes with them, so that a worker can cache what it read."""

    source: Source
    version: int
    origin: Origin
    posted: Counts | None = None
    """Counts of this one request, laid over the recorded ones."""


@dataclass(frozen=True, slots=True)
class TrainingJob:
    run_id: str
    spec: TrainingSpec
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
    challenger: Evaluation
    champion: Evaluation | None
    decision: Decision


@dataclass(frozen=True, slots=True)
class Failed:
    reason: str


def train_model(job: TrainingJob) -> Fitted | Failed:
    """Fit, compare with the champion, and store the model's file. The registry's summary is not changed."""
    try:
        return _train(job)
    except (TrainingRefused, DataFolderError, RegistryError) as error:
        return Failed(str(error))
    except Exception as error:
        # The edge of the process: scikit-learn raises many types for a bad hyperparameter, and the caller
        # needs the text.
        log.exception("training %s failed", job.run_id)
        return Failed(f"{type(error).__name__}: {error}")
    finally:
        job.stage_file.unlink(missing_ok=True)


def evaluate_model(
    data: Data, registry_url: str, run_id: str, window: Window, min_rows: int
) -> Scores | NotComputed | Failed:
    try:
        forecaster = Registry(Storage.at(registry_url)).load(run_id)
        return measure(history_of(data), forecaster, window, min_rows=min_rows)
    except (DataFolderError, RegistryError) as error:
        return Failed(str(error))


def measure_drift(
    data: Data, reference: Window, current: Window, limits: DriftLimits
) -> Drift | NotComputed | Failed:
    try:
        return drift(history_of(data).counts, reference=reference, current=current, limits=limits)
    except DataFolderError as error:
        return Failed(str(error))


def _train(job: TrainingJob) -> Fitted:
    def progress(stage: str) -> None:
        job.stage_file.write_text(stage)

    progress("loading")
    registry = Registry(Storage.at(job.registry_url))
    history = history_of(job.data)
    trained = train(history, job.spec, _champion(registry, job), progress)
    progress("storing")
    registry.save(job.run_id, trained.forecaster)
    return Fitted(trained.rows, trained.fit_seconds, trained.challenger, trained.champion, trained.decision)


def _champion(registry: Registry, job: TrainingJob) -> Champion | None:
    if job.champion_run_id is None or job.champion_fit is None:
        return None
    forecaster = registry.load(job.champion_run_id)
    return Champion(job.champion_run_id, forecaster, job.champion_fit, job.champion_left_out)


def history_of(data: Data) -> History:
    if data.posted is None:
        return _load(data.source, data.version)
    if data.origin is Origin.GENERATED:
        return History.of(data.posted)
    return _load(data.source, data.version).updated(data.posted)


@functools.lru_cache(maxsize=1)
def _load(source: Source, _version: int) -> History:
    counts, _ = source.load()
    return History.of(counts)
