"""What was measured and drawn for cards: stored, so that a card stays a function of the tables alone."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from alert_router.domain.card_facts import Measure
from alert_router.domain.model import ChannelName
from alert_router.store import card_queue, rows
from alert_router.store.tables import cards, charts, measures

MAX_CHARTS = 500
"""How many are kept, the newest: some 20 MB."""


@dataclass(frozen=True, slots=True)
class Chart:
    name: str
    """Of the picture's file: another picture has another name."""
    subject: str
    """Identifies what it shows: once that differs, it must be drawn again."""
    drawn_at: datetime
    png: bytes


def measures_of(conn: sa.Connection, alert_ids: Collection[int]) -> dict[int, Measure]:
    """By alert id. An empty one: nothing was measured, and need not be tried again."""
    query = sa.select(measures.c.alert_id, measures.c.value, measures.c.limit)
    found = conn.execute(query.where(measures.c.alert_id.in_(alert_ids)))
    return {row.alert_id: Measure(row.value, row.limit) for row in found}


def chart_of(conn: sa.Connection, incident_id: int, channel: ChannelName) -> Chart | None:
    query = sa.select(*rows.columns(Chart, charts)).where(
        charts.c.incident_id == incident_id, charts.c.channel == channel
    )
    row = conn.execute(query).one_or_none()
    return Chart(*row) if row else None


def png_of(conn: sa.Connection, name: str) -> bytes | None:
    return conn.scalar(sa.select(charts.c.png).where(charts.c.name == name))


def save_measures(conn: sa.Connection, measured: Mapping[int, Measure]) -> None:
    values = [{"alert_id": alert, **rows.to_row(measure)} for alert, measure in measured.items()]
    if values:
        insert = rows.upsert(conn.dialect.name, measures)
        conn.execute(insert.on_conflict_do_nothing(index_elements=["alert_id"]), values)


def save_chart(
    conn: sa.Connection, incident_id: int, channel: ChannelName, *, subject: str, png: bytes, now: datetime
) -> None:
    """In place of the one before; the oldest beyond MAX_CHARTS are removed."""
    values = {
        "name": f"chart-{hashlib.sha256(f'{incident_id} {channel} '.encode() + png).hexdigest()[:16]}.png",
        "subject": subject,
        "drawn_at": now,
        "png": png,
    }
    insert = rows.upsert(conn.dialect.name, charts).values(incident_id=incident_id, channel=channel, **values)
    conn.execute(insert.on_conflict_do_update(index_elements=["incident_id", "channel"], set_=values))
    newest = sa.select(charts.c.drawn_at).order_by(charts.c.drawn_at.desc())
    conn.execute(
        sa.delete(charts).where(charts.c.drawn_at < newest.offset(MAX_CHARTS - 1).limit(1).scalar_subquery())
    )


def mark_dirty(conn: sa.Connection, incident_id: int, channels: Sequence[ChannelName], now: datetime) -> None:
    """Let the incident's messages in these channels be rendered again. One that is being sent counts, too."""
    is_out = sa.or_(cards.c.message_id.is_not(None), cards.c.lease.is_not(None))
    conn.execute(
        sa.update(cards)
        .where(cards.c.incident_id == incident_id, cards.c.channel.in_(channels))
        .where(is_out, cards.c.state != "dead")
        .values(card_queue.dirty(now, create_priority=card_queue.NEW))
    )
