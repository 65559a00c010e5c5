"""The first version of the log. Not to be changed: logs of this version are in use."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "readings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("event", sa.String(8), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("list_id", sa.String(32), nullable=False),
        sa.Column("film_sha256", sa.String(64)),
        sa.Column("model", sa.String(100), nullable=False),
        sa.Column("model_sha256", sa.String(64), nullable=False),
        sa.Column("finding", sa.String(100), nullable=False),
        sa.Column("operating_point", sa.String(100), nullable=False),
        sa.Column("threshold", sa.Double, nullable=False),
        sa.Column("score", sa.Double),
        sa.Column("refusal_code", sa.String(40)),
        sa.Column("refusal_overridden", sa.Boolean, nullable=False),
        sa.Column("call", sa.String(16)),
        sa.Column("call_blind", sa.Boolean, nullable=False),
        sa.Column("agreement", sa.String(16)),
        sa.Column("reason", sa.String(32)),
        sa.Column("mean", sa.Double),
        sa.Column("spread", sa.Double),
        sa.Column("dark", sa.Double),
        sa.Column("bright", sa.Double),
        sa.Column("sharpness", sa.Double),
    )
    op.create_index("ix_readings_time", "readings", ["time"])


def downgrade() -> None:
    """Drop the table and all that it holds."""
    op.drop_index("ix_readings_time", "readings")
    op.drop_table("readings")
