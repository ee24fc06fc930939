"""Keeps events in the warehouse until the router has them."""

import json
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

import sqlalchemy as sa

from dags.pipeline.events import Event
from dags.pipeline.router_api import Refused, RouterApi, Sent, TryAgain
from dags.pipeline.tables import event_outbox

log = logging.getLogger(__name__)
PENDING, SENT, REFUSED = "pending", "sent", "refused"
TRAINING_SUCCESS = "training_success"
"""A deployment ends the alerts about the model before it."""


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    key: str
    body: str


def enqueue(conn: sa.Connection, event: Event, now: datetime) -> bool:
    """False: an earlier try of this run has queued it already, and its text stands."""
    if conn.scalar(sa.select(event_outbox.c.key).where(event_outbox.c.key == event.key)):
        return False
    row = {
        "key": event.key,
        "dag_id": event.origin.dag_id,
        "run_id": event.origin.run_id,
        "body": event.as_json(),
        "written_at": now,
        "state": PENDING,
    }
    conn.execute(sa.insert(event_outbox), [row])
    return True


def pending(conn: sa.Connection) -> list[QueuedEvent]:
    """Oldest first."""
    columns = event_outbox.c
    query = (
        sa.select(columns.key, columns.body)
        .where(columns.state == PENDING)
        .order_by(columns.written_at, columns.key)
    )
    return [QueuedEvent(row.key, row.body) for row in conn.execute(query)]


def has_event(conn: sa.Connection, *, dag_id: str, run_id: str, types: tuple[str, ...]) -> bool:
    """Whether this run has queued an event of these types; it may not be sent yet."""
    keys = [event_outbox.c.key.startswith(f"{type_}:", autoescape=True) for type_ in types]
    query = sa.select(event_outbox.c.key).where(
        event_outbox.c.dag_id == dag_id, event_outbox.c.run_id == run_id, sa.or_(*keys)
    )
    return conn.scalar(query.limit(1)) is not None


def is_firing(conn: sa.Connection, *, dag_id: str, type_: str, model_type: str | None) -> bool:
    """Whether the newest event of this type fires, and neither a recovery nor a deployment has ended it."""
    columns = event_outbox.c
    keys = [columns.key.startswith(f"{prefix}:", autoescape=True) for prefix in (type_, TRAINING_SUCCESS)]
    query = (
        sa.select(columns.body)
        .where(columns.dag_id == dag_id, sa.or_(*keys))
        .order_by(columns.written_at.desc(), columns.key)
    )
    for event in map(json.loads, conn.scalars(query)):
        if event.get("model_type") != model_type:
            continue
        if event["type"] == type_:
            return bool(event.get("status") != "resolved")
        if str(event.get("decision")).startswith("deploy"):
            return False
    return False


def flush(engine: sa.Engine, router: RouterApi, now: datetime) -> int:
    """Sends the pending events in order until the router does not take one. Returns how many are left.

    No transaction is open during a request. Two runs that flush at once may both send an event; the router
    recognises the second.
    """
    with engine.begin() as conn:
        queue = pending(conn)
    for sent, event in enumerate(queue):
        if not _send(engine, router, event, now):
            return len(queue) - sent
    return 0


def _send(engine: sa.Engine, router: RouterApi, event: QueuedEvent, now: datetime) -> bool:
    outcome = router.post(event.body)
    match outcome:
        case Sent():
            _set_state(engine, event.key, SENT, now, reason=None)
        case Refused(reason):
            log.error("event %s is refused for good: %s", event.key, reason)
            _set_state(engine, event.key, REFUSED, now, reason=reason)
        case TryAgain(reason):
            log.warning("event %s waits for the next run: %s", event.key, reason)
            _set_state(engine, event.key, PENDING, None, reason=reason)
            return False
        case _:
            assert_never(outcome)
    return True


def _set_state(engine: sa.Engine, key: str, state: str, at: datetime | None, *, reason: str | None) -> None:
    change = sa.update(event_outbox).where(event_outbox.c.key == key, event_outbox.c.state == PENDING)
    with engine.begin() as conn:
        conn.execute(change.values(state=state, settled_at=at, reason=reason))
