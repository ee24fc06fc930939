"""column comments."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COMMENTS = {
    ("digests", "ended_at"): "it folds no more cards; what it has it keeps showing",
    ("heartbeats", "at"): "when it was last received",
    ("incidents", "severity"): "the highest that the current card was created for",
    ("incidents", "pinged_at"): "when its current card was requested",
    ("cards", "digest_id"): "the digest that this card shows",
    ("cards", "mirrors_rev"): "in the fallback: the wanted_rev of the main card that it shows",
    ("cards", "folded_into"): "the digest that shows this card",
    ("cards", "wanted_rev"): "rises whenever the state to show changes",
    ("cards", "due_at"): "NULL: nothing to deliver",
    ("cards", "waiting_since"): "since when something is to be delivered",
    ("cards", "lease"): "who is delivering it: fences the outcome",
    ("cards", "sent_body"): "the message as last sent",
    ("cards", "edited"): "sent more than once",
    ("deliveries", "outcome"): "sent | retry | degraded | rejected | gone | stopped",
    ("transitions", "event_key"): "idempotency key of a direct report",
    ("paces", "until"): "when the grant ends",
    ("paces", "noted_at"): "when the grant was recorded",
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":  # SQLite has no comments
        for (table, column), comment in COMMENTS.items():
            op.alter_column(table, column, comment=comment)


def downgrade() -> None:
    """Comments need no way back."""
