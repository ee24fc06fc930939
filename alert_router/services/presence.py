"""Notes that a router runs, so that the next one knows when none did: the timelines say so."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from alert_router.domain.backfill import ABSENT
from alert_router.store import senders
from alert_router.store.tables import absences
from alert_router.store.writer import Writer

EVERY_S = 30.0


@dataclass(frozen=True, slots=True)
class Presence:
    writer: Writer
    clock: Callable[[], datetime]

    async def run_once(self) -> bool:
        """Whether there was an absence."""
        now = self.clock()
        return await self.writer.run(lambda conn: _note(conn, now))


def _note(conn: sa.Connection, now: datetime) -> bool:
    last = senders.last_heartbeat(conn, senders.PRESENCE)
    was_away = last is not None and now - last > ABSENT
    if was_away:
        conn.execute(sa.insert(absences).values(since=last, until=now))
    senders.record_heartbeat(conn, senders.PRESENCE, now)
    return was_away
