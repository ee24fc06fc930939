"""Which days are run between two Mondays, and the clock they are run by."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from dags.pipeline.monitoring_report import Results
from testbed.year.clock import Clock
from testbed.year.evaluation import mondays
from testbed.year.results import Score
from testbed.year.simulation import EVERY_HOUR_FORECAST, days_until, monitored

FIRST, SECOND = date(2020, 10, 5), date(2020, 10, 12)


def test_before_the_first_monday_only_its_own_day_is_run() -> None:
    assert days_until(FIRST, None) == [FIRST]


def test_a_week_runs_every_day_after_the_monday_before() -> None:
    days = days_until(SECOND, FIRST)

    assert (len(days), days[0], days[-1]) == (7, date(2020, 10, 6), SECOND)


def test_four_days_a_week_leave_no_hour_without_a_forecast() -> None:
    days = days_until(SECOND, FIRST, EVERY_HOUR_FORECAST)

    gaps = [(later - earlier).days for earlier, later in zip([FIRST, *days], days, strict=False)]
    assert max(gaps) == 2
    assert days[-1] == SECOND


def test_mondays_are_a_week_apart() -> None:
    assert mondays(FIRST, 2) == [FIRST, SECOND]


def test_the_clock_stands_where_it_was_put(tmp_path: Path) -> None:
    clock, noon = Clock(tmp_path / "now"), datetime(2020, 10, 5, 12, tzinfo=UTC)
    clock.move(noon)
    reader = Clock(tmp_path / "now")

    clock.move(noon.replace(hour=13))

    assert reader() == noon.replace(hour=13)


def test_a_clock_that_was_never_set_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Clock(tmp_path / "now")()


def test_the_champion_of_a_week_is_the_one_that_answers_after_the_run() -> None:
    before = {"r2": 0.5, "rmse": 30.0, "champion_run_id": "old"}
    tuned = Results(
        monitor_drift={"drift_share": 0.9},
        validate_model=before,
        decide_fine_tune={"decision": "reactive", "trains": True, "decision_reason": "R2"},
        fine_tune_model={"improvement": 0.1, "training_duration_seconds": 2.0},
        validate_new_champion={"deployment": "deploy", "champion_run_id": "new"},
    )
    left = Results(
        monitor_drift={}, validate_model=before, decide_fine_tune={"decision": "ok", "trains": False}
    )

    assert (monitored(tuned)["champion"], monitored(left)["champion"]) == ("new", "old")
    assert (monitored(tuned)["measured"], monitored(tuned)["trained"]) == (Score(r2=0.5, rmse=30.0), True)
    assert monitored(left)["trained"] is False


def test_a_run_that_failed_says_which_task_did() -> None:
    assert monitored(Results())["failed_task"] == "monitor_drift"
