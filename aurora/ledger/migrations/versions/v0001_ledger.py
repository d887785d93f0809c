"""The first schema of the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)

TABLES = (
    "models",
    "metric_points",
    "decisions",
    "nouns",
    "approvals",
    "intents",
    "outcomes",
    "undo_requests",
    "memory_entries",
    "installation",
    "replies",
    "outbox",
    "audit_events",
    "audit_heads",
)
"""In the order in which they are made; each needs none of those that follow."""


def upgrade() -> None:
    """Make every table, and the one row that says how much AURORA may do."""
    models()
    metric_points()
    decisions()
    nouns()
    approvals()
    intents()
    outcomes()
    undo_requests()
    memory_entries()
    installation()
    replies()
    outbox()
    audit_events()
    audit_heads()
    op.execute("INSERT INTO installation (number, mode, reason, by) VALUES (1, 'autonomous', '', 'aurora')")


def downgrade() -> None:
    """Drop every table."""
    for table in reversed(TABLES):
        op.drop_table(table)


def models() -> None:
    """Models that were seen or set up."""
    op.create_table(
        "models",
        sa.Column("name", KEY, nullable=False),
        sa.Column("simulated", sa.Boolean()),
        sa.Column("settings", sa.Text()),
        sa.Column("first_seen", TIME, nullable=False),
        sa.Column("last_seen", TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_models")),
    )


def metric_points() -> None:
    """The history of the models."""
    op.create_table(
        "metric_points",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("model_name", KEY, nullable=False),
        sa.Column("model_version", sa.Text()),
        sa.Column("timestamp", TIME, nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.Column("accuracy", sa.Float()),
        sa.Column("latency_ms", sa.Float()),
        sa.Column("error_rate", sa.Float()),
        sa.Column("throughput_rps", sa.Float()),
        sa.Column("data_drift_score", sa.Float()),
        sa.Column("concept_drift_score", sa.Float()),
        sa.Column("cpu_usage", sa.Float()),
        sa.Column("memory_usage", sa.Float()),
        sa.Column("gpu_usage", sa.Float()),
        sa.Column("null_rate", sa.Float()),
        sa.Column("invalid_rate", sa.Float()),
        sa.Column("labels", NUMBER),
        sa.Column("challenger_accuracy", sa.Float()),
        sa.Column("repeat_ratio", sa.Float()),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_metric_points")),
    )
    op.create_index(op.f("ix_metric_points_model_name_timestamp"), "metric_points", ["model_name", "timestamp"])


def decisions() -> None:
    """Where each decision stands."""
    op.create_table(
        "decisions",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("model_name", KEY, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("ending", sa.String()),
        sa.Column("outcome", sa.String()),
        sa.Column("verified", sa.Boolean()),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("reported", sa.Boolean(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("telemetry", sa.Text(), nullable=False),
        sa.Column("decision_type", sa.String()),
        sa.Column("confidence", sa.Float()),
        sa.Column("price", sa.Float(), nullable=False),
        sa.Column("approval_id", KEY),
        sa.Column("verify_at", TIME),
        sa.ForeignKeyConstraint(["model_name"], ["models.name"], name=op.f("fk_decisions_model_name_models")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_decisions")),
        sa.UniqueConstraint("id", name=op.f("uq_decisions_id")),
    )
    op.create_index(op.f("ix_decisions_model_name_number"), "decisions", ["model_name", "number"])
    op.create_index(op.f("ix_decisions_model_name_verified_number"), "decisions", ["model_name", "verified", "number"])
    op.create_index(op.f("ix_decisions_outcome_model_name"), "decisions", ["outcome", "model_name"])
    op.create_index(op.f("ix_decisions_reported_number"), "decisions", ["reported", "number"])
    op.create_index(op.f("ix_decisions_status_number"), "decisions", ["status", "number"])


def nouns() -> None:
    """What led there."""
    op.create_table(
        "nouns",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("decision_id", KEY, nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("written_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_nouns_decision_id_decisions")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_nouns")),
        sa.UniqueConstraint("decision_id", "round", "node", name=op.f("uq_nouns_decision_id_round_node")),
    )


def approvals() -> None:
    """Questions to people."""
    op.create_table(
        "approvals",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("decision_id", KEY, nullable=False),
        sa.Column("model_name", KEY, nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("edited_step", sa.Text()),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("risk", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("by", sa.Text()),
        sa.Column("authenticated", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("settled_at", TIME),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_approvals_decision_id_decisions")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_approvals")),
        sa.UniqueConstraint("decision_id", "round", name=op.f("uq_approvals_decision_id_round")),
        sa.UniqueConstraint("id", name=op.f("uq_approvals_id")),
    )
    op.create_index(op.f("ix_approvals_status_number"), "approvals", ["status", "number"])


def intents() -> None:
    """External effects, written down before they happen."""
    op.create_table(
        "intents",
        sa.Column("key", KEY, nullable=False),
        sa.Column("decision_id", KEY, nullable=False),
        sa.Column("model_name", KEY, nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("tool", sa.String(), nullable=False),
        sa.Column("undo", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("result", sa.Text()),
        sa.Column("begun_at", TIME, nullable=False),
        sa.Column("finished_at", TIME),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_intents_decision_id_decisions")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_intents")),
    )
    op.create_index(op.f("ix_intents_decision_id"), "intents", ["decision_id"])
    op.create_index(op.f("ix_intents_finished_at"), "intents", ["finished_at"])
    op.create_index(op.f("ix_intents_model_name_finished_at"), "intents", ["model_name", "finished_at"])


def outcomes() -> None:
    """What somebody outside says came of a decision."""
    op.create_table(
        "outcomes",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("decision_id", KEY, nullable=False),
        sa.Column("success", sa.Boolean(), nullable=False),
        sa.Column("metrics", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reported_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_outcomes_decision_id_decisions")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_outcomes")),
    )
    op.create_index(op.f("ix_outcomes_decision_id"), "outcomes", ["decision_id"])


def undo_requests() -> None:
    """Wishes to have a decision taken back."""
    op.create_table(
        "undo_requests",
        sa.Column("decision_id", KEY, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("requested_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_undo_requests_decision_id_decisions")),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_undo_requests")),
    )


def memory_entries() -> None:
    """The truth behind the memory index."""
    op.create_table(
        "memory_entries",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("model_name", sa.Text()),
        sa.Column("decision_type", sa.String()),
        sa.Column("success", sa.Boolean()),
        sa.Column("trust", sa.String(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("decision_id", KEY),
        sa.Column("features", sa.Text(), nullable=False),
        sa.Column("telemetry", sa.Text()),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("indexed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_memory_entries")),
        sa.UniqueConstraint("id", name=op.f("uq_memory_entries_id")),
    )
    op.create_index(op.f("ix_memory_entries_decision_id"), "memory_entries", ["decision_id"])
    op.create_index(op.f("ix_memory_entries_indexed_number"), "memory_entries", ["indexed", "number"])


def installation() -> None:
    """The mode of the installation."""
    op.create_table(
        "installation",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("changed_at", TIME),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_installation")),
    )


def replies() -> None:
    """First answers, by Idempotency-Key."""
    op.create_table(
        "replies",
        sa.Column("key", KEY, nullable=False),
        sa.Column("owner", KEY, nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("body_hash", sa.String(), nullable=False),
        sa.Column("status_code", sa.Integer()),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("begun_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("key", "owner", name=op.f("pk_replies")),
    )
    op.create_index(op.f("ix_replies_begun_at"), "replies", ["begun_at"])


def outbox() -> None:
    """Messages on their way to people."""
    op.create_table(
        "outbox",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("event_id", KEY, nullable=False),
        sa.Column("model_name", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("decision_id", KEY),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("sent_at", TIME),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_outbox")),
        sa.UniqueConstraint("event_id", name=op.f("uq_outbox_event_id")),
    )
    op.create_index(op.f("ix_outbox_sent_at_attempts_number"), "outbox", ["sent_at", "attempts", "number"])


def audit_events() -> None:
    """The links of the audit chains."""
    op.create_table(
        "audit_events",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("chain", KEY, nullable=False),
        sa.Column("position", NUMBER, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_events")),
        sa.UniqueConstraint("chain", "position", name=op.f("uq_audit_events_chain_position")),
    )


def audit_heads() -> None:
    """How long each chain is, and how it ends."""
    op.create_table(
        "audit_heads",
        sa.Column("chain", KEY, nullable=False),
        sa.Column("length", NUMBER, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_audit_heads")),
    )
