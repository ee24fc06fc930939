"""Brings the tables to the newest version, in one transaction and alone among routers."""

from pathlib import Path

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
    made = Config()
    made.set_main_option("script_location", str(script_folder()))
    return made


def upgrade(store: Store, revision: str = "head") -> None:
    with store.write() as conn:
        made = config()
        made.attributes["connection"] = conn
        command.upgrade(made, revision)


def is_newest(store: Store) -> bool:
    """Whether the tables are those that this version works with."""
    with store.read() as conn:
        heads = MigrationContext.configure(conn).get_current_heads()
    return set(heads) == set(ScriptDirectory.from_config(config()).get_heads())


def downgrade(store: Store, revision: str) -> None:
    with store.write() as conn:
        made = config()
        made.attributes["connection"] = conn
        command.downgrade(made, revision)
