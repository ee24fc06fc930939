"""Serves Airflow's runs and the pipeline's XComs as Prometheus metrics.

`python -m monitoring.custom_exporters.airflow_exporter`, with the settings of docs/EXPORTER.md. The
composition root: joins the parts, starts them, ends them on SIGTERM or Ctrl-C.
"""

import logging
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
from prometheus_client import CollectorRegistry, start_http_server

from monitoring.custom_exporters import http_client, run_store, settings
from monitoring.custom_exporters.airflow_api import Airflow
from monitoring.custom_exporters.collector import BoardCollector
from monitoring.custom_exporters.http_client import Rest
from monitoring.custom_exporters.poller import Survey
from monitoring.custom_exporters.refresher import Board, Clock, Refresher
from monitoring.custom_exporters.settings import Settings, SettingsError
from monitoring.custom_exporters.snapshot import Snapshot

GRACE_S = 2.0
log = logging.getLogger("airflow_exporter")


@dataclass(frozen=True, slots=True)
class Exporter:
    refresher: Refresher
    registry: CollectorRegistry


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def built(
    given: Settings, *, clock: Clock = now, transport: httpx.BaseTransport | None = None
) -> Iterator[Exporter]:
    """The parts, joined and not yet started. Raises sqlite3.Error and ledger.UnknownVersion."""
    with run_store.opened(given.state_file) as book, http_client.client(given, transport) as http:
        survey = Survey(Airflow(Rest(http)), book, given.dag_ids)
        # What was counted before is told at once, so that a restart during an outage is no gap.
        board = Board(Snapshot(totals=survey.totals()))
        registry = CollectorRegistry()
        registry.register(BoardCollector(board, clock, timedelta(seconds=given.stale_s)))
        yield Exporter(Refresher(survey, board, clock, given.refresh_s), registry)


def serve(given: Settings, stop: threading.Event) -> None:
    with built(given) as exporter:
        server, _ = start_http_server(given.port, given.host, exporter.registry)
        exporter.refresher.start()
        log.info("serving on http://%s/metrics", given.listen)
        stop.wait()
        server.shutdown()
        server.server_close()
        exporter.refresher.stop(GRACE_S)


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line a request is no news
    for name in settings.unknown_names(os.environ):
        log.warning("%s is no setting of ours", name)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        serve(settings.from_environment(os.environ), stop)
    except SettingsError as error:
        return _refuse(str(error))
    except (sqlite3.Error, run_store.UnknownVersion) as error:
        return _refuse(f"AIRFLOW_EXPORTER_STATE_FILE: {error}")
    except OSError as error:
        return _refuse(f"AIRFLOW_EXPORTER_LISTEN: {error.strerror or error}")
    return 0


def _refuse(reason: str) -> int:
    log.error("%s", reason)
    return 2


if __name__ == "__main__":
    sys.exit(main())
