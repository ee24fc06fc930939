import json
import logging
import sqlite3
from collections.abc import Callable

import httpx
import pytest
from pydantic import SecretStr

from monitoring.custom_exporters import http_client
from monitoring.custom_exporters.run_store import UnknownVersion
from monitoring.custom_exporters.xcom_metrics import FETCH
from testbed.exporter.fake_airflow import PASSWORD
from testbed.exporter.harness import ExporterHarness, RunningExporter
from testbed.exporter.scraped import Scraped

Fault = Callable[[httpx.Request], httpx.Response | None]


def works(_request: httpx.Request) -> None:
    return None


def raises(error: type[httpx.TransportError]) -> Fault:
    def fault(request: httpx.Request) -> httpx.Response:
        raise error(f"no answer from {request.url}", request=request)

    return fault


def answers(status: int, body: str = "{}") -> Fault:
    return lambda _: httpx.Response(status, text=body)


FAULTS = {
    "refused": raises(httpx.ConnectError),
    "slow to connect": raises(httpx.ConnectTimeout),
    "slow to answer": raises(httpx.ReadTimeout),
    "cut off": raises(httpx.RemoteProtocolError),
    "302": answers(302),
    "400": answers(400),
    "404": answers(404),
    "429": answers(429),
    "500": answers(500),
    "503": answers(503, "<html>"),
    "no JSON": answers(200, "<html>"),
    "other JSON": answers(200, '{"dags": 3, "total_entries": 1}'),
    "a list": answers(200, "[]"),
}


def present_series(scraped: Scraped) -> set[str]:
    """The series that describe the present."""
    lasting = {"airflow_up", "airflow_exporter_refresh_ok"}
    return {name for name, _ in scraped.samples if not name.endswith("_total")} - lasting


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_unavailable_airflow_drops_the_present(
    harness: ExporterHarness, exporter: RunningExporter, fault: Fault
) -> None:
    harness.add_run(FETCH, xcoms={"records_fetched": 7, "deduplication_ratio": 0.5})
    assert present_series(exporter.poll())
    harness.airflow.fault = fault

    scraped = exporter.poll()

    assert scraped("airflow_up") == 0
    assert scraped("airflow_exporter_refresh_ok") == 0
    assert present_series(scraped) == set()
    assert scraped("bike_api_records_fetched_total") == 7


def test_recovered_airflow_catches_up(harness: ExporterHarness, exporter: RunningExporter) -> None:
    harness.add_run(FETCH, "run-1", xcoms={"records_fetched": 7})
    exporter.poll()
    harness.airflow.fault = answers(503)
    exporter.poll()
    harness.advance(hours=3)
    harness.add_run(FETCH, "run-2", xcoms={"records_fetched": 5, "deduplication_ratio": 0.25})
    harness.airflow.fault = works

    scraped = exporter.poll()

    assert scraped("airflow_up") == 1
    assert scraped("bike_deduplication_ratio") == 0.25
    assert scraped("bike_api_records_fetched_total") == 12


def test_no_series_before_the_first_poll(exporter: RunningExporter) -> None:
    assert exporter.scrape().samples == {}


def test_restart_during_outage_keeps_counters(harness: ExporterHarness) -> None:
    harness.add_run(FETCH, xcoms={"records_fetched": 7})
    with harness.started() as first:
        first.poll()
    harness.airflow.fault = answers(503)

    with harness.started() as second:
        before, after = second.scrape(), second.poll()

    assert before("bike_api_records_fetched_total") == after("bike_api_records_fetched_total") == 7
    assert before("airflow_dag_runs_total", dag_id=FETCH, state="failed") == 0
    assert (before("airflow_up"), after("airflow_up")) == (None, 0)


def test_values_become_stale_when_a_poll_never_ends(
    harness: ExporterHarness, exporter: RunningExporter
) -> None:
    harness.add_run(FETCH, xcoms={"deduplication_ratio": 0.5})
    exporter.poll()
    harness.advance(seconds=300)
    fresh = exporter.scrape()
    harness.advance(seconds=1)

    stale = exporter.scrape()

    assert fresh("bike_deduplication_ratio") == 0.5
    assert stale("airflow_up") == 0
    assert present_series(stale) == set()


