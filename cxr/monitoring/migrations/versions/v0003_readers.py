"""Readers by pseudonym, and the audit trail. Not to be changed: logs of this version are in use."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns and make the table; entries that are there were of nobody who is known."""
    for table in ("readings", "regions"):
        op.add_column(table, sa.Column("reader", sa.String(32)))
    op.create_table(
        "opened",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("event", sa.String(8), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reader", sa.String(32), nullable=False),
        sa.Column("film_sha256", sa.String(64), nullable=False),
        sa.Column("list_id", sa.String(32), nullable=False),
    )
    op.create_index("ix_opened_time", "opened", ["time"])


def downgrade() -> None:
    """Drop the table and the columns, and all that they hold."""
    op.drop_index("ix_opened_time", "opened")
    op.drop_table("opened")
    for table in ("regions", "readings"):
        op.drop_column(table, "reader")
