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
from dags.pipeline.router_api import Refused, Sent, TryAgain, outcome
from dags.pipeline.tables import event_outbox
from dags.utils import discord_alerts
from dags.utils.discord_alerts import Reporter
from testbed.pipeline.fake_router import NOON, Router

TOKEN = "s3cr3t-ingest-token"
LATER = NOON + timedelta(days=1)
MakeReporter = Callable[..., Reporter]


@pytest.fixture
def make_reporter(warehouse_url: str, router: Router) -> MakeReporter:
    def make(*, run_id: str = "run-1", now: datetime = NOON, try_number: int = 1, **environ: str) -> Reporter:
        given = {"BIKE_WAREHOUSE_URL": warehouse_url, "ALERT_ROUTER_TOKEN": TOKEN, **environ}
        return Reporter(
            Origin("monitor_and_fine_tune", run_id, "end_monitoring", try_number),
            settings.from_environment(given),
            clock=lambda: now,
            wait=lambda _: None,
            transport=router.transport,
        )

    return make


def told(router: Router) -> list[dict[str, Any]]:
    return [json.loads(request.content) for request in router.taken]


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
                "thresholds": {"r2_critical": 0.65, "r2_warning": 0.7, "rmse": 90.0},
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
def test_each_event_is_posted_with_its_own_fields(
    send: Callable[[Reporter], None], body: dict[str, Any], make_reporter: MakeReporter, router: Router
) -> None:
    send(make_reporter())

    assert told(router) == [COMMON | body]
    [request] = router.taken
    assert (request.method, request.url.path) == ("POST", "/events")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


def test_a_retried_task_tells_nothing_twice(make_reporter: MakeReporter, router: Router) -> None:
    for number in (1, 2):
        reporter = make_reporter(try_number=number, now=NOON + timedelta(minutes=number))
        discord_alerts.send_training_failure("no rows", reporter=reporter)

    assert len(router.taken) == 1


def test_a_run_that_is_cleared_and_finds_good_what_it_found_bad_tells_so(
    make_reporter: MakeReporter, router: Router
) -> None:
    for over in (False, True, True):
        discord_alerts.send_drift_alert(0.6, 0.7, over=over, reporter=make_reporter())

    assert [one.get("status") for one in told(router)] == [None, "resolved"]


def test_another_run_tells_the_same_thing_again(make_reporter: MakeReporter, router: Router) -> None:
    for run_id in ("run-1", "run-2"):
        discord_alerts.send_training_failure("no rows", reporter=make_reporter(run_id=run_id))

    assert [one["run_id"] for one in told(router)] == ["run-1", "run-2"]


def test_a_router_that_is_away_is_told_by_the_next_run_in_order(
    make_reporter: MakeReporter, router: Router, engine: sa.Engine
) -> None:
    router.answers = [0] * 6
    discord_alerts.send_drift_alert(0.7, 0.8, reporter=make_reporter(run_id="run-1"))
    discord_alerts.send_training_failure("no rows", reporter=make_reporter(run_id="run-1", now=LATER))
    assert router.taken == []

    make_reporter(run_id="run-2", now=LATER + timedelta(days=1)).flush()

    assert [one["type"] for one in told(router)] == ["drift_alert", "training_failure"]
    assert told(router)[0]["occurred_at"] == NOON.isoformat()
    assert set(states(engine).values()) == {"sent"}


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_an_answer_that_will_pass_is_tried_three_times_at_once(
    status: int, make_reporter: MakeReporter, router: Router
) -> None:
    router.answers = [status, status, 201]

    discord_alerts.send_training_failure("no rows", reporter=make_reporter())

    assert len(router.taken) == 1


def test_an_event_the_router_cannot_read_is_kept_as_refused_and_does_not_block_the_next(
    make_reporter: MakeReporter, router: Router, engine: sa.Engine
) -> None:
    router.answers = [422]

    discord_alerts.send_drift_alert(0.7, 0.8, reporter=make_reporter())
    discord_alerts.send_training_failure("no rows", reporter=make_reporter())

    assert [one["type"] for one in told(router)] == ["training_failure"]
    assert sorted(states(engine).values()) == ["refused", "sent"]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_token_or_address_is_mended_by_people_so_the_event_waits(
    status: int, make_reporter: MakeReporter, router: Router, engine: sa.Engine
) -> None:
    router.answers = [status]

    discord_alerts.send_training_failure("no rows", reporter=make_reporter())

    assert set(states(engine).values()) == {"pending"}


