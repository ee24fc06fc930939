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
from prometheus_client import CollectorRegistry

from monitoring.custom_exporters import http_client, http_server, run_store
from monitoring.custom_exporters import settings as exporter_settings
from monitoring.custom_exporters.airflow_api import Airflow
from monitoring.custom_exporters.collector import SnapshotCollector
from monitoring.custom_exporters.http_client import HttpClient
from monitoring.custom_exporters.poller import Poller
from monitoring.custom_exporters.refresher import Clock, Refresher, SnapshotHolder
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
    settings: Settings, *, clock: Clock = now, transport: httpx.BaseTransport | None = None
) -> Iterator[Exporter]:
    """The parts, joined and not yet started. Raises sqlite3.Error and run_store.UnknownVersion."""
    with run_store.opened(settings.state_file) as store, http_client.client(settings, transport) as http:
        poller = Poller(Airflow(HttpClient(http)), store, settings.dag_ids)
        # The stored counters are served at once, so that a restart during an outage leaves no gap.
        holder = SnapshotHolder(Snapshot(totals=poller.totals()))
        registry = CollectorRegistry()
        registry.register(SnapshotCollector(holder, clock, timedelta(seconds=settings.stale_s)))
        yield Exporter(Refresher(poller, holder, clock, settings.refresh_s), registry)


def serve(settings: Settings, stop: threading.Event) -> None:
    with built(settings) as exporter:
        with http_server.serving(settings.host, settings.port, exporter.registry):
            exporter.refresher.start()
            log.info("serving on http://%s/metrics", settings.listen)
            stop.wait()
        exporter.refresher.stop(GRACE_S)


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs a line per request
    for name in exporter_settings.unknown_names(os.environ):
        log.warning("unknown setting %s", name)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        serve(exporter_settings.load(), stop)
    except SettingsError as error:
        return _fail(str(error))
    except (sqlite3.Error, run_store.UnknownVersion) as error:
        return _fail(f"AIRFLOW_EXPORTER_STATE_FILE: {error}")
    except OSError as error:
        return _fail(f"AIRFLOW_EXPORTER_LISTEN: {error.strerror or error}")
    return 0


def _fail(reason: str) -> int:
    log.error("%s", reason)
    return 2


if __name__ == "__main__":
    sys.exit(main())
