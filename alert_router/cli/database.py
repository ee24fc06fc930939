"""alert-router db: looking after the database, and the database of the other commands."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
import typer

from alert_router.cli.config import fail, load_settings
from alert_router.services.retention import Pruning
from alert_router.settings import Settings
from alert_router.store import migrate, space, upkeep
from alert_router.store.engine import Store, Unavailable, open_store
from alert_router.store.writer import Writer

SHOWN_EVERY = 10_000
app = typer.Typer(no_args_is_help=True, help="The database.")


@app.command()
def upgrade() -> None:
    """Upgrade the tables to the newest version; `serve` does this too."""
    with _open(load_settings()) as store:
        migrate.upgrade(store)


@app.command()
def stats() -> None:
    """Show what the database holds, and how much room it takes."""
    settings = load_settings()
    with open_existing(settings) as store, store.read() as conn:
        sizes, contents = space.of(conn), upkeep.contents(conn)
    typer.echo(f"database   {_megabytes(sizes.database_bytes)}, free in it {_megabytes(sizes.free_bytes)}")
    typer.echo(f"search     {_megabytes(sizes.search_bytes)}")
    typer.echo(f"retention  {settings.retention_text}")
    for table, number in contents.rows.items():
        oldest = contents.oldest.get(table)
        since = f"  since {oldest:%Y-%m-%d %H:%M} UTC" if oldest else ""
        typer.echo(f"{table:20}{number:>14,}{since}")


@app.command()
def prune() -> None:
    """Remove what is past ALERT_ROUTER_RETENTION now; `serve` does this too."""
    settings = load_settings()
    with open_existing(settings) as store:
        removed = asyncio.run(_prune(store, settings))
    for kind, number in removed.items():
        typer.echo(f"{kind}: {number:,} rows removed")
    if not removed:
        typer.echo("nothing is past its retention")


async def _prune(store: Store, settings: Settings) -> Mapping[str, int]:
    writer = Writer(store)
    writer.start()
    pruning = Pruning(store, writer, settings.retention, lambda: datetime.now(UTC))
    try:
        return await pruning.run(until=float("inf"), report=_progress())
    finally:
        await asyncio.to_thread(writer.close)


def _progress() -> Callable[[str, int], None]:
    """Shows how far it is, now and then."""
    shown: dict[str, int] = {}

    def report(kind: str, number: int) -> None:
        if number - shown.get(kind, 0) >= SHOWN_EVERY:
            shown[kind] = number
            typer.echo(f"{kind}: {number:,} rows so far", err=True)

    return report


@app.command()
def backup(target: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes.")]) -> None:
    """Copy the database to a file while the router runs."""
    if target.exists():
        fail(f"{target} exists already")
    with open_existing(load_settings()) as store:
        try:
            upkeep.backup(store, target, _percent())
        except upkeep.NotSupported as error:
            fail(str(error))
    typer.echo(f"{target}: {_megabytes(target.stat().st_size)}")


def _percent() -> upkeep.Progress:
    shown = 0

    def report(done: int, total: int) -> None:
        nonlocal shown
        percent = 100 * done // max(total, 1)
        if percent >= shown + 10:
            shown = percent
            typer.echo(f"{percent} %", err=True)

    return report


@app.command()
def vacuum() -> None:
    """Compact the database. On SQLite webhooks are answered 503 meanwhile, and come again."""
    with open_existing(load_settings()) as store:
        with store.read() as conn:
            before = space.of(conn).database_bytes
        upkeep.vacuum(store)
        with store.read() as conn:
            after = space.of(conn).database_bytes
    typer.echo(f"{_megabytes(before)} before, {_megabytes(after)} now")


@app.command()
def check() -> None:
    """Check the pages, the indexes and the references of the database."""
    with open_existing(load_settings()) as store:
        faults = upkeep.faults(store)
    for fault in faults:
        typer.echo(fault, err=True)
    if faults:
        fail(f"{len(faults)} faults: restore a backup")
    typer.echo("sound")


def _megabytes(number: int) -> str:
    return f"{number / 1e6:,.1f} MB"


@contextmanager
def open_existing(settings: Settings) -> Iterator[Store]:
    """A database that `serve` or `db upgrade` created; a command that only looks never creates one."""
    missing = _missing_file(settings)
    if missing:
        fail(
            f"there is no database {missing}: set ALERT_ROUTER_DATABASE_URL to the router's "
            "(docker compose exec alert-router alert-router ...)"
        )
    with _open(settings) as store:
        if not migrate.is_newest(store):
            fail("the tables of the database are of another version: run alert-router db upgrade")
        yield store


def _missing_file(settings: Settings) -> Path | None:
    """The SQLite file if it does not exist: opening it would create it."""
    url = sa.make_url(settings.database_url.get_secret_value())
    if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith((":", "file:")):
        return None
    path = Path(url.database).absolute()
    return None if path.exists() else path


@contextmanager
def _open(settings: Settings) -> Iterator[Store]:
    store = open_store(settings.database_url.get_secret_value())
    try:
        yield store
    except Unavailable as error:
        fail(f"the database does not answer: {error}")
    finally:
        store.close()
