"""A week as a line."""

from testbed.year import table
from testbed.year.cast import BAD, GOOD, evaluated, week
from testbed.year.results import Score


def test_line_shows_scores_decision_training_and_alerts() -> None:
    line = table.line(
        week(
            1,
            measured=Score(r2=-0.512, rmse=49.06),
            drift_share=0.978,
            decision="reactive",
            trained=True,
            training_s=2.93,
            deployment="deploy",
            improvement=0.5371,
            opened=("ModelPerformanceCritical",),
            resolved=("HighDrift",),
        )
    )

    assert line == (
        "2020-12-28   -0.51   49.1    98%  reactive   trained in 2.9 s: deploy +0.537, "
        "+ ModelPerformanceCritical, - HighDrift, (Christmas)"
    )


def test_unmeasured_values_are_empty() -> None:
    line = table.line(week(measured=Score(), drift_share=None, decision=None, failed_task="monitor_drift"))

    assert line.split() == ["2020-12-21", "failed", "monitor_drift", "failed,", "(second", "lockdown)"]


def test_table_has_both_scores_of_a_week() -> None:
    rows = table.markdown([week(0), week(1)], [evaluated(1, adaptive=BAD, kept=GOOD)]).splitlines()

    assert rows[2] == "| 2020-12-21 | 0.90 | 20.0 | 10% | ok |  |  |  |  | second lockdown |"
    assert rows[3] == "| 2020-12-28 | 0.90 | 20.0 | 10% | ok |  | 0.50 | 0.90 |  | Christmas |"


def test_rows_have_as_many_cells_as_the_head() -> None:
    weeks = [week(number, opened=("HighDrift",), trained=True, deployment="deploy") for number in range(3)]

    rows = table.markdown(weeks, [evaluated(number) for number in range(3)]).splitlines()

    assert {row.count("|") for row in rows} == {11}
