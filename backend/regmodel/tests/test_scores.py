import numpy as np
import pytest

from backend.regmodel.model.scores import NotComputed, Scores, score


def test_a_perfect_forecast_scores_one() -> None:
    observed = np.array([1.0, 2.0, 3.0])

    assert score(observed, observed, min_rows=2) == Scores(r2=1, rmse=0, mae=0, rows=3)


def test_errors_are_told_in_bicycles() -> None:
    found = score(np.array([0.0, 4.0]), np.array([3.0, 4.0]), min_rows=2)

    assert isinstance(found, Scores)
    assert (found.r2, found.mae) == pytest.approx((1 - 9 / 8, 1.5))


@pytest.mark.parametrize("rows", [0, 1, 9])
def test_too_few_rows_are_no_score_and_no_number(rows: int) -> None:
    found = score(np.arange(rows, dtype=float), np.zeros(rows), min_rows=10)

    assert found == NotComputed(f"{rows} recorded hours in the window; at least 10 are needed")


def test_counts_that_never_change_have_no_r2() -> None:
    assert isinstance(score(np.zeros(50), np.zeros(50), min_rows=10), NotComputed)


@pytest.mark.parametrize("huge", [1e200, 1e308])
def test_counts_whose_squares_are_no_numbers_have_no_score(huge: float) -> None:
    observed = np.arange(50, dtype=float)
    observed[7] = huge

    assert isinstance(score(observed, np.full(50, 12.0), min_rows=10), NotComputed)
