"""Exports and sign-ins of the trail. Not to be changed: logs of this version are in use."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables; what is in the others stays as it is."""
    op.create_table(
        "exported",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("event", sa.String(16), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reader", sa.String(32), nullable=False),
        sa.Column("form", sa.String(16), nullable=False),
        sa.Column("film_sha256", sa.String(64)),
        sa.Column("list_id", sa.String(32)),
    )
    op.create_index("ix_exported_time", "exported", ["time"])
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("event", sa.String(16), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reader", sa.String(32), nullable=False),
        sa.Column("role", sa.String(16)),
    )
    op.create_index("ix_sign_ins_time", "sign_ins", ["time"])


def downgrade() -> None:
    """Drop the tables and all that they hold."""
    for table in ("sign_ins", "exported"):
        op.drop_index(f"ix_{table}_time", table)
        op.drop_table(table)
