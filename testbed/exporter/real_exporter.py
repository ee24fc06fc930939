"""The exporter as its own process, scraped over HTTP."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from testbed.exporter.scraped import Scraped, parsed
from testbed.ports import free_port
from testbed.processes import Process, until
from testbed.real_airflow import ROOT, VIEWER

DAGS = Path(__file__).parent / "dag_folder"
"""Nothing else is in it, because Airflow would import it."""
WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class RealExporter:
    http: httpx.Client
    process: Process

    @classmethod
    @contextmanager
    def started(cls, airflow_url: str, folder: Path, **changes: str) -> Iterator["RealExporter"]:
        address = f"127.0.0.1:{free_port()}"
        password = folder / "viewer_password"
        password.write_text(VIEWER[1])
        environment = {
            "AIRFLOW_EXPORTER_AIRFLOW_URL": airflow_url,
            "AIRFLOW_EXPORTER_PASSWORD_FILE": str(password),
            "AIRFLOW_EXPORTER_LISTEN": address,
            "AIRFLOW_EXPORTER_STATE_FILE": str(folder / "state.db"),
            "AIRFLOW_EXPORTER_REFRESH_SECONDS": "0.3",
            **changes,
        }
        command = [sys.executable, "-m", "monitoring.custom_exporters.airflow_exporter"]
        url = f"http://{address}"
        log = folder / "exporter.log"
        process = Process("exporter", command, f"{url}/metrics", log, environment, ROOT)
        process.start()
        try:
            process.wait_ready(20)
            with httpx.Client(base_url=url, trust_env=False, timeout=10) as http:
                yield cls(http, process)
        finally:
            process.stop()

    def scrape(self) -> Scraped:
        return parsed(self.http.get("/metrics").text)

    def when(self, what: str, condition: Callable[[Scraped], bool], *, within_s: float = WAIT_S) -> Scraped:
        """The first scrape for which the condition holds."""
        until(lambda: condition(self.scrape()), what, within_s=within_s)
        return self.scrape()
