"""What the monitor thinks of each model."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table, with every model that has points due for its first look."""
    op.create_table(
        "watches",
        sa.Column("model_name", KEY, nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("heard", NUMBER, nullable=False),
        sa.Column("heard_at", TIME, nullable=False),
        sa.Column("heard_before", TIME),
        sa.Column("judged", NUMBER, nullable=False),
        sa.Column("looked_at", TIME),
        sa.Column("usual_seconds", sa.Float()),
        sa.Column("silent_at", TIME),
        sa.Column("word", sa.String(), nullable=False),
        sa.Column("since", TIME),
        sa.Column("signs", sa.Text(), nullable=False),
        sa.Column("held_by", sa.String(), nullable=False),
        sa.Column("newest_at", TIME),
        sa.Column("breach_at", TIME),
        sa.Column("turn", NUMBER, nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("claimed_at", TIME),
        sa.Column("decision_id", KEY),
        sa.Column("next_allowed_at", TIME),
        sa.Column("storm", KEY),
        sa.Column("storm_until", TIME),
        sa.PrimaryKeyConstraint("model_name", name=op.f("pk_watches")),
    )
    op.create_index(op.f("ix_watches_due_at"), "watches", ["due_at"])
    op.create_index(op.f("ix_watches_breach_at"), "watches", ["breach_at"])
    columns = "model_name, due_at, heard, heard_at, judged, word, signs, held_by, turn, signature, looks"
    op.execute(
        f"INSERT INTO watches ({columns}) "
        "SELECT model_name, MAX(received_at), 1, MAX(received_at), 0, 'quiet', '[]', '', 0, '{}', 0 "
        "FROM metric_points GROUP BY model_name"
    )


def downgrade() -> None:
    """Drop it again."""
    op.drop_table("watches")
