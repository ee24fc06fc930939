"""A week as a line."""

from testbed.year import table
from testbed.year.cast import BAD, GOOD, judged, week
from testbed.year.results import Score


def test_a_line_tells_what_was_measured_decided_and_told() -> None:
    told = table.line(
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

    assert told == (
        "2020-12-28   -0.51   49.1    98%  reactive   trained in 2.9 s: deploy +0.537, "
        "+ ModelPerformanceCritical, - HighDrift, (Christmas)"
    )


def test_what_was_not_measured_is_left_empty() -> None:
    told = table.line(week(measured=Score(), drift_share=None, decision=None, failed_task="monitor_drift"))

    assert told.split() == ["2020-12-21", "failed", "monitor_drift", "failed,", "(second", "lockdown)"]


def test_the_documents_table_sets_the_whole_week_beside_what_was_seen_of_it() -> None:
    rows = table.markdown([week(0), week(1)], [judged(1, adaptive=BAD, kept=GOOD)]).splitlines()

    assert rows[2] == "| 2020-12-21 | 0.90 | 20.0 | 10% | ok |  |  |  |  | second lockdown |"
    assert rows[3] == "| 2020-12-28 | 0.90 | 20.0 | 10% | ok |  | 0.50 | 0.90 |  | Christmas |"


def test_every_row_of_the_table_has_as_many_cells_as_its_head() -> None:
    weeks = [week(number, opened=("HighDrift",), trained=True, deployment="deploy") for number in range(3)]

    rows = table.markdown(weeks, [judged(number) for number in range(3)]).splitlines()

    assert {row.count("|") for row in rows} == {11}
