"""The replicas of a point."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column; what was sent before it told of no replicas."""
    with op.batch_alter_table("metric_points") as points:
        points.add_column(sa.Column("replicas", sa.Text(), nullable=False, server_default="[]"))


def downgrade() -> None:
    """Drop it again."""
    with op.batch_alter_table("metric_points") as points:
        points.drop_column("replicas")
