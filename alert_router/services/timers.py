"""What time alone changes: holds and reports that run out, incidents that people must be reminded of."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from alert_router.domain import incidents, lifecycle
from alert_router.domain.model import Rules
from alert_router.services.intake import Change, Intake
from alert_router.services.unit_of_work import UnitOfWork
from alert_router.store import alerts
from alert_router.store import incidents as incident_rows
from alert_router.store.engine import Store


@dataclass(frozen=True, slots=True)
class Timers:
    intake: Intake
    remind_every_s: Mapping[str, float]
    """By severity, in lower case; a severity that is not named is never reminded of."""
    rules: Rules

    def is_due(self, conn: sa.Connection, now: datetime) -> bool:
        """Whether a turn would change anything: asked often, and cheaper than a write."""
        return bool(alerts.due(conn, now, hold_s=self.rules.hold_s) or self._forgotten(conn, now))

    async def turn_if_due(self, store: Store, now: Callable[[], datetime]) -> int:
        return await self.turn(now) if await asyncio.to_thread(self._asks, store, now()) else 0

    def _asks(self, store: Store, now: datetime) -> bool:
        with store.read() as conn:
            return self.is_due(conn, now)

    async def turn(self, now: Callable[[], datetime]) -> int:
        """Let run out what has run out; how many alerts and incidents that changed."""

        def decide(conn: sa.Connection, books: UnitOfWork) -> int:
            # Read when it is our turn to write: by an earlier hour, what was held while we waited would look
            # like held before a clock's step, and reopen at once.
            return self._turn(conn, books, now())

        return await self.intake.change(Change(decide, now()))

    def _turn(self, conn: sa.Connection, books: UnitOfWork, now: datetime) -> int:
        due = alerts.due(conn, now, hold_s=self.rules.hold_s)
        books.open_alerts(due)
        for alert in due:
            step = lifecycle.expire(alert, now, rules=self.rules)
            if step is not None:
                books.apply(step, books.group_labels_of(alert), now)
        return len(due) + self._remind(conn, books, now)

    def _remind(self, conn: sa.Connection, books: UnitOfWork, now: datetime) -> int:
        reminded = 0
        for incident_id in self._forgotten(conn, now):
            incident = books.open_incident(incident_id)
            if incident and incidents.needs_reminder(incident, now, every_s=self.remind_every_s):
                books.change_incident(incidents.pinged(incident, now))
                reminded += 1
        return reminded

    def _forgotten(self, conn: sa.Connection, now: datetime) -> list[int]:
        before = {
            severity: now - timedelta(seconds=every_s) for severity, every_s in self.remind_every_s.items()
        }
        return incident_rows.not_pinged_since(conn, before)
