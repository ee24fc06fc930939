import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from backend.regmodel.data.counts import Counts, Window, hour_number, overlay, without
from backend.regmodel.tests.conftest import at, flat


def test_missing_hour_becomes_a_nan_row() -> None:
    index = pd.DatetimeIndex([at("2020-10-24T23"), at("2020-10-25T01")])

    counts = Counts.of_frame(pd.DataFrame({"a": [1, 2]}, index=index))

    assert np.array_equal(counts.grid[:, 0], [1, np.nan, 2], equal_nan=True)


def test_window_is_half_open() -> None:
    counts = flat(48)

    rows = counts.recorded(Window(at("2020-09-01T05"), at("2020-09-01T08")))

    assert rows.hours.tolist() == [hour_number(at(f"2020-09-01T0{hour}")) for hour in (5, 6, 7)]


def test_window_outside_the_grid_is_empty() -> None:
    for window in (Window(at("2019-01-01"), at("2019-02-01")), Window(at("2022-01-01"), at("2022-02-01"))):
        assert len(flat(48).recorded(window)) == 0


def test_points_outside_the_grid_are_nan() -> None:
    counts = flat(2)
    hours = np.array([counts.first_hour - 1, counts.first_hour + 2, counts.first_hour])

    values = counts.at(hours, np.array([0, 0, -1]))

    assert np.isnan(values).all()


def test_without_removes_rows_inside_the_window() -> None:
    rows = flat(24).recorded(Window(at("2020-09-01"), at("2020-09-02")))

    kept = without(rows, Window(at("2020-09-01T06"), at("2020-09-01T18")))

    assert kept.hours.tolist() == [*rows.hours[:6], *rows.hours[18:]]


cells = st.one_of(st.just(float("nan")), st.integers(0, 99).map(float))


@st.composite
def grids(draw: st.DrawFn) -> Counts:
    names = draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True))
    hours = draw(st.integers(1, 5))
    row = st.lists(cells, min_size=len(names), max_size=len(names))
    grid = np.array(draw(st.lists(row, min_size=hours, max_size=hours)))
    return Counts(draw(st.integers(100, 110)), tuple(names), grid)


def points(counts: Counts) -> dict[tuple[int, str], float]:
    hours, columns = np.nonzero(~np.isnan(counts.grid))
    return {
        (int(hour) + counts.first_hour, counts.counters[column]): float(counts.grid[hour, column])
        for hour, column in zip(hours, columns, strict=True)
    }


@given(grids(), grids())
def test_overlay_keeps_every_point_and_newer_wins(older: Counts, newer: Counts) -> None:
    merged = overlay(older, newer)

    assert points(merged) == points(older) | points(newer)
