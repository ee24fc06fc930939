"""Proves that the database takes writes while nobody else writes, so that health never rests on old news."""

import contextlib
from dataclasses import dataclass

import sqlalchemy as sa

from alert_router.store.engine import Unavailable
from alert_router.store.writer import Writer

IDLE_S = 5.0
"""After so long without a write, a tiny one is made."""
EVERY_S = 2.0
TOUCH = sa.text("UPDATE alembic_version SET version_num = version_num")
"""Changes nothing and is committed all the same, with a sync of the disk; the table always has one row."""


@dataclass(frozen=True, slots=True)
class WriteProbe:
    writer: Writer

    async def run_once(self) -> None:
        """The outcome is in `writer.outcomes`, which logs it too."""
        if self.writer.outcomes.failure is None and self.writer.outcomes.idle_s < IDLE_S:
            return
        with contextlib.suppress(Unavailable):
            await self.writer.run(lambda conn: conn.execute(TOUCH).rowcount)
