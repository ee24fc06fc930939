from dataclasses import replace

import numpy as np
import pytest

from backend.regmodel.data.counts import Counts, Rows, Window, hour_number
from backend.regmodel.data.history import GAP_HOURS, History
from backend.regmodel.model.features import NAMES, features
from backend.regmodel.model.profile import learn
from backend.regmodel.tests.conftest import at, flat

TARGET = hour_number(at("2021-06-01T08"))


def with_other_counts_from(counts: Counts, hour: int) -> Counts:
    grid = counts.grid.copy()
    grid[hour - counts.first_hour :] = 77_777
    return replace(counts, grid=grid)


def one_row(column: int = 3) -> Rows:
    return Rows(np.array([TARGET]), np.array([column]))


def test_features_use_nothing_newer_than_the_gap(year: History) -> None:
    profile = learn(year.counts, year.counts.recorded(Window(at("2020-09-01"), at("2021-01-01"))))
    future_rewritten = History.of(with_other_counts_from(year.counts, TARGET - GAP_HOURS + 1))

    before, after = (features(history, profile, one_row()) for history in (year, future_rewritten))

    assert np.array_equal(before.values, after.values, equal_nan=True)
    assert np.array_equal(before.level, after.level)


def test_features_use_counts_up_to_the_gap(year: History) -> None:
    profile = learn(year.counts, year.counts.recorded(Window(at("2020-09-01"), at("2021-01-01"))))
    past_rewritten = History.of(with_other_counts_from(year.counts, TARGET - GAP_HOURS))

    before, after = (features(history, profile, one_row()) for history in (year, past_rewritten))

    assert before.level[0] != after.level[0]


def test_gap_covers_horizon_and_publication_delay() -> None:
    forecast_hours_ahead, published_hours_late = 48, 48

    assert forecast_hours_ahead + published_hours_late <= GAP_HOURS


def test_lag_below_the_gap_raises_value_error(year: History) -> None:
    with pytest.raises(ValueError, match="3 days ago are not known 96 hours ahead"):
        year.lag(one_row(), days=3)

    assert np.isfinite(year.lag(one_row(), days=4))


def test_unknown_counter_gets_the_city_profile(year: History) -> None:
    profile = learn(year.counts, year.counts.recorded(Window(at("2020-09-01"), at("2021-01-01"))))

    unknown = features(year, profile, one_row(column=-1))

    assert unknown.level[0] == pytest.approx(profile.level[-1], abs=3.1)
    assert unknown.values[0, NAMES.index("profile")] == profile.shape[-1, 24 + 10]  # Tuesday, 10:00 in Paris


def test_features_of_a_dead_sensor_are_finite() -> None:
    counts = flat(24 * 70)
    dead = History.of(replace(counts, grid=np.zeros_like(counts.grid)))
    rows = Rows(np.array([counts.first_hour + 24 * 60]), np.array([0]))

    result = features(dead, learn(dead.counts, rows), rows)

    assert np.isfinite(result.values).all()


def test_median_of_weeks_ignores_missing_weeks() -> None:
    counts = flat(24 * 7 * 5)
    grid = counts.grid.copy()
    last = len(grid) - 1
    for weeks, value in ((1, 4.0), (2, np.nan), (3, 10.0), (4, 6.0)):
        grid[last - 168 * weeks] = value
    history = History.of(replace(counts, grid=grid))
    rows = Rows(np.array([counts.first_hour + last]), np.array([0]))

    result = features(history, learn(counts, rows), rows)

    assert result.values[0, NAMES.index("median_of_weeks_ago")] * result.level[0] == pytest.approx(6.0)
    assert result.values[0, NAMES.index("mean_of_weeks_ago")] * result.level[0] == pytest.approx(20 / 3)
