"""The regions that readers draw. Not to be changed: logs of this version are in use."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "regions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("event", sa.String(8), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("list_id", sa.String(32), nullable=False),
        sa.Column("film_sha256", sa.String(64), nullable=False),
        sa.Column("shape", sa.String(16), nullable=False),
        sa.Column("label", sa.String(32), nullable=False),
        sa.Column("left", sa.Double, nullable=False),
        sa.Column("top", sa.Double, nullable=False),
        sa.Column("right", sa.Double, nullable=False),
        sa.Column("bottom", sa.Double, nullable=False),
        sa.Column("finding", sa.String(100), nullable=False),
        sa.Column("model_sha256", sa.String(64)),
        sa.Column("method", sa.String(40)),
    )
    op.create_index("ix_regions_time", "regions", ["time"])


def downgrade() -> None:
    """Drop the table and all that it holds."""
    op.drop_index("ix_regions_time", "regions")
    op.drop_table("regions")
