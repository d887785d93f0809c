"""The values AURORA thinks in: frozen, validated, each word explained where it is defined.

`Telemetry` and `ModelSettings` are their own wire shape: the HTTP API, the Python face and the ledger read the same
definition, so that a typo is refused by the same sentence everywhere. The nouns below them are what each node of the
graph adds to a decision.

Units: ratios 0 to 1, milliseconds for latency, requests per second for load, UTC for every time, and for every cost one
hour of the model's normal traffic answered wrongly.
"""

import unicodedata
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class Value(BaseModel):
    """A frozen value. Unknown fields are refused: a typo must not be silently ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")

    def evolve(self, **changes: Any) -> Self:
        """Return a copy with `changes`, validated again."""
        return type(self).model_validate({**dict(self), **changes})


# --- words ---------------------------------------------------------------------------------------------------------


class Action(StrEnum):
    """What AURORA can propose."""

    RETRAIN = "retrain"
    """Train the model anew on the newest window."""
    FINE_TUNE = "fine_tune"
    """Continue training from the serving version."""
    CACHE = "cache"
    """Turn on or tune response caching."""
    ROUTE = "route"
    """Move traffic: away from a bad replica, or back to the previous version."""
    SCALE = "scale"
    """Add replicas, or give them back."""
    ALERT = "alert"
    """Tell people, change nothing."""
    NO_ACTION = "no_action"
    """Leave it."""


CHANGING = (Action.RETRAIN, Action.FINE_TUNE, Action.CACHE, Action.ROUTE, Action.SCALE)
"""The actions that change something; bands, autonomy and budgets gate these and no others."""

TRAINING = (Action.RETRAIN, Action.FINE_TUNE)


class Cause(StrEnum):
    """Why a service looks the way it does."""

    CONCEPT_DRIFT = "concept_drift"
    """What the inputs mean has changed; the model must learn again."""
    COVARIATE_DRIFT = "covariate_drift"
    """The inputs moved, the model still answers them well."""
    DATA_BUG = "data_bug"
    """Something upstream sends nulls, out-of-range or stale values."""
    BAD_DEPLOYMENT = "bad_deployment"
    """The version that went live lately is worse than the one before."""
    SATURATION = "saturation"
    """There is more load than the replicas can carry."""
    CACHEABLE_BURST = "cacheable_burst"
    """Much of the load repeats itself."""
    HOT_REPLICA = "hot_replica"
    """One replica is overloaded or ill, the others are not."""
    SLOW_VERSION = "slow_version"
    """The version that went live lately is slower than the one before."""
    LABEL_TROUBLE = "label_trouble"
    """The labels behind the accuracy are too few, too late or wrong."""
    BLIP = "blip"
    """A short excursion that ends by itself."""
    OVER_PROVISIONED = "over_provisioned"
    """More replicas than the load has needed for a long time."""
    HEALTHY = "healthy"
    """Nothing is wrong."""
    UNKNOWN = "unknown"
    """Something is wrong that none of the others explains."""


class Risk(StrEnum):
    """How bad it may get if the action goes wrong."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Mode(StrEnum):
    """How much AURORA may do by itself; the stricter of the installation's and the model's holds."""

    AUTONOMOUS = "autonomous"
    """Acts within its bands and asks outside of them."""
    ASK = "ask"
    """Asks before every change."""
    OBSERVE = "observe"
    """Says what it would have done, and does nothing."""
    STOPPED = "stopped"
    """The kill switch: nothing is executed, whoever approved it."""


class Autonomy(StrEnum):
    """Who may start one kind of action on one model."""

    AUTO = "auto"
    ASK = "ask"
    NEVER = "never"
    EARNED = "earned"
    """What can be undone follows the bands until a miss, the rest asks; verified successes in a row earn the bands."""


class Status(StrEnum):
    """Where a decision stands."""

    RUNNING = "running"
    """It is being worked out right now."""
    EXECUTED = "executed"
    NO_ACTION = "no_action"
    AWAITING_APPROVAL = "awaiting_approval"
    REJECTED = "rejected"
    FAILED = "failed"
    PROPOSED = "proposed"
    """A dry run or observe mode: planned, criticised and ruled, nothing done."""


