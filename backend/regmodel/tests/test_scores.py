import numpy as np
import pytest

from backend.regmodel.model.scores import NotComputed, Scores, score


def test_perfect_forecast_scores_one() -> None:
    observed = np.array([1.0, 2.0, 3.0])

    assert score(observed, observed, min_rows=2) == Scores(r2=1, rmse=0, mae=0, rows=3)


def test_scores_of_an_imperfect_forecast() -> None:
    result = score(np.array([0.0, 4.0]), np.array([3.0, 4.0]), min_rows=2)

    assert isinstance(result, Scores)
    assert (result.r2, result.mae) == pytest.approx((1 - 9 / 8, 1.5))


@pytest.mark.parametrize("rows", [0, 1, 9])
def test_too_few_rows_are_not_computed(rows: int) -> None:
    result = score(np.arange(rows, dtype=float), np.zeros(rows), min_rows=10)

    assert result == NotComputed(f"{rows} recorded hours in the window; at least 10 are needed")


def test_constant_counts_are_not_computed() -> None:
    assert isinstance(score(np.zeros(50), np.zeros(50), min_rows=10), NotComputed)


@pytest.mark.parametrize("huge", [1e200, 1e308])
def test_overflowing_counts_are_not_computed(huge: float) -> None:
    observed = np.arange(50, dtype=float)
    observed[7] = huge

    assert isinstance(score(observed, np.full(50, 12.0), min_rows=10), NotComputed)
