"""A fitted model together with all it needs to forecast: one value, pickled as one file."""

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
    feature_names: tuple[str, ...] = NAMES

    def forecast(self, history: History, rows: Rows) -> Floats:
        """Bicycles an hour at each row, never below 0. float64[rows]."""
        if not len(rows):
            return np.empty(0)
        seen = features(history, self.profile, rows)
        with one_thread():
            shares = self.estimator.predict(seen.values)
        return np.maximum(shares * seen.level, 0.0)


def fit(
    history: History, rows: Rows, model_type: ModelType, *, test_mode: bool, settings: dict[str, Any]
) -> Forecaster:
    """Fit on the recorded rows. Weighted by level, so that an error counts in bicycles and not in shares."""
    profile = learn(history.counts, rows)
    seen = features(history, profile, rows)
    target = history.counts.at(rows.hours, rows.columns) / seen.level
    estimator = build(model_type, test_mode=test_mode, settings=settings)
    # Weights of mean 1: scikit-learn 1.9 takes a forest's max_samples as a share of their sum, not of
    # the rows.
    with one_thread():
        estimator.fit(seen.values, target, sample_weight=seen.level / seen.level.mean())
    return Forecaster(model_type=model_type, profile=profile, estimator=estimator)
