"""Times fifty scrapes while Airflow is slow.

A real Airflow, a proxy that delays each of its answers, the exporter as its own process.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from testbed.exporter.real_exporter import DAGS, RealExporter
from testbed.exporter.slow_proxy import SlowProxy
from testbed.processes import until
from testbed.real_airflow import UNPAUSED, RealAirflow

SCRAPES = 50
LIMIT_MS = 100.0


def main(delay_s: float) -> int:
    with (
        tempfile.TemporaryDirectory() as name,
        RealAirflow(Path(name), DAGS, UNPAUSED).running() as airflow,
        SlowProxy.before(airflow.url) as proxy,
        RealExporter.started(proxy.url, Path(name)) as exporter,
    ):
        exporter.when("it has seen Airflow", lambda scraped: scraped("airflow_up") == 1)
        quick = times_ms(exporter)
        proxy.delay_s = delay_s
        until(lambda: proxy.waiting > 0, "a poll waits for Airflow", within_s=30)
        slow = times_ms(exporter)
        waited = proxy.waiting > 0
    show("Airflow as it is", quick)
    show(f"every answer {delay_s:g} s late", slow)
    write(f"a poll was waiting when the last scrape was answered: {'yes' if waited else 'no'}")
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
    write(f"{what:28}{len(times)} scrapes: median {median:.1f} ms, longest {worst:.1f} ms")


def write(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m testbed.exporter.benchmark", description=__doc__)
    parser.add_argument(
        "delay_s", nargs="?", type=float, default=5.0, help="delay of every answer, in seconds"
    )
    sys.exit(main(parser.parse_args().delay_s))
