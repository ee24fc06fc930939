import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from dags.pipeline import failures, monitoring_report, outbox, settings, thresholds
from dags.pipeline.events import Origin
from dags.pipeline.router_api import Refused, Sent, TryAgain, classify
from dags.pipeline.tables import event_outbox
from dags.utils import discord_alerts
from dags.utils.discord_alerts import Reporter
from testbed.pipeline.fake_router import NOON, FakeRouter

TOKEN = "s3cr3t-ingest-token"
LATER = NOON + timedelta(days=1)
MakeReporter = Callable[..., Reporter]


@pytest.fixture
def make_reporter(warehouse_url: str, router: FakeRouter) -> MakeReporter:
    def make(*, run_id: str = "run-1", now: datetime = NOON, try_number: int = 1, **fields: str) -> Reporter:
        return Reporter(
            Origin("monitor_and_fine_tune", run_id, "end_monitoring", try_number),
            settings.load(**{"warehouse_url": warehouse_url, "router_token": TOKEN, **fields}),
            clock=lambda: now,
            sleep=lambda _: None,
            transport=router.transport,
        )

    return make


def posted(router: FakeRouter) -> list[dict[str, Any]]:
    return [json.loads(request.content) for request in router.accepted]


def states(engine: sa.Engine) -> Mapping[str, str]:
    with engine.begin() as conn:
        return {row.key: row.state for row in conn.execute(sa.select(event_outbox))}


COMMON = {
    "dag_id": "monitor_and_fine_tune",
    "run_id": "run-1",
    "task_id": "end_monitoring",
    "try_number": 1,
    "occurred_at": "2020-11-18T12:00:00+00:00",
}


@pytest.mark.parametrize(
    ("send", "body"),
    [
        (
            lambda to: discord_alerts.send_drift_alert(
                0.6, 0.8, drifted_features=["a"], model_type="rf", reporter=to
            ),
            {
                "type": "drift_alert",
                "drift_share": 0.6,
                "r2": 0.8,
                "drifted_features": ["a"],
                "model_type": "rf",
            },
        ),
        (
            lambda to: discord_alerts.send_performance_alert(0.6, 80.5, model_type="rf", reporter=to),
            {
                "type": "performance_alert",
                "r2": 0.6,
                "rmse": 80.5,
                "thresholds": {"r2_critical": 0.65, "r2_warning": 0.7, "rmse": 60.0},
                "model_type": "rf",
            },
        ),
        (
            lambda to: discord_alerts.send_training_success(0.02, "deploy", new_r2=0.8, reporter=to),
            {"type": "training_success", "improvement": 0.02, "decision": "deploy", "new_r2": 0.8},
        ),
        (
            lambda to: discord_alerts.send_training_failure("no rows", model_type="rf", reporter=to),
            {"type": "training_failure", "error_message": "no rows", "model_type": "rf"},
        ),
        (
            lambda to: discord_alerts.send_api_error("POST /predict", "HTTP 500", reporter=to),
            {"type": "api_error", "endpoint": "POST /predict", "error": "HTTP 500"},
        ),
    ],
)
def test_event_bodies(
    send: Callable[[Reporter], None], body: dict[str, Any], make_reporter: MakeReporter, router: FakeRouter
) -> None:
    send(make_reporter())

    assert posted(router) == [COMMON | body]
    [request] = router.accepted
    assert (request.method, request.url.path) == ("POST", "/events")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


def test_retried_task_reports_once(make_reporter: MakeReporter, router: FakeRouter) -> None:
    for number in (1, 2):
        reporter = make_reporter(try_number=number, now=NOON + timedelta(minutes=number))
        discord_alerts.send_training_failure("no rows", reporter=reporter)

    assert len(router.accepted) == 1


def test_cleared_run_may_resolve_its_own_alert(make_reporter: MakeReporter, router: FakeRouter) -> None:
    for resolved in (False, True, True):
        discord_alerts.send_drift_alert(0.6, 0.7, resolved=resolved, reporter=make_reporter())

    assert [event.get("status") for event in posted(router)] == [None, "resolved"]


