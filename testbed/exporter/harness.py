"""An exporter on the fake Airflow, driven by the test, which also moves the clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from prometheus_client import generate_latest
from pydantic import SecretStr

from monitoring.custom_exporters.airflow_exporter import Exporter, built
from monitoring.custom_exporters.settings import Settings
from testbed.exporter.fake_airflow import PASSWORD, FakeAirflow
from testbed.exporter.scraped import Scraped, parsed

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@dataclass(slots=True)
class ExporterHarness:
    folder: Path
    airflow: FakeAirflow = field(default_factory=FakeAirflow)
    now: datetime = NOON

    @classmethod
    @contextmanager
    def quick(cls) -> Iterator["ExporterHarness"]:
        """Its state file is in memory where that is possible: the property tests use hundreds."""
        memory = Path("/dev/shm")  # noqa: S108
        with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
            yield cls(Path(folder))

    def clock(self) -> datetime:
        return self.now

    def advance(self, **amount: float) -> None:
        self.now += timedelta(**amount)

    def settings(self, **changes: Any) -> Settings:
        fields = {"password": SecretStr(PASSWORD), "state_file": self.folder / "state.db", **changes}
        return Settings(**fields)

    @contextmanager
    def started(self, **changes: Any) -> Iterator["RunningExporter"]:
        """A new process with the same state file."""
        transport = httpx.MockTransport(self.airflow)
        with built(self.settings(**changes), clock=self.clock, transport=transport) as exporter:
            yield RunningExporter(exporter)

    def add_run(self, dag_id: str, run_id: str = "run-1", *, took_s: float = 60.0, **known: Any) -> None:
        """A run that ends now."""
        start = self.now - timedelta(seconds=took_s)
        self.airflow.run(dag_id, run_id, **{"start": start, "end": self.now, **known})


@dataclass(frozen=True, slots=True)
class RunningExporter:
    exporter: Exporter

    def poll(self) -> Scraped:
        """Polls once and scrapes."""
        self.exporter.refresher.refresh()
        return self.scrape()

    def scrape(self) -> Scraped:
        return parsed(generate_latest(self.exporter.registry).decode())
