from dataclasses import replace

import numpy as np
import pytest

from backend.regmodel.data.counts import Window
from backend.regmodel.data.history import History
from backend.regmodel.model.drift import Drift, DriftLimits, drift
from backend.regmodel.model.scores import NotComputed
from backend.regmodel.tests.conftest import at

AUTUMN = Window(at("2020-09-01"), at("2020-12-01"))
LIMITS = DriftLimits(share=0.5, column=0.2, min_hours=72)


def drift_of(history: History, start: str, end: str) -> Drift | NotComputed:
    current = Window(at(start), at(end))
    return drift(history.counts, reference=AUTUMN, current=current, limits=LIMITS)


def test_christmas_drifts_and_an_ordinary_week_does_not(year: History) -> None:
    christmas, usual = drift_of(year, "2020-12-21", "2021-01-04"), drift_of(year, "2020-12-07", "2020-12-14")

    assert isinstance(christmas, Drift)
    assert isinstance(usual, Drift)
    assert christmas.detected
    assert christmas.share > 0.9
    assert not usual.detected


def test_drift_share_counts_compared_counters_only(year: History) -> None:
    grid = year.counts.grid.copy()
    week = Window(at("2020-11-09"), at("2020-11-16"))
    rows = slice(week.hours.start - year.counts.first_hour, week.hours.stop - year.counts.first_hour)
    grid[rows, [0]] = 1
    grid[rows, [7]] = 0
    history = History.of(replace(year.counts, grid=grid))

    result = drift_of(history, "2020-11-09", "2020-11-16")

    assert isinstance(result, Drift)
    assert year.counts.counters[0] in result.drifted
    assert year.counts.counters[7] in result.not_compared, "its sensor is dead"
    assert result.share == pytest.approx(len(result.drifted) / result.compared)


def test_counters_with_too_few_hours_are_not_compared(year: History) -> None:
    result = drift_of(year, "2020-12-21", "2021-01-04")

    assert isinstance(result, Drift)
    assert (
        result.not_compared == year.counts.counters[-2:]
    )  # they start on 9 December: nothing to compare with
    assert result.compared == 12


@pytest.mark.parametrize(("start", "end"), [("2019-01-01", "2019-02-01"), ("2020-12-21", "2020-12-23")])
def test_drift_of_too_little_data_is_not_computed(year: History, start: str, end: str) -> None:
    result = drift_of(year, start, end)

    assert isinstance(result, NotComputed)
    assert "72" in result.reason


def test_drift_of_an_empty_grid_is_not_computed(year: History) -> None:
    empty = History.of(replace(year.counts, grid=np.full_like(year.counts.grid, np.nan)))

    assert isinstance(drift_of(empty, "2020-12-21", "2021-01-04"), NotComputed)
