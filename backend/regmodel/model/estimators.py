"""The model types of this service, their default hyperparameters, and their construction."""

from enum import StrEnum
from typing import Any, Protocol, assert_never

from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor

from backend.regmodel.data.counts import Floats


class ModelType(StrEnum):
    RF = "rf"
    """Random forest."""
    HGB = "hgb"
    """Histogram gradient boosting."""


class Estimator(Protocol):
    def fit(self, x: Floats, y: Floats, sample_weight: Floats) -> Any: ...
    def predict(self, x: Floats) -> Floats: ...


# A test_mode run tests the pipeline, not the model: small enough to end within two seconds.
SMALL: dict[ModelType, dict[str, Any]] = {
    ModelType.RF: {"n_estimators": 8, "max_depth": 8},
    ModelType.HGB: {"max_iter": 15, "max_leaf_nodes": 15},
}
# Chosen on the weeks before April 2021 only (docs/MODEL.md).
DEFAULTS: dict[ModelType, dict[str, Any]] = {
    ModelType.RF: {
        "n_estimators": 50,
        "min_samples_leaf": 30,
        "max_features": 0.3,
        "max_samples": 0.3,
    },
    ModelType.HGB: {
        "max_iter": 100,
        "learning_rate": 0.06,
        "max_leaf_nodes": 15,
        "min_samples_leaf": 300,
        "max_features": 0.3,
        "l2_regularization": 10.0,
    },
}


def build(model_type: ModelType, *, test_mode: bool, settings: dict[str, Any], seed: int = 0) -> Estimator:
    """Raises TypeError for a setting the type does not have; a bad value fails in fit."""
    merged = {**DEFAULTS[model_type], **(SMALL[model_type] if test_mode else {}), **settings}
    match model_type:
        case ModelType.RF:
            return RandomForestRegressor(**{"random_state": seed, "n_jobs": 2, **merged})  # type: ignore[no-any-return]
        case ModelType.HGB:
            return HistGradientBoostingRegressor(  # type: ignore[no-any-return]
                **{"random_state": seed, "early_stopping": False, **merged}
            )
        case _:
            assert_never(model_type)
