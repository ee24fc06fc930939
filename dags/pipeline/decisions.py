"""Decides whether to retrain, from what was measured. Pure; the order of the rules is the meaning."""

from dataclasses import dataclass
from enum import StrEnum

from dags.pipeline.thresholds import Thresholds


class Decision(StrEnum):
    FORCED = "forced"
    FIRST = "first"
    """There is no model yet."""
    REACTIVE = "reactive"
    """The model is bad now."""
    PROACTIVE = "proactive"
    """The data have moved and the model begins to suffer."""
    SCHEDULED = "scheduled"
    """No model has been trained for weeks."""
    WAIT = "wait"
    """One of the two, but not both: look again next week."""
    OK = "ok"
    UNKNOWN = "unknown"
    """Nothing could be measured, and nothing is decided on nothing."""

    @property
    def trains(self) -> bool:
        return self not in (Decision.WAIT, Decision.OK, Decision.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """None: not measured this time. No number stands for that."""

    drift_share: float | None = None
    drifted_features: tuple[str, ...] = ()
    r2: float | None = None
    rmse: float | None = None
    has_champion: bool = True
    untrained_days: float | None = None
    """Since the data of the newest training ended, deployed or not."""


@dataclass(frozen=True, slots=True)
class Verdict:
    decision: Decision
    reason: str


def decide(found: Measured, limits: Thresholds, *, force: bool) -> Verdict:
    return _training(found, limits, force=force) or _rest(found, limits)


def alerts(found: Measured, limits: Thresholds) -> frozenset[str]:
    """What people must hear, whatever is decided about it: "drift", "performance"."""
    bad = _below(found.r2, limits.r2_warning) or (found.r2 is not None and _above(found.rmse, limits.rmse))
    drifts = _above(found.drift_share, limits.drift_share)
    return frozenset(name for name, fires in {"drift": drifts, "performance": bad}.items() if fires)


def _training(found: Measured, limits: Thresholds, *, force: bool) -> Verdict | None:
    if force:
        return Verdict(Decision.FORCED, "asked for by force_fine_tune")
    if not found.has_champion:
        return Verdict(Decision.FIRST, "no model answers yet")
    if _below(found.r2, limits.r2_critical):
        return Verdict(Decision.REACTIVE, f"R2 {found.r2:.3f} is below {limits.r2_critical:g}")
    if _above(found.rmse, limits.rmse):
        return Verdict(Decision.REACTIVE, f"RMSE {found.rmse:.1f} is above {limits.rmse:g}")
    if _above(found.drift_share, limits.drift_share) and _below(found.r2, limits.r2_warning):
        return Verdict(Decision.PROACTIVE, f"drift share {found.drift_share:.2f} and R2 {found.r2:.3f}")
    if found.untrained_days is not None and found.untrained_days >= limits.train_after_days:
        return Verdict(
            Decision.SCHEDULED, f"the newest model was trained {found.untrained_days:.0f} days ago"
        )
    return None


def _rest(found: Measured, limits: Thresholds) -> Verdict:
    if _above(found.drift_share, limits.drift_share):
        return Verdict(Decision.WAIT, f"drift share {found.drift_share:.2f}, but the model still holds")
    if _below(found.r2, limits.r2_warning):
        return Verdict(Decision.WAIT, f"R2 {found.r2:.3f} is below {limits.r2_warning:g}, but without drift")
    if found.r2 is None and found.drift_share is None:
        return Verdict(Decision.UNKNOWN, "neither the model nor the data could be measured")
    return Verdict(Decision.OK, "nothing is over its threshold")


def _below(value: float | None, limit: float) -> bool:
    return value is not None and value < limit


def _above(value: float | None, limit: float) -> bool:
    return value is not None and value > limit
