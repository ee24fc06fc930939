"""The exporter on the fake Airflow, served over HTTP for a real Prometheus."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from monitoring.custom_exporters import http_server
from testbed.exporter.harness import ExporterHarness, RunningExporter


@contextmanager
def served(folder: Path) -> Iterator[tuple[ExporterHarness, RunningExporter, str]]:
    """The harness, whose clock stands at the present; the exporter, polled by the caller; host:port."""
    harness = ExporterHarness(folder, now=datetime.now(UTC))
    with (
        harness.started() as exporter,
        http_server.serving("127.0.0.1", 0, exporter.exporter.registry) as port,
    ):
        yield harness, exporter, f"127.0.0.1:{port}"
