"""A person silences an incident from its card, through Alertmanager's API."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import httpx

from alert_router.domain import silences
from alert_router.domain.model import Alert
from alert_router.services import acknowledge
from alert_router.services.acknowledge import Intent, Outcome
from alert_router.services.intake import Intake
from alert_router.services.unit_of_work import UnitOfWork
from alert_router.sources import alertmanager_silences
from alert_router.sources.alertmanager import SOURCE
from alert_router.sources.alertmanager_silences import NewSilence
from alert_router.store import acts
from alert_router.store.acts import Act, Kind


class NotSilenced(Exception):
    """No Alertmanager took the silence; the text says why."""


def silenceable(firing: Sequence[Alert]) -> list[Alert]:
    """Those that the Alertmanagers of ALERTMANAGER_URL know."""
    return [alert for alert in firing if alert.source == SOURCE]


@dataclass(frozen=True, slots=True)
class _Asked:
    outcome: Outcome
    act: Act | None = None
    turn: int = 0
    silence: NewSilence | None = None


@dataclass(frozen=True, slots=True)
class Silencer:
    intake: Intake
    http: httpx.AsyncClient
    urls: Sequence[str]
    """Of one Alertmanager's replicas: they share their silences."""

    async def silence(self, incident_id: int, intent: Intent, now: datetime) -> Outcome:
        """Raises NotSilenced. The turn is taken first, so that a button pressed twice is one silence."""
        asked = await self.intake.act(lambda work: _ask(work, incident_id, intent, now), now)
        if asked.act is None or asked.silence is None:
            return asked.outcome
        answer = await alertmanager_silences.create(self.http, self.urls, asked.silence)
        silence_id = answer if isinstance(answer, str) else None
        await self.intake.act(lambda work: _complete(work, asked, silence_id), now)
        if not isinstance(answer, str):
            raise NotSilenced(answer.reason)
        return Outcome.DONE


def _ask(work: UnitOfWork, incident_id: int, intent: Intent, now: datetime) -> _Asked:
    incident = work.open_incident(incident_id)
    firing = silenceable(acts.firing(work.conn, incident_id))
    if incident is None or not incident.is_firing or not firing or intent.until is None:
        return _Asked(Outcome.OVER)
    act = intent.act(incident_id, Kind.SILENCED, now)
    turn = acts.turns(work.conn, incident_id).silence
    if not acknowledge.take_turn(work, act, intent.turn):
        return _Asked(Outcome.USED)
    comment = act.note or f"silenced from the card of incident {incident_id}"
    silence = NewSilence(silences.matchers(firing), now, intent.until, act.by, comment)
    return _Asked(Outcome.DONE, act, turn, silence)


def _complete(work: UnitOfWork, asked: _Asked, silence_id: str | None) -> None:
    if asked.act is None:
        return
    acts.complete(work.conn, asked.act, asked.turn, silence_id)
    incident = work.open_incident(asked.act.incident_id)
    if silence_id is None or incident is None:
        return
    acknowledge.record(work, replace(asked.act, silence_id=silence_id))
    # Its card gets the link of the next turn.
    work.change_incident(incident)
