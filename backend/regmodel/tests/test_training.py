from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from backend.regmodel.data.counts import Window
from backend.regmodel.data.history import History
from backend.regmodel.model.decision import Limits, Verdict
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.model.features import NAMES, features
from backend.regmodel.model.scores import NotComputed, Scores
from backend.regmodel.model.training import (
    Champion,
    Order,
    Trained,
    TrainingRefused,
    measure,
    rows_to_fit,
    train,
)
from backend.regmodel.tests.conftest import at

AUTUMN = Window(at("2020-09-01"), at("2020-12-01"))
ORDER = Order(
    model_type=ModelType.HGB,
    window=AUTUMN,
    holdout_days=7,
    baseline=None,
    test_mode=True,
    min_rows=100,
    min_train_rows=1_000,
    limits=Limits(min_improvement=0.005, baseline_tolerance=0.05),
)


def trained(history: History, order: Order, champion: Champion | None = None) -> Trained:
    return train(history, order, champion, progress=lambda _: None)


def champion(history: History, order: Order) -> Champion:
    return Champion("old", trained(history, order).forecaster, order.fit_window, order.baseline)


def test_the_newest_days_are_kept_from_fitting(year: History) -> None:
    rows = rows_to_fit(year, ORDER)

    assert rows.hours.max() == ORDER.holdout.hours.start - 1


def test_the_baseline_set_is_never_fitted_on(year: History) -> None:
    baseline = Window(at("2020-10-05"), at("2020-10-12"))

    rows = rows_to_fit(year, replace(ORDER, baseline=baseline))

    assert not set(rows.hours) & set(baseline.hours)
    assert len(rows) == len(rows_to_fit(year, ORDER)) - len(year.counts.recorded(baseline))


def test_what_comes_after_the_window_does_not_change_the_model(year: History) -> None:
    grid = year.counts.grid.copy()
    grid[AUTUMN.hours.stop - year.counts.first_hour :] = 5_000
    other_future = History.of(replace(year.counts, grid=grid))

    one, two = trained(year, ORDER), trained(other_future, ORDER)

    assert one.challenger == two.challenger


def test_a_window_without_data_is_refused_and_says_what_there_is(year: History) -> None:
    nowhere = replace(ORDER, window=Window(at("2019-01-01"), at("2019-03-01")))

    with pytest.raises(TrainingRefused, match=r"^0 recorded.*the data covers 2020-09-01T01:00Z"):
        trained(year, nowhere)


@pytest.mark.parametrize("model_type", ModelType)
def test_every_type_forecasts_december_from_autumn_and_breaks_at_christmas(
    year: History, model_type: ModelType
) -> None:
    fitted = trained(year, replace(ORDER, model_type=model_type, test_mode=False)).forecaster

    good = measure(year, fitted, Window(at("2020-12-01"), at("2020-12-15")), min_rows=100)
    broken = measure(year, fitted, Window(at("2020-12-21"), at("2021-01-04")), min_rows=100)

    assert isinstance(good, Scores)
    assert isinstance(broken, Scores)
    assert good.r2 > 0.75
    assert broken.r2 < 0.65


@pytest.mark.parametrize("model_type", ModelType)
def test_the_first_weeks_are_enough_though_nothing_is_known_of_a_month_ago(
    year: History, model_type: ModelType
) -> None:
    five_weeks = Window(at("2020-09-01"), at("2020-10-05"))

    fitted = trained(year, replace(ORDER, window=five_weeks, model_type=model_type)).forecaster

    assert "count_4w_ago" not in fitted.feature_names
    good = measure(year, fitted, Window(at("2020-10-05"), at("2020-10-12")), min_rows=100)
    assert isinstance(good, Scores)
    assert good.r2 > 0.7


def test_a_stored_model_of_fewer_features_goes_on(year: History) -> None:
    """As after an update of the service: its estimator is asked for what it was fitted on."""
    window = Window(at("2020-12-01"), at("2020-12-15"))
    fitted = trained(year, ORDER).forecaster
    rows = year.counts.recorded(ORDER.fit_window)
    seen, names = features(year, fitted.profile, rows), ("hour", "weekday", "profile")
    plain = seen.values[:, [NAMES.index(name) for name in names]]
    target = year.counts.at(rows.hours, rows.columns) / seen.level
    estimator = HistGradientBoostingRegressor(max_iter=15).fit(plain, target)

    found = measure(year, replace(fitted, estimator=estimator, feature_names=names), window, min_rows=100)

    assert isinstance(found, Scores)
    assert found.r2 > 0.5


def test_champion_and_challenger_sit_the_same_rows(year: History) -> None:
    later = replace(ORDER, window=Window(at("2020-09-01"), at("2021-01-25")), baseline=ORDER.holdout)

    found = trained(year, later, champion(year, ORDER))

    assert found.champion is not None
    for challenged, defended in (
        (found.challenger.holdout, found.champion.holdout),
        (found.challenger.baseline, found.champion.baseline),
    ):
        assert isinstance(challenged, Scores)
        assert isinstance(defended, Scores)
        assert challenged.rows == defended.rows > 0


def test_rows_the_champion_has_learned_from_are_no_examination(year: History) -> None:
    newer = champion(year, replace(ORDER, window=Window(at("2020-09-01"), at("2021-01-25"))))

    found = trained(year, replace(ORDER, test_mode=False), newer)

    assert isinstance(found.challenger.holdout, NotComputed)
    assert found.decision.verdict is Verdict.SKIP_NOT_COMPARABLE


def test_a_champion_fitted_on_the_baseline_set_is_not_examined_on_it(year: History) -> None:
    """As when the set is configured later, or the first champion is not the first model."""
    later = replace(ORDER, window=Window(at("2020-09-01"), at("2021-01-25")), test_mode=False)
    baseline = Window(at("2020-10-05"), at("2020-10-12"))
    wants = replace(later, baseline=baseline)

    unfair = trained(year, wants, champion(year, ORDER))
    fair = trained(year, wants, champion(year, replace(ORDER, baseline=baseline)))
    first = trained(year, wants)

    fitted_on_it = NotComputed("the champion was fitted on the baseline set")
    assert unfair.champion is not None
    assert unfair.challenger.baseline == unfair.champion.baseline == fitted_on_it
    assert unfair.decision.verdict is not Verdict.REJECT_BASELINE_REGRESSION
    assert fair.champion is not None
    for examined in (fair.challenger, fair.champion, first.challenger):
        assert isinstance(examined.baseline, Scores)


def test_forecasts_are_never_negative(year: History) -> None:
    fitted = trained(year, ORDER).forecaster
    rows = year.counts.recorded(Window(at("2021-02-01"), at("2021-02-08")))

    forecast = fitted.forecast(year, rows)

    assert forecast.min() >= 0
    assert np.isfinite(forecast).all()
