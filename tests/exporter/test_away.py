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
from testbed.exporter.bench import Bench, Started
from testbed.exporter.fake_airflow import PASSWORD
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


def told_of_now(scraped: Scraped) -> set[str]:
    """The series that speak of the present."""
    kept = {"airflow_up", "airflow_exporter_refresh_ok"}
    return {name for name, _ in scraped.samples if not name.endswith("_total")} - kept


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_airflow_away_is_said_and_the_present_is_dropped(
    bench: Bench, exporter: Started, fault: Fault
) -> None:
    bench.ran(FETCH, xcoms={"records_fetched": 7, "deduplication_ratio": 0.5})
    assert told_of_now(exporter.looked())
    bench.airflow.fault = fault

    scraped = exporter.looked()

    assert scraped("airflow_up") == 0
    assert scraped("airflow_exporter_refresh_ok") == 0
    assert told_of_now(scraped) == set()
    assert scraped("bike_api_records_fetched_total") == 7


def test_airflow_back_is_said_with_what_happened_meanwhile(bench: Bench, exporter: Started) -> None:
    bench.ran(FETCH, "run-1", xcoms={"records_fetched": 7})
    exporter.looked()
    bench.airflow.fault = answers(503)
    exporter.looked()
    bench.passes(hours=3)
    bench.ran(FETCH, "run-2", xcoms={"records_fetched": 5, "deduplication_ratio": 0.25})
    bench.airflow.fault = works

    scraped = exporter.looked()

    assert scraped("airflow_up") == 1
    assert scraped("bike_deduplication_ratio") == 0.25
    assert scraped("bike_api_records_fetched_total") == 12


def test_before_the_first_look_nothing_is_said_of_airflow(exporter: Started) -> None:
    assert exporter.scraped().samples == {}


def test_a_restart_while_airflow_is_away_keeps_the_counters(bench: Bench) -> None:
    bench.ran(FETCH, xcoms={"records_fetched": 7})
    with bench.started() as first:
        first.looked()
    bench.airflow.fault = answers(503)

    with bench.started() as second:
        before, after = second.scraped(), second.looked()

    assert before("bike_api_records_fetched_total") == after("bike_api_records_fetched_total") == 7
    assert before("airflow_dag_runs_total", dag_id=FETCH, state="failed") == 0
    assert (before("airflow_up"), after("airflow_up")) == (None, 0)


def test_a_look_that_never_ends_makes_its_values_stale(bench: Bench, exporter: Started) -> None:
    bench.ran(FETCH, xcoms={"deduplication_ratio": 0.5})
    exporter.looked()
    bench.passes(seconds=300)
    fresh = exporter.scraped()
    bench.passes(seconds=1)

    stale = exporter.scraped()

    assert fresh("bike_deduplication_ratio") == 0.5
    assert stale("airflow_up") == 0
    assert told_of_now(stale) == set()


def test_a_state_file_that_fails_is_not_blamed_on_airflow(
    bench: Bench, exporter: Started, caplog: pytest.LogCaptureFixture
) -> None:
    bench.ran(FETCH, "run-1", xcoms={"records_fetched": 7, "deduplication_ratio": 0.5})
    exporter.looked()
    with sqlite3.connect(bench.folder / "state.db") as other:
        other.execute("DROP TABLE counted")
    bench.ran(FETCH, "run-2")

    scraped = exporter.looked()

    assert scraped("airflow_up") is None
    assert scraped("airflow_exporter_refresh_ok") == 0
    assert told_of_now(scraped) == set()
    assert "the state file cannot be used" in caplog.text


def test_a_token_that_has_expired_is_renewed(bench: Bench, exporter: Started) -> None:
    exporter.looked()
    bench.airflow.token = "token-2"

    scraped = exporter.looked()

    assert scraped("airflow_up") == 1
    assert bench.airflow.requests.count("POST /auth/token") == 2


@pytest.mark.parametrize("status", [401, 403])
def test_either_refusal_of_a_token_renews_it(bench: Bench, exporter: Started, status: int) -> None:
    exporter.looked()
    old = f"Bearer {bench.airflow.token}"
    bench.airflow.token = "token-2"
    bench.airflow.fault = lambda request: (
        httpx.Response(status) if request.headers.get("authorization") == old else None
    )

    scraped = exporter.looked()

    assert scraped("airflow_up") == 1


def test_one_token_serves_many_looks(bench: Bench, exporter: Started) -> None:
    for _ in range(5):
        exporter.looked()

    assert bench.airflow.requests.count("POST /auth/token") == 1


@pytest.mark.parametrize(
    "fault", [answers(201), answers(201, "<html>"), answers(500), raises(httpx.ReadTimeout)]
)
def test_a_log_in_that_goes_wrong_is_airflow_away(bench: Bench, exporter: Started, fault: Fault) -> None:
    bench.airflow.fault = lambda request: fault(request) if request.method == "POST" else None

    scraped = exporter.looked()

    assert scraped("airflow_up") == 0


def test_no_request_waits_longer_than_the_timeout(bench: Bench) -> None:
    limits: list[set[float]] = []
    bench.airflow.fault = lambda request: limits.append(set(request.extensions["timeout"].values()))

    with bench.started(timeout_s=3.5) as exporter:
        exporter.looked()

    assert bench.airflow.requests[0] == "POST /auth/token"
    assert limits == [{3.5}] * len(bench.airflow.requests)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_no_secret_is_printed(bench: Bench, caplog: pytest.LogCaptureFixture, fault: Fault) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = SecretStr("a wrong password")
    bench.airflow.token = "the token"

    with bench.started() as right, bench.started(password=wrong, state_file=bench.folder / "b.db") as bad:
        texts = [right.looked().text, bad.looked().text]
        bench.airflow.fault = fault
        texts += [right.looked().text, repr(bench.settings())]

    said = "\n".join([*texts, caplog.text])
    assert "log-in: HTTP 401" in said
    assert not [one for one in (PASSWORD, "a wrong password", "the token") if one in said]


def test_trouble_is_logged_when_it_begins_and_when_it_ends(
    bench: Bench, exporter: Started, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="monitoring.custom_exporters")
    for fault in (works, answers(503), answers(503), works, works):
        bench.airflow.fault = fault
        exporter.looked()

    assert caplog.messages == ["Airflow answers", "Airflow is away: HTTP 503", "Airflow answers"]


def test_a_bug_of_ours_ends_one_look_and_not_the_thread(
    bench: Bench, exporter: Started, caplog: pytest.LogCaptureFixture
) -> None:
    def bug(_request: httpx.Request) -> httpx.Response:
        raise ZeroDivisionError

    bench.airflow.fault = bug

    scraped = exporter.looked()

    assert scraped("airflow_exporter_refresh_ok") == 0
    assert "ZeroDivisionError" in caplog.text


def test_an_older_programs_state_file_is_refused(bench: Bench) -> None:
    with sqlite3.connect(bench.folder / "state.db") as other:
        other.execute("PRAGMA user_version = 99")

    with pytest.raises(UnknownVersion, match="99"), bench.started():
        pass


def test_airflow_may_live_under_a_path(bench: Bench) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        return httpx.Response(201, text=json.dumps({"access_token": "t"}))

    given = bench.settings(airflow_url="http://proxy.test/airflow/")
    with http_client.client(given, httpx.MockTransport(answer)) as http:
        http.get("/dags")

    assert seen == ["/airflow/auth/token", "/airflow/api/v2/dags"]
