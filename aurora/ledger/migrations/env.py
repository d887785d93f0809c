"""Runs the migrations on the connection that `aurora.ledger.schema` hands over; Alembic loads this file by its path."""

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from aurora.ledger.tables import Row

PLAIN = {
    "Utc": "sa.DateTime(timezone=True)",
    "Key": 'sa.String().with_variant(sa.String(collation="C"), "postgresql")',
    "Prose": "sa.Text()",
    "AsJson": "sa.Text()",
    "AutoString": "sa.String()",
}
"""A migration says what it meant when it was written, whatever becomes of our own column types."""


def render(kind: str, item: object, _: AutogenContext) -> str | Literal[False]:
    """Write our own column types into a new migration as plain ones."""
    return PLAIN.get(type(item).__name__, False) if kind == "type" else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Row.metadata,
    render_as_batch=True,
    render_item=render,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
