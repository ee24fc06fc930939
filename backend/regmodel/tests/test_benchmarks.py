"""The benchmarks' arithmetic, and that the document has their tables."""

import re
from datetime import timedelta

import numpy as np
import pytest

from backend.regmodel.benchmarks import baselines, document, latency
from backend.regmodel.benchmarks.candidates import BASELINES, CANDIDATES, last_week
from backend.regmodel.benchmarks.document import BlockMissing
from backend.regmodel.data.counts import Window
from backend.regmodel.data.history import GAP_HOURS, History
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.tests.conftest import at

MEASURED = re.compile(r"-?[\d,]+(\.\d+)?( (s|ms|MB)| of \d+)?")


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize(
    ("place", "heads", "names"),
    [
        ("baselines", baselines.HEADS, list(CANDIDATES)),
        ("latency", latency.HEADS, [f"**{kind.value}**" for kind in ModelType]),
    ],
)
def test_model_document_has_the_benchmark_tables(
    place: str, heads: tuple[str, ...], names: list[str]
) -> None:
    head, _, *rows = map(cells, document.read_block(document.DOCUMENT.read_text(), place))

    assert tuple(head) == heads
    assert [row[0] for row in rows] == names
    assert [len(row) for row in rows] == [len(heads)] * len(names)
    assert [cell for row in rows for cell in row[1:] if not MEASURED.fullmatch(cell)] == []


def test_last_week_baseline_is_the_count_a_week_ago(year: History) -> None:
    points = year.counts.recorded(Window(at("2021-06-01"), at("2021-06-08")))

    _, forecast = last_week(year, year.counts.recorded(Window(at("2020-09-01"), at("2021-06-01"))))

    assert timedelta(weeks=1) >= timedelta(hours=GAP_HOURS)
    predicted, week_ago = forecast(points), year.counts.at(points.hours - 168, points.columns)
    known = ~np.isnan(week_ago)
    assert np.array_equal(predicted[known], week_ago[known])
    assert np.isfinite(predicted).all()


@pytest.mark.parametrize("name", list(BASELINES)[:2])
def test_baselines_forecast_every_week_after_the_first_origin(year: History, name: str) -> None:
    done = baselines.run(CANDIDATES[name], year)

    starts = [week.start for week in done.weeks]
    assert starts == [baselines.FIRST_ORIGIN + number * baselines.WEEK for number in range(len(starts))]
    assert len(starts) == 44
    assert baselines.HELD_OUT in starts[:: baselines.STEP // baselines.WEEK]


def test_benchmark_line_separates_held_out_weeks() -> None:
    right, wrong = np.array([1.0, 3.0]), np.array([2.0, 2.0])
    weeks = (
        baselines.Week(baselines.HELD_OUT - baselines.WEEK, right, wrong, 4.0),
        baselines.Week(baselines.HELD_OUT, right, right, 2.0),
    )

    columns = cells(baselines.line("x", baselines.Run(weeks, fit_seconds=1.25, model_mb=2.0, peak_mb=300.4)))

    assert columns == [
        "x", "1.000", "0.0", "0.0", "1.000", "1 of 1", "0.000", "1.2 s", "3.0 ms", "2.0 MB", "300 MB"
    ]  # fmt: skip


def test_benchmark_block_is_replaced_in_place() -> None:
    text = "Words.\n<!-- measured: latency -->\nSTALE\n<!-- end -->\nEnd."

    once = document.replace_block(text, "latency", ["| a |", "| b |"])

    assert document.read_block(once, "latency") == ["| a |", "| b |"]
    assert once.startswith("Words.")
    assert once.endswith("End.")
    assert document.replace_block(once, "latency", ["| a |", "| b |"]) == once


def test_document_without_the_block_is_refused() -> None:
    with pytest.raises(BlockMissing, match="latency"):
        document.replace_block("Words.", "latency", [])
