"""Whole values and short stories that the tests of the ledger begin with."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from aurora.domain import (
    Action,
    Ending,
    Execution,
    Facts,
    Finding,
    MemoryKind,
    Mode,
    NewApproval,
    NewEntry,
    Notice,
    Outcome,
    Plan,
    Report,
    Risk,
    Ruling,
    Standing,
    Status,
    Step,
    Telemetry,
    ToolResult,
    Verification,
)
from aurora.ledger import Ledger

NAME = "fraud-scorer"
RUNNING = Standing(status=Status.RUNNING)
WAITING = Standing(status=Status.AWAITING_APPROVAL)
PENDING = Standing(status=Status.EXECUTED, outcome=Outcome.PENDING)
OK = ToolResult(status="ok", called="sandbox.training.apply", answer={"training_job_id": "training-1"})
LOST = ToolResult(status="no_data", called="sandbox.training.apply")
BROKEN = ToolResult(status="failed", called="sandbox.training.apply", detail="no such bucket")


@dataclass
class Watch:
    """A clock that stands still until it is put forward."""

    now: datetime = datetime(2026, 11, 22, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


def telemetry(name: str = NAME, **more: Any) -> Telemetry:
    return Telemetry.model_validate({"model_name": name, "model_metrics": {"accuracy": 0.75}, **more})


def step(action: Action = Action.RETRAIN, target: str = NAME, **parameters: Any) -> Step:
    return Step(action=action, target=target, parameters=parameters)


def plan(what: Step, price: float = 0.5, confidence: float = 0.95) -> Plan:
    sure = {"confidence": confidence, "confidence_low": confidence / 2}
    return Plan(step=what, reasoning="accuracy slips", price=price, **sure)


def ruling(what: Step, verdict: Literal["allow", "needs_approval", "deny"] = "allow", why: str = "too early") -> Ruling:
    findings = () if verdict == "allow" else (Finding(rule="test", verdict=verdict, reason=why),)
    return Ruling(verdict=verdict, findings=findings, step=what, confidence=0.9, fingerprint="f" * 64)


def execution(what: Step, key: str, at: datetime) -> Execution:
    return Execution(status="done", intent_key=key, step=what, reasoning="", result=OK, executed_at=at)


def verification(outcome: Literal["better", "not_better"], *, by_code: bool) -> Verification:
    source: Literal["tool", "person"] = "tool" if by_code else "person"
    return Verification(outcome=outcome, reasoning="", source=source, verified=by_code)


def question(id: str, expires_at: datetime, what: Step | None = None, round: int = 0) -> NewApproval:
    return NewApproval(
        id=id,
        round=round,
        step=what or step(),
        fingerprint="asked",
        reasons=("confidence under 0.7",),
        confidence=0.6,
        risk=Risk.MEDIUM,
        expires_at=expires_at,
    )


def entry(text: str = "a retrain helped", **more: Any) -> NewEntry:
    return NewEntry.model_validate({"kind": MemoryKind.DECISION, "text": text, "source": "aurora", **more})


def notice(event_id: str, name: str = NAME) -> Notice:
    return Notice(event_id=event_id, model_name=name, severity="warning", message="look at this")


def report(text: str = "all is said") -> Report:
    return Report(headline="done", text=text)


@dataclass
class Story:
    """Lets decisions come as far as a test needs them."""

    ledger: Ledger
    clock: Watch

    def opened(self, name: str = NAME, *, simulated: bool = True) -> str:
        return self.ledger.decisions.open(telemetry(name), dry_run=False, mode=Mode.AUTONOMOUS, simulated=simulated)

    def asked(self, id: str = "apr_1", name: str = NAME, hours: float = 24) -> str:
        """Open a decision that asks for approval; return the decision's id."""
        decision = self.opened(name)
        asking = question(id, self.clock.now + timedelta(hours=hours))
        self.ledger.decisions.record(decision, 0, "rule", ruling(step(), "needs_approval"), WAITING, ask=asking)
        return decision

    def begun(
        self, name: str = NAME, action: Action = Action.RETRAIN, *, simulated: bool = True, price: float = 0.5
    ) -> tuple[str, str]:
        """Plan a change and write its intent down; return the ids of both."""
        decision, what = self.opened(name, simulated=simulated), step(action, name)
        self.ledger.decisions.record(decision, 0, "plan", plan(what, price), RUNNING)
        key = f"{decision}:0:{action}"
        self.ledger.intents.begin(key, decision, what, "sandbox.training", allow)
        return decision, key

    def executed(
        self, name: str = NAME, action: Action = Action.RETRAIN, *, simulated: bool = True, price: float = 0.5
    ) -> str:
        """Make a change whose outcome is pending; it is due for a look in two hours."""
        decision, key = self.begun(name, action, simulated=simulated, price=price)
        self.ledger.intents.finish(key, OK)
        done, due = execution(step(action, name), key, self.clock.now), self.clock.now + timedelta(hours=2)
        self.ledger.decisions.record(decision, 0, "execute", done, PENDING, verify_at=due)
        return decision

    def verified(
        self,
        outcome: Literal["better", "not_better"],
        name: str = NAME,
        action: Action = Action.RETRAIN,
        *,
        by_code: bool = True,
        simulated: bool = True,
    ) -> str:
        """Make a change and look at what came of it."""
        decision = self.executed(name, action, simulated=simulated)
        seen = verification(outcome, by_code=by_code)
        standing = Standing(status=Status.EXECUTED, outcome=Outcome(outcome))
        self.ledger.decisions.record(decision, 0, "verify", seen, standing)
        return decision

    def failed(self, name: str = NAME) -> str:
        """Try a change that the tool could not make."""
        decision, key = self.begun(name)
        self.ledger.intents.finish(key, BROKEN)
        standing = Standing(status=Status.FAILED, ending=Ending.TOOL_FAILED)
        self.ledger.decisions.record(decision, 0, "execute", execution(step(), key, self.clock.now), standing)
        return decision


def allow(_: Facts, __: Mode) -> Ruling:
    """Be a gate that is always open."""
    return ruling(step())
