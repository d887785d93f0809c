"""Wire shapes of the API that are not values of the domain already.

`Telemetry`, `MetricPoint`, `ModelSettings` and `OutcomeReport` are their own wire shapes; see `aurora/domain.py`.
"""

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from aurora.domain import (
    Action,
    ActionAutonomy,
    Ending,
    Flag,
    MemoryKind,
    MetricPoint,
    Mode,
    ModelSettings,
    Name,
    Outcome,
    Status,
    Telemetry,
    Text,
    Trust,
    Value,
    Watch,
)

T = TypeVar("T")

MAX_POINTS = 10_000
MAX_ENTRIES = 500


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _digits(value: Any) -> Any:
    if isinstance(value, str) and not (value.isascii() and value.removeprefix("-").isdecimal() and len(value) < 20):
        raise ValueError("must be a whole number")
    return value


Said = Annotated[Text, AfterValidator(_said)]
"""Free text that says something."""
Whole = Annotated[int, BeforeValidator(_digits)]
"""A whole number in a query, in plain digits."""
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,100}$")]
"""What an id may look like; anything else is the id of nothing."""


def _one_or_list(value: Any) -> str:
    return "<list>" if isinstance(value, list | tuple) else "<one>"


class Page(Value, Generic[T]):
    """One page of a list, newest first unless said otherwise."""

    items: tuple[T, ...]
    next: str | None = None
    """What to send as `before` (models: `after`) for the next page; null on the last one."""


# --- metrics and memory: one or a list -----------------------------------------------------------------------------

Points = Annotated[
    Annotated[MetricPoint, Tag("<one>")]
    | Annotated[list[MetricPoint], Field(min_length=1, max_length=MAX_POINTS), Tag("<list>")],
    Discriminator(_one_or_list),
]


class NewMemory(Value):
    """Something to remember. What is told is shown beside similar cases; only verified outcomes move belief."""

    kind: MemoryKind
    text: Said
    model_name: Name | None = None
    decision_type: Action | None = None
    success: Flag | None = None
    telemetry: Telemetry | None = None


NewMemories = Annotated[
    Annotated[NewMemory, Tag("<one>")]
    | Annotated[list[NewMemory], Field(min_length=1, max_length=MAX_ENTRIES), Tag("<list>")],
    Discriminator(_one_or_list),
]


class Accepted(Value):
    """How many points were taken."""

    accepted: int


class Ids(Value):
    """The ids of what was written, in the order in which it was sent."""

    ids: tuple[str, ...]


class MemorySearch(Value):
    """What to look for."""

    query: Said
    top_k: Annotated[int, Field(ge=1, le=50, strict=True)] = 5


class Found(Value):
    """One memory entry that is like the query."""

    id: str
    kind: MemoryKind
    text: str
    similarity: float
    model_name: str | None = None
    decision_id: str | None = None
    decision_type: Action | None = None
    success: bool | None = None
    trust: Trust
    simulated: bool
    created_at: datetime | None = None


class SearchResults(Value):
    """The most similar entry first."""

    results: tuple[Found, ...]


# --- decisions and approvals ---------------------------------------------------------------------------------------


class DecisionSummary(Value):
    """One decision in a list; `GET /api/decisions/{id}` tells the rest."""

    id: str
    """As every item of a list has one; the same as `decision_id`."""
    decision_id: str
    model_name: str
    status: Status
    ending: Ending | None
    outcome: Outcome | None
    decision_type: Action | None
    confidence: float | None
    approval_id: str | None
    mode: Mode
    dry_run: bool
    simulated: bool
    created_at: datetime
    updated_at: datetime
    executed_at: datetime | None
    """When it was done; null while nothing was."""
    why: str
    """The Planner's reasons or, where it went no further, those of the Critic or of the guardrail that refused it."""


class UndoReason(Value):
    """Why an action is taken back."""

    reason: Text = ""


class ApprovalAnswer(Value):
    """What a person says to an approval."""

    decision: Literal["approve", "reject", "edit"]
    reason: Text = ""
    action: Annotated[dict[str, Any], Field(max_length=100)] | None = None
    """With `edit`: what to do instead, such as `{"parameters": {"replicas": 5}}`."""
    by: Name | None = None
    """Who says so; only while no API keys are configured."""

    @model_validator(mode="after")
    def _edited(self) -> Self:
        if (self.decision == "edit") != (self.action is not None):
            raise ValueError("action is required with edit, and belongs to nothing else")
        return self


ApprovalStatus = Literal["waiting", "approved", "rejected", "edited", "expired"]


# --- models, mode, chat, health ------------------------------------------------------------------------------------


class Sample(Value):
    """One point of a model's history, in short."""

    timestamp: datetime
    accuracy: float | None
    latency_ms: float | None


class ModelView(Value):
    """One model as AURORA knows it."""

    name: str
    health: Literal["healthy", "breaching", "unknown"]
    """Its last metrics against its settings; unknown without metrics."""
    mode: Mode
    simulated: bool
    first_seen: datetime
    last_seen: datetime
    last_metrics: MetricPoint | None
    last_decision: str | None
    """A decision id."""
    decided: DecisionSummary | None
    """That decision in short."""
    settings: ModelSettings
    """What holds for it; `autonomy` there is what is set, and beside it what follows from that and from the record."""
    autonomy: dict[Action, ActionAutonomy]
    """What AURORA may start by itself, by kind of action, and why."""
    watch: Watch | None = None
    """What the monitor makes of it; null before its first look."""

    history: tuple[Sample, ...] = ()
    """Its newest points, oldest first; as many as `history` asked for, none unless asked."""


class Series(Value):
    """A model's history, averaged over steps."""

    model_name: str
    start: datetime
    end: datetime
    step_seconds: int
    points: tuple[dict[str, Any], ...]


class ModeChange(Value):
    """How much AURORA may do from now on, on the whole installation."""

    mode: Mode
    reason: Text = ""


class ModeView(Value):
    """How much AURORA may do, and who said so."""

    mode: Mode
    reason: str = ""
    by: str | None = None
    changed_at: datetime | None = None


class ChatMessage(Value):
    """One turn of a conversation."""

    message: Said
    thread_id: Id | None = None


class HealthView(Value):
    """How AURORA is doing."""

    status: Literal["healthy", "degraded", "down"]
    timestamp: datetime
    components: dict[str, Literal["operational", "degraded", "down"]]
    details: dict[str, str]
    """What is wrong with those that are not operational."""
