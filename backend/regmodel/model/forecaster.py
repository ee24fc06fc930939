"""A fitted model with everything it needs to forecast: one value, pickled as one file."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from backend.regmodel.data.counts import Floats, Rows
from backend.regmodel.data.history import History
from backend.regmodel.model.estimators import Estimator, ModelType, build
from backend.regmodel.model.features import NAMES, features
from backend.regmodel.model.profile import Profile, learn
from backend.regmodel.model.threads import one_thread


@dataclass(frozen=True, slots=True)
class Forecaster:
    model_type: ModelType
    profile: Profile
    estimator: Estimator
    feature_names: tuple[str, ...]
    """The subset of NAMES it was fitted on: a stored model still works after features are added."""

    def forecast(self, history: History, rows: Rows) -> Floats:
        """Bicycles an hour at each row, never below 0. float64[rows]."""
        if not len(rows):
            return np.empty(0)
        inputs = features(history, self.profile, rows)
        with one_thread():
            shares = self.estimator.predict(_select(inputs.values, self.feature_names))
        return np.maximum(shares * inputs.level, 0.0)


def fit(
    history: History, rows: Rows, model_type: ModelType, *, test_mode: bool, settings: dict[str, Any]
) -> Forecaster:
    """Fit on the recorded rows. Weighted by level, so that errors count in bicycles, not in shares."""
    profile = learn(history.counts, rows)
    inputs = features(history, profile, rows)
    target = history.counts.at(rows.hours, rows.columns) / inputs.level
    names = _informative(inputs.values)
    estimator = build(model_type, test_mode=test_mode, settings=settings)
    # Weights of mean 1: scikit-learn 1.9 takes a forest's max_samples as a share of their sum, not of
    # the rows.
    with one_thread():
        estimator.fit(_select(inputs.values, names), target, sample_weight=inputs.level / inputs.level.mean())
    return Forecaster(model_type=model_type, profile=profile, estimator=estimator, feature_names=names)


def _informative(values: Floats) -> tuple[str, ...]:
    """Names of the columns with two known values at least.

    In the first weeks nothing is known of four weeks ago, and HistGradientBoostingRegressor (1.9) fails on
    a weighted column of one value or none.
    """
    ranges = ((column.min(initial=np.inf), column.max(initial=-np.inf)) for column in map(_known, values.T))
    return tuple(name for name, (least, most) in zip(NAMES, ranges, strict=True) if least < most)


def _known(column: Floats) -> Floats:
    return column[~np.isnan(column)]


def _select(values: Floats, names: tuple[str, ...]) -> Floats:
    return values if names == NAMES else values[:, [NAMES.index(name) for name in names]]
