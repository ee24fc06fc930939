"""alert-router serve."""

import logging
import os
import resource
import signal
import ssl
import sys
import threading
from contextlib import suppress
from pathlib import Path
from socket import socket
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
import uvicorn

from alert_router import app
from alert_router.cli import config, startup
from alert_router.config import ConfigError
from alert_router.settings import Settings, from_environment, unknown_names
from alert_router.web import access, tls
from alert_router.web.connections import KEEP_ALIVE_S, BoundedProtocol
from alert_router.web.live_updates import LiveUpdates

GRACE_S = 2
"""For requests that run when the end is asked for; their senders try again elsewhere or later."""
END_S = 25.0
"""After so long the process ends, whatever Discord or the database does: an orchestrator kills at 30 s."""
MAX_FILES = 8192
STARTUP_FAILURE = 3
"""uvicorn's own exit code."""
WebConfigOption = Annotated[
    Path | None,
    typer.Option("--web.config.file", help="Instead of the file ALERT_ROUTER_WEB_CONFIG", show_default=False),
]
InsecureOption = Annotated[
    bool, typer.Option("--web.insecure", help="Listen beyond this machine without credentials")
]
log = logging.getLogger(__name__)


def serve(
    config_file: config.ConfigOption = None,
    web_config_file: WebConfigOption = None,
    insecure: InsecureOption = False,
) -> None:
    """Run the router. Settings come from environment variables; SIGHUP loads the configuration anew."""
    # Its default is to kill: not even one that comes too early may do that.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    options: dict[str, Any] = {"web_config": web_config_file} if web_config_file else {}
    options |= {"web_insecure": True} if insecure else {}
    settings = config.load_settings(config_file).model_copy(update=options)
    for name in unknown_names(os.environ):
        log.warning("unknown setting %s", name)
    configuration = config.load_configuration(settings)
    log.info("%s", startup.summary(settings, configuration))
    for warning in startup.warnings(settings, os.environ, configuration):
        log.warning("%s", warning)
    service, context = _build(settings, options)
    signal.signal(signal.SIGHUP, lambda _signal, _frame: service.state["reload"].request())
    _allow_files()
    server = Server(_uvicorn(service, settings, context), service.state["live"])
    with suppress(KeyboardInterrupt):  # uvicorn raises the signal again once it has stopped
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def _build(settings: Settings, options: dict[str, Any]) -> tuple[app.Service, ssl.SSLContext | None]:
    """The router and its TLS; ends the command when the files of credentials are invalid or too few."""

    def reread() -> Settings:
        return from_environment(os.environ).model_copy(update=options)

    try:
        section = access.web_config_of(settings).tls_server_config
        context = tls.context(section) if section else None
        service = app.build(settings, clocks=app.SYSTEM_CLOCKS, transport=None, reread=reread)
    except ConfigError as error:
        config.fail(str(error))
    if reason := startup.too_open(settings, service.state["access"].current.guarded):
        config.fail(reason)
    return service, context


def _uvicorn(service: app.Service, settings: Settings, context: ssl.SSLContext | None) -> uvicorn.Config:
    return uvicorn.Config(
        app.serve(service),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        http=BoundedProtocol,
        ws="none",
        # The application believes a proxy's headers itself, after it has noted who brings them.
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        ssl_context_factory=(lambda _config, _default: context) if context else None,
    )


class Server(uvicorn.Server):
    """Ends the streams of open pages first: uvicorn waits GRACE_S for a response that never ends."""

    def __init__(self, config: uvicorn.Config, live: LiveUpdates) -> None:
        super().__init__(config)
        self._live = live

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        self._live.close()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not self.should_exit:
            threading.Thread(target=_end_at_last, args=(sig,), daemon=True).start()
        super().handle_exit(sig, frame)


def _end_at_last(sig: int) -> NoReturn:
    threading.Event().wait(END_S)
    log.warning("ended after %s s, with something still running; what was answered 2xx is stored", END_S)
    logging.shutdown()
    os._exit(128 + sig)


def _allow_files() -> None:
    """The usual 1,024 are fewer than the connections that a stranger can open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(MAX_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
