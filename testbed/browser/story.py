"""One night of the bicycle counters, for screenshots and tests: resolved, flapping and firing incidents."""

from datetime import UTC, datetime, timedelta
from typing import Any

from testbed.browser.serving import Clock, ServedRouter

NIGHT = datetime(2026, 12, 26, 3, 12, tzinfo=UTC)
RUNBOOKS = "https://github.com/alert-router/alert-router/blob/main/docs/runbooks"


def clock() -> Clock:
    return Clock(NIGHT)


def alert(
    name: str, severity: str, component: str, started: datetime, ended: datetime | None = None, **more: str
) -> dict[str, Any]:
    """more: further labels, and `summary` and `description`."""
    texts = {key: more.pop(key) for key in ("summary", "description") if key in more}
    return {
        "status": "resolved" if ended else "firing",
        "labels": {"alertname": name, "severity": severity, "component": component, **more},
        "annotations": {
            **texts,
            "runbook_url": f"{RUNBOOKS}/{name}.md",
            "dashboard_url": "http://127.0.0.1:3000/d/api/api",
        },
        "startsAt": started.isoformat(),
        "endsAt": (ended or datetime(1, 1, 1, tzinfo=UTC)).isoformat(),
        "generatorURL": "http://127.0.0.1:9090/graph?g0.expr=model_r2_score&g0.tab=0",
    }


def play(router: ServedRouter) -> None:
    """Play the whole night; the clock ends at NIGHT."""
    for hours, event in (
        (8.0, _training_success),
        (6.5, _slow_api),
        (5.5, _data_drift),
        (4.0, _flapping_api_errors),
        (1.8, _training_failure_from_two_sources),
        (0.6, _bad_model),
        (0.1, _disk_filling),
    ):
        router.clock.now = NIGHT - timedelta(hours=hours)
        event(router)
        router.settle()
    router.clock.now = NIGHT


def _advance(router: ServedRouter, minutes: float) -> datetime:
    router.settle()
    router.clock.now += timedelta(minutes=minutes)
    return router.clock.now


def _training_success(router: ServedRouter) -> None:
    router.event(
        type="training_success",
        dag_id="monitor_and_fine_tune",
        run_id="scheduled__2026-12-25T19:00:00+00:00",
        model_type="gbt",
        decision="skip_no_improvement",
        old_r2=0.792,
        new_r2=0.788,
        improvement=-0.004,
    )


def _slow_api(router: ServedRouter) -> None:
    _fire_and_resolve(
        router,
        "PredictionLatencyHigh",
        "warning",
        "api",
        minutes=22,
        summary="Predictions are slow",
        description="95 % of the predictions took up to 6.2 s, above 5 s for 10 minutes.",
    )


def _data_drift(router: ServedRouter) -> None:
    _fire_and_resolve(
        router,
        "HighDrift",
        "warning",
        "data",
        minutes=74,
        summary="More than half of the features have drifted",
        description="57.1% of the features differ from the reference period, for 15 minutes.",
    )


def _flapping_api_errors(router: ServedRouter) -> None:
    for minutes in (9, 6, 14):
        _fire_and_resolve(
            router,
            "APIErrorRate",
            "critical",
            "api",
            minutes=minutes,
            summary="The model API fails for its callers",
            description="8.4% of the requests were answered 5xx, above 5% for 5 minutes.",
            job="regmodel",
        )
        _advance(router, 7)


def _fire_and_resolve(
    router: ServedRouter, name: str, severity: str, component: str, *, minutes: int, **more: str
) -> None:
    started = router.clock.now
    group = {"alertname": name}
    router.webhook(alert(name, severity, component, started, None, **more), group=group)
    ended = _advance(router, minutes)
    router.webhook(alert(name, severity, component, started, ended, **more), group=group)


def _training_failure_from_two_sources(router: ServedRouter) -> None:
    router.event(
        type="training_failure",
        dag_id="monitor_and_fine_tune",
        run_id="scheduled__2026-12-26T01:00:00+00:00",
        task_id="fine_tune_model",
        model_type="rf",
        error_message="No rows in the training window since 2026-12-19: 31 of 38 counters are silent.",
    )
    started = _advance(router, 1)
    router.webhook(
        alert(
            "TrainingFailure",
            "critical",
            "training",
            started=started,
            model_type="rf",
            summary="Training of rf failed",
            description="1 training of rf has failed since the last success.",
        ),
        group={"alertname": "TrainingFailure", "model_type": "rf"},
    )


def _bad_model(router: ServedRouter) -> None:
    fields: dict[str, Any] = {
        "started": router.clock.now,
        "model_type": "rf",
        "summary": "Model rf no longer explains the traffic",
    }
    group = {"alertname": "ModelPerformanceCritical", "model_type": "rf"}
    for r2 in (0.613, 0.588):
        text = (
            f"R2 of rf is {r2:.3f}, below 0.65 for 5 minutes. "
            "Its forecasts should not be used until it is retrained."
        )
        router.webhook(
            alert("ModelPerformanceCritical", "critical", "model", **fields, description=text), group=group
        )
        _advance(router, 15)


def _disk_filling(router: ServedRouter) -> None:
    started = router.clock.now
    router.webhook(
        *(
            alert(
                "DiskWillFillIn4Hours",
                "warning",
                "host",
                started=started,
                instance=f"warehouse-{n}.example.org:9100",
                mountpoint="/var/lib/postgresql",
                summary=f"The disk of warehouse-{n} is full in four hours",
            )
            for n in (1, 2)
        ),
        group={"alertname": "DiskWillFillIn4Hours"},
    )
