"""One night of the bicycle counters, for pictures and tests: what broke, what recovered, what still fires."""

from datetime import UTC, datetime, timedelta
from typing import Any

from testbed.browser.serving import Clock, House

NIGHT = datetime(2026, 12, 26, 3, 12, tzinfo=UTC)
RUNBOOKS = "https://github.com/alert-router/alert-router/blob/main/docs/runbooks"


def clock() -> Clock:
    return Clock(NIGHT)


def alert(
    name: str, severity: str, component: str, began: datetime, ended: datetime | None = None, **more: str
) -> dict[str, Any]:
    """more: further labels, and `summary` and `description`."""
    texts = {key: more.pop(key) for key in ("summary", "description") if key in more}
    return {
        "status": "resolved" if ended else "firing",
        "labels": {"alertname": name, "severity": severity, "component": component, **more},
        "annotations": {
            **texts,
            "runbook_url": f"{RUNBOOKS}/{name}.md",
            "dashboard_url": "http://127.0.0.1:3000/d/bike-traffic/bike-traffic",
        },
        "startsAt": began.isoformat(),
        "endsAt": (ended or datetime(1, 1, 1, tzinfo=UTC)).isoformat(),
        "generatorURL": "http://127.0.0.1:9090/graph?g0.expr=model_r2_score&g0.tab=0",
    }


def tell(house: House) -> None:
    """The whole night; the clock ends where it began."""
    for hours, happens in (
        (8.0, _a_training_succeeds),
        (6.5, _the_api_is_slow),
        (5.5, _the_data_drift),
        (4.0, _the_api_fails_and_flaps),
        (1.8, _a_training_fails_and_two_see_it),
        (0.6, _the_model_is_bad),
        (0.1, _the_disk_fills),
    ):
        house.clock.now = NIGHT - timedelta(hours=hours)
        happens(house)
        house.settle()
    house.clock.now = NIGHT


def _later(house: House, minutes: float) -> datetime:
    house.settle()
    house.clock.now += timedelta(minutes=minutes)
    return house.clock.now


def _a_training_succeeds(house: House) -> None:
    house.event(
        type="training_success",
        dag_id="monitor_and_fine_tune",
        run_id="scheduled__2026-12-25T19:00:00+00:00",
        model_type="gbt",
        decision="skip_no_improvement",
        old_r2=0.792,
        new_r2=0.788,
        improvement=-0.004,
    )


def _the_api_is_slow(house: House) -> None:
    _comes_and_goes(
        house,
        "PredictionLatencyHigh",
        "warning",
        "api",
        minutes=22,
        summary="Predictions are slow",
        description="95 % of the predictions took up to 6.2 s, above 5 s for 10 minutes.",
    )


def _the_data_drift(house: House) -> None:
    _comes_and_goes(
        house,
        "HighDrift",
        "warning",
        "data",
        minutes=74,
        summary="More than half of the features have drifted",
        description="57.1% of the features differ from the reference period, for 15 minutes.",
    )


def _the_api_fails_and_flaps(house: House) -> None:
    for minutes in (9, 6, 14):
        _comes_and_goes(
            house,
            "APIErrorRate",
            "critical",
            "api",
            minutes=minutes,
            summary="The model API fails for its callers",
            description="8.4% of the requests were answered 5xx, above 5% for 5 minutes.",
            job="regmodel",
        )
        _later(house, 7)


def _comes_and_goes(
    house: House, name: str, severity: str, component: str, *, minutes: int, **more: str
) -> None:
    began = house.clock.now
    group = {"alertname": name}
    house.webhook(alert(name, severity, component, began, None, **more), group=group)
    ended = _later(house, minutes)
    house.webhook(alert(name, severity, component, began, ended, **more), group=group)


def _a_training_fails_and_two_see_it(house: House) -> None:
    house.event(
        type="training_failure",
        dag_id="monitor_and_fine_tune",
        run_id="scheduled__2026-12-26T01:00:00+00:00",
        task_id="fine_tune_model",
        model_type="rf",
        error_message="No rows in the training window since 2026-12-19: 31 of 38 counters are silent.",
    )
    began = _later(house, 1)
    house.webhook(
        alert(
            "TrainingFailure",
            "critical",
            "training",
            began=began,
            model_type="rf",
            summary="Training of rf failed",
            description="1 training of rf has failed since the last success.",
        ),
        group={"alertname": "TrainingFailure", "model_type": "rf"},
    )


def _the_model_is_bad(house: House) -> None:
    fields: dict[str, Any] = {
        "began": house.clock.now,
        "model_type": "rf",
        "summary": "Model rf no longer explains the traffic",
    }
    group = {"alertname": "ModelPerformanceCritical", "model_type": "rf"}
    for r2 in (0.613, 0.588):
        text = (
            f"R2 of rf is {r2:.3f}, below 0.65 for 5 minutes. "
            "Its forecasts should not be used until it is retrained."
        )
        house.webhook(
            alert("ModelPerformanceCritical", "critical", "model", **fields, description=text), group=group
        )
        _later(house, 15)


def _the_disk_fills(house: House) -> None:
    began = house.clock.now
    house.webhook(
        *(
            alert(
                "DiskWillFillIn4Hours",
                "warning",
                "host",
                began=began,
                instance=f"warehouse-{n}.example.org:9100",
                mountpoint="/var/lib/postgresql",
                summary=f"The disk of warehouse-{n} is full in four hours",
            )
            for n in (1, 2)
        ),
        group={"alertname": "DiskWillFillIn4Hours"},
    )
