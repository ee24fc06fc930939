"""Finds what lasts longer than nine of ten of its kind: its card says so, once, by an edit."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

import sqlalchemy as sa

from alert_router.domain import memory
from alert_router.domain.model import Incident
from alert_router.services.intake import Intake
from alert_router.services.unit_of_work import UnitOfWork
from alert_router.store import acts, incidents
from alert_router.store import memory as memory_rows
from alert_router.store.engine import Store

EVERY_S = 60.0
MAX_NEW = 200
"""Of how many incidents the past is looked up at a time."""


@dataclass(frozen=True, slots=True)
class Limit:
    at: datetime | None
    """None: too few of its kind have ended to say."""
    lasts: str = ""


@dataclass(frozen=True, slots=True)
class LongIncidents:
    intake: Intake
    store: Store
    clock: Callable[[], datetime]
    _limits: dict[tuple[int, datetime], Limit] = field(default_factory=dict)
    """By incident and when it began to fire: the past does not change while it fires."""

    async def run_once(self) -> int:
        """How many cards say so now."""
        now = self.clock()
        long = await asyncio.to_thread(self._find, now)
        return await self.intake.change(lambda work: _mark(work, long), now) if long else 0

    def _find(self, now: datetime) -> dict[int, str]:
        """By incident, how long it lasts."""
        with self.store.read() as conn:
            unmarked = {(one.id, _since(one)): one for one in incidents.unmarked(conn)}
            for gone in self._limits.keys() - unmarked.keys():
                del self._limits[gone]
            for key in list(unmarked.keys() - self._limits.keys())[:MAX_NEW]:
                self._limits[key] = _limit(conn, unmarked[key])
        return {
            incident_id: limit.lasts
            for (incident_id, _), limit in self._limits.items()
            if limit.at is not None and limit.at <= now
        }


def _since(incident: Incident) -> datetime:
    return incident.firing_since or incident.opened_at


def _limit(conn: sa.Connection, incident: Incident) -> Limit:
    firing = acts.firing(conn, incident.id)
    found = memory.long_after(memory_rows.past(conn, incident, firing[0] if firing else None))
    if found is None:
        return Limit(None)
    span, lasts = found
    return Limit(_since(incident) + span, lasts)


def _mark(work: UnitOfWork, long: dict[int, str]) -> int:
    marked = 0
    for incident_id, lasts in long.items():
        incident = work.open_incident(incident_id)
        if incident is not None and incident.is_firing and not incident.lasts:
            work.change_incident(replace(incident, lasts=lasts))
            marked += 1
    return marked
