"""Whether a challenger should take the champion's place. Pure: scores in, a decision with its reason out.

Every limit is asked for as what must hold: a comparison with NaN never holds, so NaN never deploys.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from backend.regmodel.model.scores import NotComputed, Scores

Measured = Scores | NotComputed


class Verdict(StrEnum):
    DEPLOY = "deploy"
    SKIP_NO_IMPROVEMENT = "skip_no_improvement"
    SKIP_NOT_COMPARABLE = "skip_not_comparable"
    """Too few rows that neither of the two has learned from."""
    SKIP_TEST_MODE = "skip_test_mode"
    REJECT_BASELINE_REGRESSION = "reject_baseline_regression"


@dataclass(frozen=True, slots=True)
class Exam:
    """One model's marks; both models of a comparison sit the same rows."""

    holdout: Measured
    baseline: Measured


@dataclass(frozen=True, slots=True)
class Limits:
    min_improvement: float
    baseline_tolerance: float


@dataclass(frozen=True, slots=True)
class Decision:
    verdict: Verdict
    reason: str
    improvement: float | None = None
    """Gain of R2 on the recent holdout; None where it could not be measured."""


def decide(challenger: Exam, champion: Exam | None, *, test_mode: bool, limits: Limits) -> Decision:
    decision = _first(challenger) if champion is None else _second(challenger, champion, limits)
    if not test_mode:
        return decision
    reason = f"a test_mode model is never deployed (otherwise: {decision.verdict}, {decision.reason})"
    return Decision(Verdict.SKIP_TEST_MODE, reason, decision.improvement)


def _first(challenger: Exam) -> Decision:
    if isinstance(challenger.holdout, NotComputed):
        return Decision(Verdict.SKIP_NOT_COMPARABLE, challenger.holdout.reason)
    if not math.isfinite(challenger.holdout.r2):
        return Decision(Verdict.SKIP_NOT_COMPARABLE, f"R2 {challenger.holdout.r2} on the holdout")
    return Decision(Verdict.DEPLOY, f"the first champion, R2 {challenger.holdout.r2:.3f} on the holdout")


def _second(challenger: Exam, champion: Exam, limits: Limits) -> Decision:
    if isinstance(challenger.holdout, NotComputed):
        return Decision(Verdict.SKIP_NOT_COMPARABLE, challenger.holdout.reason)
    if isinstance(champion.holdout, NotComputed):
        return Decision(Verdict.SKIP_NOT_COMPARABLE, champion.holdout.reason)
    gain = challenger.holdout.r2 - champion.holdout.r2
    lost = _lost(challenger.baseline, champion.baseline)
    if not lost <= limits.baseline_tolerance:
        reason = f"R2 on the baseline set fell by {lost:.3f}, more than {limits.baseline_tolerance:g}"
        return Decision(Verdict.REJECT_BASELINE_REGRESSION, reason, gain)
    if not gain >= limits.min_improvement:
        reason = f"R2 on the holdout changed by {gain:+.3f}, less than {limits.min_improvement:+g}"
        return Decision(Verdict.SKIP_NO_IMPROVEMENT, reason, gain)
    return Decision(Verdict.DEPLOY, f"R2 on the holdout changed by {gain:+.3f}", gain)


def _lost(challenger: Measured, champion: Measured) -> float:
    """R2 lost on the baseline set; nothing where there is no such set, or it has no rows."""
    if isinstance(challenger, NotComputed) or isinstance(champion, NotComputed):
        return 0.0
    return champion.r2 - challenger.r2
