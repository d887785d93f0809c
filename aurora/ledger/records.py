"""What the ledger gives back: frozen values, made from rows, free of any database."""

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from aurora.domain import (
    Action,
    Ending,
    MetricPoint,
    Mode,
    ModelSettings,
    Moment,
    NewEntry,
    Notice,
    Outcome,
    OutcomeReport,
    Risk,
    Status,
    Step,
    Telemetry,
    ToolResult,
    Value,
    Watch,
)

T = TypeVar("T")
V = TypeVar("V", bound=BaseModel)


def seen_as(kind: type[V], row: object, **extra: Any) -> V:
    """Return `row` as a value of `kind`: its fields by name, and `extra` for those that the row has not."""
    fields = {name: getattr(row, name) for name in kind.model_fields if name not in extra}
    return kind.model_validate(fields | extra)


class Page(Value, Generic[T]):
    """Some items of a longer list."""

    items: tuple[T, ...]
    next: str | None = None
    """What to ask for to get the items that follow; None at the end."""


class ModelRecord(Value):
    """A model as the ledger knows it."""

    name: str
    settings: ModelSettings
    mode: Mode
    """Its own mode or, without one, what its kind of backend starts in; the installation's mode is not in it."""
    simulated: bool
    first_seen: Moment
    last_seen: Moment
    last_point: MetricPoint | None = None
    last_decision_id: str | None = None


class WatchRecord(Watch):
    """What the monitor thinks of a model, with all that it needs to go on after a restart."""

    model_name: str
    due_at: Moment
    heard: int
    """Grows by one whenever points arrive."""
    heard_at: Moment
    heard_before: Moment | None
    """When those had arrived that were judged before; None as well where AURORA was away since then."""
    judged: int
    """What `heard` was when the points were last judged."""
    usual_seconds: float | None
    """How long it usually takes until points arrive; None while nobody knows."""
    silent_at: Moment | None
    """From when on it has been silent for too long; None where that is not known, or was told."""
    newest_at: Moment | None
    """The newest point judged."""
    breach_at: Moment | None
    """When the present breach was first believed."""
    turn: int
    """Grows by one with every look claimed: of two that claim the same turn one wins."""
    signature: dict[str, float]
    """What was looked at in this breach: how far each sign reached at most."""
    looks: int
    """How often this was looked at in vain."""
    claimed_at: Moment | None
    decision_id: str | None
    """The decision that the last look opened, until it is known what it came to."""
    next_allowed_at: Moment | None
    """Not before then is the same evidence looked at again."""
    storm: str | None
    """The storm that it belongs to, or the outage that silenced it: many models, one shared cause."""
    storm_until: Moment | None


class DecisionRecord(Value):
    """Where a decision stands."""

    id: str
    model_name: str
    created_at: Moment
    updated_at: Moment
    status: Status
    ending: Ending | None = None
    outcome: Outcome | None = None
    mode: Mode
    dry_run: bool
    simulated: bool
    telemetry: Telemetry
    decision_type: Action | None = None
    confidence: float | None = None
    approval_id: str | None = None
    verify_at: Moment | None = None
    reported: bool = False
    """Whether the last word is said: there is nothing left to do."""


class Surroundings(Value):
    """What else the ledger knows of a watched model."""

    settings: ModelSettings
    stopped: bool = False
    in_flight: bool = False
    """A decision is under way, asks, or waits for its outcome; or an effect of one does."""
    changed_at: Moment | None = None
    """When something was last changed, or taken back."""
    last: DecisionRecord | None = None
    """The decision that the last look opened."""
    proven: str | None = None
    """The version that was brought in by the newest change of AURORA's that brought in one and was measured to help."""


class NounRecord(Value):
    """One noun of a decision as it was written."""

    round: int
    node: str
    kind: str
    """The name of its class in `aurora.domain`."""
    body: str
    """JSON."""
    written_at: Moment


class ApprovalRecord(Value):
    """A question to a person and, once settled, the answer."""

    id: str
    decision_id: str
    model_name: str
    round: int
    status: Literal["waiting", "approved", "rejected", "edited", "expired"]
    step: Step
    """As asked."""
    edited_step: Step | None = None
    fingerprint: str
    """Of the step as asked or, once edited, of the edited one: what the answer covers."""
    reasons: tuple[str, ...]
    confidence: float
    risk: Risk
    created_at: Moment
    expires_at: Moment
    by: str | None = None
    authenticated: bool = False
    reason: str = ""
    settled_at: Moment | None = None
    simulated: bool


class IntentRecord(Value):
    """An external effect that was about to happen, and what came of it."""

    key: str
    decision_id: str
    model_name: str
    step: Step
    tool: str
    undo: bool = False
    state: Literal["begun", "done", "failed", "unknown"]
    result: ToolResult | None = None
    begun_at: Moment
    finished_at: Moment | None = None
    """When it was known whether it happened."""
    fresh: bool = False
    """True for the one caller that wrote it down first: the effect is theirs to bring about."""


class OutcomeRecord(Value):
    """What somebody outside said came of a decision."""

    decision_id: str
    report: OutcomeReport
    by: str
    reported_at: Moment


class UndoRequest(Value):
    """A person's wish to have a decision taken back."""

    decision_id: str
    reason: str
    by: str
    requested_at: Moment


class EntryRecord(NewEntry):
    """A memory entry as the ledger keeps it."""

    id: str
    created_at: Moment


class ModeRecord(Value):
    """The mode of the installation, and who set it."""

    mode: Mode
    reason: str
    by: str
    changed_at: Moment | None = None
    """None while nobody has."""


class Reply(Value):
    """The first answer to a request with an Idempotency-Key."""

    key: str
    owner: str
    route: str
    status_code: int | None
    """None while the first request is still being answered."""
    content_type: str
    body: str
    begun_at: Moment


class NoticeRecord(Notice):
    """A message on its way to people."""

    id: int
    attempts: int
    last_error: str
    created_at: Moment
    sent_at: Moment | None = None


class AuditEvent(Value):
    """One link of an audit chain."""

    chain: str
    position: int
    at: Moment
    event: str
    actor: str
    body: dict[str, Any]
    digest: str
