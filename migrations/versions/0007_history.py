"""What the pages of the history ask: origins, silences, absences, and sums that a task keeps."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Time = sa.DateTime(timezone=True)
text = sa.Text()

PARTIAL = {
    "ix_alerts_firing": ("alerts", ["severity_rank", "id"], "status = 'firing'"),
    "ix_cards_undelivered": ("cards", ["channel", "state"], "state <> 'delivered'"),
    "ix_cards_posted_at": ("cards", ["posted_at"], "posted_at IS NOT NULL"),
    "ix_quarantine_waiting": ("quarantine", ["id"], "resolved_at IS NULL"),
}


def upgrade() -> None:
    op.add_column(
        "alerts",
        sa.Column(
            "origin",
            text,
            nullable=False,
            server_default="webhook",
            comment="webhook | event | reconciled | backfilled",
        ),
    )
    op.execute("UPDATE alerts SET origin = 'event' WHERE source IN ('events', 'alert_router')")
    op.execute(
        "UPDATE alerts SET origin = 'reconciled' WHERE id IN "
        "(SELECT alert_id FROM transitions WHERE kind = 'reconciled' AND detail LIKE 'opened: %')"
    )
    for name, (table, columns, where) in PARTIAL.items():
        condition = sa.text(where)
        op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
    # What was found by it is found by the search index, and each end of an alert had to move its entry.
    op.drop_index("ix_alerts_status_severity_alertname_id", "alerts")
    op.drop_index("ix_cards_state", "cards")
    op.create_index("ix_cards_state", "cards", ["state", "channel"])
    op.create_index("ix_incidents_opened_at", "incidents", ["opened_at"])
    op.create_index("ix_acknowledgements_at", "acknowledgements", ["at"])
    _create_facts()
    _create_sums()


def _create_facts() -> None:
    op.create_table(
        "silences",
        sa.Column("id", text, primary_key=True, comment="Alertmanager's"),
        sa.Column("source_url", text, nullable=False, comment="whose silence it is"),
        sa.Column("created_by", text, nullable=False),
        sa.Column("comment", text, nullable=False),
        sa.Column("starts_at", Time, nullable=False),
        sa.Column("ends_at", Time, nullable=False),
        sa.Column("matchers", Json, nullable=False, comment="[{name, operator, value}]"),
    )
    op.create_index("ix_silences_ends_at", "silences", ["ends_at"])
    op.create_table(
        "absences",
        sa.Column("id", Id, primary_key=True),
        sa.Column("since", Time, nullable=False, comment="when a router was last known to run"),
        sa.Column("until", Time, nullable=False, comment="when the next one started"),
    )
    op.create_index("ix_absences_until", "absences", ["until"])


def _create_sums() -> None:
    op.create_table(
        "bookmarks",
        sa.Column("name", text, primary_key=True, comment="of the task"),
        sa.Column("position", Id, nullable=False, comment="the last id it has dealt with"),
    )
    op.create_table("hour_sums", sa.Column("hour", Time, primary_key=True, comment="of starts_at"), *_sums())
    op.create_table(
        "day_sums", sa.Column("day", sa.Date(), primary_key=True, comment="UTC, of starts_at"), *_sums()
    )
    op.create_table(
        "day_durations",
        sa.Column("day", sa.Date(), primary_key=True, comment="UTC, of starts_at"),
        sa.Column("durations", Json, nullable=False, comment="of all alerts together: {seconds: how many}"),
    )
    op.create_table(
        "card_sums",
        sa.Column("channel", text, primary_key=True),
        sa.Column("cards", sa.Integer(), nullable=False, comment="up to the bookmark"),
        sa.Column("incidents", sa.Integer(), nullable=False, comment="that these cards show, copies aside"),
    )
    op.create_table(
        "unnotified",
        sa.Column(
            "alert_id",
            Id,
            primary_key=True,
            autoincrement=False,
            comment="over, and no message announced it",
        ),
    )


def _sums() -> tuple[sa.Column[object], ...]:
    number = sa.Integer()
    return (
        sa.Column("alertname", text, primary_key=True),
        sa.Column("severity", text, primary_key=True),
        sa.Column("alerts", number, nullable=False),
        sa.Column("ended", number, nullable=False, comment="of these, how many are over"),
        sa.Column("unattended", number, nullable=False, comment="over, and nobody had acknowledged them"),
        sa.Column("silenced", number, nullable=False, comment="silenced, inhibited or muted"),
        sa.Column("flapping", number, nullable=False, comment="began within the flap window of the last"),
        sa.Column("repeats", number, nullable=False, comment="reports that brought nothing new"),
        sa.Column("first_id", Id, nullable=False, comment="the lowest id of its alerts"),
        sa.Column("last_id", Id, nullable=False, comment="the highest id of its alerts"),
        sa.Column("longest_s", number, nullable=False),
        sa.Column("longest_id", Id, comment="the alert that fired for so long; NULL: none is over"),
        sa.Column("durations", Json, nullable=False, comment="of those over: {seconds: how many}"),
    )


def downgrade() -> None:
    for table in (
        "unnotified",
        "card_sums",
        "day_durations",
        "hour_sums",
        "day_sums",
        "bookmarks",
        "absences",
        "silences",
    ):
        op.drop_table(table)
    op.drop_index("ix_acknowledgements_at", "acknowledgements")
    op.drop_index("ix_incidents_opened_at", "incidents")
    op.drop_index("ix_cards_state", "cards")
    op.create_index("ix_cards_state", "cards", ["state"])
    op.create_index(
        "ix_alerts_status_severity_alertname_id", "alerts", ["status", "severity", "alertname", "id"]
    )
    for name, (table, _, _) in PARTIAL.items():
        op.drop_index(name, table)
    op.drop_column("alerts", "origin")
