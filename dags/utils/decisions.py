"""Decides whether to retrain, from what was measured. Pure; the order of the rules is the meaning."""

from dataclasses import dataclass
from enum import StrEnum

from dags.utils.thresholds import Thresholds


class Decision(StrEnum):
    FORCED = "forced"
    REACTIVE = "reactive"
    """The model is bad now."""
    PROACTIVE = "proactive"
    """The data have moved and the model begins to suffer."""
    WAIT = "wait"
    """One of the two, but not both: look again next week."""
    OK = "ok"
    UNKNOWN = "unknown"
    """Nothing could be measured, and nothing is decided on nothing."""

    @property
    def trains(self) -> bool:
        return self in (Decision.FORCED, Decision.REACTIVE, Decision.PROACTIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """None: not measured this time. No number stands for that."""

    drift_share: float | None = None
    drifted_features: tuple[str, ...] = ()
    r2: float | None = None
    rmse: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    decision: Decision
    reason: str


def decide(found: Measured, limits: Thresholds, *, force: bool) -> Verdict:
    return Verdict(*_decision(found, limits, force=force))


def alerts(found: Measured, limits: Thresholds) -> frozenset[str]:
    """What people must hear, whatever is decided about it: "drift", "performance"."""
    bad = _below(found.r2, limits.r2_warning) or (found.r2 is not None and _above(found.rmse, limits.rmse))
    drifts = _above(found.drift_share, limits.drift_share)
    return frozenset(name for name, fires in {"drift": drifts, "performance": bad}.items() if fires)


def _decision(found: Measured, limits: Thresholds, *, force: bool) -> tuple[Decision, str]:
    drifts, warns = _above(found.drift_share, limits.drift_share), _below(found.r2, limits.r2_warning)
    if force:
        return Decision.FORCED, "asked for by force_fine_tune"
    if _below(found.r2, limits.r2_critical):
        return Decision.REACTIVE, f"R2 {found.r2:.3f} is below {limits.r2_critical:g}"
    if _above(found.rmse, limits.rmse):
        return Decision.REACTIVE, f"RMSE {found.rmse:.1f} is above {limits.rmse:g}"
    if drifts and warns:
        return Decision.PROACTIVE, f"drift share {found.drift_share:.2f} and R2 {found.r2:.3f}"
    if drifts:
        return Decision.WAIT, f"drift share {found.drift_share:.2f}, and the model still holds"
    if warns:
        return (
            Decision.WAIT,
            f"R2 {found.r2:.3f} is below {limits.r2_warning:g}, and the data are the usual ones",
        )
    if found.r2 is None and found.drift_share is None:
        return Decision.UNKNOWN, "neither the model nor the data could be measured"
    return Decision.OK, "nothing is over its threshold"


def _below(value: float | None, limit: float) -> bool:
    return value is not None and value < limit


def _above(value: float | None, limit: float) -> bool:
    return value is not None and value > limit
