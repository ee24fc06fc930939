"""`python -m testbed.year`: runs the year week by week, prints it, and stores the results as JSON."""

import argparse
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import httpx

from dags.pipeline import settings, thresholds
from testbed.fakes.paris import year as counts
from testbed.fakes.paris.state import ParisState
from testbed.stack import BACKEND_PYTHON, ROOT, TOKEN
from testbed.year import table
from testbed.year.clock import Clock
from testbed.year.evaluation import Evaluator, midnight, mondays
from testbed.year.history import RouterHistory
from testbed.year.pipeline import Pipeline
from testbed.year.results import Week, Year
from testbed.year.services import Services, running
from testbed.year.simulation import EVERY_DAY, EVERY_HOUR_FORECAST, Simulation

FIRST_MONDAY = date(2020, 10, 5)
"""Five weeks after the counts begin: four to train on and one to validate on."""
WEEKS = 49
"""Until the counts end."""
MODEL_TYPE = "rf"
RESULTS = ROOT / "var" / "year" / "results.json"
SERVICE_S = 180.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m testbed.year", description=__doc__)
    parser.add_argument("--weeks", type=int, default=WEEKS)
    parser.add_argument("--model", default=MODEL_TYPE, help="rf or hgb")
    parser.add_argument(
        "--generated",
        action="store_true",
        help="use the generated year even where the city's counts are",
    )
    parser.add_argument(
        "--daily", action="store_true", help="fetch and predict on all days instead of four a week"
    )
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="year-") as folder:
        year = _year(Path(folder), args.weeks, args.model, daily=args.daily, generated=args.generated)
    args.results.parent.mkdir(parents=True, exist_ok=True)
    args.results.write_text(year.model_dump_json(indent=1) + "\n")
    print(f"{len(year.weeks)} weeks in {year.took_s:.0f} s; {args.results}")
    return 0


def _year(folder: Path, weeks: int, model_type: str, *, daily: bool, generated: bool) -> Year:
    started = time.monotonic()
    generated = generated or not (counts.SHARED / counts.COUNTS_FILE).exists()
    source = _generated(folder / "generated") if generated else counts.SHARED
    first = mondays(FIRST_MONDAY, weeks)
    clock = Clock(folder / "now")
    paris = ParisState(counts.read(source), now=midnight(FIRST_MONDAY))
    clock.move(paris.now)
    limits = thresholds.load()
    with (
        running(folder, clock, paris) as services,
        httpx.Client(base_url=services.router_url, timeout=30) as router,
        httpx.Client(base_url=services.model_url, timeout=SERVICE_S) as model,
    ):
        pipeline = Pipeline(_settings(folder, services, model_type), limits, clock)
        history = RouterHistory(router)
        print(table.HEAD, flush=True)
        weekdays = EVERY_DAY if daily else EVERY_HOUR_FORECAST
        done = tuple(Simulation(clock, paris, pipeline, history, weekdays).weeks(first, _print))
        evaluated = Evaluator(model, model_type).evaluate(done)
        return Year(
            source="generated" if generated else "city",
            model_type=model_type,
            r2_critical=limits.r2_critical,
            r2_warning=limits.r2_warning,
            rmse_limit=limits.train_rmse,
            drift_limit=limits.drift_share,
            weeks=done,
            alerts=history.alerts(),
            evaluated=evaluated,
            cards=history.final_ledger(clock),
            discord={
                "messages": len(services.discord.creates),
                "edits": len(services.discord.edits),
                "answers of 429": services.discord.limited,
            },
            took_s=round(time.monotonic() - started, 1),
        )


def _print(week: Week) -> None:
    print(table.line(week), flush=True)


def _generated(folder: Path) -> Path:
    subprocess.run([str(BACKEND_PYTHON), "-m", "testbed.year.generated", str(folder)], cwd=ROOT, check=True)
    return folder


def _settings(folder: Path, services: Services, model_type: str) -> settings.Settings:
    return settings.load(
        warehouse_url=f"sqlite:///{folder / 'warehouse.db'}",
        paris_url=services.paris_url,
        model_url=services.model_url,
        model_type=model_type,
        router_url=services.router_url,
        router_token=TOKEN,
    )


if __name__ == "__main__":
    sys.exit(main())
