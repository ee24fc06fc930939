"""A scrape is answered from memory: whatever Airflow does, nobody waits for it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from prometheus_client import start_http_server

from monitoring.custom_exporters.collector import BoardCollector
from monitoring.custom_exporters.xcom_metrics import FETCH
from testbed.exporter.bench import Bench, Started


@contextmanager
def served(started: Started) -> Iterator[httpx.Client]:
    server, thread = start_http_server(0, "127.0.0.1", started.exporter.registry)
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{server.server_port}", trust_env=False, timeout=5
        ) as client:
            yield client
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_scrapes_are_answered_while_airflow_hangs(bench: Bench) -> None:
    bench.ran(FETCH, xcoms={"records_fetched": 7})
    asked, answer = threading.Event(), threading.Event()

    def hang(_request: httpx.Request) -> None:
        asked.set()
        answer.wait(30)

    with bench.started() as started:
        started.looked()
        bench.airflow.fault = hang
        started.exporter.refresher.start()
        assert asked.wait(10)
        with served(started) as client:
            texts = [client.get("/metrics").text for _ in range(50)]
        still_hanging = not answer.is_set()
        answer.set()
        stopped = started.exporter.refresher.stop(10)

    assert still_hanging
    assert stopped
    assert all("bike_api_records_fetched_total 7.0" in text for text in texts)


def test_a_scrape_makes_no_request(bench: Bench, exporter: Started) -> None:
    bench.ran(FETCH)
    exporter.looked()
    bench.airflow.requests.clear()

    for _ in range(5):
        exporter.scraped()

    assert bench.airflow.requests == []


def test_the_collector_holds_nothing_that_could_ask_airflow() -> None:
    assert set(BoardCollector.__dataclass_fields__) == {"board", "clock", "stale_after"}


def test_the_refresher_looks_again_and_again_until_it_is_stopped(bench: Bench) -> None:
    looks = threading.Semaphore(0)
    bench.airflow.fault = lambda request: looks.release() if request.url.path.endswith("/dags") else None

    with bench.started(refresh_s=0.001) as started:
        started.exporter.refresher.start()
        seen = [looks.acquire(timeout=10) for _ in range(3)]
        stopped = started.exporter.refresher.stop(10)

    assert all(seen)
    assert stopped


@pytest.mark.parametrize("path", ["/metrics", "/"])
def test_metrics_are_text_that_prometheus_reads(bench: Bench, exporter: Started, path: str) -> None:
    bench.ran(FETCH)
    exporter.looked()

    with served(exporter) as client:
        answer = client.get(path)

    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "airflow_up 1.0" in answer.text
