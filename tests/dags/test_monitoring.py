"""monitor_and_fine_tune's work without Airflow: the cases that the DAG's own tests do not reach."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import httpx
import pytest

from dags.pipeline import model_monitoring, settings
from dags.pipeline.model_api import ModelApi, Refused, connected
from dags.pipeline.model_monitoring import Deadline, NotPromoted, TrainingFailed, TrainingInterrupted
from dags.pipeline.monitoring_report import Results
from dags.pipeline.retry import Unavailable
from testbed.fakes.paris.server import serving
from testbed.pipeline import model_service
from testbed.pipeline.fake_router import NOON
from testbed.pipeline.model_service import CHAMPION, FakeModelService

TRAINED = {"training_run_id": "rf-1", "deployment": "deploy", "compared_with": CHAMPION, "new_r2": 0.8}


@dataclass
class Ticks:
    """A clock that every wait moves on."""

    now: float = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def clock(self) -> float:
        return self.now


@pytest.fixture
def service() -> FakeModelService:
    return FakeModelService()


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def api(service: FakeModelService, ticks: Ticks) -> Iterator[ModelApi]:
    with (
        serving(model_service.create_app(service)) as url,
        connected(settings.load(model_url=url)) as api,
    ):
        yield replace(api, sleep=ticks.sleep)


def test_training_is_polled_until_it_ends(api: ModelApi, service: FakeModelService, ticks: Ticks) -> None:
    service.polls = 7

    xcom = model_monitoring.fine_tune(api, NOON, Deadline(60, ticks.clock), test_mode=False, key="run-1")

    assert xcom["training_status"] == "success"
    assert (xcom["deployment"], xcom["improvement"]) == ("deploy", 0.05)
    assert (xcom["fine_tune_success"], xcom["model_improvement"]) == (True, 0.05)
    assert (xcom["new_r2"], xcom["old_r2"], xcom["training_duration_seconds"]) == (0.85, 0.8, 1.5)


def test_interrupted_training_is_no_failed_training(
    api: ModelApi, service: FakeModelService, ticks: Ticks
) -> None:
    service.interruptions = 1

    with pytest.raises(TrainingInterrupted, match="the service stopped"):
        model_monitoring.fine_tune(api, NOON, Deadline(60, ticks.clock), test_mode=False, key="run-1")
    xcom = model_monitoring.fine_tune(api, NOON, Deadline(60, ticks.clock), test_mode=False, key="run-1")

    assert xcom["training_status"] == "success"


def test_training_times_out(api: ModelApi, service: FakeModelService, ticks: Ticks) -> None:
    service.polls = 10_000

    with pytest.raises(TrainingFailed, match="still running after 60 s"):
        model_monitoring.fine_tune(api, NOON, Deadline(60, ticks.clock), test_mode=False, key="run-1")


def test_repeated_task_finds_its_training(api: ModelApi, service: FakeModelService, ticks: Ticks) -> None:
    for _ in range(2):
        model_monitoring.fine_tune(api, NOON, Deadline(60, ticks.clock), test_mode=False, key="run-1")

    assert list(service.trainings) == ["run-1"]


def test_training_window_in_test_mode(api: ModelApi, service: FakeModelService, ticks: Ticks) -> None:
    model_monitoring.fine_tune(api, NOON, Deadline(60, ticks.clock), test_mode=True, key="run-1")
    model_monitoring.fine_tune(api, NOON, Deadline(60, ticks.clock), test_mode=False, key="run-2")

    starts = [body["start"] for path, body in service.requests if path == "/train"]
    assert starts == ["2020-09-19T12:00:00+00:00", "2019-11-19T12:00:00+00:00"]


def test_transient_status_is_retried(api: ModelApi, service: FakeModelService) -> None:
    service.broken["/evaluate"] = 503

    with pytest.raises(Unavailable, match=r"HTTP 503 \(tries: 4\)"):
        model_monitoring.validation(api, NOON)

    assert service.paths().count("/evaluate") == 4


def test_nothing_is_measured_without_a_champion(api: ModelApi, service: FakeModelService) -> None:
    service.champion = None

    drift, validation = model_monitoring.drift(api, NOON), model_monitoring.validation(api, NOON)

    assert drift == {"drift_computed": False, "drift_reason": "there is no champion yet"}
    assert validation == {"reason": "there is no champion yet", "has_counts": True}
    assert model_monitoring.measurements(drift, validation).has_champion is False
    assert not {"/monitor", "/evaluate"} & set(service.paths())


def test_untrained_days_ignore_test_mode_and_other_types(api: ModelApi, service: FakeModelService) -> None:
    service.models = [
        ("rf", False, NOON - timedelta(days=40)),
        ("rf", False, NOON - timedelta(days=30)),
        ("rf", True, NOON - timedelta(days=3)),
        ("hgb", False, NOON - timedelta(days=1)),
    ]

    validation = model_monitoring.validation(api, NOON)

    assert model_monitoring.measurements({}, validation).untrained_days == 30


def test_untrained_days_absent_without_a_training(api: ModelApi) -> None:
    assert "untrained_days" not in model_monitoring.validation(api, NOON)


def test_missing_validation_is_not_a_missing_champion() -> None:
    assert model_monitoring.measurements({}, {}).has_champion is True


def test_better_model_is_promoted(api: ModelApi, service: FakeModelService) -> None:
    xcom = model_monitoring.new_champion(api, TRAINED, NOON)

    assert (xcom["deployed"], xcom["champion_run_id"], service.champion) == (True, "rf-1", "rf-1")


def test_deployed_model_is_measured(api: ModelApi, service: FakeModelService) -> None:
    model_monitoring.new_champion(api, TRAINED, NOON)

    promoted = service.paths().index("/promote_champion")
    after = dict(service.requests[promoted + 1 :])
    assert {"/evaluate", "/monitor"} <= after.keys()
    assert after["/evaluate"]["end"] == after["/monitor"]["end"] == NOON.isoformat()


@pytest.mark.parametrize("path", ["/evaluate", "/monitor"])
def test_deployment_stands_although_measuring_fails(
    path: str, api: ModelApi, service: FakeModelService
) -> None:
    service.broken[path] = 422

    xcom = model_monitoring.new_champion(api, TRAINED, NOON)

    assert xcom == {
        "deployment": "deploy",
        "deployment_decision": "deploy",
        "deployed": True,
        "champion_run_id": "rf-1",
        "r2_validation": TRAINED["new_r2"],
    }
    assert {"/evaluate", "/monitor"} <= set(service.paths())


def test_repeated_promotion_is_not_a_conflict(api: ModelApi, service: FakeModelService) -> None:
    model_monitoring.new_champion(api, TRAINED, NOON)

    assert model_monitoring.new_champion(api, TRAINED, NOON)["deployed"] is True
    assert service.paths().count("/promote_champion") == 1


def test_unexpected_champion_is_not_replaced(api: ModelApi, service: FakeModelService) -> None:
    service.champion = "rf-of-someone-else"

    with pytest.raises(Refused, match="409"):
        model_monitoring.new_champion(api, TRAINED, NOON)

    assert service.champion == "rf-of-someone-else"


@pytest.mark.parametrize(
    ("deployment", "decision"),
    [
        ("skip_no_improvement", "skip"),
        ("reject_baseline_regression", "reject"),
        ("skip_test_mode", "skip"),
    ],
)
def test_skipped_model_changes_nothing(
    deployment: str, decision: str, api: ModelApi, service: FakeModelService
) -> None:
    xcom = model_monitoring.new_champion(api, {**TRAINED, "deployment": deployment}, NOON)

    assert (xcom["deployed"], service.champion) == (False, CHAMPION)
    assert (xcom["deployment"], xcom["deployment_decision"]) == (deployment, decision)
    assert not {"/promote_champion", "/evaluate", "/monitor"} & set(service.paths())


def test_promotion_without_effect_is_an_error() -> None:
    def answers(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"champions": {"rf": CHAMPION}, "models": []})

    with (
        httpx.Client(base_url="http://model", transport=httpx.MockTransport(answers)) as client,
        pytest.raises(NotPromoted, match="rf-1 was promoted"),
    ):
        model_monitoring.new_champion(ModelApi(client, "rf"), TRAINED, NOON)


@pytest.mark.parametrize(
    ("results", "failed"),
    [
        (Results(), "monitor_drift"),
        (Results(monitor_drift={}), "validate_model"),
        (Results(monitor_drift={}, validate_model={}), "decide_fine_tune"),
        (Results(monitor_drift={}, validate_model={}, decide_fine_tune={"trains": False}), None),
        (Results(monitor_drift={}, validate_model={}, decide_fine_tune={"trains": True}), "fine_tune_model"),
        (
            Results(
                monitor_drift={}, validate_model={}, decide_fine_tune={"trains": True}, fine_tune_model={}
            ),
            "validate_new_champion",
        ),
    ],
)
def test_failed_task_is_the_first_without_a_result(results: Results, failed: str | None) -> None:
    assert results.failed_task == failed