class Ending(StrEnum):
    """Why a decision ended without reaching its goal."""

    DENIED = "denied"
    """A guardrail refused it."""
    CRITIC_REJECTED = "critic_rejected"
    GAVE_UP = "gave_up"
    """The critic asked for a revision more often than there are tries."""
    HUMAN_REJECTED = "human_rejected"
    EXPIRED = "expired"
    """Nobody answered in time."""
    TOOL_FAILED = "tool_failed"
    OVER_BUDGET = "over_budget"
    TIMED_OUT = "timed_out"


class Outcome(StrEnum):
    """What came of an executed action, as seen in the world."""

    PENDING = "pending"
    BETTER = "better"
    NOT_BETTER = "not_better"
    UNDONE = "undone"
    """It did not help and was taken back, or a person took it back."""
    CANNOT_TELL = "cannot_tell"
    """The evidence is missing. Missing data is never success."""


class MemoryKind(StrEnum):
    """What a memory entry tells of."""

    EXPERIMENT = "experiment"
    DECISION = "decision"
    INCIDENT = "incident"
    BEST_PRACTICE = "best_practice"


class Trust(StrEnum):
    """How we know how a case ended; fixed when it is written."""

    VERIFIED = "verified"
    """Code measured it in the world: moves belief."""
    REPORTED = "reported"
    """Somebody said so of a decision that AURORA executed: moves belief less."""
    TOLD = "told"
    """Written into memory by a person or shipped: shown, moves nothing."""


# --- plain types ---------------------------------------------------------------------------------------------------


def _printable(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    # Nearly all names are ASCII, and a list of points holds hundreds of them.
    if text.isascii() and text.isprintable():
        return text.strip()
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for c in text):
        raise ValueError("must hold printable characters only")
    return unicodedata.normalize("NFC", text.strip())


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _storable(text: str) -> str:
    # Nearly all text is ASCII, and most of a decision's text passes here several times.
    if "\x00" in text or not (text.isascii() or _encodes(text)):
        raise ValueError("must not hold NUL or lone surrogates")
    return text


def _moment(value: Any) -> datetime:
    """Read a point in time. Pydantic's own reading takes numbers, also as text, for seconds since 1970."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("must be an ISO 8601 date and time such as 2026-11-22T08:00:00Z") from error


Name = Annotated[str, Field(max_length=200), AfterValidator(_printable)]
Text = Annotated[str, Field(max_length=4000), AfterValidator(_storable)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
"""A point in time; one without an offset is read as UTC."""
Ratio = Annotated[float, Field(ge=0, le=1, strict=True, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, le=1e9, strict=True, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=10**12, strict=True)]
Flag = Annotated[bool, Field(strict=True)]


# --- what the world says -------------------------------------------------------------------------------------------


class ModelMetrics(Value):
    """How well the model answers, and how fast."""

    accuracy: Ratio | None = None
    """The quality metric the team watches; higher is better."""
    latency_ms: Amount | None = None
    """95th percentile."""
    error_rate: Ratio | None = None
    throughput_rps: Amount | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if all(v is None for v in (self.accuracy, self.latency_ms, self.error_rate, self.throughput_rps)):
            raise ValueError("at least one of accuracy, latency_ms, error_rate, throughput_rps is required")
        return self


class Baseline(Value):
    """The service's healthy level."""

    accuracy: Ratio | None = None
    latency_ms: Amount | None = None
    error_rate: Ratio | None = None
    throughput_rps: Amount | None = None


class DataDrift(Value):
    """How far the inputs moved from what the model was trained on."""

    detected: Flag | None = None
    score: Ratio | None = None
    features: Annotated[dict[Name, Ratio], Field(max_length=1000)] = {}


class Replica(Value):
    """One copy of the model that answers requests."""

    name: Name
    load: Ratio | None = None
    latency_ms: Amount | None = None
    healthy: Flag | None = None


def _distinct(replicas: tuple[Replica, ...]) -> tuple[Replica, ...]:
    names = [replica.name for replica in replicas]
    if len(set(names)) < len(names):
        raise ValueError("replicas must have distinct names")
    return replicas


Replicas = Annotated[tuple[Replica, ...], Field(max_length=1000), AfterValidator(_distinct)]


class SystemLoad(Value):
    """What the service uses of what it has."""

    cpu_usage: Ratio | None = None
    memory_usage: Ratio | None = None
    gpu_usage: Ratio | None = None
    replicas: Replicas = ()


