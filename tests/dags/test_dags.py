"""The three DAGs on Airflow itself: their structure, and whole runs by dag.test() against fakes."""

import asyncio
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from dags.pipeline import forecasts, ingestion
from dags.pipeline.forecasts import Point, Source
from dags.pipeline.paris_api import Count
from dags.pipeline.tables import event_outbox, monitoring_audit, predictions, raw_counts
from testbed.fakes.paris.server import serving
from testbed.fakes.paris.state import Fault, ParisState
from testbed.pipeline import events_sink, model_service
from testbed.pipeline.events_sink import EventSink
from testbed.pipeline.fake_router import NOON
from testbed.pipeline.model_service import CHAMPION, FakeModelService
from testbed.real_airflow import migrated_database

DAGS = Path(__file__).parents[2] / "dags"
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TASKS = {
    "daily_fetch_bike_data": {"fetch_bike_data": set()},
    "daily_prediction": {
        "predict_next_hours": {"request_first_model"},
        "request_first_model": set(),
        "score_forecasts": set(),
    },
    "monitor_and_fine_tune": {
        "monitor_drift": {"decide_fine_tune"},
        "validate_model": {"decide_fine_tune"},
        "decide_fine_tune": {"fine_tune_model", "end_monitoring"},
        "fine_tune_model": {"validate_new_champion"},
        "validate_new_champion": {"end_monitoring"},
        "end_monitoring": set(),
    },
}

