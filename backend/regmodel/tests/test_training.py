from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from backend.regmodel.data.counts import Window
from backend.regmodel.data.history import History
from backend.regmodel.model.decision import DecisionKind, Limits
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.model.features import NAMES, features
from backend.regmodel.model.scores import NotComputed, Scores
from backend.regmodel.model.training import (
    Champion,
    Trained,
    TrainingRefused,
    TrainingSpec,
    measure,
    rows_to_fit,
    train,
)
from backend.regmodel.tests.conftest import at

AUTUMN = Window(at("2020-09-01"), at("2020-12-01"))
SPEC = TrainingSpec(
    model_type=ModelType.HGB,
    window=AUTUMN,
    holdout_days=7,
    baseline=None,
    test_mode=True,
    min_rows=100,
    min_train_rows=1_000,
    limits=Limits(min_improvement=0.005, baseline_tolerance=0.05),
)


def trained(history: History, spec: TrainingSpec, champion: Champion | None = None) -> Trained:
    return train(history, spec, champion, progress=lambda _: None)


def champion(history: History, spec: TrainingSpec) -> Champion:
    return Champion("old", trained(history, spec).forecaster, spec.fit_window, spec.baseline)


def test_holdout_days_are_left_out_of_the_fit(year: History) -> None:
    rows = rows_to_fit(year, SPEC)

    assert rows.hours.max() == SPEC.holdout.hours.start - 1


def test_baseline_set_is_left_out_of_the_fit(year: History) -> None:
    baseline = Window(at("2020-10-05"), at("2020-10-12"))

    rows = rows_to_fit(year, replace(SPEC, baseline=baseline))

    assert not set(rows.hours) & set(baseline.hours)
    assert len(rows) == len(rows_to_fit(year, SPEC)) - len(year.counts.recorded(baseline))


def test_counts_after_the_window_do_not_change_the_model(year: History) -> None:
    grid = year.counts.grid.copy()
    grid[AUTUMN.hours.stop - year.counts.first_hour :] = 5_000
    other_future = History.of(replace(year.counts, grid=grid))

    first, second = trained(year, SPEC), trained(other_future, SPEC)

    assert first.challenger == second.challenger


def test_training_without_data_names_the_available_window(year: History) -> None:
    nowhere = replace(SPEC, window=Window(at("2019-01-01"), at("2019-03-01")))

    with pytest.raises(TrainingRefused, match=r"^0 recorded.*the data covers 2020-09-01T01:00Z"):
        trained(year, nowhere)


@pytest.mark.parametrize("model_type", ModelType)
def test_each_model_type_is_good_in_december_and_bad_at_christmas(
    year: History, model_type: ModelType
) -> None:
    fitted = trained(year, replace(SPEC, model_type=model_type, test_mode=False)).forecaster

    good = measure(year, fitted, Window(at("2020-12-01"), at("2020-12-15")), min_rows=100)
    broken = measure(year, fitted, Window(at("2020-12-21"), at("2021-01-04")), min_rows=100)

    assert isinstance(good, Scores)
    assert isinstance(broken, Scores)
    assert good.r2 > 0.75
    assert broken.r2 < 0.65


@pytest.mark.parametrize("model_type", ModelType)
def test_five_weeks_of_data_are_enough_to_train(year: History, model_type: ModelType) -> None:
    five_weeks = Window(at("2020-09-01"), at("2020-10-05"))

    fitted = trained(year, replace(SPEC, window=five_weeks, model_type=model_type)).forecaster

    assert "count_4w_ago" not in fitted.feature_names
    good = measure(year, fitted, Window(at("2020-10-05"), at("2020-10-12")), min_rows=100)
    assert isinstance(good, Scores)
    assert good.r2 > 0.7


def test_stored_model_with_fewer_features_still_forecasts(year: History) -> None:
    """As after an update of the service that added features."""
    window = Window(at("2020-12-01"), at("2020-12-15"))
    fitted = trained(year, SPEC).forecaster
    rows = year.counts.recorded(SPEC.fit_window)
    seen, names = features(year, fitted.profile, rows), ("hour", "weekday", "profile")
    plain = seen.values[:, [NAMES.index(name) for name in names]]
    target = year.counts.at(rows.hours, rows.columns) / seen.level
    estimator = HistGradientBoostingRegressor(max_iter=15).fit(plain, target)

    result = measure(year, replace(fitted, estimator=estimator, feature_names=names), window, min_rows=100)

    assert isinstance(result, Scores)
    assert result.r2 > 0.5


def test_champion_and_challenger_are_scored_on_the_same_rows(year: History) -> None:
    later = replace(SPEC, window=Window(at("2020-09-01"), at("2021-01-25")), baseline=SPEC.holdout)

    result = trained(year, later, champion(year, SPEC))

    assert result.champion is not None
    for challenged, defended in (
        (result.challenger.holdout, result.champion.holdout),
        (result.challenger.baseline, result.champion.baseline),
    ):
        assert isinstance(challenged, Scores)
        assert isinstance(defended, Scores)
        assert challenged.rows == defended.rows > 0


def test_holdout_rows_the_champion_was_fitted_on_are_not_scored(year: History) -> None:
    newer = champion(year, replace(SPEC, window=Window(at("2020-09-01"), at("2021-01-25"))))

    result = trained(year, replace(SPEC, test_mode=False), newer)

    assert isinstance(result.challenger.holdout, NotComputed)
    assert result.decision.kind is DecisionKind.SKIP_NOT_COMPARABLE


def test_champion_fitted_on_the_baseline_set_is_not_scored_on_it(year: History) -> None:
    """As when the set is configured later, or the first champion is not the first model."""
    later = replace(SPEC, window=Window(at("2020-09-01"), at("2021-01-25")), test_mode=False)
    baseline = Window(at("2020-10-05"), at("2020-10-12"))
    with_baseline = replace(later, baseline=baseline)

    not_scored = trained(year, with_baseline, champion(year, SPEC))
    scored = trained(year, with_baseline, champion(year, replace(SPEC, baseline=baseline)))
    first = trained(year, with_baseline)

    fitted_on_it = NotComputed("the champion was fitted on the baseline set")
    assert not_scored.champion is not None
    assert not_scored.challenger.baseline == not_scored.champion.baseline == fitted_on_it
    assert not_scored.decision.kind is not DecisionKind.REJECT_BASELINE_REGRESSION
    assert scored.champion is not None
    for examined in (scored.challenger, scored.champion, first.challenger):
        assert isinstance(examined.baseline, Scores)


def test_forecasts_are_never_negative(year: History) -> None:
    fitted = trained(year, SPEC).forecaster
    rows = year.counts.recorded(Window(at("2021-02-01"), at("2021-02-08")))

    forecast = fitted.forecast(year, rows)

    assert forecast.min() >= 0
    assert np.isfinite(forecast).all()
