"""monitor_and_fine_tune's work without Airflow: what the DAG's own tests do not reach."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import httpx
import pytest

from dags.pipeline import model_monitoring, settings
from dags.pipeline.model_api import ModelApi, Refused, connected
from dags.pipeline.model_monitoring import Deadline, NotPromoted, TrainingFailed
from dags.pipeline.monitoring_report import Results
from dags.pipeline.retry import Unavailable
from testbed.fakes.paris.server import serving
from testbed.pipeline import model_service
from testbed.pipeline.fake_router import NOON
from testbed.pipeline.model_service import CHAMPION, Service

TRAINED = {"training_run_id": "rf-1", "deployment": "deploy", "compared_with": CHAMPION, "new_r2": 0.8}


@dataclass
class Ticks:
    """A clock that every wait moves on."""

    now: float = 0.0

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def clock(self) -> float:
        return self.now


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def api(service: Service, ticks: Ticks) -> Iterator[ModelApi]:
    with (
        serving(model_service.create_app(service)) as url,
        connected(settings.from_environment({"BIKE_MODEL_API_URL": url})) as api,
    ):
        yield replace(api, wait=ticks.wait)


def test_a_training_is_waited_for(api: ModelApi, service: Service, ticks: Ticks) -> None:
    service.polls = 7

    found = model_monitoring.fine_tune(api, NOON, Deadline(60, ticks.clock), test_mode=False, key="run-1")

    assert found["training_status"] == "success"
    assert (found["deployment"], found["improvement"]) == ("deploy", 0.05)
    assert (found["new_r2"], found["old_r2"], found["training_duration_seconds"]) == (0.85, 0.8, 1.5)


def test_a_training_without_end_is_given_up(api: ModelApi, service: Service, ticks: Ticks) -> None:
    service.polls = 10_000

    with pytest.raises(TrainingFailed, match="still running after 60 s"):
        model_monitoring.fine_tune(api, NOON, Deadline(60, ticks.clock), test_mode=False, key="run-1")


def test_a_repeated_task_finds_the_training_it_began(api: ModelApi, service: Service, ticks: Ticks) -> None:
    for _ in range(2):
        model_monitoring.fine_tune(api, NOON, Deadline(60, ticks.clock), test_mode=False, key="run-1")

    assert list(service.trainings) == ["run-1"]


def test_a_training_in_test_mode_looks_back_only_some_weeks(
    api: ModelApi, service: Service, ticks: Ticks
) -> None:
    model_monitoring.fine_tune(api, NOON, Deadline(60, ticks.clock), test_mode=True, key="run-1")
    model_monitoring.fine_tune(api, NOON, Deadline(60, ticks.clock), test_mode=False, key="run-2")

    starts = [body["start"] for path, body in service.asked if path == "/train"]
    assert starts == ["2020-09-19T12:00:00+00:00", "2019-11-19T12:00:00+00:00"]


def test_a_service_that_is_away_for_a_moment_is_asked_again(api: ModelApi, service: Service) -> None:
    service.broken["/evaluate"] = 503

    with pytest.raises(Unavailable, match=r"HTTP 503 \(tries: 4\)"):
        model_monitoring.validation(api, NOON)

    assert service.paths().count("/evaluate") == 4


def test_without_a_champion_nothing_is_measured_and_nothing_is_asked_for(
    api: ModelApi, service: Service
) -> None:
    service.champion = None

    drift, validated = model_monitoring.drift(api, NOON), model_monitoring.validation(api, NOON)

    assert drift == {"drift_computed": False, "drift_reason": "there is no champion yet"}
    assert validated == {"reason": "there is no champion yet"}
    assert model_monitoring.measured(drift, validated).has_champion is False
    assert not {"/monitor", "/evaluate"} & set(service.paths())


def test_a_model_is_as_old_as_the_newest_training_of_its_type_that_was_no_test(
    api: ModelApi, service: Service
) -> None:
    service.models = [
        ("rf", False, NOON - timedelta(days=40)),
        ("rf", False, NOON - timedelta(days=30)),
        ("rf", True, NOON - timedelta(days=3)),
        ("hgb", False, NOON - timedelta(days=1)),
    ]

    validated = model_monitoring.validation(api, NOON)

    assert model_monitoring.measured({}, validated).untrained_days == 30


def test_a_registry_without_a_training_has_no_age(api: ModelApi) -> None:
    assert "untrained_days" not in model_monitoring.validation(api, NOON)


def test_a_measurement_that_is_missing_is_not_taken_for_a_missing_model() -> None:
    assert model_monitoring.measured({}, {}).has_champion is True


def test_a_better_model_is_promoted_and_answers(api: ModelApi, service: Service) -> None:
    found = model_monitoring.new_champion(api, TRAINED, NOON)

    assert (found["deployed"], found["champion_run_id"], service.champion) == (True, "rf-1", "rf-1")


def test_a_deployed_model_is_measured_so_that_the_gauges_are_its_own(api: ModelApi, service: Service) -> None:
    model_monitoring.new_champion(api, TRAINED, NOON)

    promoted = service.paths().index("/promote_champion")
    after = dict(service.asked[promoted + 1 :])
    assert {"/evaluate", "/monitor"} <= after.keys()
    assert after["/evaluate"]["end"] == after["/monitor"]["end"] == NOON.isoformat()


@pytest.mark.parametrize("path", ["/evaluate", "/monitor"])
def test_a_deployed_model_that_cannot_be_measured_is_deployed_all_the_same(
    path: str, api: ModelApi, service: Service
) -> None:
    service.broken[path] = 422

    found = model_monitoring.new_champion(api, TRAINED, NOON)

    assert found == {
        "deployment": "deploy",
        "deployed": True,
        "champion_run_id": "rf-1",
        "r2_validation": TRAINED["new_r2"],
    }
    assert {"/evaluate", "/monitor"} <= set(service.paths())


def test_a_promotion_that_is_repeated_is_no_conflict(api: ModelApi, service: Service) -> None:
    model_monitoring.new_champion(api, TRAINED, NOON)

    assert model_monitoring.new_champion(api, TRAINED, NOON)["deployed"] is True
    assert service.paths().count("/promote_champion") == 1


def test_a_champion_that_someone_else_made_meanwhile_is_not_overruled(
    api: ModelApi, service: Service
) -> None:
    service.champion = "rf-of-someone-else"

    with pytest.raises(Refused, match="409"):
        model_monitoring.new_champion(api, TRAINED, NOON)

    assert service.champion == "rf-of-someone-else"


@pytest.mark.parametrize(
    "deployment", ["skip_no_improvement", "reject_baseline_regression", "skip_test_mode"]
)
def test_a_model_that_is_not_better_changes_nothing(deployment: str, api: ModelApi, service: Service) -> None:
    found = model_monitoring.new_champion(api, {**TRAINED, "deployment": deployment}, NOON)

    assert (found["deployed"], service.champion) == (False, CHAMPION)
    assert not {"/promote_champion", "/evaluate", "/monitor"} & set(service.paths())


def test_a_promotion_that_changes_nothing_is_an_error() -> None:
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
def test_the_first_task_that_left_nothing_is_the_one_that_failed(
    results: Results, failed: str | None
) -> None:
    assert results.failed_task == failed
