"""The exporter on the fake Airflow, served over HTTP for a real Prometheus."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import start_http_server

from testbed.exporter.harness import ExporterHarness, RunningExporter
from testbed.ports import free_port


@contextmanager
def served(folder: Path) -> Iterator[tuple[ExporterHarness, RunningExporter, str]]:
    """The harness, whose clock stands at the present; the exporter, polled by the caller; host:port."""
    harness = ExporterHarness(folder, now=datetime.now(UTC))
    port = free_port()
    with harness.started() as exporter:
        server, thread = start_http_server(port, "127.0.0.1", exporter.exporter.registry)
        try:
            yield harness, exporter, f"127.0.0.1:{port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
