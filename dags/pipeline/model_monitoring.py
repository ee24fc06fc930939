"""The work of monitor_and_fine_tune up to the new champion: values in, what goes into XCom out.

What was not measured is absent from XCom. No number stands for that.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from dags.pipeline import decisions
from dags.pipeline.decisions import Measured, Verdict
from dags.pipeline.model_api import NO_CHAMPION, Drift, Evaluation, ModelApi, Training
from dags.pipeline.thresholds import Thresholds

log = logging.getLogger(__name__)
POLL_S = 1.0
XCom = dict[str, Any]


class TrainingFailed(Exception):
    """The service trained and failed; the same training on the same data would fail again."""


def drift(api: ModelApi, now: datetime) -> XCom:
    found = api.monitor(now) if api.champion_run_id() else Drift(reason=NO_CHAMPION)
    computed = found.share is not None
    return _present(
        {
            "drift_computed": computed,
            "drift_detected": found.detected if computed else None,
            "drift_share": found.share,
            "drifted_features_count": len(found.drifted_features) if computed else None,
            "drifted_features": list(found.drifted_features) if computed else None,
            "drift_reason": found.reason,
        }
    )


def validation(api: ModelApi, now: datetime) -> XCom:
    registry = api.registry()
    found = api.evaluate(now) if registry.champion_run_id else Evaluation(reason=NO_CHAMPION)
    days = None if registry.trained_until is None else (now - registry.trained_until) / timedelta(days=1)
    return _present({**asdict(found), "champion_run_id": registry.champion_run_id, "untrained_days": days})


def measured(drift_found: Mapping[str, Any], validated: Mapping[str, Any]) -> Measured:
    return Measured(
        drift_share=drift_found.get("drift_share"),
        drifted_features=tuple(drift_found.get("drifted_features", ())),
        r2=validated.get("r2"),
        rmse=validated.get("rmse"),
        has_champion=not validated or "champion_run_id" in validated,
        untrained_days=validated.get("untrained_days"),
    )


def decision(found: Measured, limits: Thresholds, *, force: bool) -> tuple[Verdict, XCom]:
    verdict = decisions.decide(found, limits, force=force)
    return verdict, {
        "decision": str(verdict.decision),
        "decision_reason": verdict.reason,
        "trains": verdict.decision.trains,
    }


class NotPromoted(Exception):
    """The new champion was promoted and does not answer."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """How long a training is waited for, and on which clock."""

    seconds: float
    clock: Callable[[], float] = time.monotonic


def fine_tune(api: ModelApi, now: datetime, deadline: Deadline, *, test_mode: bool, key: str) -> XCom:
    """Raises TrainingFailed when the service says so or takes too long, Unavailable when it is away."""
    started = deadline.clock()
    found = api.train(now, test_mode=test_mode, key=key)
    while not found.is_over:
        if deadline.clock() - started > deadline.seconds:
            raise TrainingFailed(f"run {found.run_id} is still {found.state} after {deadline.seconds:g} s")
        api.wait(POLL_S)
        found = api.training(found.run_id)
    if found.state != "succeeded":
        raise TrainingFailed(found.error or "the service gives no reason")
    return _trained(found, deadline.clock() - started)


def new_champion(api: ModelApi, trained: Mapping[str, Any], now: datetime) -> XCom:
    """Promotes what the service's double evaluation wants deployed, and looks whether it now answers.

    One that was deployed is measured: the service's gauges speak of the model before it until then, and with
    them the alerts.
    """
    deployment = str(trained["deployment"])
    run_id, champion = trained["training_run_id"], api.champion_run_id()
    if deployment == "deploy" and champion != run_id:
        api.promote(run_id, expected_champion=trained.get("compared_with"))
        champion = api.champion_run_id()
    deployed = champion == run_id
    if deployment == "deploy" and not deployed:
        raise NotPromoted(f"run {run_id} was promoted, but {champion} answers")
    if deployed:
        _measure(api.evaluate, now)
        _measure(api.monitor, now)
    return _present(
        {
            "deployment": deployment,
            "deployed": deployed,
            "champion_run_id": champion,
            "r2_validation": trained.get("new_r2"),
            "improvement": trained.get("improvement"),
        }
    )


def _measure(ask: Callable[[datetime], object], now: datetime) -> None:
    """The promotion stands whether this works or not; what it finds, the next run tells."""
    try:
        ask(now)
    except Exception as error:  # noqa: BLE001 - whatever is wrong, the new champion answers
        log.warning("the new champion was not measured: %s: %s", type(error).__name__, error)


def _trained(found: Training, waited_s: float) -> XCom:
    return _present(
        {
            "training_run_id": found.run_id,
            "training_status": "success",
            "training_duration_seconds": waited_s if found.fit_seconds is None else found.fit_seconds,
            "deployment": found.decision,
            "deployment_reason": found.reason,
            "compared_with": found.champion_run_id,
            "improvement": found.improvement,
            "new_r2": found.new_r2,
            "old_r2": found.old_r2,
        }
    )


def _present(found: Mapping[str, Any]) -> XCom:
    return {name: value for name, value in found.items() if value is not None}
