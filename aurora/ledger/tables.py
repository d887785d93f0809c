"""The tables. Rows are how the ledger keeps things; what others see of them is in `records.py`.

Words from closed vocabularies are kept as text. Times are UTC. Ids are made by the program; `number` grows by one per
row and gives the order in which things were written, also where two of them share one moment.
"""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, MetaData, Table, UniqueConstraint
from sqlmodel import Field, SQLModel

from aurora.domain import ModelSettings, Replica, Step, Telemetry, ToolResult
from aurora.ledger.columns import NUMBER, AsJson, Key, Prose, Utc

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Every constraint has a name, so that a migration can change it on both databases."""


class Row(SQLModel):
    """What all tables share."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)
    __table__: ClassVar[Table]


class ModelRow(Row, table=True):
    """A model that was seen or set up."""

    __tablename__ = "models"

    name: str = Field(primary_key=True, sa_type=Key)
    simulated: bool | None = None
    """None until somebody knows: metrics and settings alone do not tell."""
    settings: ModelSettings | None = Field(default=None, sa_type=AsJson(ModelSettings, only_set=True))
    """What somebody set, and nothing else: what holds beside it depends on the kind of backend."""
    first_seen: datetime = Field(sa_type=Utc)
    last_seen: datetime = Field(sa_type=Utc)


class PointRow(Row, table=True):
    """A point of a model's history. No foreign key: points come in bulk, and their models in the same transaction."""

    __tablename__ = "metric_points"
    __table_args__ = (Index(None, "model_name", "timestamp"),)

    number: int | None = Field(default=None, primary_key=True, sa_type=NUMBER)
    model_name: str = Field(sa_type=Key)
    model_version: str | None = Field(default=None, sa_type=Prose)
    timestamp: datetime = Field(sa_type=Utc)
    received_at: datetime = Field(sa_type=Utc)
    accuracy: float | None = None
    latency_ms: float | None = None
    error_rate: float | None = None
    throughput_rps: float | None = None
    data_drift_score: float | None = None
    concept_drift_score: float | None = None
    cpu_usage: float | None = None
    memory_usage: float | None = None
    gpu_usage: float | None = None
    null_rate: float | None = None
    invalid_rate: float | None = None
    labels: int | None = Field(default=None, sa_type=NUMBER)
    challenger_accuracy: float | None = None
    repeat_ratio: float | None = None
    replicas: tuple[Replica, ...] = Field(default=(), sa_type=AsJson(tuple[Replica, ...]))


class WatchRow(Row, table=True):
    """What the monitor thinks of a model; see `WatchRecord`. No foreign key, as with the points."""

    __tablename__ = "watches"

    model_name: str = Field(primary_key=True, sa_type=Key)
    due_at: datetime = Field(sa_type=Utc, index=True)
    heard: int = Field(default=0, sa_type=NUMBER)
    heard_at: datetime = Field(sa_type=Utc)
    heard_before: datetime | None = Field(default=None, sa_type=Utc)
    judged: int = Field(default=0, sa_type=NUMBER)
    looked_at: datetime | None = Field(default=None, sa_type=Utc)
    usual_seconds: float | None = None
    silent_at: datetime | None = Field(default=None, sa_type=Utc)
    word: str = "quiet"
    since: datetime | None = Field(default=None, sa_type=Utc)
    signs: tuple[str, ...] = Field(default=(), sa_type=AsJson(tuple[str, ...]))
    held_by: str = ""
    newest_at: datetime | None = Field(default=None, sa_type=Utc)
    breach_at: datetime | None = Field(default=None, sa_type=Utc, index=True)
    turn: int = Field(default=0, sa_type=NUMBER)
    signature: dict[str, float] = Field(default={}, sa_type=AsJson(dict[str, float]))
    looks: int = 0
    claimed_at: datetime | None = Field(default=None, sa_type=Utc)
    decision_id: str | None = Field(default=None, sa_type=Key)
    next_allowed_at: datetime | None = Field(default=None, sa_type=Utc)
    storm: str | None = Field(default=None, sa_type=Key)
    storm_until: datetime | None = Field(default=None, sa_type=Utc)


