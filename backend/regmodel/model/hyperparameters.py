"""Limits of the hyperparameters that a caller may set: those that make a training long or large."""

from collections.abc import Mapping

MAXIMA: Mapping[str, int] = {
    "n_estimators": 2_000,
    "max_iter": 2_000,
    "max_depth": 64,
    "max_leaf_nodes": 4_096,
    "n_jobs": 2,
}
MINIMA: Mapping[str, int] = {"n_jobs": 1}
"""Below 1 it stands for every core of the machine."""

Hyperparameter = str | int | float | bool | None


def check(hyperparameters: Mapping[str, Hyperparameter]) -> None:
    """Raises ValueError for one that could make a training too large; what else is wrong fails in the fit."""
    for name, value in hyperparameters.items():
        if not isinstance(value, int | float):
            continue
        if name in MAXIMA and value > MAXIMA[name]:
            raise ValueError(f"{name} must be at most {MAXIMA[name]}")
        if name in MINIMA and value < MINIMA[name]:
            raise ValueError(f"{name} must be at least {MINIMA[name]}")
