"""Removes what is past its retention, a few rows at a time. What still fires is never removed.

Each function is one small step inside a write transaction, says how many rows it removed, and finds its rows
by an index or by the lowest ids: it costs the same however much is left.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alert_router.domain.model import Status
from alert_router.domain.runs import MAX_PAST
from alert_router.store import bookmarks, card_sums, ledger, rows
from alert_router.store.tables import (
    acknowledgements,
    acts,
    alerts,
    cards,
    decisions,
    deliveries,
    digests,
    incidents,
    marks,
    quarantine,
    receivers,
    runs,
    silences,
    transitions,
    unnotified,
)

MAX_JOBS = 1_000
MAX_RECEIVERS = 1_000
"""More are no Alertmanager's: some sender makes them up."""
PER_ALERT = 5
"""Rows of one alert that are removed in a step, on the average."""


def incidents_over(conn: sa.Connection, before: datetime, limit: int) -> int:
    """With all that belongs to them. One with many alerts goes in several steps, the incident itself last."""
    over = sa.select(incidents.c.id).where(
        incidents.c.opened_at < before,
        incidents.c.status == Status.RESOLVED,
        incidents.c.resolved_at < before,
        incidents.c.id.not_in(_newest_holders(conn)),
    )
    ids = conn.scalars(over.order_by(incidents.c.opened_at).limit(limit)).all()
    if not ids:
        return 0
    own_alerts = _ids(conn, alerts, alerts.c.incident_id, ids, limit)
    own_cards = _ids(conn, cards, cards.c.incident_id, ids, limit)
    removed = _remove_some(conn, transitions, transitions.c.alert_id, own_alerts, PER_ALERT * limit)
    removed += _remove_some(conn, deliveries, deliveries.c.card_id, own_cards, PER_ALERT * limit)
    if removed >= PER_ALERT * limit:
        return removed
    removed += _remove(conn, unnotified, unnotified.c.alert_id, own_alerts)
    removed += _remove(conn, alerts, alerts.c.id, own_alerts)
    removed += _remove_cards(conn, own_cards)
    if len(own_alerts) < limit and len(own_cards) < limit:
        for table in (decisions, acknowledgements, acts):
            removed += _remove(conn, table, table.c.incident_id, ids)
        removed += _remove(conn, incidents, incidents.c.id, ids)
    return removed


def digests_over(conn: sa.Connection, before: datetime, limit: int) -> int:
    """Those that show nothing any more."""
    shown = sa.exists().where(cards.c.folded_into == digests.c.id)
    newest = (_value_of_newest(digests, digests.c.id), _value_of_newest(cards, cards.c.digest_id))
    spared = [id_ for id_ in conn.execute(sa.select(*newest)).one() if id_ is not None]
    query = sa.select(digests.c.id).where(digests.c.ended_at < before, ~shown, digests.c.id.not_in(spared))
    ids = conn.scalars(query.order_by(digests.c.id).limit(limit)).all()
    own_cards = _ids(conn, cards, cards.c.digest_id, ids, limit)
    removed = _remove_some(conn, deliveries, deliveries.c.card_id, own_cards, PER_ALERT * limit)
    if removed >= PER_ALERT * limit:
        return removed
    return removed + _remove_cards(conn, own_cards) + _remove(conn, digests, digests.c.id, ids)


def _newest_holders(conn: sa.Connection) -> list[int]:
    """The incidents that the newest rows belong to.

    They stay, so that no id is given twice: a signed link would act on another incident, and the bookmarks
    of the periodic tasks would lie beyond what is new.
    """
    newest_transition = _value_of_newest(transitions, transitions.c.alert_id)
    query = sa.select(
        _value_of_newest(incidents, incidents.c.id),
        _value_of_newest(alerts, alerts.c.incident_id),
        sa.select(alerts.c.incident_id).where(alerts.c.id == newest_transition).scalar_subquery(),
        _value_of_newest(cards, cards.c.incident_id),
    )
    return [id_ for id_ in conn.execute(query).one() if id_ is not None]


def _value_of_newest(table: sa.Table, column: sa.ColumnElement[int]) -> sa.ScalarSelect[int]:
    return sa.select(column).order_by(table.c.id.desc()).limit(1).scalar_subquery()


def deliveries_before(conn: sa.Connection, before: datetime, limit: int) -> int:
    own = sa.select(cards.c.incident_id).where(cards.c.id == deliveries.c.card_id)
    incident = own.correlate(deliveries).scalar_subquery()
    return _remove_oldest(conn, deliveries, incident, before, limit)


def decisions_before(conn: sa.Connection, before: datetime, limit: int) -> int:
    return _remove_oldest(conn, decisions, decisions.c.incident_id, before, limit)


