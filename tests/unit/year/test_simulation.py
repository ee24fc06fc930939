"""The days between two Mondays, and the simulated clock."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from dags.pipeline.monitoring_report import Results
from testbed.year.clock import Clock
from testbed.year.evaluation import mondays
from testbed.year.results import Score
from testbed.year.simulation import EVERY_HOUR_FORECAST, days_until, monitored

FIRST, SECOND = date(2020, 10, 5), date(2020, 10, 12)


def test_first_monday_runs_its_own_day_only() -> None:
    assert days_until(FIRST, None) == [FIRST]


def test_week_runs_every_day_after_the_previous_monday() -> None:
    days = days_until(SECOND, FIRST)

    assert (len(days), days[0], days[-1]) == (7, date(2020, 10, 6), SECOND)


def test_four_days_a_week_forecast_every_hour() -> None:
    days = days_until(SECOND, FIRST, EVERY_HOUR_FORECAST)

    gaps = [(later - earlier).days for earlier, later in zip([FIRST, *days], days, strict=False)]
    assert max(gaps) == 2
    assert days[-1] == SECOND


def test_mondays_are_a_week_apart() -> None:
    assert mondays(FIRST, 2) == [FIRST, SECOND]


def test_clock_keeps_its_time(tmp_path: Path) -> None:
    clock, noon = Clock(tmp_path / "now"), datetime(2020, 10, 5, 12, tzinfo=UTC)
    clock.move(noon)
    reader = Clock(tmp_path / "now")

    clock.move(noon.replace(hour=13))

    assert reader() == noon.replace(hour=13)


def test_unset_clock_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Clock(tmp_path / "now")()


def test_champion_of_a_week_is_the_one_after_its_run() -> None:
    before = {"r2": 0.5, "rmse": 30.0, "champion_run_id": "old"}
    tuned = Results(
        monitor_drift={"drift_share": 0.9},
        validate_model=before,
        decide_fine_tune={"decision": "reactive", "trains": True, "decision_reason": "R2"},
        fine_tune_model={"improvement": 0.1, "training_duration_seconds": 2.0},
        validate_new_champion={"deployment": "deploy", "champion_run_id": "new"},
    )
    untouched = Results(
        monitor_drift={}, validate_model=before, decide_fine_tune={"decision": "ok", "trains": False}
    )

    assert (monitored(tuned)["champion"], monitored(untouched)["champion"]) == ("new", "old")
    assert (monitored(tuned)["measured"], monitored(tuned)["trained"]) == (Score(r2=0.5, rmse=30.0), True)
    assert monitored(untouched)["trained"] is False


def test_failed_run_names_its_task() -> None:
    assert monitored(Results())["failed_task"] == "monitor_drift"
