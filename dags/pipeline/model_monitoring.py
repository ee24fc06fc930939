"""The work of monitor_and_fine_tune up to the new champion: values in, XCom out."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from dags.pipeline import decisions
from dags.pipeline.decisions import Decision, Measurements
from dags.pipeline.model_api import NO_CHAMPION, Drift, Evaluation, ModelApi, Training
from dags.pipeline.thresholds import Thresholds
from dags.pipeline.xcom import XCom, without_none

log = logging.getLogger(__name__)
FIRST_POLL_S = 0.25
MAX_POLL_S = 5.0


class TrainingFailed(Exception):
    """The service trained and failed; the same training on the same data would fail again."""


class TrainingInterrupted(Exception):
    """The service stopped while it trained. Ordered again with the same key, it trains anew."""


class NotPromoted(Exception):
    """The new champion was promoted and does not answer."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """How long a training may take, and on which clock."""

    seconds: float
    clock: Callable[[], float] = time.monotonic


def drift(api: ModelApi, now: datetime) -> XCom:
    drift = api.monitor(now) if api.champion_run_id() else Drift(reason=NO_CHAMPION)
    computed = drift.share is not None
    return without_none(
        {
            "drift_computed": computed,
            "drift_detected": drift.detected if computed else None,
            "drift_share": drift.share,
            "drifted_features_count": len(drift.drifted_features) if computed else None,
            "drifted_features": list(drift.drifted_features) if computed else None,
            "drift_reason": drift.reason,
        }
    )


def validation(api: ModelApi, now: datetime, *, has_counts: bool = True) -> XCom:
    registry = api.registry()
    evaluation = api.evaluate(now) if registry.champion_run_id else Evaluation(reason=NO_CHAMPION)
    days = None if registry.trained_until is None else (now - registry.trained_until) / timedelta(days=1)
    return without_none(
        {
            **asdict(evaluation),
            "champion_run_id": registry.champion_run_id,
            "untrained_days": days,
            "has_counts": has_counts,
        }
    )


def measurements(drift: Mapping[str, Any], validation: Mapping[str, Any]) -> Measurements:
    """From the XCom of the two tasks; an empty one is a task that failed."""
    return Measurements(
        drift_share=drift.get("drift_share"),
        drifted_features=tuple(drift.get("drifted_features", ())),
        r2=validation.get("r2"),
        rmse=validation.get("rmse"),
        has_champion=not validation or "champion_run_id" in validation,
        has_counts=validation.get("has_counts", True),
        untrained_days=validation.get("untrained_days"),
    )


def decision(week: Measurements, limits: Thresholds, *, force: bool) -> tuple[Decision, XCom]:
    decision = decisions.decide(week, limits, force=force)
    return decision, {
        "decision": str(decision.kind),
        "decision_reason": decision.reason,
        "trains": decision.kind.trains,
    }


def fine_tune(api: ModelApi, now: datetime, deadline: Deadline, *, test_mode: bool, key: str) -> XCom:
    """Raises TrainingFailed when the service says so or takes too long, TrainingInterrupted, Unavailable."""
    started, pause_s = deadline.clock(), FIRST_POLL_S
    training = api.train(now, test_mode=test_mode, key=key)
    while not training.is_over:
        if deadline.clock() - started > deadline.seconds:
            raise overdue(training, deadline.seconds)
        api.sleep(pause_s)
        pause_s = min(2 * pause_s, MAX_POLL_S)
        training = api.training(training.run_id)
    return training_result(training, test_mode=test_mode, waited_s=deadline.clock() - started)


def overdue(training: Training, seconds: float) -> TrainingFailed:
    return TrainingFailed(f"run {training.run_id} is still {training.state} after {seconds:g} s")


def training_result(training: Training, *, test_mode: bool, waited_s: float) -> XCom:
    """Of a training that is over. Raises TrainingFailed, TrainingInterrupted."""
    if training.interrupted:
        raise TrainingInterrupted(f"run {training.run_id}: {training.error}")
    if training.state != "succeeded":
        raise TrainingFailed(training.error or "the service gives no reason")
    return _training_xcom(training, waited_s, test_mode=test_mode)


def unfinished_training(*, test_mode: bool) -> XCom:
    """What a task leaves that is killed while it waits; the result of a finished training replaces it."""
    return {
        "training_status": training_status(test_mode=test_mode, succeeded=False),
        "fine_tune_success": False,
    }


def training_status(*, test_mode: bool, succeeded: bool) -> str:
    """Apart for test_mode: a trial says nothing about the trainings of real models."""
    status = "success" if succeeded else "failed"
    return f"test_{status}" if test_mode else status


def new_champion(api: ModelApi, training: Mapping[str, Any], now: datetime) -> XCom:
    """Promotes a challenger that has won the service's double evaluation, and checks that it answers.

    A deployed model is measured at once: until then the service's gauges, and the alerts on them, describe
    the model before it.
    """
    deployment = str(training["deployment"])
    run_id, champion = training["training_run_id"], api.champion_run_id()
    if deployment == "deploy" and champion != run_id:
        api.promote(run_id, expected_champion=training.get("compared_with"))
        champion = api.champion_run_id()
    deployed = champion == run_id
    if deployment == "deploy" and not deployed:
        raise NotPromoted(f"run {run_id} was promoted, but {champion} answers")
    if deployed:
        _measure(api.evaluate, now)
        _measure(api.monitor, now)
    return without_none(
        {
            "deployment": deployment,
            "deployment_decision": short_decision(deployment),
            "deployed": deployed,
            "champion_run_id": champion,
            "r2_validation": training.get("new_r2"),
            "improvement": training.get("improvement"),
            "model_improvement": training.get("improvement"),
        }
    )


def short_decision(deployment: str | None) -> str | None:
    """deploy, skip or reject: the service's decision without its reason."""
    return deployment and deployment.partition("_")[0]


def _measure(request: Callable[[datetime], object], now: datetime) -> None:
    """The promotion stands whether this works or not; the next run reports what it measures."""
    try:
        request(now)
    except Exception as error:  # noqa: BLE001 - whatever is wrong, the new champion answers
        log.warning("the new champion was not measured: %s: %s", type(error).__name__, error)


def _training_xcom(training: Training, waited_s: float, *, test_mode: bool) -> XCom:
    return without_none(
        {
            "training_run_id": training.run_id,
            "training_status": training_status(test_mode=test_mode, succeeded=True),
            "fine_tune_success": True,
            "training_duration_seconds": waited_s if training.fit_seconds is None else training.fit_seconds,
            "deployment": training.decision,
            "deployment_decision": short_decision(training.decision),
            "deployment_reason": training.reason,
            "compared_with": training.champion_run_id,
            "improvement": training.improvement,
            "model_improvement": training.improvement,
            "new_r2": training.new_r2,
            "old_r2": training.old_r2,
        }
    )
