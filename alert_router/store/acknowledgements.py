"""The acknowledgements of incidents."""

from datetime import datetime

import sqlalchemy as sa

from alert_router.store.tables import acknowledgements


def add(conn: sa.Connection, incident_id: int, *, at: datetime, by: str, note: str) -> None:
    conn.execute(sa.insert(acknowledgements).values(incident_id=incident_id, at=at, by=by, note=note))
