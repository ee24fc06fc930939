"""What retraining gained, as numbers."""

from datetime import date

import pytest

from testbed.year import comparison
from testbed.year.cast import BAD, GOOD, judged, week, year
from testbed.year.results import Score


def test_weeks_beyond_the_thresholds_are_counted_on_both_sides() -> None:
    between = Score(r2=0.68, rmse=90.0)
    found = comparison.with_first(year(judged=(judged(0, kept=BAD), judged(1, kept=between), judged(2))))

    assert found
    assert (found.adaptive.below_critical, found.adaptive.below_warning, found.adaptive.above_rmse) == (
        0,
        0,
        0,
    )
    assert (found.other.below_critical, found.other.below_warning, found.other.above_rmse) == (1, 2, 1)


def test_means_and_the_worst_week_are_told() -> None:
    found = comparison.with_first(year(judged=(judged(0, kept=BAD), judged(1))))

    assert found
    other = found.other
    assert [other.mean_r2, other.median_r2, other.mean_rmse] == pytest.approx([0.7, 0.7, 60.0])
    assert other.worst_r2 == 0.5


def test_a_retraining_that_made_it_worse_is_told_as_a_loss() -> None:
    found = comparison.with_first(year(judged=(judged(0, adaptive=BAD), judged(1, kept=BAD), judged(2))))

    assert found
    assert (found.better, found.worse, found.same) == (1, 1, 1)
    loss, gain = found.largest_loss, found.largest_gain
    assert [loss.first_day, gain.first_day] == [date(2020, 12, 14), date(2020, 12, 21)]
    assert [loss.gain, gain.gain] == pytest.approx([-0.4, 0.4])


def test_a_difference_too_small_to_deploy_is_none() -> None:
    nearly = Score(r2=0.904, rmse=20.0)
    found = comparison.with_first(year(judged=(judged(0, adaptive=nearly),)))

    assert found
    assert (found.better, found.worse, found.same) == (0, 0, 1)


def test_only_weeks_in_which_both_could_be_scored_are_compared() -> None:
    unknown = Score()
    found = comparison.with_first(
        year(judged=(judged(0, kept=unknown), judged(1, adaptive=unknown), judged(2)))
    )

    assert found
    assert (found.adaptive.weeks, found.other.weeks) == (1, 1)


def test_without_a_week_to_compare_nothing_is_claimed() -> None:
    assert comparison.with_first(year(judged=())) is None
    assert comparison.with_autumn(year(judged=(judged(0),))) is None


def test_the_autumn_model_is_compared_on_its_own_weeks() -> None:
    found = comparison.with_autumn(year(judged=(judged(0, adaptive=BAD), judged(1, autumn=GOOD))))

    assert found
    assert (found.adaptive.weeks, found.adaptive.mean_r2) == (1, 0.9)


def test_a_week_that_was_worse_than_the_monday_saw_is_counted() -> None:
    found = comparison.sight(
        year(weeks=(week(0), week(1, measured=Score(r2=0.71, rmse=1.0))), judged=(judged(1, adaptive=BAD),))
    )

    assert found
    assert (found.weeks, found.otherwise) == (1, 1)
    assert found.mean_difference == pytest.approx(0.21)


def test_without_a_week_that_was_seen_nothing_is_said_of_sight() -> None:
    assert comparison.sight(year(weeks=(week(0, measured=Score()),))) is None


def test_the_weeks_since_the_first_retraining_begin_where_the_models_part() -> None:
    found = comparison.since_retrained(year(judged=(judged(0), judged(1, kept=BAD), judged(2))))

    assert [one.first_day for one in found.judged] == [judged(1).first_day, judged(2).first_day]


def test_a_year_that_was_never_retrained_has_no_weeks_since() -> None:
    assert comparison.since_retrained(year()).judged == ()
