"""Migrates the tables to the newest version, in one transaction that no other router shares."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import alert_router
from alert_router.store.engine import Store

PACKAGE = Path(alert_router.__file__).parent


def config(conn: sa.Connection | None = None) -> Config:
    alembic = Config(attributes={"connection": conn})
    # In the package when installed from a wheel, beside it in a checkout.
    packed = PACKAGE / "migrations"
    folder = packed if packed.is_dir() else PACKAGE.parent / "migrations"
    alembic.set_main_option("script_location", str(folder))
    return alembic


def upgrade(store: Store, revision: str = "head") -> None:
    with store.write() as conn:
        command.upgrade(config(conn), revision)


def is_newest(store: Store) -> bool:
    """Whether the tables have the version that this code needs."""
    with store.read() as conn:
        heads = MigrationContext.configure(conn).get_current_heads()
    return set(heads) == set(ScriptDirectory.from_config(config()).get_heads())


def downgrade(store: Store, revision: str) -> None:
    with store.write() as conn:
        command.downgrade(config(conn), revision)
