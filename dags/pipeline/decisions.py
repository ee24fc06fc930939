"""Decides whether to retrain, from the week's measurements. Pure; the first rule that applies decides."""

from dataclasses import dataclass
from enum import StrEnum

from dags.pipeline.thresholds import Thresholds


class DecisionKind(StrEnum):
    FORCED = "forced"
    NO_DATA = "no_data"
    """There is no model yet, and no count to train one on: day one."""
    FIRST = "first"
    """There is no model yet."""
    REACTIVE = "reactive"
    """The model is bad now."""
    PROACTIVE = "proactive"
    """The data have drifted and the model begins to suffer."""
    SCHEDULED = "scheduled"
    """No model has been trained for weeks."""
    WAIT = "wait"
    """Drift or a weak model, but not both: look again next week."""
    OK = "ok"
    UNKNOWN = "unknown"
    """Nothing could be measured, so nothing is decided."""

    @property
    def trains(self) -> bool:
        return self not in _RESTING


_RESTING = frozenset({DecisionKind.NO_DATA, DecisionKind.WAIT, DecisionKind.OK, DecisionKind.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Decision:
    kind: DecisionKind
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """None: not measured this time."""

    drift_share: float | None = None
    drifted_features: tuple[str, ...] = ()
    r2: float | None = None
    rmse: float | None = None
    has_champion: bool = True
    has_counts: bool = True
    """Whether any count was ever ingested."""
    untrained_days: float | None = None
    """Since the data of the newest training ended, deployed or not."""


def decide(week: Measurements, limits: Thresholds, *, force: bool) -> Decision:
    if force:
        return Decision(DecisionKind.FORCED, "requested by force_fine_tune")
    if not (week.has_counts or week.has_champion):
        return Decision(DecisionKind.NO_DATA, "no counts have arrived yet")
    return _train(week, limits) or _rest(week, limits)


def alerts(week: Measurements, limits: Thresholds) -> frozenset[str]:
    """The alerts that fire whatever is decided: "drift", "performance"."""
    is_weak = _below(week.r2, limits.r2_warning)
    bad = _below(week.r2, limits.r2_critical) or (week.r2 is not None and _above(week.rmse, limits.rmse))
    # A drift alert needs a measured share; without one a weak model is reported as such.
    drift_unknown = week.drift_share is None
    firing = {
        "drift": not drift_unknown and (_drifts(week, limits) or is_weak),
        "performance": bad or (drift_unknown and is_weak),
    }
    return frozenset(name for name, fires in firing.items() if fires)


def _train(week: Measurements, limits: Thresholds) -> Decision | None:
    if not week.has_champion:
        return Decision(DecisionKind.FIRST, "no model answers yet")
    if _below(week.r2, limits.r2_critical):
        return Decision(DecisionKind.REACTIVE, f"R2 {week.r2:.3f} is below {limits.r2_critical:g}")
    if _above(week.rmse, limits.train_rmse):
        return Decision(DecisionKind.REACTIVE, f"RMSE {week.rmse:.1f} is above {limits.train_rmse:g}")
    if _drifts(week, limits) and _below(week.r2, limits.r2_warning):
        return Decision(DecisionKind.PROACTIVE, f"drift share {week.drift_share:.2f} and R2 {week.r2:.3f}")
    if week.untrained_days is not None and week.untrained_days >= limits.train_after_days:
        return Decision(
            DecisionKind.SCHEDULED, f"the newest model was trained {week.untrained_days:.0f} days ago"
        )
    return None


def _rest(week: Measurements, limits: Thresholds) -> Decision:
    if _drifts(week, limits):
        return Decision(DecisionKind.WAIT, f"drift share {week.drift_share:.2f}, but the model still holds")
    if _below(week.r2, limits.r2_warning):
        return Decision(
            DecisionKind.WAIT, f"R2 {week.r2:.3f} is below {limits.r2_warning:g}, but without drift"
        )
    if week.r2 is None and week.drift_share is None:
        return Decision(DecisionKind.UNKNOWN, "neither the model nor the data could be measured")
    return Decision(DecisionKind.OK, "nothing is over its threshold")


def _drifts(week: Measurements, limits: Thresholds) -> bool:
    return week.drift_share is not None and week.drift_share >= limits.drift_share


def _below(value: float | None, limit: float) -> bool:
    return value is not None and value < limit


def _above(value: float | None, limit: float) -> bool:
    return value is not None and value > limit
