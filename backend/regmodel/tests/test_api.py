"""The service over HTTP with its real worker processes; only the network is left out."""

import os
import signal
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from backend.regmodel.app.fastapi_app import create_app
from backend.regmodel.jobs.runs import INTERRUPTED
from backend.regmodel.settings import Settings
from backend.regmodel.tests.conftest import small_settings
from backend.regmodel.tests.service_client import (
    AUTUMN,
    CHRISTMAS,
    DECEMBER,
    NOWHERE,
    QUICK,
    is_running,
    sample,
    submit,
    trained,
    training_process,
    until,
    wait_for,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[TestClient]:
    """A service with a champion of type rf."""
    with TestClient(create_app(small_settings(folder))) as client:
        run = trained(client, **QUICK, promote_if_better=True)
        assert run["promoted"], run
        yield client


def champion_of(client: TestClient) -> str:
    return str(client.get("/model_summary").json()["champions"]["rf"])


def test_predict_without_champion_is_503_and_explains(client: TestClient) -> None:
    answer = client.post("/predict", json={"rows": [{"counter_id": "x", "at": "2021-01-01T00:00:00Z"}]})

    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert "POST /train" in answer.json()["detail"]


def test_health_without_champion_is_ok_and_describes_the_data(client: TestClient) -> None:
    health = client.get("/health").json()

    assert health["status"] == "ok"
    assert health["champions"] == {}
    assert health["data"] == {
        "source": "generated",
        "start": "2020-09-01T01:00:00Z",
        "end": "2021-09-10T00:00:00Z",
        "counters": 14,
    }


def test_predict_names_champion_and_unknown_counters(served: TestClient) -> None:
    known = served.get("/health").json()["data"]["end"]
    rows = [{"counter_id": name, "at": known} for name in ("100000000-100000000", "unknown", "unknown")]
    before = sample(served, "predictions_unknown_total") or 0

    answer = served.post("/predict", json={"rows": rows}).json()

    assert answer["champion_run_id"] == champion_of(served)
    assert [p["counter_id"] for p in answer["predictions"]] == [row["counter_id"] for row in rows]
    assert all(p["count"] > 0 for p in answer["predictions"])
    assert answer["unknown_counters"] == ["unknown"]
    assert sample(served, "predictions_unknown_total") == before + 2


def test_evaluating_the_champion_sets_its_gauges(served: TestClient) -> None:
    good = served.post("/evaluate", json=DECEMBER).json()
    shown = sample(served, "model_r2_score", model_type="rf")
    broken = served.post("/evaluate", json=CHRISTMAS).json()

    assert good["status"] == broken["status"] == "computed"
    assert shown == good["r2"] > 0.7
    assert sample(served, "model_r2_score", model_type="rf") == broken["r2"] < 0.65
    assert sample(served, "model_rmse", model_type="rf") == broken["rmse"]


def test_evaluating_an_empty_window_leaves_the_gauges(served: TestClient) -> None:
    served.post("/evaluate", json=DECEMBER)
    before = sample(served, "model_r2_score", model_type="rf")

    answer = served.post("/evaluate", json=NOWHERE)

    assert answer.status_code == 200
    assert answer.json()["status"] == "not_computed"
    assert answer.json()["r2"] is None
    assert "0 recorded" in answer.json()["reason"]
    assert sample(served, "model_r2_score", model_type="rf") == before


def test_rows_in_evaluate_are_used_for_that_call_only(served: TestClient) -> None:
    beyond = {"start": "2021-09-10T00:00:00Z", "end": "2021-09-17T00:00:00Z"}
    rows = [
        {
            "counter_id": f"10000{n // 2:04d}-10{n:07d}",
            "at": f"2021-09-{day}T{hour:02d}:00:00Z",
            "count": hour * n,
        }
        for n in range(14)
        for day in (10, 11, 12)
        for hour in range(24)
    ]

    answer = served.post("/evaluate", json={**beyond, "rows": rows}).json()
    again = served.post("/evaluate", json=beyond).json()

    assert (answer["status"], answer["rows"]) == ("computed", len(rows))
    assert again["status"] == "not_computed"


def test_evaluating_another_model_leaves_the_gauges(served: TestClient) -> None:
    served.post("/evaluate", json=DECEMBER)
    before = sample(served, "model_r2_score", model_type="rf")
    other = trained(served, **QUICK, test_mode=True)["run_id"]

    answer = served.post("/evaluate", json={**CHRISTMAS, "run_id": other}).json()

    assert answer["run_id"] == other
    assert not answer["gauge_set"]
    assert sample(served, "model_r2_score", model_type="rf") == before


def test_monitor_sets_the_drift_gauges(served: TestClient) -> None:
    answer = served.post("/monitor", json=CHRISTMAS).json()

    assert answer["status"] == "computed"
    assert answer["drift_detected"] is True
    assert answer["drifted_features_count"] == len(answer["drifted_features"]) > 0
    assert sample(served, "drift_share") == answer["drift_share"] > 0.5
    assert sample(served, "drift_detected") == 1
    assert sample(served, "drifted_features_count") == answer["drifted_features_count"]


def test_monitoring_an_empty_window_leaves_the_gauges(served: TestClient) -> None:
    before = sample(served, "drift_share")

    answer = served.post("/monitor", json=NOWHERE).json()

    assert (answer["status"], answer["drift_share"]) == ("not_computed", None)
    assert sample(served, "drift_share") == before


def test_failed_training_has_a_reason_and_is_counted(served: TestClient) -> None:
    before = sample(served, "training_runs_total", status="failure", model_type="hgb")

    empty = trained(served, model_type="hgb", **NOWHERE)
    invalid = trained(served, model_type="hgb", **AUTUMN, hyperparameters={"max_iter": -1})

    assert (empty["state"], invalid["state"]) == ("failed", "failed")
    assert "the data covers 2020-09-01T01:00Z" in empty["reason"]
    assert "max_iter" in invalid["reason"]
    assert before == 0
    assert sample(served, "training_runs_total", status="failure", model_type="hgb") == 2


def test_predict_uses_a_promoted_model_at_once(served: TestClient) -> None:
    run_id = trained(served, **QUICK)["run_id"]
    old = champion_of(served)

    promoted = served.post("/promote_champion", json={"model_type": "rf", "run_id": run_id})
    row = {"counter_id": "x", "at": "2021-01-01T00:00:00Z"}
    used = served.post("/predict", json={"rows": [row]}).json()["champion_run_id"]

    assert promoted.json()["replaced"] == old
    assert used == run_id != old


def test_champion_that_left_out_the_baseline_set_is_scored_on_it(client: TestClient) -> None:
    trained(client, **QUICK, promote_if_better=True)
    baseline = client.get("/model_summary").json()["baseline"]
    winter = {**QUICK, "end": "2021-01-25T00:00:00Z"}
    second = trained(client, **winter)
    client.post("/promote_champion", json={"model_type": "rf", "run_id": second["run_id"]})

    third = trained(client, **winter | {"end": "2021-02-22T00:00:00Z"})["result"]

    assert second["result"]["left_out"] == third["left_out"] == baseline
    assert third["champion_run_id"] == second["run_id"]
    assert third["champion"]["baseline"]["r2"] is not None


def test_promote_refuses_a_test_mode_model(served: TestClient) -> None:
    run = trained(served, **QUICK, test_mode=True, promote_if_better=True)

    answer = served.post("/promote_champion", json={"model_type": "rf", "run_id": run["run_id"]})

    assert (run["state"], run["promoted"]) == ("succeeded", False)
    assert run["result"]["decision"] == "skip_test_mode"
    assert answer.status_code == 409
    assert champion_of(served) != run["run_id"]


def test_repeated_idempotency_key_gives_the_same_run(served: TestClient) -> None:
    key = {"Idempotency-Key": "dag-run-17"}

    first, second = (served.post("/train", json={**QUICK, "test_mode": True}, headers=key) for _ in range(2))

    assert first.json()["run_id"] == second.json()["run_id"]
    assert second.headers["location"] == f"/train/{first.json()['run_id']}"
    wait_for(served, first.json()["run_id"])


def test_killed_training_fails_and_the_next_one_runs(served: TestClient) -> None:
    run_id = submit(served, **{**QUICK, "hyperparameters": {"n_estimators": 2_000}})
    until(lambda: served.get(f"/train/{run_id}").json()["stage"] == "fitting" or None)

    os.kill(training_process(served), signal.SIGKILL)
    killed = wait_for(served, run_id)
    after = trained(served, **QUICK, test_mode=True)

    assert killed["state"] == "failed"
    assert "killed or ran out of memory" in killed["reason"]
    assert after["state"] == "succeeded"


def test_death_of_an_idle_worker_fails_no_training(served: TestClient) -> None:
    trained(served, **QUICK, test_mode=True)
    process = training_process(served)
    os.kill(process, signal.SIGKILL)
    until(lambda: None if is_running(process) else True)

    run = trained(served, **QUICK, test_mode=True)

    assert run["state"] == "succeeded"


def test_predict_answers_during_a_training(served: TestClient) -> None:
    run_id = submit(served, **{**QUICK, "hyperparameters": {"n_estimators": 150}}, test_mode=True)
    until(lambda: served.get(f"/train/{run_id}").json()["stage"] == "fitting" or None)

    row = {"counter_id": "x", "at": "2021-01-01T00:00:00Z"}
    answer = served.post("/predict", json={"rows": [row]})
    still = served.get(f"/train/{run_id}").json()["state"]

    assert answer.status_code == 200
    assert still == "running"
    wait_for(served, run_id)


def test_posted_counts_replace_the_generated_year_in_the_next_forecast(client: TestClient) -> None:
    trained(client, **QUICK, promote_if_better=True)
    new = [
        {"counter_id": "fresh", "at": f"2021-09-{day:02d}T{hour:02d}:00:00Z", "count": 900}
        for day in range(1, 9)
        for hour in range(24)
    ]
    wanted = {"rows": [{"counter_id": "fresh", "at": "2021-09-12T08:00:00Z"}]}
    before = client.post("/predict", json=wanted).json()["predictions"][0]["count"]

    stored = client.post("/observations", json={"rows": new})
    repeated = client.post("/observations", json={"rows": new})
    after = client.post("/predict", json=wanted).json()["predictions"][0]["count"]

    assert stored.json() == repeated.json()
    assert client.get("/health").json()["data"] == {
        "source": "observations",
        "start": "2021-09-01T00:00:00Z",
        "end": "2021-09-09T00:00:00Z",
        "counters": 1,
    }
    assert after > 2 * before
    assert sample(client, "observations_stored_total") == 2 * len(new)


def test_test_mode_training_counts_neither_as_success_nor_as_failure(served: TestClient) -> None:
    def counts() -> dict[str, float | None]:
        return {
            status: sample(served, "training_runs_total", status=status, model_type="hgb")
            for status in ("success", "failure", "test_success", "test_failure")
        }

    before = counts()
    trained(served, **QUICK | {"model_type": "hgb", "hyperparameters": {}}, test_mode=True)
    trained(served, model_type="hgb", **NOWHERE, test_mode=True)

    after = counts()
    assert (after["success"], after["failure"]) == (before["success"], before["failure"])
    assert (after["test_success"], after["test_failure"]) == (1, 1)


def test_last_training_is_shown_by_model_role_and_dataset(client: TestClient) -> None:
    first = trained(client, **QUICK, promote_if_better=True)["result"]
    second = trained(client, **QUICK | {"end": "2021-01-25T00:00:00Z"})["result"]
    trained(client, **QUICK, test_mode=True)

    def r2(role: str, dataset: str) -> float | None:
        return sample(client, "training_evaluation_r2", model_type="rf", role=role, dataset=dataset)

    assert r2("challenger", "holdout") == second["challenger"]["holdout"]["r2"] is not None
    assert r2("champion", "holdout") == second["champion"]["holdout"]["r2"] is not None
    assert r2("challenger", "baseline") == second["challenger"]["baseline"]["r2"] is not None
    assert sample(client, "training_improvement_r2", model_type="rf") == second["improvement"]
    assert sample(client, "training_decisions_total", decision=first["decision"], model_type="rf") == 1 + (
        first["decision"] == second["decision"]
    )
    trained_at = sample(client, "model_champion_trained_timestamp_seconds", model_type="rf")
    assert trained_at == datetime.fromisoformat(first["created_at"]).timestamp()


def test_gauges_champions_and_runs_survive_a_restart(tmp_path: Path) -> None:
    settings = small_settings(tmp_path)
    with TestClient(create_app(settings)) as client:
        run_id = trained(client, **QUICK, promote_if_better=True)["run_id"]
        r2 = client.post("/evaluate", json=DECEMBER).json()["r2"]

    with TestClient(create_app(settings)) as client:
        row = {"counter_id": "x", "at": "2021-01-01T00:00:00Z"}

        assert sample(client, "model_r2_score", model_type="rf") == r2
        assert client.post("/predict", json={"rows": [row]}).json()["champion_run_id"] == run_id
        assert client.get(f"/train/{run_id}").json()["state"] == "succeeded"


def test_run_interrupted_by_a_stop_is_reported_after_restart(settings: Settings) -> None:
    with TestClient(create_app(settings)) as client:
        run_id = submit(client, **{**QUICK, "hyperparameters": {"n_estimators": 2_000}})

    with TestClient(create_app(settings)) as client:
        run = client.get(f"/train/{run_id}").json()
        interrupted, failures = (
            [sample(client, "training_runs_total", status=status, model_type="rf") for _scrape in range(3)]
            for status in ("interrupted", "failure")
        )

        assert (run["state"], run["reason"], run["interrupted"]) == ("failed", INTERRUPTED, True)
        assert interrupted == [0, 1, 1], "Prometheus sees no increase in a counter that appears at 1"
        assert failures == [0, 0, 0]
