"""alert-router db upgrade, and the database of the other commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
import typer

from alert_router.cli.config import fail, load_settings
from alert_router.settings import Settings
from alert_router.store import migrate
from alert_router.store.engine import Store, Unavailable, open_store

app = typer.Typer(no_args_is_help=True, help="The database.")


@app.command()
def upgrade() -> None:
    """Upgrade the tables to the newest version; `serve` does this too."""
    with _open(load_settings()) as store:
        migrate.upgrade(store)


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
