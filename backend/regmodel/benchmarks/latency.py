"""`make latency`: how long /predict takes over HTTP for 5,000 rows, per model type; for docs/MODEL.md.

Starts a service of its own, trains a champion of each type on the counts up to August, and asks one request
after the other, as the daily forecast does. Asserts nothing: the machine may be busy.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from backend.regmodel.benchmarks import document, service
from backend.regmodel.data.counts import Counts
from backend.regmodel.model.estimators import ModelType

HEADS = ("model", "rows", "median", "p95", "slowest", "requests")
TRAINED = {"start": "2020-09-01T00:00:00Z", "end": "2021-08-01T00:00:00Z"}
QUANTILES = 20


@dataclass(frozen=True, slots=True)
class Asked:
    rows: int
    requests: int


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m backend.regmodel.benchmarks.latency", description=__doc__
    )
    parser.add_argument("folder", type=Path, nargs="?", default=document.CITY)
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--requests", type=int, default=60)
    given = parser.parse_args()
    folder, asked = given.folder, Asked(given.rows, given.requests)
    with (
        tempfile.TemporaryDirectory(prefix="latency-") as state,
        service.running(Path(state), folder) as http,
    ):
        lines = [f"| {' | '.join(HEADS)} |", f"|---{'|---:' * (len(HEADS) - 1)}|"]
        for model_type in ModelType:
            service.champion(http, {"model_type": model_type.value, **TRAINED})
        rows = newest_rows(document.counts(folder), asked.rows)
        for model_type in ModelType:
            body = {"model_type": model_type.value, "rows": rows}
            lines.append(line(model_type, asked, taken_ms(http, body, asked.requests)))
    print("\n".join(lines))  # noqa: T201
    document.write("latency", lines, folder)


def newest_rows(counts: Counts, rows: int) -> list[dict[str, str]]:
    """The newest hours of the data and 48 hours beyond, for every counter."""
    width, last = len(counts.counters), counts.window.end + timedelta(hours=48)
    return [
        {
            "counter_id": counts.counters[row % width],
            "at": (last - timedelta(hours=1 + row // width)).isoformat(),
        }
        for row in range(rows)
    ]


def taken_ms(http: httpx.Client, body: dict[str, Any], requests: int) -> list[float]:
    """Of each request, after one that warms up."""
    http.post("/predict", json=body).raise_for_status()
    taken = []
    for _ in range(requests):
        started = time.perf_counter()
        http.post("/predict", json=body).raise_for_status()
        taken.append((time.perf_counter() - started) * 1_000)
    return taken


def line(model_type: ModelType, asked: Asked, taken: Sequence[float]) -> str:
    p95 = statistics.quantiles(taken, n=QUANTILES)[-1]
    cells = (
        f"**{model_type.value}**",
        f"{asked.rows:,}",
        f"{statistics.median(taken):.0f} ms",
        f"{p95:.0f} ms",
        f"{max(taken):.0f} ms",
        f"{asked.requests}",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
