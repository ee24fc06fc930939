"""One training, from the counts to the decision. Splits by time only: fit before, score after."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from backend.regmodel.data.counts import Rows, Window, without
from backend.regmodel.data.history import History
from backend.regmodel.model.decision import Decision, Evaluation, Limits, decide
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.model.forecaster import Forecaster, fit
from backend.regmodel.model.scores import NotComputed, Scores, score


class TrainingRefused(Exception):
    """Too little data to train on; the message names the window and the data there is."""


@dataclass(frozen=True, slots=True)
class TrainingSpec:
    model_type: ModelType
    window: Window
    holdout_days: int
    baseline: Window | None
    """Left out of the fit, so that it is unseen by both sides of later comparisons."""
    test_mode: bool
    min_rows: int
    min_train_rows: int
    limits: Limits
    hyperparameters: dict[str, Any] = field(default_factory=dict)

    @property
    def holdout(self) -> Window:
        return Window(self.window.end - timedelta(days=self.holdout_days), self.window.end)

    @property
    def fit_window(self) -> Window:
        return Window(self.window.start, self.holdout.start)


@dataclass(frozen=True, slots=True)
class Champion:
    run_id: str
    forecaster: Forecaster
    fit_window: Window
    """Rows inside it are not used for scoring."""
    left_out: Window | None
    """Rows of the fit window that the fit did not see."""

    def was_fitted_on(self, window: Window) -> bool:
        apart = window.end <= self.fit_window.start or self.fit_window.end <= window.start
        return not apart and self.left_out != window


@dataclass(frozen=True, slots=True)
class Trained:
    forecaster: Forecaster
    rows: int
    fit_seconds: float
    challenger: Evaluation
    champion: Evaluation | None
    decision: Decision


def train(
    history: History, spec: TrainingSpec, champion: Champion | None, progress: Callable[[str], None]
) -> Trained:
    """Raises TrainingRefused without data, and what scikit-learn raises for hyperparameters it refuses."""
    rows = rows_to_fit(history, spec)
    progress("fitting")
    started = time.perf_counter()
    forecaster = fit(
        history, rows, spec.model_type, test_mode=spec.test_mode, settings=dict(spec.hyperparameters)
    )
    fit_seconds = time.perf_counter() - started
    progress("scoring")
    windows = _Windows(_unseen_holdout(champion, spec.holdout), _baseline(champion, spec))
    challenger_evaluation = _evaluate(history, forecaster, windows, spec)
    champion_evaluation = None if champion is None else _evaluate(history, champion.forecaster, windows, spec)
    decision = decide(
        challenger_evaluation, champion_evaluation, test_mode=spec.test_mode, limits=spec.limits
    )
    return Trained(forecaster, len(rows), fit_seconds, challenger_evaluation, champion_evaluation, decision)


def rows_to_fit(history: History, spec: TrainingSpec) -> Rows:
    rows = without(history.counts.recorded(spec.fit_window), spec.baseline)
    if len(rows) < spec.min_train_rows:
        raise TrainingRefused(
            f"{len(rows)} recorded counter-hours to fit on in {spec.fit_window}; at least "
            f"{spec.min_train_rows} are needed (the last {spec.holdout_days} days are kept for "
            f"scoring; the data covers {history.counts.window})"
        )
    return rows


def measure(
    history: History, forecaster: Forecaster, window: Window, *, min_rows: int
) -> Scores | NotComputed:
    rows = history.counts.recorded(window)
    if len(rows) < min_rows:
        return NotComputed(f"{len(rows)} recorded counter-hours in {window}; at least {min_rows} are needed")
    observed = history.counts.at(rows.hours, rows.columns)
    return score(observed, forecaster.forecast(history, rows), min_rows=min_rows)


@dataclass(frozen=True, slots=True)
class _Windows:
    """The windows both sides of a comparison are scored on."""

    recent: Window
    baseline: Window | NotComputed


def _evaluate(history: History, forecaster: Forecaster, windows: _Windows, spec: TrainingSpec) -> Evaluation:
    baseline = windows.baseline
    return Evaluation(
        holdout=measure(history, forecaster, windows.recent, min_rows=spec.min_rows),
        baseline=baseline
        if isinstance(baseline, NotComputed)
        else measure(history, forecaster, baseline, min_rows=spec.min_rows),
    )


def _baseline(champion: Champion | None, spec: TrainingSpec) -> Window | NotComputed:
    if spec.baseline is None:
        return NotComputed("no baseline set yet: the first champion's holdout becomes it")
    if champion is not None and champion.was_fitted_on(spec.baseline):
        return NotComputed("the champion was fitted on the baseline set")
    return spec.baseline


def _unseen_holdout(champion: Champion | None, holdout: Window) -> Window:
    """The part of the holdout that the champion was not fitted on; may be empty."""
    if champion is None or champion.fit_window.end <= holdout.start:
        return holdout
    return Window(min(champion.fit_window.end, holdout.end), holdout.end)
