"""alert-router serve."""

import logging
import os
import signal
import sys
from contextlib import suppress
from socket import socket

import uvicorn

from alert_router import app
from alert_router.cli import config, startup
from alert_router.settings import unknown_names
from alert_router.web.live_updates import LiveUpdates

KEEP_ALIVE_S = 120
"""uvicorn's 5 s closes connections that Alertmanager keeps idle, and loses an alert sent just then."""
GRACE_S = 25
STARTUP_FAILURE = 3
"""uvicorn's own exit code."""
log = logging.getLogger(__name__)


def serve(config_file: config.ConfigOption = None) -> None:
    """Run the router. Settings come from environment variables; SIGHUP loads the configuration anew."""
    # Its default is to kill: not even one that comes too early may do that.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = config.load_settings(config_file)
    for name in unknown_names(os.environ):
        log.warning("unknown setting %s", name)
    configuration = config.load_configuration(settings)
    log.info("%s", startup.summary(settings, configuration))
    for warning in startup.warnings(settings, os.environ, configuration):
        log.warning("%s", warning)
    service = app.build(settings, clocks=app.SYSTEM_CLOCKS, transport=None)
    signal.signal(signal.SIGHUP, lambda _signal, _frame: service.state["reload"].request())
    server = Server(
        uvicorn.Config(
            app.serve(service),
            host=settings.host,
            port=settings.port,
            access_log=False,
            log_config=None,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
        ),
        service.state["live"],
    )
    with suppress(KeyboardInterrupt):  # uvicorn raises the signal again once it has stopped
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


class Server(uvicorn.Server):
    """Ends the streams of open pages first: uvicorn waits GRACE_S for a response that never ends."""

    def __init__(self, config: uvicorn.Config, live: LiveUpdates) -> None:
        super().__init__(config)
        self._live = live

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        self._live.close()
        await super().shutdown(sockets)
