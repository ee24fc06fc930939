"""Dead sensors: a day of zeros where counts are usual."""

from collections.abc import Sequence

import numpy as np
import pytest

from backend.regmodel.data.counts import EMPTY, Counts, Floats, Window, hour_number
from backend.regmodel.data.history import History
from backend.regmodel.data.sensors import dead_hours, dead_sensors
from backend.regmodel.model.drift import Drift, DriftLimits, drift
from backend.regmodel.model.profile import learn
from backend.regmodel.tests.conftest import at, flat

START = "2020-09-01"
WEEKS = 168


def counting(values: Sequence[float] | Floats, *, usual: float = 10.0, weeks: int = 4) -> Counts:
    """One counter that counted `usual` for some weeks, and then these values."""
    column = np.concatenate([np.full(weeks * WEEKS, usual), values])
    return Counts(hour_number(at(START)), ("a",), column[:, None])


def dead_rows(counts: Counts) -> list[int]:
    """Hours after the usual weeks."""
    mask, _ = dead_hours(counts.grid)
    return [int(row) - 4 * WEEKS for row in np.flatnonzero(mask[:, 0])]


@pytest.mark.parametrize(("zeros", "is_dead"), [(23, False), (24, True), (200, True)])
def test_a_day_of_zeros_is_dead(zeros: int, is_dead: bool) -> None:
    counts = counting(np.zeros(zeros))

    assert dead_rows(counts) == (list(range(zeros)) if is_dead else [])
    assert bool(dead_sensors(counts)) is is_dead


@pytest.mark.parametrize(("usual", "is_dead"), [(4.9, False), (5.0, True)])
def test_zeros_of_a_quiet_counter_are_recorded_traffic(usual: float, is_dead: bool) -> None:
    assert bool(dead_sensors(counting(np.zeros(48), usual=usual))) is is_dead


def test_missing_hours_neither_end_nor_count_as_zeros() -> None:
    interrupted = counting([*np.zeros(12), np.nan, np.nan, *np.zeros(12)])
    too_few = counting([*np.zeros(12), *np.full(20, np.nan), *np.zeros(11)])

    assert dead_rows(interrupted) == [*range(12), *range(14, 26)]
    assert dead_rows(too_few) == []


def test_a_count_above_zero_ends_the_death() -> None:
    counts = counting([*np.zeros(30), 3.0])

    assert dead_rows(counts) == list(range(30))
    assert dead_sensors(counts) == ()


def test_second_death_is_judged_by_the_counts_before_the_first() -> None:
    counts = counting([*np.zeros(5 * WEEKS), 3.0, *np.zeros(24)])

    assert dead_rows(counts) == [*range(5 * WEEKS), *range(5 * WEEKS + 1, 5 * WEEKS + 25)]


def test_counter_that_never_counted_is_not_dead() -> None:
    counts = Counts(hour_number(at(START)), ("a",), np.zeros((2_000, 1)))

    assert dead_sensors(counts) == ()


def test_dead_sensor_is_described_by_its_first_zero_and_usual_count() -> None:
    sensor = dead_sensors(counting([np.nan, *np.zeros(30)]))[0]

    assert sensor.counter_id == "a"
    assert sensor.since == at("2020-09-29T01")
    assert sensor.usual == pytest.approx(10)


def test_counter_that_has_gone_is_not_dead() -> None:
    gone = counting([*np.zeros(30), *np.full(100, np.nan)]).grid
    counts = Counts(hour_number(at(START)), ("a", "b"), np.hstack([gone, np.full_like(gone, 7.0)]))

    assert dead_sensors(counts) == ()


def test_no_counts_have_no_dead_sensors() -> None:
    history = History.of(EMPTY)

    assert (history.dead_sensors, history.newest_hour) == ((), None)


def test_dead_hours_enter_neither_fit_nor_score_nor_drift() -> None:
    grid = np.full((8 * WEEKS, 2), 10.0)
    grid[4 * WEEKS : 6 * WEEKS, 0] = 0.0
    history = History.of(Counts(hour_number(at(START)), ("dead", "alive"), grid))
    fortnight = Window(at("2020-09-29"), at("2020-10-13"))
    limits = DriftLimits(share=0.5, column=0.2, min_hours=72)

    rows = history.counts.recorded(fortnight)
    everything = history.counts.recorded(history.counts.window)
    result = drift(
        history.counts, reference=Window(at(START), at("2020-09-29")), current=fortnight, limits=limits
    )

    assert set(rows.columns) == {1}
    assert learn(history.counts, everything).level.tolist() == [10.0, 10.0, 10.0]
    assert isinstance(result, Drift)
    assert (result.drifted, result.not_compared) == ((), ("dead",))


def test_ordinary_counts_are_left_alone() -> None:
    counts = flat(2_000)

    assert np.array_equal(History.of(counts).counts.grid, counts.grid)