class DataQuality(Value):
    """What may be wrong with the inputs themselves."""

    null_rate: Ratio | None = None
    invalid_rate: Ratio | None = None
    freshness_minutes: Amount | None = None
    suspect_features: Annotated[tuple[Name, ...], Field(max_length=1000)] = ()


class Deployment(Value):
    """The version that serves, and the one before it."""

    minutes_since_deploy: Amount | None = None
    previous_version: Name | None = None
    previous_accuracy: Ratio | None = None


class Traffic(Value):
    """What the requests look like."""

    repeat_ratio: Ratio | None = None
    """Share of requests identical to a recent one: what a cache could answer."""
    rps_baseline: Amount | None = None


class Labels(Value):
    """What stands behind the accuracy."""

    count: Count | None = None
    delay_hours: Amount | None = None


class Telemetry(Value):
    """One look at one model: the body of `POST /api/analyze`."""

    model_name: Name = "default"
    model_version: Name | None = None
    timestamp: Moment | None = None
    model_metrics: ModelMetrics
    baseline: Baseline | None = None
    data_drift: DataDrift | None = None
    system_load: SystemLoad | None = None
    data_quality: DataQuality | None = None
    deployment: Deployment | None = None
    traffic: Traffic | None = None
    labels: Labels | None = None
    notes: Text = ""
    """Free text from alerts or logs. Data, never instructions: nothing that can act reads it."""


class MetricPoint(Value):
    """One point of a model's history: the body of `POST /api/metrics`."""

    model_name: Name
    model_version: Name | None = None
    timestamp: Moment | None = None
    accuracy: Ratio | None = None
    latency_ms: Amount | None = None
    error_rate: Ratio | None = None
    throughput_rps: Amount | None = None
    data_drift_score: Ratio | None = None
    concept_drift_score: Ratio | None = None
    cpu_usage: Ratio | None = None
    memory_usage: Ratio | None = None
    gpu_usage: Ratio | None = None
    null_rate: Ratio | None = None
    invalid_rate: Ratio | None = None
    labels: Count | None = None
    challenger_accuracy: Ratio | None = None
    repeat_ratio: Ratio | None = None
    replicas: Replicas = ()
    """The copies that answered, one by one. No metric of its own: a point needs one beside them."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if all(getattr(self, name) is None for name in METRICS):
            raise ValueError(f"at least one metric is required: {', '.join(METRICS)}")
        return self


METRICS = tuple(
    name for name in MetricPoint.model_fields if name not in ("model_name", "model_version", "timestamp", "replicas")
)
"""The fields of a point that are numbers."""


# --- a model's settings --------------------------------------------------------------------------------------------


class Costs(Value):
    """What each action costs, in hours of the model's normal traffic answered wrongly."""

    retrain: Amount = 0.50
    fine_tune: Amount = 0.10
    cache: Amount = 0.02
    route: Amount = 0.05
    scale: Amount = 0.03
    alert: Amount = 0.20
    replica_hour: Amount = 0.025
    slo_breach: Amount = 0.25
    """Harm of one hour over the latency target."""

    def of(self, action: Action) -> float:
        """Return what `action` costs; leaving it costs nothing."""
        return 0.0 if action is Action.NO_ACTION else float(getattr(self, action.value))


class AutonomySettings(Value):
    """Who may start each kind of action; see `Autonomy`."""

    retrain: Autonomy = Autonomy.EARNED
    fine_tune: Autonomy = Autonomy.EARNED
    cache: Autonomy = Autonomy.EARNED
    route: Autonomy = Autonomy.EARNED
    scale: Autonomy = Autonomy.EARNED


class Limits(Value):
    """What no approval goes beyond."""

    max_replicas: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 20
    actions_per_day: Count = 6
    spend_per_day: Amount = 2.0


class FreezeWindow(Value):
    """A time in which nothing of this model may change."""

    start: Moment
    end: Moment
    reason: Text = ""

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.end <= self.start:
            raise ValueError("end must come after start")
        return self


class Thresholds(Value):
    """Where the triggers of the contract's table lie."""

    drift_score: Ratio = 0.5
    usage_high: Ratio = 0.85
    usage_idle: Ratio = 0.15
    repeat_ratio: Ratio = 0.3
    null_rate: Ratio = 0.05
    invalid_rate: Ratio = 0.05
    freshness_minutes: Amount = 180
    error_rate: Ratio = 0.05
    recent_deploy_minutes: Amount = 240
    min_labels: Count = 200
    label_delay_hours: Amount = 48