def runs_before(conn: sa.Connection, before: datetime, limit: int) -> int:
    """Of each job the newest stay, which its cards count."""
    ids: list[int] = []
    for job in conn.scalars(rows.each_value(runs.c.job, MAX_JOBS)).all():
        newest = sa.select(runs.c.at).where(runs.c.job == job).order_by(runs.c.at.desc())
        oldest_kept = newest.offset(MAX_PAST - 1).limit(1).scalar_subquery()
        over = sa.select(runs.c.id).where(runs.c.job == job, runs.c.at < before, runs.c.at < oldest_kept)
        ids += conn.scalars(over.order_by(runs.c.at).limit(limit - len(ids)))
        if len(ids) >= limit:
            break
    return _remove(conn, runs, runs.c.id, ids)


def marks_before(conn: sa.Connection, before: datetime, limit: int) -> int:
    over = sa.select(marks.c.id).where(marks.c.at < before).order_by(marks.c.at).limit(limit)
    return _remove(conn, marks, marks.c.id, conn.scalars(over).all())


def silences_before(conn: sa.Connection, before: datetime, limit: int) -> int:
    over = sa.select(silences.c.id).where(silences.c.ends_at < before).order_by(silences.c.ends_at)
    return _remove(conn, silences, silences.c.id, conn.scalars(over.limit(limit)).all())


def receivers_over(conn: sa.Connection, limit: int) -> int:
    """One that is still used is recorded again with its next webhook."""
    newest = sa.select(receivers.c.name).order_by(receivers.c.heard_at.desc(), receivers.c.name)
    return _remove(
        conn, receivers, receivers.c.name, conn.scalars(newest.offset(MAX_RECEIVERS).limit(limit)).all()
    )


def quarantine_before(conn: sa.Connection, before: datetime, limit: int) -> int:
    oldest = sa.select(quarantine.c.id, quarantine.c.at).order_by(quarantine.c.id).limit(limit)
    ids = [row.id for row in conn.execute(oldest) if row.at < before]
    return _remove(conn, quarantine, quarantine.c.id, ids)


def quarantine_over(conn: sa.Connection, most_bytes: int, limit: int) -> int:
    """The oldest bodies, until the others are no larger together."""
    excess = quarantine_bytes(conn) - most_bytes
    ids = []
    sizes = sa.select(quarantine.c.id, sa.func.length(quarantine.c.body)).order_by(quarantine.c.id)
    for id_, size in conn.execute(sizes.limit(limit)):
        if excess <= 0:
            break
        ids.append(id_)
        excess -= size
    return _remove(conn, quarantine, quarantine.c.id, ids)


def quarantine_bytes(conn: sa.Connection) -> int:
    return int(conn.scalar(sa.select(sa.func.sum(sa.func.length(quarantine.c.body)))) or 0)


def _remove_oldest(
    conn: sa.Connection, table: sa.Table, incident: sa.ColumnElement[int], before: datetime, limit: int
) -> int:
    """Ids rise with time, so the oldest have the lowest; those of an incident that fires stay among them.

    They are left out inside the query: an incident that fires for long has more rows than a step looks at.
    """
    fires = sa.exists().where(incidents.c.id == incident, incidents.c.status == Status.FIRING)
    removable = sa.select(table.c.id, table.c.at).where(~fires).order_by(table.c.id).limit(limit)
    ids = [row.id for row in conn.execute(removable) if row.at < before]
    return _remove(conn, table, table.c.id, ids)


def _ids(
    conn: sa.Connection, table: sa.Table, column: sa.ColumnElement[int], of: Sequence[int], limit: int
) -> Sequence[int]:
    wanted = rows.table_of(conn, of, sa.BigInteger())
    query = sa.select(table.c.id).where(column.in_(sa.select(wanted.c.value)))
    return conn.scalars(query.limit(limit)).all()


def _remove_some(
    conn: sa.Connection, table: sa.Table, column: sa.ColumnElement[int], of: Sequence[int], limit: int
) -> int:
    return _remove(conn, table, table.c.id, _ids(conn, table, column, of, limit))


def _remove(
    conn: sa.Connection, table: sa.Table, column: sa.ColumnElement[Any], values: Sequence[int] | Sequence[str]
) -> int:
    if not values:
        return 0
    type_ = sa.Text() if isinstance(values[0], str) else sa.BigInteger()
    wanted = rows.table_of(conn, values, type_)
    return conn.execute(sa.delete(table).where(column.in_(sa.select(wanted.c.value)))).rowcount


def _remove_cards(conn: sa.Connection, ids: Sequence[int]) -> int:
    """The kept sums are of those that are left."""
    if not ids:
        return 0
    wanted = rows.table_of(conn, ids, sa.BigInteger())
    counted = bookmarks.position(conn, ledger.CARDS)
    gone = card_sums.counts(conn, cards.c.id.in_(sa.select(wanted.c.value)), cards.c.id <= counted)
    card_sums.add(conn, gone, sign=-1)
    return _remove(conn, cards, cards.c.id, ids)
