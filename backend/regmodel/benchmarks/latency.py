"""How long /predict takes over HTTP for 5,000 rows, per model type; prints, asserts nothing.

`python -m backend.regmodel.benchmarks.latency URL DATA_FOLDER` against a running service that
has champions. One request after the other, as the daily forecast sends them.
"""

import argparse
import statistics
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from backend.regmodel.data.files import read_folder

QUANTILES = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--requests", type=int, default=60)
    parser.add_argument("--api-key", default="")
    options = parser.parse_args()
    with httpx.Client(base_url=options.url, timeout=60, headers={"X-API-Key": options.api_key}) as client:
        summary = client.get("/model_summary").raise_for_status().json()
        for model_type in sorted(summary["champions"]):
            body = {"model_type": model_type, "rows": _rows(options.folder, options.rows)}
            print(_line(model_type, options.rows, _timed(client, body, options.requests)))  # noqa: T201


def _rows(folder: Path, rows: int) -> list[dict[str, str]]:
    """The newest hours of the data and 48 hours beyond, for every counter."""
    counts = read_folder(folder)
    width, last = len(counts.counters), counts.window.end + timedelta(hours=48)
    return [
        {
            "counter_id": counts.counters[row % width],
            "at": (last - timedelta(hours=1 + row // width)).isoformat(),
        }
        for row in range(rows)
    ]


def _timed(client: httpx.Client, body: dict[str, Any], requests: int) -> list[float]:
    """Milliseconds of each request, after one that warms up."""
    client.post("/predict", json=body).raise_for_status()
    taken = []
    for _ in range(requests):
        started = time.perf_counter()
        client.post("/predict", json=body).raise_for_status()
        taken.append((time.perf_counter() - started) * 1_000)
    return taken


def _line(model_type: str, rows: int, taken: list[float]) -> str:
    p95 = statistics.quantiles(taken, n=QUANTILES)[-1]
    middle = statistics.median(taken)
    return f"{model_type}: {rows} rows, median {middle:.0f} ms, p95 {p95:.0f} ms ({len(taken)} requests)"


if __name__ == "__main__":
    main()
