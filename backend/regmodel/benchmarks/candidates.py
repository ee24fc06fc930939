"""The compared forecasts: the model types of this service, and three baselines."""

from collections.abc import Callable

import numpy as np
from sklearn.ensemble import RandomForestRegressor

from backend.regmodel.data.calendar import local_times
from backend.regmodel.data.counts import Floats, Rows
from backend.regmodel.data.history import History
from backend.regmodel.model import forecaster
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.model.profile import Profile, learn

Forecast = Callable[[Rows], Floats]
Fit = Callable[[History, Rows], tuple[object, Forecast]]


def last_week(history: History, rows: Rows) -> tuple[object, Forecast]:
    """Always known in time: a week is longer than GAP_HOURS."""
    profile = learn(history.counts, rows)

    def forecast(points: Rows) -> Floats:
        lag = history.lag(points, days=7)
        return np.where(np.isnan(lag), _usual(history, profile, points), lag)

    return profile, forecast


def hourly_weekday_mean(history: History, rows: Rows) -> tuple[object, Forecast]:
    profile = learn(history.counts, rows)
    return profile, lambda points: _usual(history, profile, points)


def plan_forest(history: History, rows: Rows) -> tuple[object, Forecast]:
    """Fifty trees of depth 20 on hour, weekday, month and counter."""
    model = RandomForestRegressor(n_estimators=50, max_depth=20, random_state=0, n_jobs=2)
    model.fit(_plain(rows), history.counts.at(rows.hours, rows.columns))
    return model, lambda points: np.asarray(model.predict(_plain(points)))


def service_model(model_type: ModelType) -> Fit:
    def fit(history: History, rows: Rows) -> tuple[object, Forecast]:
        fitted = forecaster.fit(history, rows, model_type, test_mode=False, settings={})
        return fitted, lambda points: fitted.forecast(history, points)

    return fit


BASELINES: dict[str, Fit] = {
    "same hour last week": last_week,
    "hourly-weekday mean": hourly_weekday_mean,
    "the plan's random forest": plan_forest,
}
CANDIDATES: dict[str, Fit] = BASELINES | {f"**{kind.value}**": service_model(kind) for kind in ModelType}


def _usual(history: History, profile: Profile, points: Rows) -> Floats:
    """The counter's mean at this hour of the week, the city's where it has none."""
    own = profile.columns_of(history.counts.counters, points.columns)
    week_hour = local_times(points.hours).hour_of_week
    mean = profile.shape[own, week_hour] * profile.level[own]
    return np.where(np.isnan(mean), profile.shape[-1, week_hour] * profile.level[-1], mean)


def _plain(rows: Rows) -> Floats:
    local = local_times(rows.hours)
    month = (rows.hours * 3600).astype("datetime64[s]").astype("datetime64[M]").astype(int) % 12 + 1
    return np.column_stack([local.hour, local.weekday, month, rows.columns])
