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


def seen(history: History, start: str, end: str) -> Drift | NotComputed:
    current = Window(at(start), at(end))
    return drift(history.counts, reference=AUTUMN, current=current, limits=LIMITS)


def test_christmas_drifts_and_the_week_after_the_reference_does_not(year: History) -> None:
    christmas, usual = seen(year, "2020-12-21", "2021-01-04"), seen(year, "2020-12-07", "2020-12-14")

    assert isinstance(christmas, Drift)
    assert isinstance(usual, Drift)
    assert christmas.detected
    assert christmas.share > 0.9
    assert not usual.detected


def test_the_share_is_that_of_the_compared_counters_and_the_drifted_ones_are_named(year: History) -> None:
    grid = year.counts.grid.copy()
    week = Window(at("2020-11-09"), at("2020-11-16"))
    grid[week.hours.start - year.counts.first_hour : week.hours.stop - year.counts.first_hour, [0, 7]] = 0
    two_dead = History.of(replace(year.counts, grid=grid))

    found = seen(two_dead, "2020-11-09", "2020-11-16")

    assert isinstance(found, Drift)
    assert {year.counts.counters[0], year.counts.counters[7]} <= set(found.drifted)
    assert found.share == pytest.approx(len(found.drifted) / found.compared)


def test_counters_with_too_few_hours_are_named_and_not_compared(year: History) -> None:
    found = seen(year, "2020-12-21", "2021-01-04")

    assert isinstance(found, Drift)
    assert (
        found.not_compared == year.counts.counters[-2:]
    )  # they start on 9 December: nothing to compare with
    assert found.compared == 12


@pytest.mark.parametrize(("start", "end"), [("2019-01-01", "2019-02-01"), ("2020-12-21", "2020-12-23")])
def test_too_little_data_is_no_drift_and_no_nought(year: History, start: str, end: str) -> None:
    found = seen(year, start, end)

    assert isinstance(found, NotComputed)
    assert "72" in found.reason


def test_counters_without_a_single_count_are_no_error(year: History) -> None:
    empty = History.of(replace(year.counts, grid=np.full_like(year.counts.grid, np.nan)))

    assert isinstance(seen(empty, "2020-12-21", "2021-01-04"), NotComputed)
