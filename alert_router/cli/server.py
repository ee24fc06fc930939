"""alert-router serve."""

import logging
import os

import uvicorn

from alert_router.app import create_app
from alert_router.cli import config
from alert_router.settings import unknown_names

KEEP_ALIVE_S = 120
"""uvicorn's 5 s closes connections that Alertmanager keeps idle, and loses an alert sent just then."""
GRACE_S = 25
log = logging.getLogger(__name__)


def serve() -> None:
    """Run the router. Settings come from environment variables."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = config.load_settings()
    for name in unknown_names(os.environ):
        log.warning("unknown setting %s", name)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
