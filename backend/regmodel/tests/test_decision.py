from math import nan

import pytest

from backend.regmodel.model.decision import DecisionKind, Evaluation, Limits, decide
from backend.regmodel.model.scores import NotComputed, Scores

LIMITS = Limits(min_improvement=0.01, baseline_tolerance=0.05)
NONE = NotComputed("3 recorded counter-hours")


def scores(r2: float | None) -> Scores | NotComputed:
    return NONE if r2 is None else Scores(r2=r2, rmse=10, mae=5, rows=1_000)


def evaluation(holdout: float | None, baseline: float | None = 0.8) -> Evaluation:
    return Evaluation(holdout=scores(holdout), baseline=scores(baseline))


@pytest.mark.parametrize(
    ("challenger", "champion", "kind"),
    [
        (evaluation(0.70), None, DecisionKind.DEPLOY),
        (evaluation(None), None, DecisionKind.SKIP_NOT_COMPARABLE),
        (evaluation(0.72), evaluation(0.70), DecisionKind.DEPLOY),
        (evaluation(0.705), evaluation(0.70), DecisionKind.SKIP_NO_IMPROVEMENT),
        (evaluation(0.60), evaluation(0.70), DecisionKind.SKIP_NO_IMPROVEMENT),
        (evaluation(0.70), evaluation(None), DecisionKind.SKIP_NOT_COMPARABLE),
        (evaluation(0.90, baseline=0.74), evaluation(0.70), DecisionKind.REJECT_BASELINE_REGRESSION),
        (evaluation(0.90, baseline=0.76), evaluation(0.70), DecisionKind.DEPLOY),
        (evaluation(0.90, baseline=None), evaluation(0.70, baseline=None), DecisionKind.DEPLOY),
    ],
)
def test_challenger_deploys_on_holdout_gain_without_baseline_loss(
    challenger: Evaluation, champion: Evaluation | None, kind: DecisionKind
) -> None:
    assert decide(challenger, champion, test_mode=False, limits=LIMITS).kind is kind


@pytest.mark.parametrize(
    ("challenger", "champion"),
    [
        (evaluation(nan), None),
        (evaluation(nan), evaluation(0.70)),
        (evaluation(0.90), evaluation(nan)),
        (evaluation(0.90, baseline=nan), evaluation(0.70)),
        (evaluation(0.90), evaluation(0.70, baseline=nan)),
    ],
)
def test_nan_score_never_deploys(challenger: Evaluation, champion: Evaluation | None) -> None:
    assert decide(challenger, champion, test_mode=False, limits=LIMITS).kind is not DecisionKind.DEPLOY


@pytest.mark.parametrize("champion", [None, evaluation(0.1), evaluation(0.99), evaluation(None)])
def test_test_mode_model_is_never_deployed(champion: Evaluation | None) -> None:
    decision = decide(evaluation(0.95), champion, test_mode=True, limits=LIMITS)

    assert decision.kind is DecisionKind.SKIP_TEST_MODE


def test_improvement_is_the_r2_gain_on_the_holdout_or_none() -> None:
    measured = decide(evaluation(0.75), evaluation(0.70), test_mode=False, limits=LIMITS).improvement

    assert measured == pytest.approx(0.05)
    assert decide(evaluation(0.75), None, test_mode=False, limits=LIMITS).improvement is None
