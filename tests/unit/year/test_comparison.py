"""The gain of retraining, as numbers."""

from datetime import date

import pytest

from testbed.year import comparison
from testbed.year.cast import BAD, GOOD, evaluated, week, year
from testbed.year.results import Score


def test_weeks_beyond_the_thresholds_are_counted() -> None:
    between = Score(r2=0.68, rmse=90.0)
    compared = comparison.with_first(
        year(evaluated=(evaluated(0, kept=BAD), evaluated(1, kept=between), evaluated(2)))
    )

    assert compared
    assert (
        compared.adaptive.below_critical,
        compared.adaptive.below_warning,
        compared.adaptive.above_rmse,
    ) == (
        0,
        0,
        0,
    )
    assert (compared.other.below_critical, compared.other.below_warning, compared.other.above_rmse) == (
        1,
        2,
        1,
    )


def test_means_and_worst_week() -> None:
    compared = comparison.with_first(year(evaluated=(evaluated(0, kept=BAD), evaluated(1))))

    assert compared
    other = compared.other
    assert [other.mean_r2, other.median_r2, other.mean_rmse] == pytest.approx([0.7, 0.7, 60.0])
    assert other.worst_r2 == 0.5


def test_worse_week_is_the_largest_loss() -> None:
    compared = comparison.with_first(
        year(evaluated=(evaluated(0, adaptive=BAD), evaluated(1, kept=BAD), evaluated(2)))
    )

    assert compared
    assert (compared.better, compared.worse, compared.same) == (1, 1, 1)
    loss, gain = compared.largest_loss, compared.largest_gain
    assert [loss.first_day, gain.first_day] == [date(2020, 12, 14), date(2020, 12, 21)]
    assert [loss.gain, gain.gain] == pytest.approx([-0.4, 0.4])


def test_difference_below_the_limit_counts_as_equal() -> None:
    nearly = Score(r2=0.904, rmse=20.0)
    compared = comparison.with_first(year(evaluated=(evaluated(0, adaptive=nearly),)))

    assert compared
    assert (compared.better, compared.worse, compared.same) == (0, 0, 1)


def test_only_weeks_with_both_scores_are_compared() -> None:
    unknown = Score()
    compared = comparison.with_first(
        year(evaluated=(evaluated(0, kept=unknown), evaluated(1, adaptive=unknown), evaluated(2)))
    )

    assert compared
    assert (compared.adaptive.weeks, compared.other.weeks) == (1, 1)


def test_no_comparison_without_weeks() -> None:
    assert comparison.with_first(year(evaluated=())) is None
    assert comparison.with_autumn(year(evaluated=(evaluated(0),))) is None


def test_autumn_model_is_compared_on_its_weeks() -> None:
    compared = comparison.with_autumn(year(evaluated=(evaluated(0, adaptive=BAD), evaluated(1, autumn=GOOD))))

    assert compared
    assert (compared.adaptive.weeks, compared.adaptive.mean_r2) == (1, 0.9)


def test_week_on_another_side_of_a_threshold_is_counted() -> None:
    compared = comparison.monday_accuracy(
        year(
            weeks=(week(0), week(1, measured=Score(r2=0.71, rmse=1.0))),
            evaluated=(evaluated(1, adaptive=BAD),),
        )
    )

    assert compared
    assert (compared.weeks, compared.misplaced) == (1, 1)
    assert compared.mean_difference == pytest.approx(0.21)


def test_no_accuracy_without_measured_weeks() -> None:
    assert comparison.monday_accuracy(year(weeks=(week(0, measured=Score()),))) is None


def test_since_retrained_starts_where_the_models_differ() -> None:
    compared = comparison.since_retrained(
        year(evaluated=(evaluated(0), evaluated(1, kept=BAD), evaluated(2)))
    )

    assert [week_.first_day for week_ in compared.evaluated] == [
        evaluated(1).first_day,
        evaluated(2).first_day,
    ]


def test_since_retrained_is_empty_without_retraining() -> None:
    assert comparison.since_retrained(year()).evaluated == ()
