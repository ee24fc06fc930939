import pytest

from dags.pipeline.scores import score


def test_perfect_forecast() -> None:
    result = score([(1, 1), (5, 5), (9, 9)], min_rows=3)

    assert result is not None
    assert (result.rows, result.rmse, result.mae, result.r2) == (3, 0, 0, 1)


def test_rmse_mae_r2_of_a_known_example() -> None:
    result = score([(2, 0), (2, 2), (2, 4)], min_rows=1)

    assert result is not None
    assert result.rmse == pytest.approx((8 / 3) ** 0.5)
    assert result.mae == pytest.approx(4 / 3)
    assert result.r2 == pytest.approx(0)


def test_r2_below_zero_when_worse_than_the_mean() -> None:
    result = score([(10, 0), (0, 10)], min_rows=1)

    assert result is not None
    assert result.r2 == pytest.approx(-3)


@pytest.mark.parametrize(("rows", "min_rows"), [(0, 0), (0, 5), (4, 5)])
def test_too_few_rows_have_no_score(rows: int, min_rows: int) -> None:
    assert score([(1, 2)] * rows, min_rows=min_rows) is None


def test_constant_counts_have_no_r2() -> None:
    result = score([(1, 0), (0, 0)], min_rows=1)

    assert result is not None
    assert (result.mae, result.r2) == (0.5, None)
