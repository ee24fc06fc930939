"""What time alone changes: holds and reports that run out, incidents that people must be reminded of."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from alert_router.domain import incidents, lifecycle
from alert_router.domain.model import Rules
from alert_router.services.intake import Intake
from alert_router.services.unit_of_work import UnitOfWork
from alert_router.store import alerts
from alert_router.store import incidents as incident_rows
from alert_router.store.engine import Store


@dataclass(frozen=True, slots=True)
class Timers:
    intake: Intake
    store: Store
    clock: Callable[[], datetime]
    remind_every_s: Mapping[str, float]
    """By severity, in lower case; a severity that is not named has no reminders."""
    rules: Rules

    async def run_once(self) -> int:
        """Apply what is due; how many alerts and incidents that changed."""
        if not await asyncio.to_thread(self._is_due):
            return 0
        # The clock is read in the transaction: by an earlier time, a hold that was set while this waited for
        # the writer would look as if set before the clock was set back, and reopen at once.
        return await self.intake.change(lambda work: self._apply(work, self.clock()), self.clock())

    def _is_due(self) -> bool:
        """A read, because it is asked often and a write costs more."""
        now = self.clock()
        with self.store.read() as conn:
            return bool(alerts.due(conn, now, hold_s=self.rules.hold_s) or self._overdue(conn, now))

    def _apply(self, work: UnitOfWork, now: datetime) -> int:
        due = alerts.due(work.conn, now, hold_s=self.rules.hold_s)
        work.add_alerts(due)
        for alert in due:
            change = lifecycle.apply_time(alert, now, rules=self.rules)
            if change is not None:
                work.apply(change, work.group_labels_of(alert), now)
        return len(due) + self._remind(work, now)

    def _remind(self, work: UnitOfWork, now: datetime) -> int:
        reminded = 0
        for incident_id in self._overdue(work.conn, now):
            incident = work.open_incident(incident_id)
            if incident and incidents.needs_reminder(incident, now, every_s=self.remind_every_s):
                work.change_incident(incidents.next_generation(incident, now))
                reminded += 1
        return reminded

    def _overdue(self, conn: sa.Connection, now: datetime) -> list[int]:
        before = {
            severity: now - timedelta(seconds=every_s) for severity, every_s in self.remind_every_s.items()
        }
        return incident_rows.not_pinged_since(conn, before)