class ModelSettings(Value):
    """What one model may expect of AURORA; every field has a default."""

    accuracy_floor: Ratio = 0.70
    latency_slo_ms: Annotated[float, Field(gt=0, le=1e9, strict=True, allow_inf_nan=False)] = 1000.0
    baseline: Baseline | None = None
    costs: Costs = Costs()
    autonomy: AutonomySettings = AutonomySettings()
    limits: Limits = Limits()
    thresholds: Thresholds = Thresholds()
    mode: Mode | None = None
    """None: `autonomous` for a sandbox model, `observe` for one on a real backend."""
    cooldown_minutes: Amount = 60.0
    verify_minutes: Amount = 120.0
    freeze: Annotated[tuple[FreezeWindow, ...], Field(max_length=100)] = ()


# --- what the ledger knows that the guardrails need ------------------------------------------------------------------


class Deed(Value):
    """A change that AURORA made."""

    decision_id: str
    action: Action
    parameters: dict[str, Any] = {}
    executed_at: Moment
    outcome: Outcome
    price: float = 0.0


class TrackRecord(Value):
    """How one action class turned out on one model, verified outcomes only, newest last."""

    outcomes: tuple[bool, ...] = ()


class ActionAutonomy(Value):
    """What AURORA may start by itself, for one kind of action on one model, and why."""

    setting: Autonomy
    pinned: bool
    """Whether a person set it, so that no record moves it."""
    state: Literal["within_bands", "asks", "never"]
    """`within_bands`: it runs where confidence, risk and limits allow it. `asks`: a person is asked each time.

    The mode of model and installation goes before it: in `ask` everything asks, in `observe` nothing runs.
    """
    undoable: bool
    """Whether its backend can take it back."""
    verified_successes: int
    """Of its newest outcomes, as far as code verified them on this kind of backend; what people report has no part."""
    misses: int
    in_a_row: int
    """Verified successes since the last miss."""
    needed: int
    """How many in a row earn it to run by itself, where it has to."""
    lower_bound: Ratio
    """Of the chance of success that those in a row speak for: exceeded with 95 % belief."""
    bar: Ratio
    """What the lower bound has to reach."""
    reason: str


class Facts(Value):
    """The ledger's answer to the guardrails, read in the transaction that records the ruling or the intent."""

    deeds: tuple[Deed, ...] = ()
    """Changes on this model in the last 24 hours, newest first."""
    in_flight: tuple[str, ...] = ()
    """Other decisions whose change on this model is under way or not verified yet."""
    models: int = 1
    models_in_change: int = 0
    """Other models with a change in flight."""
    track: dict[Action, TrackRecord] = {}


# --- the nouns of a decision, in the order in which the nodes add them ----------------------------------------------


class Watch(Value):
    """What the monitor makes of a model."""

    word: Literal["quiet", "suspicious", "breaching", "held"] = "quiet"
    """`suspicious`: a point was outside its limits, which may pass. `held`: it breaches, and nothing is planned yet."""
    since: Moment | None = None
    signs: tuple[str, ...] = ()
    """What is outside its limits, each in a sentence."""
    held_by: Literal["", "in_flight", "cooldown", "same_evidence", "flapping", "storm"] = ""
    """What it waits for: a decision under way, a change to settle, new evidence, to stay in or out, a shared cause."""
    looked_at: Moment | None = None


class Serving(Value):
    """What serves the model right now, as the tools see it. Fields are None where no tool can tell."""

    version: str | None = None
    previous_version: str | None = None
    replicas: int | None = None
    weights: dict[str, float] | None = None
    """Share of traffic per replica, in percent, summing to 100."""
    cache_enabled: bool | None = None
    cache_ttl_seconds: float | None = None
    simulated: bool = False


class RetrainOutlook(Value):
    """What the model's labelled points say of a retrain, in hours of wrong answers."""

    points: int
    """How many of them were looked at."""
    probability: Ratio
    """That retraining now costs less than keeping the model."""
    saving: float
    """Expected; below 0 where a retrain costs more than it brings."""
    waiting: float
    """What one more point is worth beyond what it costs: above 0 where waiting is better."""
    reason: str


