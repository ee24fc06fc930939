"""How many alerts a second the router takes in and keeps, beside prototypes: python -m testbed.bench.intake.

What is counted was answered 200, so it is on the disk (SQLite, synchronous=FULL). All programs take their
turn in each round, on an empty database each time: a machine that slows down slows all of them. The router
runs with a token, and its cards go to the preview, twenty a second.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter
from pathlib import Path

from alert_router.store.engine import open_store
from testbed import past_alerts, stack
from testbed.bench import load
from testbed.ports import free_port
from testbed.processes import Process

ROUTER, OLD_ROUTER = "router", "router-old"
PROTOTYPES = ("naive", "grouped", "json_each", "bare")
BESIDE = "grouped"
"""The prototype that the others are compared with."""


@dataclass(frozen=True, slots=True)
class Measured:
    kept: float
    """Alerts a second."""
    p50_ms: float
    p99_ms: float
    cpu_us: float
    """Of the program, for one alert: it depends less on what else the machine does."""
    refused: int


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each run")
    parser.add_argument("--stored", type=int, default=0, help=f"alerts in the database of {OLD_ROUTER}")
    parser.add_argument("only", nargs="*", default=[*PROTOTYPES, ROUTER])
    options = parser.parse_args()
    names = [*options.only, *([OLD_ROUTER] if options.stored else [])]
    runs: dict[str, list[Measured]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="intake-") as folder:
        old = _with_past(Path(folder), options.stored) if options.stored else None
        for number in range(options.rounds):
            for name in names:
                runs[name].append(_run(name, Path(folder) / f"{name}-{number}", old, options.seconds))
                sys.stderr.write(f"round {number + 1}: {name}: {runs[name][-1].kept:,.0f} alerts/s\n")
    sys.stdout.write(_table(runs))


def _with_past(folder: Path, count: int) -> Path:
    file = folder / "past.db"
    store = open_store(f"sqlite:///{file}")
    now = past_alerts.now()
    past_alerts.write(store, count=count, since=now - timedelta(days=365), until=now - timedelta(hours=1))
    store.close()
    return file


def _run(name: str, folder: Path, old: Path | None, seconds: float) -> Measured:
    folder.mkdir()
    if name == OLD_ROUTER and old is not None:
        shutil.copy(old, folder / "alert_router.db")
    port = free_port()
    with _running(_program(name, folder, port)) as program:
        began_s = _cpu_s(program)
        command = [sys.executable, "-m", "testbed.bench.load", str(port), stack.TOKEN, f"--seconds={seconds}"]
        result = json.loads(subprocess.check_output(command, cwd=stack.ROOT))
        cpu_s = _cpu_s(program) - began_s
    shutil.rmtree(folder)
    statuses, percentiles = Counter(result["statuses"]), statistics.quantiles(result["took_ms"], n=100)
    kept = statuses["200"] * load.ALERTS
    return Measured(
        kept=kept / result["took_s"],
        p50_ms=percentiles[49],
        p99_ms=percentiles[98],
        cpu_us=cpu_s * 1e6 / (kept + load.WARM_UP * load.ALERTS),
        refused=statuses.total() - statuses["200"],
    )


def _cpu_s(program: Process) -> float:
    """So far, of all its threads."""
    fields = Path(f"/proc/{program.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _program(name: str, folder: Path, port: int) -> Process:
    if name in (ROUTER, OLD_ROUTER):
        return stack.router(folder, port, {})
    file = str(folder / "alerts.db")
    command = [sys.executable, "-m", "testbed.bench.prototypes", name, str(port), file]
    ready_url = stack.local(port) + ("/openapi.json" if name != "bare" else "")
    return Process(name, command, ready_url, folder / f"{name}.log", folder=stack.ROOT)


@contextmanager
def _running(program: Process) -> Iterator[Process]:
    program.start()
    try:
        program.wait_ready()
        yield program
    finally:
        program.stop()


def _table(runs: dict[str, list[Measured]]) -> str:
    """The medians, and of the alerts a second the lowest and the highest, too."""
    head = "              alerts/s   lowest  highest   p50 ms   p99 ms  CPU us/alert  refused  of grouped"
    rows = [_row(name, measured, runs.get(BESIDE, ())) for name, measured in runs.items()]
    return "\n".join([head, *rows]) + "\n"


def _row(name: str, measured: Sequence[Measured], beside: Sequence[Measured]) -> str:
    kept = [one.kept for one in measured]
    p50_ms, p99_ms, cpu_us = (
        statistics.median(map(attrgetter(field), measured)) for field in ("p50_ms", "p99_ms", "cpu_us")
    )
    ratios = [one.kept / other.kept for one, other in zip(measured, beside, strict=False)]
    ratio = f"{statistics.median(ratios):.2f}" if ratios else "-"
    return (
        f"{name:12}{statistics.median(kept):10,.0f}{min(kept):9,.0f}{max(kept):9,.0f}{p50_ms:9.1f}{p99_ms:9.1f}"
        f"{cpu_us:14.0f}{sum(one.refused for one in measured):9}{ratio:>12}"
    )


if __name__ == "__main__":
    main()
