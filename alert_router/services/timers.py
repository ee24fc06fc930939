"""What time alone changes: holds, reports and acknowledgements that run out, messages that are due."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from alert_router.domain import lifecycle
from alert_router.domain.model import Rules
from alert_router.services import acknowledge
from alert_router.services.intake import Intake
from alert_router.services.unit_of_work import UnitOfWork
from alert_router.store import alerts, incidents, notify_state
from alert_router.store.engine import Store


@dataclass(frozen=True, slots=True)
class Timers:
    intake: Intake
    store: Store
    clock: Callable[[], datetime]
    rules: Rules

    async def run_once(self) -> int:
        """Apply what is due; how many alerts changed, and how many new messages are made."""
        if not await asyncio.to_thread(self._is_due):
            return 0
        # The clock is read in the transaction: by an earlier time, a hold that was set while this waited for
        # the writer would look as if set before the clock was set back, and reopen at once.
        return await self.intake.change(lambda work: self._apply(work, self.clock()), self.clock())

    def _is_due(self) -> bool:
        """A read, because it is asked often and a write costs more."""
        now = self.clock()
        with self.store.read() as conn:
            return bool(
                notify_state.due(conn, now)
                or alerts.due(conn, now, hold_s=self.rules.hold_s)
                or incidents.lapsed(conn, now)
            )

    def _apply(self, work: UnitOfWork, now: datetime) -> int:
        due = alerts.due(work.conn, now, hold_s=self.rules.hold_s)
        work.add_alerts(due)
        for alert in due:
            change = lifecycle.apply_time(alert, now, rules=self.rules)
            if change is not None:
                work.apply(change, work.group_labels_of(alert), now)
        for incident in incidents.lapsed(work.conn, now):
            acknowledge.lapse(work, incident, now)
        work.decide_again(notify_state.due(work.conn, now))
        return len(due)
