"""`python -m testbed.fakes.paris --port 9200 --now 2020-12-01T06:00:00Z`: the stand-in alone."""

import argparse
from datetime import datetime

import uvicorn

from testbed.fakes.paris import server, year
from testbed.fakes.paris.app import create_app
from testbed.fakes.paris.publication import PROMPT, Habits
from testbed.fakes.paris.state import ParisState


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m testbed.fakes.paris", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9200)
    parser.add_argument("--now", type=datetime.fromisoformat, default=None, help="where the clock stands")
    parser.add_argument("--generated", action="store_true", help="the drawn year, also where the real one is")
    parser.add_argument(
        "--prompt", action="store_true", help="every hour arrives at once, and nothing is null"
    )
    asked = parser.parse_args()
    counts = year.generated() if asked.generated else year.given()
    habits = PROMPT if asked.prompt else Habits()
    state = ParisState(counts, asked.now or counts.hours[-1], habits)
    uvicorn.Server(
        server.config(create_app(state), host=asked.host, port=asked.port, log_level="warning")
    ).run()


if __name__ == "__main__":
    main()