class History(Value):
    """What the stored points say; empty for a model seen for the first time."""

    points: int = 0
    span_hours: float = 0.0
    accuracy_slope: float | None = None
    """Change of accuracy per hour over the newest points."""
    latency_slope: float | None = None
    """Change of latency in ms per hour over the newest points."""
    memory_slope: float | None = None
    """Change of memory usage per hour over the newest points; 0 where it only goes up and down."""
    load_growth: float | None = None
    """The most load that is likely by the time a replica ordered now serves, over the newest load."""
    retrain: RetrainOutlook | None = None
    """None where too few points have labels."""
    breaching_points: int = 0
    """How many of the newest points in a row were outside their limits."""


class Situation(Value):
    """What observe saw: the telemetry, what it is measured against, and what is not known."""

    decision_id: str
    observed_at: Moment
    telemetry: Telemetry
    settings: ModelSettings
    baseline: Baseline
    """The healthy level used, whichever source it came from."""
    baseline_sources: dict[str, Literal["telemetry", "settings", "history"]]
    """Where each known baseline came from; one that is missing here is not known."""
    history: History = History()
    serving: Serving = Serving()
    gaps: tuple[str, ...] = ()
    """Paths of the telemetry fields that were left out, such as `data_drift.score`."""
    notices: tuple[str, ...] = ()
    """Parts that were degraded while this was observed, each in one sentence."""
    simulated: bool = False


class Recalled(Value):
    """One memory entry that was found to be like the situation, or about the action."""

    id: str
    kind: MemoryKind
    summary: str
    similarity: Annotated[float, Field(ge=-1, le=1)]
    decision_id: str | None = None
    model_name: str | None = None
    decision_type: Action | None = None
    success: bool | None = None
    trust: Trust = Trust.TOLD
    simulated: bool = False
    features: dict[str, float] = {}
    """The numbers of the situation it tells of; see `aurora.policy.features`."""
    created_at: Moment | None = None


class Step(Value):
    """One thing to do: exactly this is what an approval covers."""

    action: Action
    target: str
    """The name of the model that it is done to."""
    parameters: dict[str, Any] = {}


class Goal(Value):
    """What the action is to reach, so that it can be measured afterwards."""

    metric: Literal["accuracy", "latency_ms", "error_rate", "usage", "memory_usage", "none"]
    """`usage` is that of the busiest of CPU, GPU and replicas."""
    direction: Literal["at_least", "at_most"]
    threshold: float
    before: float | None = None
    within_minutes: float
    summary: str
    keep: bool = False
    """The metric is well as it is and is to stay so: the action is for something else, as giving back replicas is."""


class CauseProbability(Value):
    """How likely one cause is, and the evidence for it."""

    cause: Cause
    probability: Ratio
    evidence: tuple[str, ...] = ()


class Alternative(Value):
    """An action that was not chosen, and why not."""

    decision_type: Action
    expected_cost: float
    confidence: Ratio
    why_not: str


