"""The router as `alert-router serve` starts it, but on the simulated clock in the file YEAR_CLOCK.

Its expiries (eight days without a report) then run out in simulated days.
"""

import logging
import os
from dataclasses import replace
from pathlib import Path

import uvicorn

from alert_router import settings
from alert_router.app import SYSTEM_CLOCKS, create_app
from testbed.year.clock import Clock


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    configured = settings.from_environment(os.environ)
    clocks = replace(SYSTEM_CLOCKS, now=Clock(Path(os.environ["YEAR_CLOCK"])))
    app = create_app(configured, clocks=clocks)
    uvicorn.run(app, host=configured.host, port=configured.port, access_log=False, log_config=None)


if __name__ == "__main__":
    main()
