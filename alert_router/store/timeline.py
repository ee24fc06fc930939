"""All that happened to one alert, in one order of time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter

import sqlalchemy as sa

from alert_router.domain.model import Alert, split_channels
from alert_router.domain.notify_values import Action, Reason
from alert_router.store import decisions, deliveries, silences
from alert_router.store.silences import Silence
from alert_router.store.tables import absences, transitions

MAX_ENTRIES = 500
"""Of each kind, the newest: what flaps for a year has thousands."""

SETTLES = timedelta(minutes=5)
"""How long after an alert's end a message about it is still about it."""


@dataclass(frozen=True, slots=True)
class Moment:
    at: datetime
    kind: str
    """A transition's (opened, resolved, ...); began, notified, not_notified, delivery, silence, away."""
    by: str
    """Who says so: a source, a person, a channel."""
    text: str
    """Details; may be empty."""
    until: datetime | None = None
    """Of a silence, a wait, an absence."""
    outcome: str = ""
    """Of a delivery: sent, retry, ..."""


def of_alert(conn: sa.Connection, alert: Alert, now: datetime) -> tuple[Moment, ...]:
    """Oldest first."""
    end = alert.ends_at or now
    moments = [
        Moment(alert.starts_at, "began", alert.reporter or alert.source, ""),
        *_transitions(conn, alert.id),
        *_deliveries(conn, alert),
        *_decisions(conn, alert),
        *_silences(conn, alert, end),
        *_absences(conn, alert.starts_at, end),
    ]
    return tuple(sorted(moments, key=attrgetter("at")))


def _transitions(conn: sa.Connection, alert_id: int) -> Iterator[Moment]:
    fact = transitions.c
    query = sa.select(fact.at, fact.kind, fact.source, fact.detail).where(fact.alert_id == alert_id)
    for at, kind, source, detail in conn.execute(query.order_by(fact.id.desc()).limit(MAX_ENTRIES)):
        yield Moment(at, kind, source, detail)


def _deliveries(conn: sa.Connection, alert: Alert) -> Iterator[Moment]:
    for one in deliveries.of_incident(conn, alert.incident_id)[-MAX_ENTRIES:]:
        if _concerns(alert, one.at):
            yield Moment(one.at, "delivery", one.channel, one.detail, outcome=f"{one.action} {one.outcome}")


def _decisions(conn: sa.Connection, alert: Alert) -> Iterator[Moment]:
    channels = split_channels(alert.channels)
    for one in decisions.of_incident(conn, alert.incident_id)[-MAX_ENTRIES:]:
        if _concerns(alert, one.at) and (not channels or one.channel in channels):
            kind = "notified" if one.action == Action.CREATE else "not_notified"
            yield Moment(one.at, kind, one.channel, Reason(one.reason).words, until=one.due_at)


def _concerns(alert: Alert, at: datetime) -> bool:
    """An incident goes on before and after one of its alerts."""
    over_at = max(alert.ends_at or at, alert.last_seen_at)
    return alert.received_at <= at and (alert.firing or at <= over_at + SETTLES)


def _silences(conn: sa.Connection, alert: Alert, end: datetime) -> Iterator[Moment]:
    for silence in silences.all_since(conn, alert.starts_at):
        if silence.starts_at < end and silence.matches(alert):
            yield _moment(silence, alert.starts_at)


def _moment(silence: Silence, since: datetime) -> Moment:
    return Moment(
        max(silence.starts_at, since), "silence", silence.created_by, silence.comment, silence.ends_at
    )


def _absences(conn: sa.Connection, since: datetime, until: datetime) -> Iterator[Moment]:
    query = sa.select(absences.c.since, absences.c.until).where(
        absences.c.until > since, absences.c.since < until
    )
    for away_at, back_at in conn.execute(query.order_by(absences.c.since)):
        yield Moment(away_at, "away", "alert_router", "", until=back_at)
