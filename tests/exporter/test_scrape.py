"""A scrape is answered from memory, whatever Airflow does."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from monitoring.custom_exporters import http_server
from monitoring.custom_exporters.collector import SnapshotCollector
from monitoring.custom_exporters.xcom_metrics import FETCH
from testbed.exporter.harness import ExporterHarness, RunningExporter
from testbed.processes import answers, until


@contextmanager
def served(started: RunningExporter) -> Iterator[httpx.Client]:
    with (
        http_server.serving("127.0.0.1", 0, started.exporter.registry) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=5) as client,
    ):
        yield client


def test_scrapes_are_answered_while_airflow_hangs(harness: ExporterHarness) -> None:
    harness.add_run(FETCH, xcoms={"records_fetched": 7})
    requested, answer = threading.Event(), threading.Event()

    def hang(_request: httpx.Request) -> None:
        requested.set()
        answer.wait(30)

    with harness.started() as started:
        started.poll()
        harness.airflow.fault = hang
        started.exporter.refresher.start()
        assert requested.wait(10)
        with served(started) as client:
            texts = [client.get("/metrics").text for _ in range(50)]
        still_hanging = not answer.is_set()
        answer.set()
        stopped = started.exporter.refresher.stop(10)

    assert still_hanging
    assert stopped
    assert all("bike_api_records_fetched_total 7.0" in text for text in texts)


def test_scrape_makes_no_request(harness: ExporterHarness, exporter: RunningExporter) -> None:
    harness.add_run(FETCH)
    exporter.poll()
    harness.airflow.requests.clear()

    for _ in range(5):
        exporter.scrape()

    assert harness.airflow.requests == []


def test_collector_has_no_access_to_airflow() -> None:
    assert set(SnapshotCollector.__dataclass_fields__) == {"holder", "clock", "stale_after"}


def test_refresher_polls_until_it_is_stopped(harness: ExporterHarness) -> None:
    polls = threading.Semaphore(0)
    harness.airflow.fault = lambda request: polls.release() if request.url.path.endswith("/dags") else None

    with harness.started(refresh_s=0.001) as started:
        started.exporter.refresher.start()
        acquired = [polls.acquire(timeout=10) for _ in range(3)]
        stopped = started.exporter.refresher.stop(10)

    assert all(acquired)
    assert stopped


@pytest.mark.parametrize("path", ["/metrics", "/"])
def test_metrics_content_type(harness: ExporterHarness, exporter: RunningExporter, path: str) -> None:
    harness.add_run(FETCH)
    exporter.poll()

    with served(exporter) as client:
        answer = client.get(path)

    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "airflow_up 1.0" in answer.text


def test_silent_callers_cost_a_bounded_number_of_threads_and_are_hung_up_on(
    exporter: RunningExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not shorter: the refused callers are counted while the others still wait.
    monkeypatch.setattr(http_server.Handler, "timeout", 2.0)
    before = threading.active_count()

    with served(exporter) as client, ExitStack() as callers:
        address = (client.base_url.host, client.base_url.port or 0)
        silent = [callers.enter_context(socket.create_connection(address)) for _ in range(60)]
        refused = [caller for caller in silent[http_server.MAX_CONNECTIONS :] if caller.recv(1) == b""]
        threads = threading.active_count() - before
        hung_up_on = [caller.recv(1) for caller in silent[: http_server.MAX_CONNECTIONS]]
        until(
            lambda: answers(str(client.base_url.join("/metrics"))), "a scrape is answered again", within_s=10
        )

    assert len(refused) == 60 - http_server.MAX_CONNECTIONS
    assert threads <= http_server.MAX_CONNECTIONS + 1
    assert set(hung_up_on) == {b""}
