"""The commands: alert-router serve, check-config, db upgrade, ledger, dead-letters, quarantine."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import sqlalchemy as sa
import typer
import uvicorn

from alert_router import settings as settings_
from alert_router.app import create_app
from alert_router.discord import templates
from alert_router.domain.model import DISCORD, PREVIEW
from alert_router.settings import Settings, SettingsError
from alert_router.store import dead_letters, ledger, migrate, quarantine
from alert_router.store.engine import Store, Unavailable, open_store

KEEP_ALIVE_S = 120
"""uvicorn's 5 s closes the connections that Alertmanager keeps idle, and loses what is sent just then."""
GRACE_S = 25
SHOWN_OF_BODY = 200

main = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
db = typer.Typer(no_args_is_help=True, help="The database.")
letters = typer.Typer(no_args_is_help=True, help="Cards that Discord refused for good.")
main.add_typer(db, name="db")
main.add_typer(letters, name="dead-letters")
kept = typer.Typer(no_args_is_help=True, help="What senders sent and nobody could read.")
main.add_typer(kept, name="quarantine")


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
    """Say what is wrong with the settings and templates; exit 1 if anything is."""
    settings = _settings()
    wrong = [f"{name}: no setting of ours" for name in settings_.unknown_names(os.environ)]
    if settings.templates:
        wrong += [f"ALERT_ROUTER_TEMPLATES: {fault}" for fault in templates.lint(settings.templates)]
    for line in wrong:
        typer.echo(line, err=True)
    if wrong:
        raise typer.Exit(1)
    typer.echo("ok")


@db.command()
def upgrade() -> None:
    """Bring the tables to the newest version (serve does it too)."""
    with _opened(_settings()) as store:
        migrate.upgrade(store)


@main.command("ledger")
def show_ledger() -> None:
    """What people were to be told, and what became of it; exit 1 when it does not balance."""
    settings = _settings()
    with _store(settings) as store, store.read() as conn:
        # The router's channel and not this shell's: who looks need not have the webhook's secret.
        channel = ledger.main_channel(conn) or (DISCORD if settings.discord_webhook_url else PREVIEW)
        found = ledger.of(conn, channel)
    typer.echo(
        f"wanted {found.wanted} = delivered {found.delivered} + pending {found.pending} + dead {found.dead}"
        f" (channel {channel})"
    )
    if not found.balanced:
        typer.echo("the ledger does not balance", err=True)
        raise typer.Exit(1)


@letters.command("list")
def list_letters() -> None:
    """Cards that Discord refused for good, oldest first."""
    with _store(_settings()) as store, store.read() as conn:
        for letter in dead_letters.waiting(conn):
            typer.echo(
                f"card {letter.card_id}  channel {letter.channel}  alert {letter.alert_id}  {letter.reason}"
            )


@letters.command("replay")
def replay_letters(
    card_ids: Annotated[list[int] | None, typer.Argument(help="none: all of them")] = None,
) -> None:
    """Have the running router tell them again."""
    with _store(_settings()) as store, store.write() as conn:
        count = dead_letters.replay(conn, datetime.now(UTC), card_ids or None)
    typer.echo(f"{count} to be told again")
    if card_ids and count < len(set(card_ids)):
        typer.echo("the others are no dead letters", err=True)
        raise typer.Exit(1)


@kept.command("list")
def list_kept() -> None:
    """What waits for a person, oldest first: why it could not be read, and how its body begins."""
    with _store(_settings()) as store, store.read() as conn:
        for one in quarantine.waiting(conn, most_bytes=SHOWN_OF_BODY):
            refused = one.refused
            typer.echo(
                f"{one.id}  {refused.at:%Y-%m-%d %H:%M:%S}Z  {refused.source}  {_line(refused.reason)}"
            )
            typer.echo(f"    {_line(refused.body.decode(errors='replace'))}")


@kept.command("done")
def resolve_kept(
    ids: Annotated[list[int] | None, typer.Argument(help="as `list` names them")] = None,
    every: Annotated[bool, typer.Option("--all", help="all that wait")] = False,
) -> None:
    """Say that somebody has dealt with them: they are no longer counted, and stay in the database."""
    if bool(ids) == every:
        _refuse("name what is done, or say --all")
    with _store(_settings()) as store, store.write() as conn:
        count = quarantine.resolve(conn, datetime.now(UTC), ids or None)
    typer.echo(f"{count} done")
    if ids and count < len(set(ids)):
        _refuse("the others do not wait in the quarantine")


def _line(text: str) -> str:
    """A sender's words on one line, and nothing in them that a terminal obeys."""
    return "".join(char if char.isprintable() else " " for char in text)


@contextmanager
def _store(settings: Settings) -> Iterator[Store]:
    """The database of a router: made by `serve` or `db upgrade`, never by who looks at it."""
    missing = _missing_file(settings)
    if missing:
        _refuse(
            f"there is no database {missing}: ALERT_ROUTER_DATABASE_URL must be that of the router "
            "(docker compose exec alert-router alert-router ...)"
        )
    with _opened(settings) as store:
        if not migrate.is_newest(store):
            _refuse("the database has not the tables of this version: alert-router db upgrade")
        yield store


def _missing_file(settings: Settings) -> Path | None:
    """Opening it would make it."""
    url = sa.make_url(settings.database_url.get_secret_value())
    if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith((":", "file:")):
        return None
    path = Path(url.database).absolute()
    return None if path.exists() else path


def _refuse(reason: str) -> NoReturn:
    typer.echo(f"alert-router: {reason}", err=True)
    raise typer.Exit(1)


@contextmanager
def _opened(settings: Settings) -> Iterator[Store]:
    store = open_store(settings.database_url.get_secret_value())
    try:
        yield store
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
