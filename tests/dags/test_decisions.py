import pytest

from dags.pipeline import decisions, thresholds
from dags.pipeline.decisions import DecisionKind, Measurements

LIMITS = thresholds.load()
GOOD, WEAK, BAD = 0.85, 0.68, 0.50
CALM, MOVED = 0.1, 0.7


@pytest.mark.parametrize(
    ("week", "force", "decision"),
    [
        (Measurements(drift_share=CALM, r2=GOOD, rmse=30), False, DecisionKind.OK),
        (Measurements(drift_share=CALM, r2=GOOD, rmse=30), True, DecisionKind.FORCED),
        (Measurements(drift_share=MOVED, r2=BAD, rmse=120), True, DecisionKind.FORCED),
        (Measurements(), True, DecisionKind.FORCED),
        (Measurements(has_champion=False), True, DecisionKind.FORCED),
        (Measurements(has_champion=False), False, DecisionKind.FIRST),
        (Measurements(has_champion=False, has_counts=False), False, DecisionKind.NO_DATA),
        (Measurements(has_champion=False, has_counts=False), True, DecisionKind.FORCED),
        (Measurements(has_counts=False, r2=BAD), False, DecisionKind.REACTIVE),
        (Measurements(drift_share=CALM, r2=BAD, rmse=30), False, DecisionKind.REACTIVE),
        (Measurements(drift_share=MOVED, r2=BAD, rmse=30), False, DecisionKind.REACTIVE),
        (Measurements(drift_share=CALM, r2=GOOD, rmse=90.1), False, DecisionKind.REACTIVE),
        (Measurements(drift_share=None, r2=BAD), False, DecisionKind.REACTIVE),
        (Measurements(drift_share=MOVED, r2=WEAK, rmse=30), False, DecisionKind.PROACTIVE),
        (Measurements(drift_share=MOVED, r2=GOOD, rmse=30), False, DecisionKind.WAIT),
        (Measurements(drift_share=MOVED), False, DecisionKind.WAIT),
        (Measurements(drift_share=CALM, r2=WEAK, rmse=30), False, DecisionKind.WAIT),
        (Measurements(r2=WEAK), False, DecisionKind.WAIT),
        (Measurements(drift_share=CALM), False, DecisionKind.OK),
        (Measurements(), False, DecisionKind.UNKNOWN),
        (Measurements(drift_share=CALM, r2=GOOD, rmse=30, untrained_days=28), False, DecisionKind.SCHEDULED),
        (Measurements(drift_share=CALM, r2=GOOD, rmse=30, untrained_days=27.9), False, DecisionKind.OK),
        (Measurements(drift_share=MOVED, r2=GOOD, untrained_days=40), False, DecisionKind.SCHEDULED),
        (Measurements(drift_share=MOVED, r2=WEAK, untrained_days=40), False, DecisionKind.PROACTIVE),
        (Measurements(drift_share=MOVED, r2=BAD, untrained_days=40), False, DecisionKind.REACTIVE),
        # The edges: drift begins at its threshold, the others only beyond theirs.
        (Measurements(drift_share=0.5, r2=0.65, rmse=90), False, DecisionKind.PROACTIVE),
        (Measurements(drift_share=0.5, r2=0.70, rmse=90), False, DecisionKind.WAIT),
        (Measurements(drift_share=0.499, r2=0.70, rmse=90), False, DecisionKind.OK),
        (Measurements(drift_share=0.51, r2=0.6999, rmse=90), False, DecisionKind.PROACTIVE),
        (Measurements(drift_share=0.51, r2=0.6499, rmse=90), False, DecisionKind.REACTIVE),
    ],
)
def test_first_matching_rule_decides(week: Measurements, force: bool, decision: DecisionKind) -> None:
    assert decisions.decide(week, LIMITS, force=force).kind is decision


def test_decisions_that_train() -> None:
    assert {kind for kind in DecisionKind if kind.trains} == {
        DecisionKind.FORCED,
        DecisionKind.FIRST,
        DecisionKind.REACTIVE,
        DecisionKind.PROACTIVE,
        DecisionKind.SCHEDULED,
    }


@pytest.mark.parametrize(
    ("week", "alerts"),
    [
        (Measurements(drift_share=MOVED, r2=BAD), {"drift", "performance"}),
        (Measurements(drift_share=MOVED, r2=GOOD), {"drift"}),
        (Measurements(drift_share=MOVED, r2=WEAK), {"drift"}),
        (Measurements(drift_share=CALM, r2=WEAK), {"drift"}),
        (Measurements(drift_share=CALM, r2=BAD), {"drift", "performance"}),
        (Measurements(drift_share=CALM, r2=GOOD), set()),
        (Measurements(drift_share=0.5, r2=0.70, rmse=60), {"drift"}),
        (Measurements(drift_share=0.499, r2=0.70, rmse=60), set()),
        (Measurements(drift_share=CALM, r2=GOOD, rmse=60.1), {"performance"}),
        # Without a measured share a weak model is no drift alert, and is reported all the same.
        (Measurements(r2=WEAK), {"performance"}),
        (Measurements(r2=GOOD, rmse=95), {"performance"}),
        (Measurements(rmse=95), set()),
        (Measurements(), set()),
    ],
)
def test_alerts_over_their_thresholds(week: Measurements, alerts: set[str]) -> None:
    assert decisions.alerts(week, LIMITS) == alerts


def test_reason_contains_the_numbers() -> None:
    decision = decisions.decide(Measurements(r2=0.5), LIMITS, force=False)

    assert decision.reason == "R2 0.500 is below 0.65"
