"""One training, from the counts to the decision. Splits by time only: fit before, score after."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from backend.regmodel.data.counts import Rows, Window, without
from backend.regmodel.data.history import History
from backend.regmodel.model.decision import Decision, Exam, Limits, decide
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.model.forecaster import Forecaster, fit
from backend.regmodel.model.scores import NotComputed, Scores, score


class TrainingRefused(Exception):
    """There is nothing to train on; the message says what was asked for and what there is."""


@dataclass(frozen=True, slots=True)
class Order:
    """What shall be trained."""

    model_type: ModelType
    window: Window
    holdout_days: int
    baseline: Window | None
    """Not fitted on, so that both sides of later comparisons meet it fresh."""
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
    """Rows inside it are no fair examination."""
    left_out: Window | None
    """Except these, which the fit did not see."""

    def has_learned_from(self, window: Window) -> bool:
        apart = window.end <= self.fit_window.start or self.fit_window.end <= window.start
        return not apart and self.left_out != window


@dataclass(frozen=True, slots=True)
class Trained:
    forecaster: Forecaster
    rows: int
    fit_seconds: float
    challenger: Exam
    champion: Exam | None
    decision: Decision


def train(
    history: History, order: Order, champion: Champion | None, progress: Callable[[str], None]
) -> Trained:
    """Raises TrainingRefused without data, and what scikit-learn raises for hyperparameters it refuses."""
    rows = rows_to_fit(history, order)
    progress("fitting")
    started = time.perf_counter()
    forecaster = fit(
        history, rows, order.model_type, test_mode=order.test_mode, settings=dict(order.hyperparameters)
    )
    fit_seconds = time.perf_counter() - started
    progress("scoring")
    windows = _Windows(_fresh_to(champion, order.holdout), _baseline(champion, order))
    challenger_exam = _examine(history, forecaster, windows, order)
    champion_exam = None if champion is None else _examine(history, champion.forecaster, windows, order)
    decision = decide(challenger_exam, champion_exam, test_mode=order.test_mode, limits=order.limits)
    return Trained(forecaster, len(rows), fit_seconds, challenger_exam, champion_exam, decision)


def rows_to_fit(history: History, order: Order) -> Rows:
    rows = without(history.counts.recorded(order.fit_window), order.baseline)
    if len(rows) < order.min_train_rows:
        raise TrainingRefused(
            f"{len(rows)} recorded counter-hours to fit on in {order.fit_window}; at least "
            f"{order.min_train_rows} are needed (the last {order.holdout_days} days are kept for "
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
    """What both sides of a comparison are examined on."""

    recent: Window
    baseline: Window | NotComputed


def _examine(history: History, forecaster: Forecaster, windows: _Windows, order: Order) -> Exam:
    baseline = windows.baseline
    return Exam(
        holdout=measure(history, forecaster, windows.recent, min_rows=order.min_rows),
        baseline=baseline
        if isinstance(baseline, NotComputed)
        else measure(history, forecaster, baseline, min_rows=order.min_rows),
    )


def _baseline(champion: Champion | None, order: Order) -> Window | NotComputed:
    if order.baseline is None:
        return NotComputed("no baseline set yet: the first champion's holdout becomes it")
    if champion is not None and champion.has_learned_from(order.baseline):
        return NotComputed("the champion was fitted on the baseline set")
    return order.baseline


def _fresh_to(champion: Champion | None, holdout: Window) -> Window:
    """The part of the holdout the champion has not learned from; may be empty."""
    if champion is None or champion.fit_window.end <= holdout.start:
        return holdout
    return Window(min(champion.fit_window.end, holdout.end), holdout.end)
