import numpy as np

from backend.regmodel.data.counts import Counts, Window
from backend.regmodel.data.generated import generated_year
from backend.regmodel.tests.conftest import at


def mean(counts: Counts, start: str, end: str) -> float:
    return float(np.nanmean(counts.slice(Window(at(start), at(end)))))


def test_generated_year_is_deterministic_per_seed() -> None:
    first, second = (generated_year(counters=14) for _ in range(2))

    assert np.array_equal(first.grid, second.grid, equal_nan=True)
    assert not np.array_equal(first.grid, generated_year(seed=1, counters=14).grid, equal_nan=True)


def test_generated_year_has_the_shape_of_the_real_one() -> None:
    counts = generated_year()

    assert counts.grid.shape == (8_975, 56)
    assert len(set(counts.counters)) == 56
    assert 50 < np.nanmean(counts.grid) < 70


def test_generated_christmas_and_snow_week_are_below_usual() -> None:
    counts = generated_year()
    usual = mean(counts, "2020-12-01", "2020-12-15")

    assert mean(counts, "2020-12-21", "2021-01-04") < 0.65 * usual
    assert mean(counts, "2021-02-08", "2021-02-14") < 0.65 * usual


def test_generated_sensors_die_go_missing_and_start_late() -> None:
    counts = generated_year()

    stuck = counts.slice(Window(at("2021-02-01"), at("2021-02-20")))[:, 4:6]
    missing = counts.slice(Window(at("2021-03-15"), at("2021-03-30")))[:, 12:14]
    late = counts.slice(Window(at("2020-09-02"), at("2020-12-01")))[:, -2:]

    assert (stuck == 0).all()
    assert np.isnan(missing).all()
    assert np.isnan(late).all()
