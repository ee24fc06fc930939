"""What people did about incidents: acknowledged them, took that back, silenced them."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from alert_router.domain.model import Alert, Status
from alert_router.store import rows
from alert_router.store.alerts import COLUMNS, alert_of
from alert_router.store.tables import acts, alerts

MAX_FIRING = 2_000
"""More alerts of an incident are not asked which labels they share."""


class Kind(StrEnum):
    ACKNOWLEDGED = "acknowledged"
    UNACKNOWLEDGED = "unacknowledged"
    SILENCED = "silenced"


@dataclass(frozen=True, slots=True)
class Act:
    incident_id: int
    kind: Kind
    at: datetime
    by: str
    note: str = ""
    via: str = "api"
    """card | page | api | time."""
    until: datetime | None = None
    silence_id: str | None = None


@dataclass(frozen=True, slots=True)
class Turns:
    """How many acts there were: a link is signed for the next one."""

    acknowledge: int = 0
    """Acknowledged, or taken back."""
    silence: int = 0

    def of(self, kind: Kind) -> int:
        return self.silence if kind is Kind.SILENCED else self.acknowledge


def turns(conn: sa.Connection, incident_id: int) -> Turns:
    kinds = Counter(conn.scalars(sa.select(acts.c.kind).where(acts.c.incident_id == incident_id)))
    return Turns(kinds.total() - kinds[Kind.SILENCED], kinds[Kind.SILENCED])


def add(conn: sa.Connection, act: Act, turn: int) -> bool:
    """False when another act has taken the turn."""
    insert = rows.upsert(conn.dialect.name, acts).values(turn=_turn(act.kind, turn), **rows.to_row(act))
    query = insert.on_conflict_do_nothing(index_elements=["incident_id", "turn"]).returning(acts.c.id)
    return conn.scalar(query) is not None


def complete(conn: sa.Connection, act: Act, turn: int, silence_id: str | None) -> None:
    """Of a silence that was asked for: its id, or that Alertmanager did not take it, so the turn is free."""
    mine = sa.and_(acts.c.incident_id == act.incident_id, acts.c.turn == _turn(act.kind, turn))
    if silence_id is None:
        conn.execute(sa.delete(acts).where(mine))
    else:
        conn.execute(sa.update(acts).where(mine).values(silence_id=silence_id))


def _turn(kind: Kind, number: int) -> str:
    return f"{'s' if kind is Kind.SILENCED else 'a'}{number}"


def last(conn: sa.Connection, incident_id: int, kinds: tuple[Kind, ...]) -> Act | None:
    query = sa.select(*rows.columns(Act, acts)).where(
        acts.c.incident_id == incident_id, acts.c.kind.in_(kinds)
    )
    row = conn.execute(query.order_by(acts.c.id.desc()).limit(1)).one_or_none()
    return Act(*row) if row else None


def of_incident(conn: sa.Connection, incident_id: int) -> list[Act]:
    """Oldest first."""
    query = sa.select(*rows.columns(Act, acts)).where(acts.c.incident_id == incident_id)
    return [Act(*row) for row in conn.execute(query.order_by(acts.c.id))]


def firing(conn: sa.Connection, incident_id: int) -> list[Alert]:
    """The alerts that an act is about, worst first."""
    query = sa.select(*COLUMNS).where(alerts.c.incident_id == incident_id, alerts.c.status == Status.FIRING)
    worst = query.order_by(alerts.c.severity_rank.desc(), alerts.c.id.desc()).limit(MAX_FIRING)
    return list(map(alert_of, conn.execute(worst)))


@dataclass(frozen=True, slots=True)
class Recorded:
    act: Act
    alertname: str
    """Of the incident's first alert."""


def latest(conn: sa.Connection, limit: int) -> list[Recorded]:
    """Of all incidents, newest first."""
    first = (
        sa.select(alerts.c.alertname)
        .where(alerts.c.incident_id == acts.c.incident_id)
        .order_by(alerts.c.id)
        .limit(1)
        .scalar_subquery()
    )
    query = sa.select(*rows.columns(Act, acts), sa.func.coalesce(first, "")).order_by(acts.c.id.desc())
    return [Recorded(Act(*row[:-1]), row[-1]) for row in conn.execute(query.limit(limit))]
