"""The warehouse's tables. On BigQuery they are partitioned by day and clustered by the columns queried."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData(naming_convention={"pk": "pk_%(table_name)s"})


class UtcTime(sa.TypeDecorator[datetime]):
    """Aware UTC times only. TIMESTAMP and not DATETIME, which on BigQuery is a time without a zone."""

    impl = sa.TIMESTAMP(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive time {value.isoformat()}")
        utc = value.astimezone(UTC)
        # SQLite has no time zones: stored in UTC, the order of the texts is the order of time.
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _key(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True)


raw_counts = sa.Table(
    "raw_counts",
    metadata,
    _key("counter_id", sa.String(64)),
    _key("hour", UtcTime),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("counter_name", sa.Text),
    sa.Column("latitude", sa.Float),
    sa.Column("longitude", sa.Float),
    sa.Column("ingested_at", UtcTime, nullable=False),
    comment="Bicycles per counter and hour (UTC, start of the hour), as the city counted them",
)

predictions = sa.Table(
    "predictions",
    metadata,
    _key("counter_id", sa.String(64)),
    _key("hour", UtcTime),
    _key("issued_on", sa.Date),
    sa.Column("predicted", sa.Float, nullable=False),
    sa.Column("model_type", sa.Text, nullable=False),
    sa.Column("champion_run_id", sa.Text),
    sa.Column("issued_at", UtcTime, nullable=False),
    comment="A forecast per counter, hour and day of issue: a second run of the day replaces the first",
)

monitoring_audit = sa.Table(
    "monitoring_audit",
    metadata,
    _key("run_id", sa.String(250)),
    sa.Column("model_type", sa.Text, nullable=False),
    sa.Column("audited_at", UtcTime, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False, comment="the decision, or failed"),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("drift_share", sa.Float),
    sa.Column("drifted_features", sa.Text, comment="JSON list; null when drift could not be computed"),
    sa.Column("r2", sa.Float),
    sa.Column("rmse", sa.Float),
    sa.Column("training_status", sa.Text, comment="null when nothing was trained"),
    sa.Column("improvement", sa.Float),
    sa.Column("deployment", sa.Text, comment="the decision about the challenger"),
    comment="A row per run of monitor_and_fine_tune, also of a failed run",
)

event_outbox = sa.Table(
    "event_outbox",
    metadata,
    _key("key", sa.String(600)),
    sa.Column("dag_id", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False, comment="JSON, as it is posted"),
    sa.Column("written_at", UtcTime, nullable=False),
    sa.Column("state", sa.Text, nullable=False, comment="pending, sent, refused"),
    sa.Column("settled_at", UtcTime),
    sa.Column("reason", sa.Text, comment="why it is not sent yet, or never will be"),
    comment="Events for the router, from before they are posted until it has them",
)

publications = sa.Table(
    "publications",
    metadata,
    _key("reader", sa.String(250)),
    sa.Column("read_until", UtcTime, nullable=False, comment="raw_counts.ingested_at"),
    comment="How far each reader of raw_counts has been sent the ingested rows",
)

PARTITIONS = {
    raw_counts: ("hour", ["counter_id"]),
    predictions: ("hour", ["counter_id", "model_type"]),
    monitoring_audit: ("audited_at", ["outcome"]),
}
"""Day partition and clustering on BigQuery; the other databases have their primary keys."""
