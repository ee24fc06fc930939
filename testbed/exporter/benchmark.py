"""Fifty scrapes while Airflow answers slowly: python -m testbed.exporter.benchmark [seconds a request].

A real Airflow, a proxy that makes each of its answers late, the exporter as its own process.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from testbed.exporter.real_airflow import RealAirflow
from testbed.exporter.real_exporter import RealExporter
from testbed.exporter.slow_proxy import SlowProxy
from testbed.processes import until

SCRAPES = 50
LIMIT_MS = 100.0


def main(delay_s: float) -> int:
    with (
        tempfile.TemporaryDirectory() as name,
        RealAirflow.started(Path(name)) as airflow,
        SlowProxy.before(airflow.url) as proxy,
        RealExporter.started(proxy.url, Path(name)) as exporter,
    ):
        exporter.when("it has seen Airflow", lambda scraped: scraped("airflow_up") == 1)
        quick = times_ms(exporter)
        proxy.delay_s = delay_s
        until(lambda: proxy.waiting > 0, "a look waits for Airflow", within_s=30)
        slow = times_ms(exporter)
        waited = proxy.waiting > 0
    show("Airflow as it is", quick)
    show(f"every answer {delay_s:g} s late", slow)
    say(f"a look was waiting when the last scrape was answered: {'yes' if waited else 'no'}")
    return 0 if waited and max(slow) < LIMIT_MS else 1


def times_ms(exporter: RealExporter) -> list[float]:
    times = []
    for _ in range(SCRAPES):
        began = time.perf_counter()
        exporter.http.get("/metrics").raise_for_status()
        times.append((time.perf_counter() - began) * 1000)
    return times


def show(what: str, times: list[float]) -> None:
    median, worst = statistics.median(times), max(times)
    say(f"{what:28}{len(times)} scrapes: median {median:.1f} ms, longest {worst:.1f} ms")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0))
