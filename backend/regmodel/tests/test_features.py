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


def test_nothing_newer_than_the_city_publishes_enters_a_forecast(year: History) -> None:
    profile = learn(year.counts, year.counts.recorded(Window(at("2020-09-01"), at("2021-01-01"))))
    future_rewritten = History.of(with_other_counts_from(year.counts, TARGET - GAP_HOURS + 1))

    before, after = (features(history, profile, one_row()) for history in (year, future_rewritten))

    assert np.array_equal(before.values, after.values, equal_nan=True)
    assert np.array_equal(before.level, after.level)


def test_what_was_published_does_enter(year: History) -> None:
    profile = learn(year.counts, year.counts.recorded(Window(at("2020-09-01"), at("2021-01-01"))))
    past_rewritten = History.of(with_other_counts_from(year.counts, TARGET - GAP_HOURS))

    before, after = (features(history, profile, one_row()) for history in (year, past_rewritten))

    assert before.level[0] != after.level[0]


def test_a_gap_covers_the_horizon_and_the_latest_publication() -> None:
    forecast_hours_ahead, published_hours_late = 48, 48

    assert forecast_hours_ahead + published_hours_late <= GAP_HOURS


def test_a_count_that_is_not_published_in_time_is_refused(year: History) -> None:
    with pytest.raises(ValueError, match="3 days ago are not known 96 hours ahead"):
        year.lag(one_row(), days=3)

    assert np.isfinite(year.lag(one_row(), days=4))


def test_a_counter_nobody_has_heard_of_gets_the_citys_profile(year: History) -> None:
    profile = learn(year.counts, year.counts.recorded(Window(at("2020-09-01"), at("2021-01-01"))))

    stranger = features(year, profile, one_row(column=-1))

    assert stranger.level[0] == pytest.approx(profile.level[-1], abs=3.1)
    assert stranger.values[0, NAMES.index("profile")] == profile.shape[-1, 24 + 10]  # Tuesday, 10:00 in Paris


def test_a_dead_sensor_divides_nothing_by_nought() -> None:
    counts = flat(24 * 70)
    dead = History.of(replace(counts, grid=np.zeros_like(counts.grid)))
    rows = Rows(np.array([counts.first_hour + 24 * 60]), np.array([0]))

    found = features(dead, learn(dead.counts, rows), rows)

    assert np.isfinite(found.values).all()


def test_the_median_of_weeks_is_that_of_the_known_ones() -> None:
    counts = flat(24 * 7 * 5)
    grid = counts.grid.copy()
    last = len(grid) - 1
    for weeks, value in ((1, 4.0), (2, np.nan), (3, 10.0), (4, 6.0)):
        grid[last - 168 * weeks] = value
    history = History.of(replace(counts, grid=grid))
    rows = Rows(np.array([counts.first_hour + last]), np.array([0]))

    found = features(history, learn(counts, rows), rows)

    assert found.values[0, NAMES.index("median_of_weeks_ago")] * found.level[0] == pytest.approx(6.0)
    assert found.values[0, NAMES.index("mean_of_weeks_ago")] * found.level[0] == pytest.approx(20 / 3)