def test_another_run_reports_again(make_reporter: MakeReporter, router: FakeRouter) -> None:
    for run_id in ("run-1", "run-2"):
        discord_alerts.send_training_failure("no rows", reporter=make_reporter(run_id=run_id))

    assert [event["run_id"] for event in posted(router)] == ["run-1", "run-2"]


def test_next_run_sends_queued_events_in_order(
    make_reporter: MakeReporter, router: FakeRouter, engine: sa.Engine
) -> None:
    router.answers = [0] * 6
    discord_alerts.send_drift_alert(0.7, 0.8, reporter=make_reporter(run_id="run-1"))
    discord_alerts.send_training_failure("no rows", reporter=make_reporter(run_id="run-1", now=LATER))
    assert router.accepted == []

    make_reporter(run_id="run-2", now=LATER + timedelta(days=1)).flush()

    assert [event["type"] for event in posted(router)] == ["drift_alert", "training_failure"]
    assert posted(router)[0]["occurred_at"] == NOON.isoformat()
    assert set(states(engine).values()) == {"sent"}


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_transient_statuses_are_retried(status: int, make_reporter: MakeReporter, router: FakeRouter) -> None:
    router.answers = [status, status, 201]

    discord_alerts.send_training_failure("no rows", reporter=make_reporter())

    assert len(router.accepted) == 1


def test_refused_event_does_not_block_the_next(
    make_reporter: MakeReporter, router: FakeRouter, engine: sa.Engine
) -> None:
    router.answers = [422]

    discord_alerts.send_drift_alert(0.7, 0.8, reporter=make_reporter())
    discord_alerts.send_training_failure("no rows", reporter=make_reporter())

    assert [event["type"] for event in posted(router)] == ["training_failure"]
    assert sorted(states(engine).values()) == ["refused", "sent"]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_event_stays_pending_on_wrong_token_or_address(
    status: int, make_reporter: MakeReporter, router: FakeRouter, engine: sa.Engine
) -> None:
    router.answers = [status]

    discord_alerts.send_training_failure("no rows", reporter=make_reporter())

    assert set(states(engine).values()) == {"pending"}


def test_classification_of_every_status() -> None:
    assert {status for status in range(100, 600) if isinstance(classify(status, ""), Sent)} == {200, 201}
    assert {status for status in range(100, 600) if isinstance(classify(status, ""), Refused)} == {
        400,
        413,
        422,
    }
    assert classify(200, "") == Sent(new=False)
    assert classify(503, "") == TryAgain("HTTP 503")


AWAY = [
    "sqlite:////nowhere/at/all.db",
    # Not an error of SQLAlchemy's: the driver is not installed.
    "postgresql+pg8000://scott:tiger@nowhere/bikes",
]


@pytest.mark.parametrize("url", AWAY)
def test_event_is_posted_although_warehouse_is_unavailable(
    url: str, make_reporter: MakeReporter, router: FakeRouter, caplog: pytest.LogCaptureFixture
) -> None:
    reporter = make_reporter(warehouse_url=url)

    discord_alerts.send_training_failure("no rows", reporter=reporter)

    assert [event["type"] for event in posted(router)] == ["training_failure"]
    assert "tiger" not in caplog.text


@pytest.mark.parametrize("url", AWAY)
def test_failed_task_is_reported_although_outbox_is_unavailable(
    url: str, make_reporter: MakeReporter, router: FakeRouter
) -> None:
    reporter = make_reporter(warehouse_url=url)

    failures.report_task(reporter, "score_forecasts", "boom")

    assert [event["endpoint"] for event in posted(router)] == ["task score_forecasts"]
    assert reporter.is_firing("drift_alert", "rf") is False


def test_error_while_reporting_does_not_fail_the_task(
    make_reporter: MakeReporter, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: httpx.Request) -> httpx.Response:
        raise RuntimeError("scott:tiger")

    reporter = replace(make_reporter(), transport=httpx.MockTransport(broken))

    discord_alerts.send_training_failure("no rows", reporter=reporter)

    assert "not sent" in caplog.text
    assert "tiger" not in caplog.text


