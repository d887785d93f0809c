"""What recall compares of a case."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column. Cases from before go on being compared by their text, which their vectors were made of."""
    op.add_column("memory_entries", sa.Column("situation", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop it again."""
    op.drop_column("memory_entries", "situation")
