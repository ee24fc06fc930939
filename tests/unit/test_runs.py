"""What a card says about a run, beside those before it."""

import pytest

from alert_router.domain import runs
from alert_router.domain.runs import MAX_PAST, Run, RunState
from testbed.factories import at

GOOD, BAD = RunState.SUCCEEDED, RunState.FAILED


def run(state: RunState, minute: float = 0, *, deployed: bool = False, **metrics: float) -> Run:
    return Run("backup", f"at {minute}", state, at(minute), metrics=metrics, deployed=deployed)


def past(*states: RunState) -> list[Run]:
    """Newest first, one every ten minutes before noon."""
    return [run(state, -10 * number) for number, state in enumerate(states, start=1)]


@pytest.mark.parametrize(
    ("before", "state", "words"),
    [
        ([], BAD, ""),
        ([], GOOD, ""),
        ([GOOD], GOOD, ""),
        ([GOOD], BAD, "first failure after 1 good run"),
        ([GOOD] * 41 + [BAD], BAD, "first failure after 41 good runs"),
        ([GOOD] * MAX_PAST, BAD, f"first failure after {MAX_PAST} or more good runs"),
        ([BAD], BAD, "2nd in a row"),
        ([BAD, BAD, BAD, GOOD, BAD], BAD, "4th in a row"),
        ([BAD] * 10, BAD, "11th in a row"),
        ([BAD, GOOD], GOOD, "good again after 1 failure, 10 min"),
        ([BAD] * 13, GOOD, "good again after 13 failures, 2 h 10 min"),
        ([RunState.STARTED, RunState.MEASURED, BAD], BAD, "2nd in a row"),
        ([BAD], RunState.MEASURED, ""),
    ],
)
def test_edge_of_a_run_is_what_is_new(before: list[RunState], state: RunState, words: str) -> None:
    assert runs.edge(past(*before), run(state)) == words


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ([], "r2 0.91"),
        ([run(GOOD, -1, r2=0.89)], "r2 0.91 ↑ from 0.89"),
        ([run(GOOD, -1, r2=0.91)], "r2 0.91 → from 0.91"),
        ([run(BAD, -1), run(GOOD, -2, r2=0.93)], "r2 0.91 ↓ from 0.93"),
        (
            [run(GOOD, -1, r2=0.95), run(GOOD, -2, r2=0.9, deployed=True)],
            "r2 0.91 ↓ from 0.95, ↑ from the champion's 0.9",
        ),
        ([run(GOOD, -1, r2=0.9, deployed=True)], "r2 0.91 ↑ from 0.9"),
        ([run(GOOD, -1, rmse=80)], "r2 0.91"),
    ],
)
def test_metric_is_compared_with_the_run_before_and_the_champion(before: list[Run], words: str) -> None:
    assert runs.compared(before, run(GOOD, r2=0.91)) == words


def test_metrics_keep_their_digits() -> None:
    measured = run(GOOD, rows=120_394_001, share=0.1 + 0.2)

    assert runs.compared([], measured) == "rows 120394001 · share 0.3"