def test_every_status_has_a_verdict() -> None:
    assert {status for status in range(100, 600) if isinstance(outcome(status, ""), Sent)} == {200, 201}
    assert {status for status in range(100, 600) if isinstance(outcome(status, ""), Refused)} == {
        400,
        413,
        422,
    }
    assert outcome(200, "") == Sent(new=False)
    assert outcome(503, "") == TryAgain("HTTP 503")


AWAY = [
    "sqlite:////nowhere/at/all.db",
    # No error of SQLAlchemy's: the driver is not installed.
    "postgresql+pg8000://scott:tiger@nowhere/bikes",
]


@pytest.mark.parametrize("url", AWAY)
def test_a_warehouse_that_is_away_does_not_keep_people_from_hearing(
    url: str, make_reporter: MakeReporter, router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    reporter = make_reporter(BIKE_WAREHOUSE_URL=url)

    discord_alerts.send_training_failure("no rows", reporter=reporter)

    assert [one["type"] for one in told(router)] == ["training_failure"]
    assert "tiger" not in caplog.text


@pytest.mark.parametrize("url", AWAY)
def test_a_failed_task_is_told_and_a_run_has_an_end_when_the_outbox_cannot_be_asked(
    url: str, make_reporter: MakeReporter, router: Router
) -> None:
    reporter = make_reporter(BIKE_WAREHOUSE_URL=url)

    failures.tell_of_task(reporter, "score_forecasts", "boom")

    assert [one["endpoint"] for one in told(router)] == ["task score_forecasts"]
    assert reporter.still_tells("drift_alert", "rf") is False


def test_a_task_is_not_failed_by_the_telling_whatever_is_wrong(
    make_reporter: MakeReporter, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: httpx.Request) -> httpx.Response:
        raise RuntimeError("scott:tiger")

    reporter = replace(make_reporter(), transport=httpx.MockTransport(broken))

    discord_alerts.send_training_failure("no rows", reporter=reporter)

    assert "not told" in caplog.text
    assert "tiger" not in caplog.text


def test_no_secret_is_printed_or_told(
    make_reporter: MakeReporter, router: Router, engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = "s3cr3t-model-key"
    router.answers = [503, 503, 503, 422, 0, 0, 0]
    reporter = make_reporter(BIKE_MODEL_API_KEY=key)

    for number, run_id in enumerate(("a", "b", "c")):
        later = NOON + timedelta(hours=number)
        told_by = make_reporter(BIKE_MODEL_API_KEY=key, run_id=run_id, now=later)
        discord_alerts.send_api_error("POST /train", f"401 for {key} and {TOKEN}", reporter=told_by)

    with engine.begin() as conn:
        kept = str(list(conn.execute(sa.select(event_outbox))))
    said = caplog.text + kept + repr(reporter) + str([one.content for one in router.taken])
    assert TOKEN not in said
    assert key not in said
    assert "***" in kept


def test_a_very_long_error_is_cut_with_a_sign(make_reporter: MakeReporter, router: Router) -> None:
    discord_alerts.send_training_failure("x" * 100_000, reporter=make_reporter())

    [event] = told(router)
    assert len(event["error_message"]) == 2_000
    assert event["error_message"].endswith("…")


def test_the_running_task_is_found_in_airflows_environment(warehouse_url: str) -> None:
    reporter = Reporter.of_this_task(
        {
            "AIRFLOW_CTX_DAG_ID": "d",
            "AIRFLOW_CTX_DAG_RUN_ID": "r",
            "AIRFLOW_CTX_TASK_ID": "t",
            "AIRFLOW_CTX_TRY_NUMBER": "2",
            "BIKE_WAREHOUSE_URL": warehouse_url,
        }
    )

    assert reporter.origin == Origin("d", "r", "t", 2)
    assert reporter.clock().tzinfo is UTC


def test_a_run_knows_whether_it_has_told_of_its_failure(make_reporter: MakeReporter, router: Router) -> None:
    router.answers = [0, 0, 0, 0, 0, 0]
    discord_alerts.send_drift_alert(0.7, 0.8, reporter=make_reporter())
    before = make_reporter().has_told_of_failure()

    discord_alerts.send_api_error("POST /predict", "HTTP 500", reporter=make_reporter())

    assert before is False
    assert make_reporter().has_told_of_failure() is True, "kept is told: it will be sent"
    assert make_reporter(run_id="run-2").has_told_of_failure() is False


def test_two_runs_that_flush_at_once_leave_nothing_waiting(
    make_reporter: MakeReporter, router: Router, engine: sa.Engine
) -> None:
    router.answers = [0, 0, 0]
    discord_alerts.send_drift_alert(0.7, 0.8, reporter=make_reporter())
    other = make_reporter(run_id="run-2")

    def answer_while_another_flushes(request: httpx.Request) -> httpx.Response:
        other.flush()
        return httpx.Response(200, request=request)

    replace(other, transport=httpx.MockTransport(answer_while_another_flushes)).flush()

    with engine.begin() as conn:
        assert outbox.waiting(conn) == []
    assert set(states(engine).values()) == {"sent"}


def test_people_believe_what_they_were_told_until_they_hear_that_it_is_over(
    make_reporter: MakeReporter,
) -> None:
    def believe() -> tuple[bool, bool]:
        asked = make_reporter(run_id="asking")
        return asked.still_tells("performance_alert", "rf"), asked.still_tells("performance_alert", "gb")

    seen = [believe()]
    for week, r2, over in ((0, 0.6, False), (1, 0.6, False), (2, 0.9, True)):
        teller = make_reporter(run_id=f"run-{week}", now=NOON + timedelta(weeks=week))
        discord_alerts.send_performance_alert(r2, None, over=over, model_type="rf", reporter=teller)
        seen.append(believe())

    assert seen == [(False, False), (True, False), (True, False), (False, False)]


@pytest.mark.parametrize(("decision", "believed"), [("deploy", False), ("skip_no_improvement", True)])
def test_a_deployment_is_an_end_too(make_reporter: MakeReporter, decision: str, believed: bool) -> None:
    discord_alerts.send_performance_alert(0.6, None, model_type="rf", reporter=make_reporter())
    later = make_reporter(now=LATER)

    discord_alerts.send_training_success(0.1, decision, model_type="rf", reporter=later)

    assert later.still_tells("performance_alert", "rf") is believed


def test_a_recovery_is_told_once_as_the_same_event_with_a_status(
    make_reporter: MakeReporter, router: Router
) -> None:
    good: dict[str, Any] = {
        "monitor_drift": {"drift_share": 0.1},
        "validate_model": {"r2": 0.9, "champion_run_id": "c"},
    }
    bad: dict[str, Any] = {
        "monitor_drift": {"drift_share": 0.9},
        "validate_model": {"r2": 0.1, "champion_run_id": "c"},
    }
    decided = {"decision": "ok", "decision_reason": "", "trains": False}

    for week, found in enumerate((good, bad, bad, good, good)):
        teller = make_reporter(run_id=f"run-{week}", now=NOON + timedelta(weeks=week))
        results = monitoring_report.Results(
            monitor_drift=found["monitor_drift"],
            validate_model=found["validate_model"],
            decide_fine_tune=decided,
        )
        monitoring_report.tell(results, thresholds.load(), teller)

    assert [(one["run_id"], one["type"], one.get("status")) for one in told(router)] == [
        ("run-1", "drift_alert", None),
        ("run-1", "performance_alert", None),
        ("run-2", "drift_alert", None),
        ("run-2", "performance_alert", None),
        ("run-3", "drift_alert", "resolved"),
        ("run-3", "performance_alert", "resolved"),
    ]


def test_a_run_that_is_cleared_and_measures_as_good_what_it_told_as_bad_ends_it_once(
    make_reporter: MakeReporter, router: Router
) -> None:
    for hour, r2 in enumerate((0.3, 0.9, 0.9)):
        results = monitoring_report.Results(
            monitor_drift={"drift_computed": False},
            validate_model={"r2": r2, "champion_run_id": "c"},
            decide_fine_tune={"decision": "ok", "decision_reason": "", "trains": False},
        )
        teller = make_reporter(run_id="run-1", now=NOON + timedelta(hours=hour))
        monitoring_report.tell(results, thresholds.load(), teller)

    assert [(one["type"], one.get("status")) for one in told(router)] == [
        ("performance_alert", None),
        ("performance_alert", "resolved"),
    ]


def test_what_could_not_be_measured_is_no_recovery(make_reporter: MakeReporter, router: Router) -> None:
    discord_alerts.send_performance_alert(0.6, None, model_type="rf", reporter=make_reporter())
    nothing = monitoring_report.Results(
        monitor_drift={"drift_computed": False}, validate_model={"champion_run_id": "c"}
    )

    monitoring_report.tell(nothing, thresholds.load(), make_reporter(run_id="run-2", now=LATER))

    assert not any(one.get("status") for one in told(router))