pytestmark = [
    # pathspec has renamed a pattern that Airflow 3.3.2 still uses.
    pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning"),
    # Airflow's in-process API uses Starlette's test client, which wants httpx2.
    pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`"),
]


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The DAGs as an Airflow with a database of its own parses them."""
    home = tmp_path_factory.mktemp("airflow")
    shutil.copy(migrated_database(), home / "airflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(home))
        patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
        patch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(DAGS))
        patch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", f"sqlite:///{home}/airflow.db")
        patch.setenv("BIKE_RETRIES", "0")
        yield parsed()


def parsed() -> Any:
    return import_module("airflow.dag_processing.dagbag").DagBag(str(DAGS))


@dataclass
class Pipeline:
    """Runs a DAG and reads its results."""

    bag: Any
    engine: sa.Engine
    service: FakeModelService
    sink: EventSink

    def run(self, dag_id: str, **conf: Any) -> str:
        """The final state; dag.test() does not raise."""
        dag = self.bag.dags[dag_id]
        # Airflow 3.3.2's dag.test() looks a deadline up by its text instead of its id, and fails.
        dag.deadline = None
        run = dag.test(run_conf={"as_of": NOON.isoformat(), **conf})
        self.run_id: str = run.run_id
        self.dag_id = dag_id
        return str(run.state)

    def xcom(self, task_id: str, key: str = "return_value") -> Any:
        model = import_module("airflow.models.xcom").XComModel
        session = import_module("airflow.settings").Session
        with session() as open_session:
            query = model.get_many(run_id=self.run_id, dag_ids=self.dag_id, task_ids=task_id, key=key)
            return open_session.execute(query.with_only_columns(model.value)).scalar()

    def asset_extra(self) -> Any:
        """Of the newest asset event that the run emitted."""
        model = import_module("airflow.models.asset").AssetEvent
        with import_module("airflow.settings").Session() as session:
            query = sa.select(model.extra).where(model.source_run_id == self.run_id).order_by(model.id.desc())
            return session.scalar(query)

    def rows(self, table: sa.Table) -> list[Any]:
        with self.engine.begin() as conn:
            return list(conn.execute(sa.select(table)))


@pytest.fixture
def pipeline(
    bag: Any,  # noqa: ARG001 - for its database
    engine: sa.Engine,
    warehouse_url: str,
    paris_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Pipeline]:
    service, sink = FakeModelService(), EventSink()
    with ExitStack() as running:
        model_url = running.enter_context(serving(model_service.create_app(service)))
        router_url = running.enter_context(serving(events_sink.create_app(sink)))
        environ = {
            "BIKE_WAREHOUSE_URL": warehouse_url,
            "BIKE_PARIS_API_URL": paris_url,
            "BIKE_MODEL_API_URL": model_url,
            "ALERT_ROUTER_URL": router_url,
            "ALERT_ROUTER_TOKEN": "test-token",
            "BIKE_FIRST_FETCH_DAYS": "10",
        }
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        # dag.test() leaves a run's conf in the params of its DAG, so every test parses its own.
        yield Pipeline(parsed(), engine, service, sink)


def test_dags_import_without_errors(bag: Any) -> None:
    assert bag.import_errors == {}
    assert set(bag.dags) == set(TASKS)


@pytest.mark.parametrize("dag_id", TASKS)
def test_task_dependencies(bag: Any, dag_id: str) -> None:
    tasks = {task.task_id: task.downstream_task_ids for task in bag.dags[dag_id].tasks}

    assert tasks == TASKS[dag_id]


@pytest.mark.parametrize("dag_id", TASKS)
def test_every_task_has_failure_callback_timeout_and_backoff(bag: Any, dag_id: str) -> None:
    dag = bag.dags[dag_id]

    assert type(dag.on_failure_callback).__name__ == "RunFailure"
    for task in dag.tasks:
        assert [type(callback).__name__ for callback in task.on_failure_callback] == ["TaskFailure"]
        assert task.execution_timeout is not None
        assert task.retry_exponential_backoff


@pytest.mark.parametrize("dag_id", TASKS)
def test_every_dag_has_timeout_and_an_earlier_deadline(bag: Any, dag_id: str) -> None:
    dag = bag.dags[dag_id]

    [deadline] = dag.deadline
    assert timedelta(0) < deadline.interval < dag.dagrun_timeout
    assert deadline.callback.path == "dags.airflow_edge.report_late"


def test_fetch_stores_counts_and_pushes_xcoms(pipeline: Pipeline) -> None:
    state = pipeline.run("daily_fetch_bike_data")

    assert state == "success"
    assert len(pipeline.rows(raw_counts)) == 10 * 24 * 6
    assert pipeline.xcom("fetch_bike_data", "records_fetched") == 10 * 24 * 6
    assert pipeline.xcom("fetch_bike_data", "newest_hour") == "2020-11-18T11:00:00+00:00"
    assert pipeline.sink.events == []
    assert pipeline.asset_extra() == {
        "rows": 10 * 24 * 6,
        "newest_hour": "2020-11-18T11:00:00+00:00",
        "as_of": "2020-11-18T12:00:00+00:00",
    }


def test_second_fetch_of_the_day_succeeds_without_new_data(pipeline: Pipeline) -> None:
    pipeline.run("daily_fetch_bike_data")

    state = pipeline.run("daily_fetch_bike_data")

    assert (state, pipeline.xcom("fetch_bike_data", "status")) == ("success", "no_new_data")
    assert len(pipeline.rows(raw_counts)) == 10 * 24 * 6
    assert pipeline.xcom("fetch_bike_data", "deduplication_ratio") == 1


def test_unavailable_paris_api_is_reported_once(pipeline: Pipeline, paris: ParisState) -> None:
    paris.faults.append(Fault(status=429, retry_after_s=50_000))

    state = pipeline.run("daily_fetch_bike_data")

    assert state == "failed"
    [event] = pipeline.sink.events
    assert (event["type"], event["endpoint"]) == ("api_error", "Paris open data")
    assert (event["dag_id"], event["run_id"]) == ("daily_fetch_bike_data", pipeline.run_id)
    assert "HTTP 429" in event["error"]


def test_next_48_hours_of_every_counter_are_stored(pipeline: Pipeline) -> None:
    pipeline.run("daily_fetch_bike_data")

    state = pipeline.run("daily_prediction")

    assert state == "success"
    stored = pipeline.rows(predictions)
    assert len(stored) == pipeline.xcom("predict_next_hours", "predictions_count") == 6 * 48
    assert {row.champion_run_id for row in stored} == {CHAMPION}
    assert pipeline.xcom("predict_next_hours", "unknown_counters") == 0
    assert pipeline.xcom("predict_next_hours", "api_duration_seconds") > 0


def test_only_new_counts_are_sent_to_the_model_service(pipeline: Pipeline) -> None:
    pipeline.run("daily_fetch_bike_data")
    pipeline.run("daily_prediction")
    pipeline.run("daily_prediction")

    assert len(pipeline.service.observed) == 10 * 24 * 6
    assert pipeline.service.paths().count("/observations") == 1


def test_no_score_before_any_forecast_hour_is_known(pipeline: Pipeline) -> None:
    pipeline.run("daily_fetch_bike_data")

    pipeline.run("daily_prediction")

    assert pipeline.xcom("score_forecasts", "scored_rows") == 0
    assert [pipeline.xcom("score_forecasts", name) for name in ("r2", "rmse", "mae")] == [None] * 3


def test_forecasts_are_scored_when_their_hours_are_known(pipeline: Pipeline) -> None:
    hours = [NOON - DAY + HOUR * number for number in range(20)]
    counts = [Count(name, hour, number) for name in "abc" for number, hour in enumerate(hours)]
    ingestion.ingest(pipeline.engine, counts, lambda: NOON)
    with pipeline.engine.begin() as conn:
        points = [Point(count.counter_id, count.hour) for count in counts]
        values = [float(count.count or 0) + 1 for count in counts]
        forecasts.save(conn, points, values, Source("rf", CHAMPION, NOON - 2 * DAY))

    pipeline.run("daily_prediction")

    assert pipeline.xcom("score_forecasts", "scored_rows") == 60
    assert pipeline.xcom("score_forecasts", "rmse") == pytest.approx(1)
    assert pipeline.xcom("score_forecasts", "r2") == pytest.approx(1 - 1 / 33.25)


def test_prediction_without_a_champion_succeeds_with_no_forecast(pipeline: Pipeline) -> None:
    pipeline.service.champion = None

    assert pipeline.run("daily_prediction") == "success"
    assert pipeline.xcom("predict_next_hours", "predictions_count") == 0
    assert pipeline.sink.events == []


def test_refused_prediction_is_reported_and_scoring_continues(pipeline: Pipeline) -> None:
    pipeline.service.broken["/predict"] = 422
    pipeline.run("daily_fetch_bike_data")

    state = pipeline.run("daily_prediction")

    assert state == "failed"
    assert pipeline.xcom("score_forecasts", "scored_rows") == 0
    [event] = pipeline.sink.events
    assert (event["type"], event["endpoint"]) == ("api_error", "POST /predict")


def test_healthy_week_reports_nothing_and_is_audited(pipeline: Pipeline) -> None:
    state = pipeline.run("monitor_and_fine_tune")

    assert state == "success"
    assert pipeline.sink.events == []
    assert "/train" not in pipeline.service.paths()
    [row] = pipeline.rows(monitoring_audit)
    assert (row.outcome, row.r2, row.drift_share, row.training_status) == ("ok", 0.9, 0.1, None)
    assert pipeline.xcom("validate_model", "r2") == 0.9
    assert pipeline.xcom("monitor_drift", "drift_detected") is False


def test_bad_model_is_reported_retrained_and_promoted(pipeline: Pipeline) -> None:
    pipeline.service.r2, pipeline.service.drift_share = 0.4, 0.7
    pipeline.service.drifted = ("a", "b")

    state = pipeline.run("monitor_and_fine_tune")

    assert state == "success"
    assert pipeline.sink.types == ["drift_alert", "performance_alert", "training_success"]
    drift, performance, success = pipeline.sink.events
    assert (drift["drift_share"], drift["drifted_features"]) == (0.7, ["a", "b"])
    assert (performance["r2"], performance["thresholds"]["r2_critical"]) == (0.4, 0.65)
    assert (success["decision"], success["improvement"], success["new_r2"], success["old_r2"]) == (
        "deploy",
        0.05,
        0.85,
        0.8,
    )
    assert {event["model_type"] for event in pipeline.sink.events} == {"rf"}
    assert pipeline.service.champion != CHAMPION
    assert pipeline.xcom("fine_tune_model", "fine_tune_success") is True
    assert pipeline.xcom("fine_tune_model", "deployment_decision") == "deploy"
    assert pipeline.xcom("validate_new_champion", "deployment_decision") == "deploy"
    assert pipeline.xcom("validate_new_champion", "model_improvement") == 0.05
    assert pipeline.xcom("validate_new_champion", "deployed") is True
    [row] = pipeline.rows(monitoring_audit)
    assert (row.outcome, row.training_status, row.deployment) == ("reactive", "success", "deploy")
    assert json.loads(row.drifted_features) == ["a", "b"]


def test_forced_training_in_test_mode_deploys_nothing(pipeline: Pipeline) -> None:
    state = pipeline.run("monitor_and_fine_tune", force_fine_tune=True, test_mode=True)

    assert state == "success"
    [event] = pipeline.sink.events
    assert (event["type"], event["decision"]) == ("training_success", "skip_test_mode")
    assert event["test_mode"] is True
    assert pipeline.xcom("fine_tune_model", "training_status") == "test_success"
    assert pipeline.service.champion == CHAMPION
    assert pipeline.xcom("validate_new_champion", "deployed") is False
    assert pipeline.xcom("decide_fine_tune", "decision") == "forced"


def test_interrupted_training_is_tried_again(pipeline: Pipeline) -> None:
    pipeline.service.interruptions, pipeline.service.polls = 1, 1

    state = pipeline.run("monitor_and_fine_tune", force_fine_tune=True)

    assert state == "success"
    assert pipeline.service.paths().count("/train") == 2
    assert pipeline.sink.types == ["training_success"]
    assert pipeline.xcom("fine_tune_model", "training_status") == "success"


def test_failure_in_test_mode_is_reported_as_such(pipeline: Pipeline) -> None:
    pipeline.service.training_error = "only 12 rows in the window"

    state = pipeline.run("monitor_and_fine_tune", force_fine_tune=True, test_mode=True)

    assert state == "failed"
    [event] = pipeline.sink.events
    assert (event["type"], event["test_mode"]) == ("training_failure", True)
    assert pipeline.xcom("fine_tune_model", "training_status") == "test_failed"
    [row] = pipeline.rows(monitoring_audit)
    assert row.training_status == "test_failed"


def test_day_one_trains_the_first_model_when_counts_arrive(pipeline: Pipeline) -> None:
    pipeline.service.champion = None
    states = [pipeline.run("monitor_and_fine_tune")]
    before = pipeline.xcom("decide_fine_tune", "decision")
    states.append(pipeline.run("daily_prediction"))
    due_before = pipeline.xcom("predict_next_hours", "first_model_due")
    states += [pipeline.run("daily_fetch_bike_data"), pipeline.run("daily_prediction")]
    due_after = pipeline.xcom("predict_next_hours", "first_model_due")

    pipeline.service.decision = "deploy"
    states.append(pipeline.run("monitor_and_fine_tune"))

    assert states == ["success"] * 5
    assert (before, due_before, due_after) == ("no_data", False, True)
    assert pipeline.xcom("decide_fine_tune", "decision") == "first"
    assert pipeline.sink.types == ["training_success"]


def test_failed_training_is_reported_audited_and_fails_the_run(pipeline: Pipeline) -> None:
    pipeline.service.training_error = "only 12 rows in the window"

    state = pipeline.run("monitor_and_fine_tune", force_fine_tune=True)

    assert state == "failed"
    [event] = pipeline.sink.events
    assert event["type"] == "training_failure"
    assert "only 12 rows in the window" in event["error_message"]
    [row] = pipeline.rows(monitoring_audit)
    assert (row.outcome, row.training_status) == ("failed", "failed")
    assert pipeline.service.paths().count("/train") == 1
    assert pipeline.xcom("fine_tune_model", "fine_tune_success") is False


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/monitor", "POST /monitor"),
        ("/evaluate", "POST /evaluate"),
        ("/promote_champion", "POST /promote_champion"),
    ],
)
def test_failed_request_is_reported_once_and_audited(pipeline: Pipeline, path: str, endpoint: str) -> None:
    pipeline.service.broken[path] = 422

    state = pipeline.run("monitor_and_fine_tune", force_fine_tune=True)

    assert state == "failed"
    assert [(event["type"], event.get("endpoint")) for event in pipeline.sink.events] == [
        ("api_error", endpoint)
    ]
    [row] = pipeline.rows(monitoring_audit)
    assert row.outcome == "failed"


def test_bad_model_is_reported_although_drift_request_fails(pipeline: Pipeline) -> None:
    pipeline.service.r2 = 0.4
    pipeline.service.broken["/monitor"] = 422

    pipeline.run("monitor_and_fine_tune")

    assert sorted(pipeline.sink.types) == ["api_error", "performance_alert"]


def test_drift_not_computed_is_absent_and_not_zero(pipeline: Pipeline) -> None:
    pipeline.service.drift_share = None

    state = pipeline.run("monitor_and_fine_tune")

    assert state == "success"
    assert pipeline.xcom("monitor_drift", "drift_computed") is False
    assert pipeline.xcom("monitor_drift", "drift_share") is None
    [row] = pipeline.rows(monitoring_audit)
    assert (row.outcome, row.drift_share, row.drifted_features) == ("ok", None, None)


def test_events_queued_during_router_outage_are_sent_by_next_run(pipeline: Pipeline) -> None:
    pipeline.sink.status = 503
    pipeline.service.rmse = 61.0
    first = pipeline.run("monitor_and_fine_tune")
    assert pipeline.sink.events == []

    pipeline.sink.status = 201
    pipeline.service.rmse = 20.0
    pipeline.run("daily_fetch_bike_data")

    assert first == "success"
    assert pipeline.sink.types == ["performance_alert"]
    assert {row.state for row in pipeline.rows(event_outbox)} == {"sent"}


def test_run_callback_reports_failure_once(
    pipeline: Pipeline,
) -> None:
    edge = import_module("dags.airflow_edge")
    # As under dag.test() and in the dag-processor for a run without a last task.
    context = {"dag": SimpleNamespace(dag_id="daily_prediction"), "run_id": "r", "reason": "timed_out"}

    for _ in range(2):
        edge.RunFailure()(context)

    [event] = pipeline.sink.events
    assert (event["type"], event["endpoint"]) == ("api_error", "DAG daily_prediction")
    assert event["error"] == "the run failed: timed_out"


def test_missed_deadline_is_reported(pipeline: Pipeline) -> None:
    edge = import_module("dags.airflow_edge")
    context = {"dag_run": {"dag_id": "daily_prediction", "dag_run_id": "r"}}

    asyncio.run(edge.report_late(late_after_s=7200.0, context=context))

    [event] = pipeline.sink.events
    assert (event["type"], event["endpoint"], event["run_id"]) == ("api_error", "DAG daily_prediction", "r")
    assert event["error"] == "the run has not ended 2 h after it was queued"


@pytest.mark.usefixtures("pipeline")
def test_every_remote_from_an_airflow_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    edge = import_module("dags.airflow_edge")
    for name in ("BIKE_MODEL_API_URL", "BIKE_PARIS_API_URL", "BIKE_WAREHOUSE_URL"):
        monkeypatch.delenv(name)
    paris = {"conn_type": "http", "host": "https://paris.example/api/explore/v2.1/data"}
    connections = {
        "BIKE_MODEL_API": "http://:a-key@model:8000",
        "BIKE_PARIS_API": json.dumps(paris),
        "BIKE_WAREHOUSE": "postgres://bike:secret@db:5432/bike",
    }
    for name, value in connections.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", value)

    settings = edge.current_settings()

    assert (settings.model_url, settings.model_key.get_secret_value()) == ("http://model:8000", "a-key")
    assert settings.paris_url == "https://paris.example/api/explore/v2.1/data"
    assert settings.warehouse_url.get_secret_value() == "postgresql://bike:secret@db:5432/bike"


@pytest.mark.usefixtures("pipeline")
def test_router_from_airflow_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    edge = import_module("dags.airflow_edge")
    monkeypatch.delenv("ALERT_ROUTER_URL")
    default = edge.current_settings().router_url

    monkeypatch.setenv("AIRFLOW_CONN_ALERT_ROUTER", "http://:from-airflow@router:8010/https")
    settings = edge.current_settings()

    assert default == "http://127.0.0.1:8010"
    assert settings.router_url == "https://router:8010"
    assert settings.router_token.get_secret_value() == "from-airflow"


@pytest.mark.parametrize("conf", [{"force_fine_tune": "yes"}, {"as_of": "yesterday"}])
def test_invalid_conf_is_refused(bag: Any, conf: Mapping[str, Any]) -> None:
    dag = bag.dags["monitor_and_fine_tune"]

    with pytest.raises(Exception, match="Invalid input for param"):
        _validated(dag, conf)


def _validated(dag: Any, conf: Mapping[str, Any]) -> None:
    params = deepcopy(dag.params)
    for name, value in conf.items():
        params[name] = value
    params.validate()
