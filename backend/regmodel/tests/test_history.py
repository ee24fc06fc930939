"""A history updated with new counts equals one computed from all of them."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from backend.regmodel.data.counts import Counts, hour_number, overlay
from backend.regmodel.data.history import History
from backend.regmodel.tests.conftest import at, flat

START = hour_number(at("2020-09-01"))
MEANS = ("week_mean", "month_mean", "three_day_mean", "city_three_day_mean")
counts_of_an_hour = st.sampled_from([np.nan, 0.0, 0.0, 1.0, 8.0, 500.0])


@st.composite
def grids(draw: st.DrawFn, longest: int) -> Counts:
    """A few counters over hours whose values change seldom, so that runs of zeros are long."""
    names = draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True))
    lengths = draw(st.lists(st.integers(1, longest), min_size=1, max_size=4))
    columns = [
        np.repeat(draw(st.lists(counts_of_an_hour, min_size=len(lengths), max_size=len(lengths))), lengths)
        for _ in names
    ]
    return Counts(START + draw(st.integers(-900, 900)), tuple(names), np.stack(columns, axis=1))


@given(grids(longest=400), grids(longest=30))
def test_updated_history_equals_a_computed_one(recorded: Counts, newer: Counts) -> None:
    computed = History.of(overlay(recorded, newer))

    updated = History.of(recorded).updated(newer)

    assert updated.newest_hour == computed.newest_hour
    assert updated.dead_sensors == computed.dead_sensors
    assert updated.counts.counters == computed.counts.counters
    for name in MEANS:
        assert np.allclose(getattr(updated, name), getattr(computed, name), equal_nan=True), name
    for name in ("recorded", "counts"):
        assert np.array_equal(getattr(updated, name).grid, getattr(computed, name).grid, equal_nan=True), name


def test_update_leaves_the_old_history_unchanged() -> None:
    counts = flat(3_000, ("a", "b"))
    old, copy = History.of(counts), History.of(replace(counts, grid=counts.grid.copy()))
    newer = Counts(counts.first_hour + 2_000, ("new", "a"), np.full((3, 2), 9.0))

    old.updated(newer)

    assert np.array_equal(old.recorded.grid, copy.recorded.grid)
    for name in MEANS:
        assert np.array_equal(getattr(old, name), getattr(copy, name), equal_nan=True), name
