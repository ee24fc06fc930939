import pytest

from dags.pipeline import decisions, thresholds
from dags.pipeline.decisions import Decision, Measured

LIMITS = thresholds.load()
GOOD, WEAK, BAD = 0.85, 0.68, 0.50
CALM, MOVED = 0.1, 0.7


@pytest.mark.parametrize(
    ("found", "force", "decision"),
    [
        (Measured(drift_share=CALM, r2=GOOD, rmse=30), False, Decision.OK),
        (Measured(drift_share=CALM, r2=GOOD, rmse=30), True, Decision.FORCED),
        (Measured(drift_share=MOVED, r2=BAD, rmse=120), True, Decision.FORCED),
        (Measured(), True, Decision.FORCED),
        (Measured(has_champion=False), True, Decision.FORCED),
        (Measured(has_champion=False), False, Decision.FIRST),
        (Measured(drift_share=CALM, r2=BAD, rmse=30), False, Decision.REACTIVE),
        (Measured(drift_share=MOVED, r2=BAD, rmse=30), False, Decision.REACTIVE),
        (Measured(drift_share=CALM, r2=GOOD, rmse=90.1), False, Decision.REACTIVE),
        (Measured(drift_share=None, r2=BAD), False, Decision.REACTIVE),
        (Measured(drift_share=MOVED, r2=WEAK, rmse=30), False, Decision.PROACTIVE),
        (Measured(drift_share=MOVED, r2=GOOD, rmse=30), False, Decision.WAIT),
        (Measured(drift_share=MOVED), False, Decision.WAIT),
        (Measured(drift_share=CALM, r2=WEAK, rmse=30), False, Decision.WAIT),
        (Measured(r2=WEAK), False, Decision.WAIT),
        (Measured(drift_share=CALM), False, Decision.OK),
        (Measured(), False, Decision.UNKNOWN),
        (Measured(drift_share=CALM, r2=GOOD, rmse=30, untrained_days=28), False, Decision.SCHEDULED),
        (Measured(drift_share=CALM, r2=GOOD, rmse=30, untrained_days=27.9), False, Decision.OK),
        (Measured(drift_share=MOVED, r2=GOOD, untrained_days=40), False, Decision.SCHEDULED),
        (Measured(drift_share=MOVED, r2=WEAK, untrained_days=40), False, Decision.PROACTIVE),
        (Measured(drift_share=MOVED, r2=BAD, untrained_days=40), False, Decision.REACTIVE),
        # The edges: a threshold itself is not over the threshold.
        (Measured(drift_share=0.5, r2=0.65, rmse=90), False, Decision.WAIT),
        (Measured(drift_share=0.5, r2=0.70, rmse=90), False, Decision.OK),
        (Measured(drift_share=0.51, r2=0.6999, rmse=90), False, Decision.PROACTIVE),
        (Measured(drift_share=0.51, r2=0.6499, rmse=90), False, Decision.REACTIVE),
    ],
)
def test_the_rules_decide_in_their_order(found: Measured, force: bool, decision: Decision) -> None:
    assert decisions.decide(found, LIMITS, force=force).decision is decision


def test_only_these_decisions_train() -> None:
    assert {one for one in Decision if one.trains} == {
        Decision.FORCED,
        Decision.FIRST,
        Decision.REACTIVE,
        Decision.PROACTIVE,
        Decision.SCHEDULED,
    }


@pytest.mark.parametrize(
    ("found", "alerts"),
    [
        (Measured(drift_share=MOVED, r2=BAD), {"drift", "performance"}),
        (Measured(drift_share=MOVED, r2=GOOD), {"drift"}),
        (Measured(drift_share=CALM, r2=WEAK), {"performance"}),
        (Measured(drift_share=CALM, r2=GOOD), set()),
        (Measured(r2=GOOD, rmse=95), {"performance"}),
        (Measured(rmse=95), set()),
        (Measured(), set()),
    ],
)
def test_people_hear_what_is_over_a_threshold_whatever_is_decided(found: Measured, alerts: set[str]) -> None:
    assert decisions.alerts(found, LIMITS) == alerts


def test_the_reason_names_the_numbers() -> None:
    verdict = decisions.decide(Measured(r2=0.5), LIMITS, force=False)

    assert verdict.reason == "R2 0.500 is below 0.65"