class DecisionRow(Row, table=True):
    """Where a decision stands; what led there is in its nouns."""

    __tablename__ = "decisions"
    __table_args__ = (
        Index(None, "model_name", "number"),
        Index(None, "status", "number"),
        Index(None, "outcome", "model_name"),
        Index(None, "reported", "number"),
        Index(None, "model_name", "verified", "number"),
    )

    number: int | None = Field(default=None, primary_key=True, sa_type=NUMBER)
    id: str = Field(unique=True, sa_type=Key)
    model_name: str = Field(foreign_key="models.name", sa_type=Key)
    created_at: datetime = Field(sa_type=Utc)
    updated_at: datetime = Field(sa_type=Utc)
    status: str
    ending: str | None = None
    outcome: str | None = None
    verified: bool | None = None
    """Whether code measured the outcome; None until it was verified at all."""
    mode: str
    dry_run: bool
    held: bool = False
    """True while only the program that opened it may take it further."""
    reported: bool = False
    """True once its last word is written."""
    simulated: bool
    telemetry: Telemetry = Field(sa_type=AsJson(Telemetry))
    decision_type: str | None = None
    confidence: float | None = None
    price: float = 0.0
    """What doing it costs by the model's settings."""
    approval_id: str | None = Field(default=None, sa_type=Key)
    verify_at: datetime | None = Field(default=None, sa_type=Utc)


def _decision() -> Any:
    return Field(foreign_key="decisions.id", sa_type=Key)


class NounRow(Row, table=True):
    """One noun of a decision, kept as the JSON it was written as."""

    __tablename__ = "nouns"
    __table_args__ = (UniqueConstraint("decision_id", "round", "node"),)

    number: int | None = Field(default=None, primary_key=True, sa_type=NUMBER)
    decision_id: str = _decision()
    round: int
    node: str
    kind: str
    body: str = Field(sa_type=Prose)
    written_at: datetime = Field(sa_type=Utc)


class ApprovalRow(Row, table=True):
    """A question to a person and, once settled, the answer."""

    __tablename__ = "approvals"
    __table_args__ = (
        UniqueConstraint("decision_id", "round"),
        Index(None, "status", "number"),
    )

    number: int | None = Field(default=None, primary_key=True, sa_type=NUMBER)
    id: str = Field(unique=True, sa_type=Key)
    decision_id: str = _decision()
    model_name: str = Field(sa_type=Key)
    round: int
    status: str
    step: Step = Field(sa_type=AsJson(Step))
    edited_step: Step | None = Field(default=None, sa_type=AsJson(Step))
    fingerprint: str
    reasons: tuple[str, ...] = Field(sa_type=AsJson(tuple[str, ...]))
    confidence: float
    risk: str
    created_at: datetime = Field(sa_type=Utc)
    expires_at: datetime = Field(sa_type=Utc)
    by: str | None = Field(default=None, sa_type=Prose)
    authenticated: bool = False
    reason: str = Field(default="", sa_type=Prose)
    settled_at: datetime | None = Field(default=None, sa_type=Utc)
    simulated: bool


class IntentRow(Row, table=True):
    """An external effect, written down before it happens."""

    __tablename__ = "intents"
    __table_args__ = (
        Index(None, "model_name", "finished_at"),
        Index(None, "finished_at"),
    )

    key: str = Field(primary_key=True, sa_type=Key)
    decision_id: str = Field(foreign_key="decisions.id", sa_type=Key, index=True)
    model_name: str = Field(sa_type=Key)
    action: str
    step: Step = Field(sa_type=AsJson(Step))
    tool: str
    undo: bool = False
    """True where the effect takes an earlier one back."""
    state: str
    result: ToolResult | None = Field(default=None, sa_type=AsJson(ToolResult))
    begun_at: datetime = Field(sa_type=Utc)
    finished_at: datetime | None = Field(default=None, sa_type=Utc)
    """When it was known whether it happened; None while it is `begun` or `unknown`, which is how these are found."""


