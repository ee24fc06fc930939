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


def script_folder() -> Path:
    """migrations/ lies in the package when installed from a wheel, beside it in a checkout."""
    packed = PACKAGE / "migrations"
    return packed if packed.is_dir() else PACKAGE.parent / "migrations"


def config() -> Config:
    alembic = Config()
    alembic.set_main_option("script_location", str(script_folder()))
    return alembic


def _config_for(conn: sa.Connection) -> Config:
    alembic = config()
    alembic.attributes["connection"] = conn
    return alembic


def upgrade(store: Store, revision: str = "head") -> None:
    with store.write() as conn:
        command.upgrade(_config_for(conn), revision)


def is_newest(store: Store) -> bool:
    """Whether the tables have the version that this code needs."""
    with store.read() as conn:
        heads = MigrationContext.configure(conn).get_current_heads()
    return set(heads) == set(ScriptDirectory.from_config(config()).get_heads())


def downgrade(store: Store, revision: str) -> None:
    with store.write() as conn:
        command.downgrade(_config_for(conn), revision)
