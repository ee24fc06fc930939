"""`python -m testbed.fakes.paris --port 9200 --now 2020-12-01T06:00:00Z`: the fake alone."""

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
    parser.add_argument(
        "--generated", action="store_true", help="the generated year, also where the real year is at hand"
    )
    parser.add_argument(
        "--prompt", action="store_true", help="every hour arrives at once, and no count is null"
    )
    args = parser.parse_args()
    counts = year.generated() if args.generated else year.real_or_generated()
    habits = PROMPT if args.prompt else Habits()
    state = ParisState(counts, args.now or counts.hours[-1], habits)
    uvicorn.Server(
        server.config(create_app(state), host=args.host, port=args.port, log_level="warning")
    ).run()


if __name__ == "__main__":
    main()
