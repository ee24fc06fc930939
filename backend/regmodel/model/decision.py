"""Whether a challenger should replace the champion. Pure: scores in, a decision with its reason out.

Every limit is written as a condition that must hold: a comparison with NaN is false, so NaN never deploys.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from backend.regmodel.model.scores import NotComputed, Scores

ScoreResult = Scores | NotComputed


class DecisionKind(StrEnum):
    DEPLOY = "deploy"
    SKIP_NO_IMPROVEMENT = "skip_no_improvement"
    SKIP_NOT_COMPARABLE = "skip_not_comparable"
    """Too few rows that neither model was fitted on."""
    SKIP_TEST_MODE = "skip_test_mode"
    REJECT_BASELINE_REGRESSION = "reject_baseline_regression"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One model's scores; both models of a comparison are scored on the same rows."""

    holdout: ScoreResult
    baseline: ScoreResult


@dataclass(frozen=True, slots=True)
class Limits:
    min_improvement: float
    baseline_tolerance: float


@dataclass(frozen=True, slots=True)
class Decision:
    kind: DecisionKind
    reason: str
    improvement: float | None = None
    """Gain of R2 on the recent holdout; None where it could not be measured."""


def decide(
    challenger: Evaluation, champion: Evaluation | None, *, test_mode: bool, limits: Limits
) -> Decision:
    decision = (
        _decide_first(challenger) if champion is None else _decide_against(challenger, champion, limits)
    )
    if not test_mode:
        return decision
    reason = f"a test_mode model is never deployed (otherwise: {decision.kind}, {decision.reason})"
    return Decision(DecisionKind.SKIP_TEST_MODE, reason, decision.improvement)


def _decide_first(challenger: Evaluation) -> Decision:
    if isinstance(challenger.holdout, NotComputed):
        return Decision(DecisionKind.SKIP_NOT_COMPARABLE, challenger.holdout.reason)
    if not math.isfinite(challenger.holdout.r2):
        return Decision(DecisionKind.SKIP_NOT_COMPARABLE, f"R2 {challenger.holdout.r2} on the holdout")
    return Decision(DecisionKind.DEPLOY, f"the first champion, R2 {challenger.holdout.r2:.3f} on the holdout")


def _decide_against(challenger: Evaluation, champion: Evaluation, limits: Limits) -> Decision:
    if isinstance(challenger.holdout, NotComputed):
        return Decision(DecisionKind.SKIP_NOT_COMPARABLE, challenger.holdout.reason)
    if isinstance(champion.holdout, NotComputed):
        return Decision(DecisionKind.SKIP_NOT_COMPARABLE, champion.holdout.reason)
    gain = challenger.holdout.r2 - champion.holdout.r2
    loss = _baseline_loss(challenger.baseline, champion.baseline)
    if not loss <= limits.baseline_tolerance:
        reason = f"R2 on the baseline set fell by {loss:.3f}, more than {limits.baseline_tolerance:g}"
        return Decision(DecisionKind.REJECT_BASELINE_REGRESSION, reason, gain)
    if not gain >= limits.min_improvement:
        reason = f"R2 on the holdout changed by {gain:+.3f}, less than {limits.min_improvement:+g}"
        return Decision(DecisionKind.SKIP_NO_IMPROVEMENT, reason, gain)
    return Decision(DecisionKind.DEPLOY, f"R2 on the holdout changed by {gain:+.3f}", gain)


def _baseline_loss(challenger: ScoreResult, champion: ScoreResult) -> float:
    """R2 lost on the baseline set; 0 when there is no such set, or it has no rows."""
    if isinstance(challenger, NotComputed) or isinstance(champion, NotComputed):
        return 0.0
    return champion.r2 - challenger.r2