def test_state_file_error_does_not_clear_airflow_up(
    harness: ExporterHarness, exporter: RunningExporter, caplog: pytest.LogCaptureFixture
) -> None:
    harness.add_run(FETCH, "run-1", xcoms={"records_fetched": 7, "deduplication_ratio": 0.5})
    exporter.poll()
    with sqlite3.connect(harness.folder / "state.db") as other:
        other.execute("DROP TABLE counted")
    harness.add_run(FETCH, "run-2")

    scraped = exporter.poll()

    assert scraped("airflow_up") is None
    assert scraped("airflow_exporter_refresh_ok") == 0
    assert present_series(scraped) == set()
    assert "the state file cannot be used" in caplog.text


def test_expired_token_is_renewed(harness: ExporterHarness, exporter: RunningExporter) -> None:
    exporter.poll()
    harness.airflow.token = "token-2"

    scraped = exporter.poll()

    assert scraped("airflow_up") == 1
    assert harness.airflow.requests.count("POST /auth/token") == 2


@pytest.mark.parametrize("status", [401, 403])
def test_token_is_renewed_on_401_and_403(
    harness: ExporterHarness, exporter: RunningExporter, status: int
) -> None:
    exporter.poll()
    old = f"Bearer {harness.airflow.token}"
    harness.airflow.token = "token-2"
    harness.airflow.fault = lambda request: (
        httpx.Response(status) if request.headers.get("authorization") == old else None
    )

    scraped = exporter.poll()

    assert scraped("airflow_up") == 1


def test_token_is_reused_between_polls(harness: ExporterHarness, exporter: RunningExporter) -> None:
    for _ in range(5):
        exporter.poll()

    assert harness.airflow.requests.count("POST /auth/token") == 1


@pytest.mark.parametrize(
    "fault", [answers(201), answers(201, "<html>"), answers(500), raises(httpx.ReadTimeout)]
)
def test_failed_log_in_is_airflow_down(
    harness: ExporterHarness, exporter: RunningExporter, fault: Fault
) -> None:
    harness.airflow.fault = lambda request: fault(request) if request.method == "POST" else None

    scraped = exporter.poll()

    assert scraped("airflow_up") == 0


def test_every_request_has_the_timeout(harness: ExporterHarness) -> None:
    limits: list[set[float]] = []
    harness.airflow.fault = lambda request: limits.append(set(request.extensions["timeout"].values()))

    with harness.started(timeout_s=3.5) as exporter:
        exporter.poll()

    assert harness.airflow.requests[0] == "POST /auth/token"
    assert limits == [{3.5}] * len(harness.airflow.requests)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_secrets_are_not_printed(
    harness: ExporterHarness, caplog: pytest.LogCaptureFixture, fault: Fault
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = SecretStr("a wrong password")
    harness.airflow.token = "the token"

    with (
        harness.started() as right,
        harness.started(password=wrong, state_file=harness.folder / "b.db") as bad,
    ):
        texts = [right.poll().text, bad.poll().text]
        harness.airflow.fault = fault
        texts += [right.poll().text, repr(harness.settings())]

    output = "\n".join([*texts, caplog.text])
    assert "log-in: HTTP 401" in output
    assert not [secret for secret in (PASSWORD, "a wrong password", "the token") if secret in output]


def test_fault_is_logged_at_start_and_end(
    harness: ExporterHarness, exporter: RunningExporter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="monitoring.custom_exporters")
    for fault in (works, answers(503), answers(503), works, works):
        harness.airflow.fault = fault
        exporter.poll()

    assert caplog.messages == ["Airflow answers", "Airflow is unavailable: HTTP 503", "Airflow answers"]


def test_internal_error_ends_the_poll_not_the_thread(
    harness: ExporterHarness, exporter: RunningExporter, caplog: pytest.LogCaptureFixture
) -> None:
    def bug(_request: httpx.Request) -> httpx.Response:
        raise ZeroDivisionError

    harness.airflow.fault = bug

    scraped = exporter.poll()

    assert scraped("airflow_exporter_refresh_ok") == 0
    assert "ZeroDivisionError" in caplog.text


def test_state_file_of_another_version_is_refused(harness: ExporterHarness) -> None:
    with sqlite3.connect(harness.folder / "state.db") as other:
        other.execute("PRAGMA user_version = 99")

    with pytest.raises(UnknownVersion, match="99"), harness.started():
        pass


def test_airflow_url_with_a_path(harness: ExporterHarness) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        return httpx.Response(201, text=json.dumps({"access_token": "t"}))

    configured = harness.settings(airflow_url="http://proxy.test/airflow/")
    with http_client.client(configured, httpx.MockTransport(answer)) as http:
        http.get("/dags")

    assert seen == ["/airflow/auth/token", "/airflow/api/v2/dags"]
