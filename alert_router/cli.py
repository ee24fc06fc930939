"""The commands: alert-router serve, check-config, db upgrade."""

import logging
import os
import sys

import typer
import uvicorn

from alert_router import settings as settings_
from alert_router.app import create_app
from alert_router.settings import Settings, SettingsError
from alert_router.store import migrate
from alert_router.store.engine import Unavailable, open_store

KEEP_ALIVE_S = 120
"""uvicorn's 5 s closes the connections that Alertmanager keeps idle, and loses what is sent just then."""
GRACE_S = 25

main = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
db = typer.Typer(no_args_is_help=True, help="The database.")
main.add_typer(db, name="db")


@main.command()
def serve() -> None:
    """Run the router with the settings of the environment."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = _settings()
    for name in settings_.unknown_names(os.environ):
        logging.getLogger(__name__).warning("%s is no setting of ours", name)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )


@main.command("check-config")
def check_config() -> None:
    """Say what is wrong with the settings; exit 1 if anything is."""
    _settings()
    unknown = settings_.unknown_names(os.environ)
    for name in unknown:
        typer.echo(f"{name}: no setting of ours", err=True)
    if unknown:
        raise typer.Exit(1)
    typer.echo("ok")


@db.command()
def upgrade() -> None:
    """Bring the tables to the newest version (serve does it too)."""
    store = open_store(_settings().database_url.get_secret_value())
    try:
        migrate.upgrade(store)
    except Unavailable as error:
        typer.echo(f"the database does not answer: {error}", err=True)
        raise typer.Exit(1) from None
    finally:
        store.close()


def _settings() -> Settings:
    try:
        return settings_.from_environment(os.environ)
    except SettingsError as error:
        typer.echo(f"alert-router: {error}", err=True)
        sys.exit(1)
