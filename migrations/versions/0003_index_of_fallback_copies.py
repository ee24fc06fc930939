"""index of fallback copies."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("cards", schema=None) as batch_op:
        batch_op.create_index(
            "ix_cards_mirrors",
            ["channel"],
            unique=False,
            sqlite_where=sa.text("mirrors_rev IS NOT NULL"),
            postgresql_where=sa.text("mirrors_rev IS NOT NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("cards", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_cards_mirrors",
            sqlite_where=sa.text("mirrors_rev IS NOT NULL"),
            postgresql_where=sa.text("mirrors_rev IS NOT NULL"),
        )