class Plan(Value):
    """What is proposed, why, and how sure."""

    decision_id: str = ""
    round: int = 0
    proposed_by: str = "policy"
    step: Step
    reasoning: str
    reasons: tuple[str, ...] = ()
    confidence: Ratio
    """Calibrated probability that the step reaches its goal."""
    confidence_low: Ratio
    """Lower bound of the 90 % credible interval."""
    expected_cost: float = 0.0
    """Expected cost of doing this over the horizon, in hours of wrong answers."""
    cost_of_waiting: float = 0.0
    price: float = 0.0
    """What doing it costs by the model's settings."""
    goal: Goal | None = None
    diagnosis: tuple[CauseProbability, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    flip: str = ""
    """The smallest change of the situation that would have changed the answer."""
    recalled: tuple[Recalled, ...] = ()
    policy_version: str = ""


class Critique(Value):
    """The second look: may lower confidence, never raise it."""

    round: int = 0
    verdict: Literal["approve", "revise", "reject"]
    reasoning: str
    confidence: Ratio
    risk: Risk
    requires_approval: bool = False
    avoid: tuple[Action, ...] = ()
    """Actions that the next plan must not propose again."""
    recalled: tuple[Recalled, ...] = ()
    """How this action turned out before, failures first."""


class Preview(Value):
    """What a step would change, asked of the tool without changing anything."""

    changes: dict[str, tuple[Any, Any]] = {}
    """Setting → (now, then)."""
    cost: float = 0.0
    """In hours of wrong answers; for what the tool itself can price, else 0."""
    undoable: bool
    undo: str
    """How it would be taken back, in one sentence."""
    backend: str
    simulated: bool = False


class Finding(Value):
    """A guardrail that fired."""

    rule: str
    verdict: Literal["needs_approval", "deny"]
    reason: str


class Ruling(Value):
    """Whether the step may run. Unknown means deny."""

    round: int = 0
    verdict: Literal["allow", "needs_approval", "deny"]
    propose_only: bool = False
    """A dry run or observe mode: said, not done."""
    findings: tuple[Finding, ...] = ()
    step: Step
    confidence: Ratio
    preview: Preview | None = None
    fingerprint: str
    """Hash of action, parameters, target, evidence and policy version: what an approval binds."""
    approval_id: str | None = None


class Approval(Value):
    """What a named person said, read back from the ledger."""

    id: str
    round: int
    answer: Literal["approved", "rejected", "edited", "expired"]
    by: str
    authenticated: bool = False
    reason: str = ""
    step: Step | None = None
    """The step as edited."""
    fingerprint: str
    settled_at: Moment


class ToolResult(Value):
    """What a tool did, as a value: failure is an answer too."""

    status: Literal["ok", "no_data", "failed", "refused"]
    called: str
    """What was called, for example `sandbox.training.apply`."""
    answer: dict[str, Any] = {}
    """What the service said."""
    before: dict[str, Any] = {}
    """What an undo needs to know."""
    detail: str = ""
    simulated: bool = False


class Execution(Value):
    """What was done about the ruling."""

    round: int = 0
    status: Literal["done", "failed", "out_of_bounds"]
    intent_key: str
    step: Step
    reasoning: str
    result: ToolResult | None = None
    ending: Ending | None = None
    executed_at: Moment


class Wake(Value):
    """Why the watch over an executed action ended."""

    round: int = 0
    reason: Literal["window_over", "reported", "undo_requested"]
    woken_at: Moment


class Verification(Value):
    """What the world says about it afterwards."""

    outcome: Literal["better", "not_better", "cannot_tell"]
    reasoning: str
    source: Literal["tool", "history", "person", "none"]
    before: float | None = None
    after: float | None = None
    metrics: dict[str, float] = {}
    verified: bool
    """True where code measured it; what a person reported is not."""


class Undo(Value):
    """What was taken back."""

    status: Literal["undone", "nothing_to_undo", "failed"]
    reasoning: str
    by: str = "aurora"
    restored: bool | None = None
    """Whether what the step had changed was seen to be as before; None where the backend cannot tell."""
    result: ToolResult | None = None


class Lesson(Value):
    """What was learned: the case as it went to the ledger and, from there, to memory."""

    entry_id: str | None
    text: str
    success: bool | None
    verified: bool


class Report(Value):
    """The last word on a decision, for people."""

    headline: str
    text: str


# --- what goes to the ledger beside a noun ---------------------------------------------------------------------------


class Standing(Value):
    """Where a decision stands after its newest noun."""

    status: Status
    ending: Ending | None = None
    outcome: Outcome | None = None


class NewApproval(Value):
    """A question to a person: exactly this step, until then."""

    id: str
    round: int
    step: Step
    fingerprint: str
    reasons: tuple[str, ...]
    confidence: Ratio
    risk: Risk
    expires_at: Moment


class Notice(Value):
    """A message to people, delivered at least once under its event id."""

    event_id: str
    model_name: str
    severity: Literal["info", "warning", "critical"]
    message: str
    decision_id: str | None = None


class NewEntry(Value):
    """A memory entry on its way to the ledger."""

    id: str | None = None
    kind: MemoryKind
    text: Text
    situation: Text = ""
    """What recall compares, for a case that was seen: the situation alone, whatever was done about it."""
    model_name: str | None = None
    decision_type: Action | None = None
    success: bool | None = None
    trust: Trust = Trust.TOLD
    source: str
    """Who wrote it: `aurora`, `shipped`, or a person's name."""
    decision_id: str | None = None
    features: dict[str, float] = {}
    telemetry: dict[str, Any] | None = None
    simulated: bool = False


class OutcomeReport(Value):
    """What came of a decision, as verified outside AURORA."""

    success: Flag
    metrics: Annotated[
        dict[Name, Annotated[float, Field(strict=True, allow_inf_nan=False)]], Field(max_length=100)
    ] = {}
    note: Text = ""


class Health(Value):
    """How one part is doing."""

    word: Literal["operational", "degraded", "down"]
    detail: str = ""
