"""`make latency`: how long /predict takes over HTTP for 5,000 rows, per model type; for docs/MODEL.md.

Starts its own service, trains a champion of each type on the counts up to August, and sends one request after
the other, as the daily forecast does. Asserts nothing: the machine may be busy.
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
class Load:
    rows: int
    requests: int


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m backend.regmodel.benchmarks.latency", description=__doc__
    )
    parser.add_argument("folder", type=Path, nargs="?", default=document.CITY)
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--requests", type=int, default=60)
    args = parser.parse_args()
    folder, load = args.folder, Load(args.rows, args.requests)
    with (
        tempfile.TemporaryDirectory(prefix="latency-") as state,
        service.running(Path(state), folder) as http,
    ):
        lines = [f"| {' | '.join(HEADS)} |", f"|---{'|---:' * (len(HEADS) - 1)}|"]
        for model_type in ModelType:
            service.champion(http, {"model_type": model_type.value, **TRAINED})
        rows = newest_rows(document.counts(folder), load.rows)
        for model_type in ModelType:
            body = {"model_type": model_type.value, "rows": rows}
            lines.append(line(model_type, load, durations_ms(http, body, load.requests)))
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


def durations_ms(http: httpx.Client, body: dict[str, Any], requests: int) -> list[float]:
    """One per request, after a warm-up request."""
    http.post("/predict", json=body).raise_for_status()
    durations = []
    for _ in range(requests):
        started = time.perf_counter()
        http.post("/predict", json=body).raise_for_status()
        durations.append((time.perf_counter() - started) * 1_000)
    return durations


def line(model_type: ModelType, load: Load, durations: Sequence[float]) -> str:
    p95 = statistics.quantiles(durations, n=QUANTILES)[-1]
    cells = (
        f"**{model_type.value}**",
        f"{load.rows:,}",
        f"{statistics.median(durations):.0f} ms",
        f"{p95:.0f} ms",
        f"{max(durations):.0f} ms",
        f"{load.requests}",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
