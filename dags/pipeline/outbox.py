"""Events that people must hear, kept in the warehouse until the router has them."""

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
ENDS = "training_success"
"""A deployment ends what was said of the model before it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    key: str
    body: str


def keep(conn: sa.Connection, event: Event, now: datetime) -> bool:
    """False: this run has told it before, in another try, and the first words stand."""
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


def waiting(conn: sa.Connection) -> list[Waiting]:
    """Oldest first."""
    columns = event_outbox.c
    asked = (
        sa.select(columns.key, columns.body)
        .where(columns.state == PENDING)
        .order_by(columns.written_at, columns.key)
    )
    return [Waiting(row.key, row.body) for row in conn.execute(asked)]


def told_by(conn: sa.Connection, *, dag_id: str, run_id: str, types: tuple[str, ...]) -> bool:
    """Whether this run has said anything of these types yet; the router may not have it."""
    keys = [event_outbox.c.key.startswith(f"{one}:", autoescape=True) for one in types]
    asked = sa.select(event_outbox.c.key).where(
        event_outbox.c.dag_id == dag_id, event_outbox.c.run_id == run_id, sa.or_(*keys)
    )
    return conn.scalar(asked.limit(1)) is not None


def stands(conn: sa.Connection, *, dag_id: str, type_: str, model_type: str | None) -> bool:
    """Whether people were told so, and not that it is over, be it by a deployment."""
    columns = event_outbox.c
    keys = [columns.key.startswith(f"{one}:", autoescape=True) for one in (type_, ENDS)]
    asked = (
        sa.select(columns.body)
        .where(columns.dag_id == dag_id, sa.or_(*keys))
        .order_by(columns.written_at.desc(), columns.key)
    )
    for told in map(json.loads, conn.scalars(asked)):
        if told.get("model_type") != model_type:
            continue
        if told["type"] == type_:
            return bool(told.get("status") != "resolved")
        if str(told.get("decision")).startswith("deploy"):
            return False
    return False


def flush(engine: sa.Engine, router: RouterApi, now: datetime) -> int:
    """Sends what waits, in order, until the router does not take one. Returns how many still wait.

    No transaction is open while the router is asked. Two runs that flush at once may both send an event; the
    router knows it the second time.
    """
    with engine.begin() as conn:
        queue = waiting(conn)
    for done, one in enumerate(queue):
        if not _send(engine, router, one, now):
            return len(queue) - done
    return 0


def _send(engine: sa.Engine, router: RouterApi, one: Waiting, now: datetime) -> bool:
    outcome = router.post(one.body)
    match outcome:
        case Sent():
            _settle(engine, one.key, SENT, now, reason=None)
        case Refused(reason):
            log.error("event %s is refused for good: %s", one.key, reason)
            _settle(engine, one.key, REFUSED, now, reason=reason)
        case TryAgain(reason):
            log.warning("event %s waits for the next run: %s", one.key, reason)
            _settle(engine, one.key, PENDING, None, reason=reason)
            return False
        case _:
            assert_never(outcome)
    return True


def _settle(engine: sa.Engine, key: str, state: str, at: datetime | None, *, reason: str | None) -> None:
    change = sa.update(event_outbox).where(event_outbox.c.key == key, event_outbox.c.state == PENDING)
    with engine.begin() as conn:
        conn.execute(change.values(state=state, settled_at=at, reason=reason))
