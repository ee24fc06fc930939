import pytest

from dags.pipeline.scores import score


def test_a_perfect_forecast_has_no_error_and_explains_everything() -> None:
    found = score([(1, 1), (5, 5), (9, 9)], min_rows=3)

    assert found is not None
    assert (found.rows, found.rmse, found.mae, found.r2) == (3, 0, 0, 1)


def test_the_numbers_are_those_of_the_textbook() -> None:
    found = score([(2, 0), (2, 2), (2, 4)], min_rows=1)

    assert found is not None
    assert found.rmse == pytest.approx((8 / 3) ** 0.5)
    assert found.mae == pytest.approx(4 / 3)
    assert found.r2 == pytest.approx(0)


def test_worse_than_the_mean_is_below_zero() -> None:
    found = score([(10, 0), (0, 10)], min_rows=1)

    assert found is not None
    assert found.r2 == pytest.approx(-3)


@pytest.mark.parametrize(("rows", "min_rows"), [(0, 0), (0, 5), (4, 5)])
def test_too_few_hours_have_no_score_rather_than_a_number_that_means_nothing(
    rows: int, min_rows: int
) -> None:
    assert score([(1, 2)] * rows, min_rows=min_rows) is None


def test_counts_that_never_change_have_an_error_but_no_r2() -> None:
    found = score([(1, 0), (0, 0)], min_rows=1)

    assert found is not None
    assert (found.mae, found.r2) == (0.5, None)
