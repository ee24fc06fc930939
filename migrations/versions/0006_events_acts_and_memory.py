"""What people do about incidents, runs of jobs, marks on charts, the key of signed links."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Time = sa.DateTime(timezone=True)
ACKNOWLEDGED_UNTIL = "acknowledged_until IS NOT NULL AND status = 'firing'"


def upgrade() -> None:
    _extend_incidents()
    _create_acts()
    _create_runs()
    op.create_table(
        "marks",
        sa.Column("id", Id, primary_key=True),
        sa.Column("at", Time, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("labels", Json, nullable=False),
        sa.Column("key", sa.Text(), comment="idempotency key of its report"),
        sa.UniqueConstraint("key", name="uq_marks_key"),
    )
    op.create_index("ix_marks_at", "marks", ["at"])
    op.create_table(
        "link_keys",
        sa.Column("id", Id, primary_key=True, autoincrement=False, comment="1"),
        sa.Column(
            "key", sa.Text(), nullable=False, comment="signs the links on cards, where no setting does"
        ),
    )


def _extend_incidents() -> None:
    op.add_column(
        "incidents",
        sa.Column("acknowledged_until", Time, comment="it lapses then; NULL: with the incident"),
    )
    op.add_column("incidents", sa.Column("acknowledgement_note", sa.Text()))
    op.add_column(
        "incidents",
        sa.Column(
            "lasts",
            sa.Text(),
            nullable=False,
            server_default="",
            comment="longer than nine of ten of its kind: usual | ever; said once",
        ),
    )
    op.create_index("ix_incidents_key_opened_at", "incidents", ["key", "opened_at"])
    op.create_index(
        "ix_incidents_acknowledged_until",
        "incidents",
        ["acknowledged_until"],
        sqlite_where=sa.text(ACKNOWLEDGED_UNTIL),
        postgresql_where=sa.text(ACKNOWLEDGED_UNTIL),
    )


def _create_acts() -> None:
    op.create_table(
        "acts",
        sa.Column("id", Id, primary_key=True),
        sa.Column("incident_id", Id, sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="acknowledged | unacknowledged | silenced"),
        sa.Column(
            "turn", sa.Text(), nullable=False, comment="what its link was signed for: a link acts once"
        ),
        sa.Column("at", Time, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False, comment="card | page | api | time"),
        sa.Column("until", Time, comment="when its effect ends by itself"),
        sa.Column("silence_id", sa.Text(), comment="Alertmanager's"),
        sa.UniqueConstraint("incident_id", "turn", name="uq_acts_incident_id_turn"),
    )


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", Id, primary_key=True),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="started | succeeded | failed | measured"),
        sa.Column("at", Time, nullable=False, comment="when it reached that state"),
        sa.Column("duration_s", sa.Float()),
        sa.Column("metrics", Json, nullable=False),
        sa.Column("deployed", sa.Boolean(), nullable=False, comment="its model became the champion"),
        sa.UniqueConstraint("job", "run_id", name="uq_runs_job_run_id"),
    )
    op.create_index("ix_runs_job_at", "runs", ["job", "at"])


def downgrade() -> None:
    for table in ("link_keys", "marks", "runs", "acts"):
        op.drop_table(table)
    op.drop_index("ix_incidents_acknowledged_until", "incidents")
    op.drop_index("ix_incidents_key_opened_at", "incidents")
    for name in ("lasts", "acknowledgement_note", "acknowledged_until"):
        op.drop_column("incidents", name)
