"""Routes, and what each card has announced."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Time = sa.DateTime(timezone=True)

# The words of the release that wrote the rows; others ranked as warnings.
RANK = (
    "CASE lower(severity) WHEN 'critical' THEN 3 WHEN 'page' THEN 3 WHEN 'error' THEN 2 WHEN 'info' THEN 0 "
    "ELSE 1 END"
)


def upgrade() -> None:
    _add_columns()
    op.create_index(
        "ix_digests_replaced_by",
        "digests",
        ["replaced_by"],
        sqlite_where=sa.text("replaced_by IS NOT NULL"),
        postgresql_where=sa.text("replaced_by IS NOT NULL"),
    )
    op.create_index(
        "ix_cards_decide_at",
        "cards",
        ["decide_at"],
        sqlite_where=sa.text("decide_at IS NOT NULL"),
        postgresql_where=sa.text("decide_at IS NOT NULL"),
    )
    op.create_table(
        "decisions",
        sa.Column("id", Id, primary_key=True),
        sa.Column("incident_id", Id, sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("action", sa.Text(), nullable=False, comment="create | edit | none"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("due_at", Time, comment="when it is decided again"),
        sa.Column("generation", sa.Integer(), comment="the card's, where one was requested"),
    )
    op.create_index("ix_decisions_incident_id_channel_id", "decisions", ["incident_id", "channel", "id"])
    _fill_in()


def _add_columns() -> None:
    text = sa.Text()
    columns = {
        "incidents": [
            sa.Column(
                "revision",
                sa.Integer(),
                nullable=False,
                server_default="1",
                comment="rises when an episode begins to count; a card announces up to its own",
            ),
            sa.Column(
                "left_out",
                sa.Integer(),
                nullable=False,
                server_default="0",
                comment="alerts that max_alerts left out",
            ),
            sa.Column(
                "channels",
                text,
                nullable=False,
                server_default="",
                comment="where its alerts are shown: |ops|shop|",
            ),
            sa.Column("firing_since", Time, comment="when it last opened or reopened; NULL: opened_at"),
        ],
        "alerts": [
            sa.Column(
                "severity_rank",
                sa.Integer(),
                nullable=False,
                server_default="1",
                comment="0 info ... 3 critical",
            ),
            sa.Column(
                "channels",
                text,
                nullable=False,
                server_default="",
                comment="where it is shown: |ops|shop|; empty: not routed yet, everywhere",
            ),
            sa.Column(
                "sent_to",
                text,
                nullable=False,
                server_default="",
                comment="the channel its sender named in the URL",
            ),
            sa.Column(
                "revision",
                sa.Integer(),
                nullable=False,
                server_default="0",
                comment="the incident's at which it began to count: opened, reopened or no longer suppressed",
            ),
            sa.Column("counts_since", Time, comment="when that was, by our clock; NULL: received_at"),
            sa.Column(
                "beginning",
                text,
                nullable=False,
                server_default="opened",
                comment="opened | reopened | unsuppressed",
            ),
            sa.Column(
                "identity",
                text,
                nullable=False,
                server_default="",
                comment="labels without churn_labels, hashed if long",
            ),
            sa.Column(
                "also_firing",
                Json,
                nullable=False,
                server_default="[]",
                comment="other Alertmanagers that say it fires: [{source_url, starts_at}]",
            ),
        ],
        "cards": [
            sa.Column(
                "reason",
                text,
                nullable=False,
                server_default="first",
                comment="why people are notified by it",
            ),
            sa.Column(
                "mention_of",
                Id,
                comment="the alert by whose route people are mentioned when it is created",
            ),
            sa.Column("posted_at", Time, comment="the moment of the state that its create showed"),
            sa.Column(
                "revision", sa.Integer(), comment="the incident's that its create showed; NULL: not posted"
            ),
            sa.Column(
                "announced_rank", sa.Integer(), comment="the worst severity that fired when it was posted"
            ),
            sa.Column("decide_at", Time, comment="when the notify rule must be asked again"),
            sa.Column("escalates", text, comment="the channel whose unacknowledged incident it escalates"),
            sa.Column(
                "copy_of",
                text,
                comment="the channel that does not take the original; copies count from -1 down",
            ),
            sa.Column("thread_id", text, comment="the forum post or thread its message is in"),
        ],
        "digests": [
            sa.Column("replaced_by", Id, comment="the digest that announced anew what fires in this one"),
        ],
    }
    for table, added in columns.items():
        for column in added:
            op.add_column(table, column)


def _fill_in() -> None:
    """What was sent before counts as announced, whatever it showed: an upgrade notifies nobody."""
    op.execute(
        "UPDATE cards SET copy_of = 'discord', generation = -generation "
        "WHERE channel = 'fallback' AND incident_id IS NOT NULL"
    )
    op.execute("UPDATE alerts SET severity_rank = " + RANK)  # noqa: S608 - a constant
    op.execute(
        "UPDATE cards SET posted_at = created_at, revision = 1, announced_rank = (SELECT "  # noqa: S608 - constants
        + RANK
        + " FROM incidents WHERE incidents.id = cards.incident_id) "
        "WHERE message_id IS NOT NULL OR state IN ('dead', 'folded')"
    )


def downgrade() -> None:
    op.execute("UPDATE cards SET generation = -generation WHERE channel = 'fallback' AND generation < 0")
    op.drop_table("decisions")
    op.drop_index("ix_cards_decide_at", "cards")
    op.drop_index("ix_digests_replaced_by", "digests")
    for table, names in {
        "cards": (
            "reason",
            "mention_of",
            "posted_at",
            "revision",
            "announced_rank",
            "decide_at",
            "escalates",
            "copy_of",
            "thread_id",
        ),
        "digests": ("replaced_by",),
        "alerts": (
            "severity_rank",
            "channels",
            "sent_to",
            "revision",
            "counts_since",
            "beginning",
            "identity",
            "also_firing",
        ),
        "incidents": ("revision", "left_out", "channels", "firing_since"),
    }.items():
        for name in names:
            op.drop_column(table, name)
