"""How Alembic runs the migrations: on the connection that it is given, within its transaction."""

from __future__ import annotations

from alembic import context

from cxr.monitoring.schema import READINGS, VERSION_TABLE

__all__ = ["migrate"]


def migrate() -> None:
    """Run the migrations that the log lacks."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=READINGS.metadata,
        version_table=VERSION_TABLE,
    )
    with context.begin_transaction():
        context.run_migrations()


# The name that Alembic gives this file; imported by its own name it does nothing.
if __name__ == "env_py":
    migrate()