def test_secrets_are_neither_logged_nor_posted(
    make_reporter: MakeReporter, router: FakeRouter, engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = "s3cr3t-model-key"
    router.answers = [503, 503, 503, 422, 0, 0, 0]
    reporter = make_reporter(model_key=key)

    for number, run_id in enumerate(("a", "b", "c")):
        later = NOON + timedelta(hours=number)
        run_reporter = make_reporter(model_key=key, run_id=run_id, now=later)
        discord_alerts.send_api_error("POST /train", f"401 for {key} and {TOKEN}", reporter=run_reporter)

    with engine.begin() as conn:
        rows = str(list(conn.execute(sa.select(event_outbox))))
    output = caplog.text + rows + repr(reporter) + str([request.content for request in router.accepted])
    assert TOKEN not in output
    assert key not in output
    assert "***" in rows


def test_long_error_is_clipped_with_ellipsis(make_reporter: MakeReporter, router: FakeRouter) -> None:
    discord_alerts.send_training_failure("x" * 100_000, reporter=make_reporter())

    [event] = posted(router)
    assert len(event["error_message"]) == 2_000
    assert event["error_message"].endswith("…")


def test_origin_from_airflow_environment() -> None:
    environ = {
        "AIRFLOW_CTX_DAG_ID": "d",
        "AIRFLOW_CTX_DAG_RUN_ID": "r",
        "AIRFLOW_CTX_TASK_ID": "t",
        "AIRFLOW_CTX_TRY_NUMBER": "2",
        "AIRFLOW__API__BASE_URL": "https://airflow.example.org",
    }

    reporter = Reporter.of_running_task(environ)

    assert reporter.origin == Origin("d", "r", "t", 2, "https://airflow.example.org")
    assert reporter.clock().tzinfo is UTC


def test_event_links_to_the_log_of_its_task(make_reporter: MakeReporter, router: FakeRouter) -> None:
    reporter = make_reporter(run_id="scheduled__2020-11-18T06:00:00+00:00")
    known = replace(reporter, origin=replace(reporter.origin, airflow_url="https://airflow.example.org/"))
    discord_alerts.send_api_error("POST /predict", "HTTP 500", reporter=known)

    [event] = posted(router)
    run = "https://airflow.example.org/dags/monitor_and_fine_tune/runs/scheduled__2020-11-18T06%3A00%3A00%2B00%3A00"
    assert event["links"] == [{"title": "Log", "url": f"{run}/tasks/end_monitoring?try_number=1"}]


@pytest.mark.parametrize("url", ["", "airflow:8080", "/"])
def test_event_without_airflows_address_has_no_links(url: str) -> None:
    assert Origin("d", "r", "t", 1, url).log_url is None


def test_run_knows_whether_it_has_reported_a_failure(make_reporter: MakeReporter, router: FakeRouter) -> None:
    router.answers = [0, 0, 0, 0, 0, 0]
    discord_alerts.send_drift_alert(0.7, 0.8, reporter=make_reporter())
    before = make_reporter().has_reported_failure()

    discord_alerts.send_api_error("POST /predict", "HTTP 500", reporter=make_reporter())

    assert before is False
    assert make_reporter().has_reported_failure() is True, "a queued event will be sent"
    assert make_reporter(run_id="run-2").has_reported_failure() is False


def test_two_concurrent_flushes_leave_nothing_pending(
    make_reporter: MakeReporter, router: FakeRouter, engine: sa.Engine
) -> None:
    router.answers = [0, 0, 0]
    discord_alerts.send_drift_alert(0.7, 0.8, reporter=make_reporter())
    other = make_reporter(run_id="run-2")

    def answer_while_another_flushes(request: httpx.Request) -> httpx.Response:
        other.flush()
        return httpx.Response(200, request=request)

    replace(other, transport=httpx.MockTransport(answer_while_another_flushes)).flush()

    with engine.begin() as conn:
        assert outbox.pending(conn) == []
    assert set(states(engine).values()) == {"sent"}


def test_alert_is_firing_until_resolved(
    make_reporter: MakeReporter,
) -> None:
    def firing() -> tuple[bool, bool]:
        reporter = make_reporter(run_id="another")
        return reporter.is_firing("performance_alert", "rf"), reporter.is_firing("performance_alert", "gb")

    history = [firing()]
    for week, r2, resolved in ((0, 0.6, False), (1, 0.6, False), (2, 0.9, True)):
        reporter = make_reporter(run_id=f"run-{week}", now=NOON + timedelta(weeks=week))
        discord_alerts.send_performance_alert(r2, None, resolved=resolved, model_type="rf", reporter=reporter)
        history.append(firing())

    assert history == [(False, False), (True, False), (True, False), (False, False)]


@pytest.mark.parametrize(("decision", "firing"), [("deploy", False), ("skip_no_improvement", True)])
def test_deployment_ends_alerts(make_reporter: MakeReporter, decision: str, firing: bool) -> None:
    discord_alerts.send_performance_alert(0.6, None, model_type="rf", reporter=make_reporter())
    later = make_reporter(now=LATER)

    discord_alerts.send_training_success(0.1, decision, model_type="rf", reporter=later)

    assert later.is_firing("performance_alert", "rf") is firing


def test_recovery_is_reported_once(make_reporter: MakeReporter, router: FakeRouter) -> None:
    good: dict[str, Any] = {
        "monitor_drift": {"drift_share": 0.1},
        "validate_model": {"r2": 0.9, "champion_run_id": "c"},
    }
    bad: dict[str, Any] = {
        "monitor_drift": {"drift_share": 0.9},
        "validate_model": {"r2": 0.1, "champion_run_id": "c"},
    }
    decision = {"decision": "ok", "decision_reason": "", "trains": False}

    for week, results_of_week in enumerate((good, bad, bad, good, good)):
        reporter = make_reporter(run_id=f"run-{week}", now=NOON + timedelta(weeks=week))
        results = monitoring_report.Results(
            monitor_drift=results_of_week["monitor_drift"],
            validate_model=results_of_week["validate_model"],
            decide_fine_tune=decision,
        )
        monitoring_report.report(results, thresholds.load(), reporter)

    assert [(event["run_id"], event["type"], event.get("status")) for event in posted(router)] == [
        ("run-1", "drift_alert", None),
        ("run-1", "performance_alert", None),
        ("run-2", "drift_alert", None),
        ("run-2", "performance_alert", None),
        ("run-3", "drift_alert", "resolved"),
        ("run-3", "performance_alert", "resolved"),
    ]


def test_cleared_run_reports_recovery_once(make_reporter: MakeReporter, router: FakeRouter) -> None:
    for hour, r2 in enumerate((0.3, 0.9, 0.9)):
        results = monitoring_report.Results(
            monitor_drift={"drift_computed": False},
            validate_model={"r2": r2, "champion_run_id": "c"},
            decide_fine_tune={"decision": "ok", "decision_reason": "", "trains": False},
        )
        reporter = make_reporter(run_id="run-1", now=NOON + timedelta(hours=hour))
        monitoring_report.report(results, thresholds.load(), reporter)

    assert [(event["type"], event.get("status")) for event in posted(router)] == [
        ("performance_alert", None),
        ("performance_alert", "resolved"),
    ]


def test_missing_measurement_is_not_a_recovery(make_reporter: MakeReporter, router: FakeRouter) -> None:
    discord_alerts.send_performance_alert(0.6, None, model_type="rf", reporter=make_reporter())
    unmeasured = monitoring_report.Results(
        monitor_drift={"drift_computed": False}, validate_model={"champion_run_id": "c"}
    )

    monitoring_report.report(unmeasured, thresholds.load(), make_reporter(run_id="run-2", now=LATER))

    assert not any(event.get("status") for event in posted(router))
