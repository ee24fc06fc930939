"""Sends the model service the counts it does not have yet: it trains and evaluates on its own copy."""

from datetime import datetime

import sqlalchemy as sa

from dags.pipeline import upserts
from dags.pipeline.model_api import ModelApi, Observation
from dags.pipeline.paris_api import MAX_COUNT
from dags.pipeline.tables import publications, raw_counts

BATCH_ROWS = 10_000
"""About a megabyte; the service takes 50,000 rows and 16 MiB."""


def publish(engine: sa.Engine, api: ModelApi, reader: str) -> int:
    """Returns how many rows were sent. A row may be sent twice, which is harmless, and is never left out.

    A service without any model is sent everything each time: it may be new under an old name, or have lost
    its volume.
    """
    is_new = api.registry().is_empty
    with engine.begin() as conn:
        until = None if is_new else _read_until(conn, reader)
        newest = conn.scalar(sa.select(sa.func.max(raw_counts.c.ingested_at)))
        rows = _ingested_after(conn, until)
    for batch in upserts.batches(rows, BATCH_ROWS):
        api.observe(batch)
    if rows:
        with engine.begin() as conn:
            upserts.upsert(conn, publications, [{"reader": reader, "read_until": newest}])
    return len(rows)


def _read_until(conn: sa.Connection, reader: str) -> datetime | None:
    until: datetime | None = conn.scalar(
        sa.select(publications.c.read_until).where(publications.c.reader == reader)
    )
    return until


def _ingested_after(conn: sa.Connection, until: datetime | None) -> list[Observation]:
    columns = raw_counts.c
    # A fetch stores no other rows, but an old warehouse may hold some: for a single invalid row the service
    # refuses the whole batch, every time.
    query = sa.select(columns.counter_id, columns.hour, columns["count"]).where(
        columns.counter_id != "", columns["count"].between(0, MAX_COUNT)
    )
    if until is not None:
        query = query.where(columns.ingested_at > until)
    return [Observation(row[0], row[1], row[2]) for row in conn.execute(query)]