class OutcomeRow(Row, table=True):
    """What somebody outside says came of a decision."""

    __tablename__ = "outcomes"

    number: int | None = Field(default=None, primary_key=True, sa_type=NUMBER)
    decision_id: str = Field(foreign_key="decisions.id", sa_type=Key, index=True)
    success: bool
    metrics: dict[str, float] = Field(sa_type=AsJson(dict[str, float]))
    note: str = Field(sa_type=Prose)
    by: str = Field(sa_type=Prose)
    reported_at: datetime = Field(sa_type=Utc)


class UndoRow(Row, table=True):
    """A person's wish to have a decision taken back; the first one counts."""

    __tablename__ = "undo_requests"

    decision_id: str = Field(primary_key=True, foreign_key="decisions.id", sa_type=Key)
    reason: str = Field(sa_type=Prose)
    by: str = Field(sa_type=Prose)
    requested_at: datetime = Field(sa_type=Utc)


class EntryRow(Row, table=True):
    """A memory entry: the truth behind the index."""

    __tablename__ = "memory_entries"
    __table_args__ = (Index(None, "indexed", "number"),)

    number: int | None = Field(default=None, primary_key=True, sa_type=NUMBER)
    id: str = Field(unique=True, sa_type=Key)
    kind: str
    text: str = Field(sa_type=Prose)
    situation: str = Field(default="", sa_type=Prose)
    model_name: str | None = Field(default=None, sa_type=Prose)
    decision_type: str | None = None
    success: bool | None = None
    trust: str
    source: str = Field(sa_type=Prose)
    decision_id: str | None = Field(default=None, sa_type=Key, index=True)
    """No foreign key: a case may tell of a decision of another installation."""
    features: dict[str, float] = Field(sa_type=AsJson(dict[str, float]))
    telemetry: dict[str, Any] | None = Field(default=None, sa_type=AsJson(dict[str, Any]))
    simulated: bool
    created_at: datetime = Field(sa_type=Utc)
    indexed: bool = False


class InstallationRow(Row, table=True):
    """The mode of the whole installation: one row, made by the first migration, locked by whoever opens the gate."""

    __tablename__ = "installation"

    number: int = Field(primary_key=True, sa_type=NUMBER)
    mode: str
    reason: str = Field(sa_type=Prose)
    by: str = Field(sa_type=Prose)
    changed_at: datetime | None = Field(default=None, sa_type=Utc)


class ReplyRow(Row, table=True):
    """The first answer to a request with an Idempotency-Key."""

    __tablename__ = "replies"

    key: str = Field(primary_key=True, sa_type=Key)
    owner: str = Field(primary_key=True, sa_type=Key)
    route: str
    body_hash: str
    status_code: int | None = None
    content_type: str = ""
    body: str = Field(default="", sa_type=Prose)
    begun_at: datetime = Field(sa_type=Utc, index=True)


class NoticeRow(Row, table=True):
    """A message on its way to people."""

    __tablename__ = "outbox"
    __table_args__ = (Index(None, "sent_at", "attempts", "number"),)

    number: int | None = Field(default=None, primary_key=True, sa_type=NUMBER)
    event_id: str = Field(unique=True, sa_type=Key)
    model_name: str = Field(sa_type=Prose)
    severity: str
    message: str = Field(sa_type=Prose)
    decision_id: str | None = Field(default=None, sa_type=Key)
    created_at: datetime = Field(sa_type=Utc)
    sent_at: datetime | None = Field(default=None, sa_type=Utc)
    attempts: int = 0
    last_error: str = Field(default="", sa_type=Prose)


class EventRow(Row, table=True):
    """One link of an audit chain."""

    __tablename__ = "audit_events"
    __table_args__ = (UniqueConstraint("chain", "position"),)

    number: int | None = Field(default=None, primary_key=True, sa_type=NUMBER)
    chain: str = Field(sa_type=Key)
    position: int = Field(sa_type=NUMBER)
    at: datetime = Field(sa_type=Utc)
    event: str
    actor: str = Field(sa_type=Prose)
    body: str = Field(sa_type=Prose)
    previous: str
    digest: str


class HeadRow(Row, table=True):
    """The end of an audit chain: how many links it has and the digest of the last."""

    __tablename__ = "audit_heads"

    chain: str = Field(primary_key=True, sa_type=Key)
    length: int = Field(sa_type=NUMBER)
    digest: str
