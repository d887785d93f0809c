"""The Python face: everything that the API, the commands and a pipeline of yours can ask of AURORA.

Thread-safe. The graph runs on an event loop of its own; blocking methods wait for it, `submit_analyze` hands out a
future.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self

from anyio.from_thread import BlockingPortal, start_blocking_portal

from aurora.agents import CriticAgent, ExecutorAgent, PlannerAgent
from aurora.answers import AnalyzeAnswer, answer
from aurora.bootstrap import Parts, Tools, assemble, utc_now
from aurora.checkpoints import checkpoints
from aurora.crashes import Crash, crash_point
from aurora.domain import (
    CHANGING,
    Action,
    Health,
    MetricPoint,
    Mode,
    ModelSettings,
    Outcome,
    OutcomeReport,
    Situation,
    Status,
    Step,
    Telemetry,
    Trust,
    Value,
)
from aurora.errors import AuroraError, Conflict, Invalid
from aurora.graph.build import build_graph
from aurora.graph.monitor import Monitor
from aurora.graph.runner import Runner
from aurora.ledger import Ledger
from aurora.ledger.wakeups import NOBODY, WakeUps
from aurora.memory import Memory
from aurora.nouns import by_node
from aurora.parsing import parse
from aurora.policy.guardrails import fingerprint
from aurora.ports import Clock, Tool
from aurora.settings import Settings

REPLIES_KEPT = timedelta(hours=24)
"""How long an answer is given again for its Idempotency-Key."""


class Aurora(AbstractContextManager["Aurora"]):
    """One running AURORA. Open it with `Aurora.open()`, close it with `close()` or a `with` block."""

    def __init__(self, parts: Parts, portal: BlockingPortal, runner: Runner, stack: ExitStack) -> None:
        self._parts = parts
        self._portal = portal
        self._runner = runner
        self._monitor = Monitor(parts.deps, runner)
        self._stack = stack
        self._replies_kept_until = datetime.min.replace(tzinfo=UTC)
        self.on_metrics: Callable[[], object] = _nobody_asked
        """Called whenever points arrived: for whoever watches them."""
        self.beside: Callable[[], Mapping[str, Health]] = dict
        """Returns what runs beside it and how it is, for `health()`: in a server its pages and its fleet."""
        self.planner = PlannerAgent(self)
        self.critic = CriticAgent(self)
        self.executor = ExecutorAgent(self)

    @classmethod
    def open(
        cls,
        settings: Settings | None = None,
        clock: Clock = utc_now,
        refit: Callable[[Tools], Tools] = lambda tools: tools,
        wakeups: WakeUps = NOBODY,
    ) -> Self:
        """Open AURORA with `settings`, by default those of the environment; `refit` may exchange its tools.

        `wakeups` are told what is to be woken later; without them it is `sweep()` that finds it.
        Raises `Misconfigured` where they do not work and `HomeInUse` where another process has the folder.
        """
        with ExitStack() as stack:
            parts = assemble(settings, clock, refit, wakeups)
            stack.callback(parts.close)
            portal = stack.enter_context(start_blocking_portal("asyncio"))
            saver = stack.enter_context(
                portal.wrap_async_context_manager(checkpoints(parts.settings, parts.home)),
            )
            runner = Runner(build_graph(saver), parts.deps)
            return cls(parts, portal, runner, stack.pop_all())

    def close(self) -> None:
        """Let go of everything. What was not finished goes on at the next start."""
        self._runner.end()
        self._stack.close()

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- the parts ---------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """What it was opened with."""
        return self._parts.settings

    @property
    def ledger(self) -> Ledger:
        """The truth."""
        return self._parts.ledger

    @property
    def memory(self) -> Memory:
        """What it remembers."""
        return self._parts.memory

    @property
    def tools(self) -> Mapping[Action, Tool]:
        """Its hands, by action."""
        return self._parts.deps.tools

    @property
    def parts(self) -> Parts:
        """Everything it is made of."""
        return self._parts

    # --- decisions ---------------------------------------------------------------------------------------------------

    def analyze(
        self, telemetry: Mapping[str, Any] | Telemetry, *, dry_run: bool = False, decision_id: str | None = None
    ) -> AnalyzeAnswer:
        """Decide about one look at one model and, if it may, act. Raises `Invalid` naming the field that is wrong."""
        return self.submit_analyze(telemetry, dry_run=dry_run, decision_id=decision_id).result()

    def submit_analyze(
        self, telemetry: Mapping[str, Any] | Telemetry, *, dry_run: bool = False, decision_id: str | None = None
    ) -> Future[AnalyzeAnswer]:
        """Like `analyze`, without waiting. With a `decision_id` the same decision is never opened twice."""
        look = parse(Telemetry, telemetry)
        return self._portal.start_task_soon(self._analyze, look, dry_run, decision_id)

    async def _analyze(self, look: Telemetry, dry_run: bool, decision_id: str | None) -> AnalyzeAnswer:
        opened = await asyncio.to_thread(self.open_decision, look, dry_run=dry_run, decision_id=decision_id)
        crash_point(Crash.DECISION_OPENED)
        await self._runner.start(opened)
        return await asyncio.to_thread(self.answer, opened)

    def open_decision(
        self, look: Telemetry, *, dry_run: bool = False, decision_id: str | None = None, held: bool = False
    ) -> str:
        """Record a decision before anything is done about it; return its id. `held`: only its caller advances it."""
        simulated = self._parts.deps.simulated
        return self.ledger.decisions.open(
            look,
            dry_run=dry_run,
            mode=self.ledger.models.mode_once_seen(look.model_name, simulated=simulated),
            simulated=simulated,
            decision_id=decision_id,
            held=held,
        )

    def submit_advance(self, decision_id: str) -> Future[None]:
        """Take a decision as far as the ledger lets it, without waiting."""
        return self._portal.start_task_soon(self._runner.advance, decision_id)

    def submit_wake(self, decision_id: str) -> Future[None]:
        """Deliver a wake-up, without waiting: late, twice or for nothing it does no harm."""
        return self._portal.start_task_soon(self._runner.wake, decision_id)

    def settle(
        self,
        approval_id: str,
        decision: Literal["approve", "reject", "edit"],
        *,
        by: str,
        authenticated: bool = False,
        reason: str = "",
        action: Mapping[str, Any] | None = None,
    ) -> AnalyzeAnswer:
        """Settle an approval once, in the name of `by`, and go on with the decision.

        Raises `NotFound`, `Conflict` once settled or expired, `Invalid` for an edit that the tool would refuse.
        """
        asked = self.ledger.approvals.get(approval_id)
        step = self._edited(asked.step, action) if decision == "edit" else None
        if action is not None and decision != "edit":
            raise Invalid("action goes with decision edit only.", field="action")
        print_ = fingerprint(step, self._situation(asked.decision_id)) if step else asked.fingerprint
        self.ledger.approvals.settle(
            approval_id,
            _ANSWERS[decision],
            by=by,
            authenticated=authenticated,
            reason=reason,
            step=step,
            fingerprint=print_,
        )
        crash_point(Crash.APPROVAL_SETTLED)
        self._portal.call(self._runner.advance, asked.decision_id)
        return self.answer(asked.decision_id)

    def report_outcome(self, decision_id: str, report: OutcomeReport, by: str) -> AnalyzeAnswer:
        """Record what came of a decision, as verified outside. Raises `Conflict` where nothing was executed."""
        decision = self.ledger.decisions.get(decision_id)
        if decision.status is not Status.EXECUTED:
            raise Conflict(
                f"Decision {decision_id} is {decision.status}: nothing was executed that could have an outcome."
            )
        self.ledger.decisions.add_outcome(decision_id, report, by)
        crash_point(Crash.OUTCOME_REPORTED)
        if decision.outcome is Outcome.PENDING:
            self._portal.call(self._runner.advance, decision_id)
        # Looked at anew: what came of it may have been verified just before the report, and without it.
        outcome = self.ledger.decisions.get(decision_id).outcome
        if outcome is Outcome.CANNOT_TELL or (outcome is not Outcome.PENDING and not report.success):
            # A person's word can take belief away or fill a gap; it never turns a seen failure into a success.
            self.ledger.entries.set_outcome(decision_id, report.success, Trust.REPORTED)
            self.memory.index_new()
        return self.answer(decision_id)

    def undo(self, decision_id: str, reason: str, by: str) -> AnalyzeAnswer:
        """Take an executed action back, through the gate. Raises `Conflict` where there is nothing to take back."""
        decision = self.ledger.decisions.get(decision_id)
        if decision.status is not Status.EXECUTED or decision.decision_type not in CHANGING:
            raise Conflict(f"Decision {decision_id} is {decision.status}: it changed nothing that could be taken back.")
        if decision.outcome is Outcome.UNDONE:
            raise Conflict(f"Decision {decision_id} was taken back before.")
        if not self.tools[decision.decision_type].effect.reversible:
            raise Conflict(f"{self.tools[decision.decision_type].name} cannot take back what it did.")
        if self.ledger.installation.mode() is Mode.STOPPED:
            raise Conflict("AURORA is stopped: set another mode before anything is taken back.")
        name = decision.telemetry.model_name
        if others := self.ledger.decisions.in_flight(name, decision_id):
            # What is under way was built on this change, and could not be verified without it.
            raise Conflict(f"Decision {others[0]} is changing {name}: take that back first, or wait for its outcome.")
        self.ledger.decisions.request_undo(decision_id, reason, by)
        crash_point(Crash.UNDO_REQUESTED)
        self._portal.call(self._runner.advance, decision_id)
        return self.answer(decision_id)

    def answer(self, decision_id: str) -> AnalyzeAnswer:
        """Return a decision as other programs see it."""
        decision, nouns = self.ledger.decisions.history(decision_id)
        return answer(decision, by_node(nouns))

    def nouns(self, decision_id: str) -> dict[str, list[Any]]:
        """Return the recorded nouns by node, oldest first."""
        return by_node(self.ledger.decisions.nouns(decision_id))

    def record(self, decision_id: str) -> dict[str, Any]:
        """Return the whole record of a decision, as plain JSON values."""
        decision, rows = self.ledger.decisions.history(decision_id)
        nouns = by_node(rows)
        return {
            **answer(decision, nouns).model_dump(mode="json"),
            "mode": decision.mode.value,
            "updated_at": decision.updated_at.isoformat(),
            "telemetry": decision.telemetry.model_dump(mode="json", exclude_none=True),
            "steps": {node: [noun.model_dump(mode="json") for noun in made] for node, made in nouns.items()},
            "approvals": _plain(self.ledger.approvals.of_decision(decision_id)),
            "intents": _plain(self.ledger.intents.of_decision(decision_id)),
            "outcomes": _plain(self.ledger.decisions.outcomes(decision_id)),
        }

    # --- models and the installation ---------------------------------------------------------------------------------

    def meet(self, name: str) -> None:
        """Make a model known."""
        self.ledger.models.seen(name, simulated=self._parts.deps.simulated)

    def put_settings(self, name: str, settings: ModelSettings, by: str) -> None:
        """Replace a model's settings; what is left out takes its default, on the sandbox the sandbox's."""
        self.meet(name)
        self.ledger.models.put_settings(name, settings, by)

    def add_metrics(self, points: Sequence[MetricPoint], received_at: datetime | None = None) -> int:
        """Keep points as the models' history; return how many."""
        deps = self._parts.deps
        self.ledger.metrics.add(points, received_at or deps.clock(), simulated=deps.simulated)
        crash_point(Crash.METRICS_KEPT)
        self.on_metrics()
        return len(points)

    def health(self) -> dict[str, Any]:
        """Return the state of every part; the worst of them is the state of the whole."""
        parts = {
            "database": self._database(),
            "memory_store": self.memory.status(),
            "agents": self._agents(),
        }
        if (wakeups := self.ledger.wakeups.health()) is not None:
            parts["wake_ups"] = wakeups
        parts |= self.beside()
        words = [part.word for part in parts.values()]
        worst = max(words, key=("operational", "degraded", "down").index)
        return {
            "status": "healthy" if worst == "operational" else worst,
            "timestamp": self._parts.deps.clock().isoformat(),
            "components": {name: part.word for name, part in parts.items()},
            "details": {name: part.detail for name, part in parts.items() if part.detail},
        }

    def drain(self, seconds: float) -> bool:
        """Go on until no outcome is due within `seconds`, at most that long; return whether nothing is left.

        For a program that ends after one decision: a sandbox training needs a moment to finish and be verified.
        """
        until = time.monotonic() + seconds
        while self._due_by(seconds):
            if time.monotonic() > until:
                return False
            self.sweep()
            time.sleep(0.1)
        return True

    def _due_by(self, seconds: float) -> bool:
        soon = self._parts.deps.clock() + timedelta(seconds=seconds)
        return bool(self.ledger.decisions.due(soon) or self.ledger.decisions.unfinished())

    def watch(self) -> int:
        """Judge every model that is due by its stored points; return how many decisions were opened."""
        return self._portal.call(self._monitor.round)

    def sweep(self) -> int:
        """Advance every decision that waits for nothing any more; return how many there were."""
        self._forget_replies()
        return self._portal.call(self._runner.sweep)

    def _forget_replies(self) -> None:
        now = self._parts.deps.clock()
        if now >= self._replies_kept_until:
            self.ledger.replies.forget_before(now - REPLIES_KEPT)
            self._replies_kept_until = now + REPLIES_KEPT / 24

    # --- inside ------------------------------------------------------------------------------------------------------

    def _agents(self) -> Health:
        trouble = self._runner.trouble()
        return Health(word="degraded" if trouble else "operational", detail=trouble)

    def _database(self) -> Health:
        try:
            self.ledger.installation.mode()
        except AuroraError as error:
            return Health(word="down", detail=str(error))
        return Health(word="operational")

    def _situation(self, decision_id: str) -> Situation:
        found = self.ledger.decisions.noun(decision_id, 0, "observe")
        if found is None:
            raise Conflict(f"Decision {decision_id} has not observed anything yet.")
        return Situation.model_validate_json(found)

    def _edited(self, asked: Step, action: Mapping[str, Any] | None) -> Step:
        """Read an edit: `{"decision_type"?, "parameters"?}`, or the parameters alone."""
        if not action:
            raise Invalid("An edit needs the action as it should be.", field="action")
        whole = set(action) <= {"decision_type", "parameters"}
        kind = _action(action.get("decision_type", asked.action) if whole else asked.action)
        parameters = dict(action.get("parameters", asked.parameters) if whole else action)
        checked = parse(self.tools[kind].arguments[kind], parameters, "action.parameters")
        return Step(
            action=kind,
            target=asked.target,
            parameters=checked.model_dump(mode="json", by_alias=True, exclude_none=True),
        )


_ANSWERS: dict[str, Literal["approved", "rejected", "edited"]] = {
    "approve": "approved",
    "reject": "rejected",
    "edit": "edited",
}


def _action(word: Any) -> Action:
    if word not in (*CHANGING, Action.ALERT):
        raise Invalid(
            f"decision_type must be one of {', '.join((*CHANGING, Action.ALERT))}.", field="action.decision_type"
        )
    return Action(word)


def _nobody_asked() -> None:
    """Nobody watches the points as they arrive."""


def _plain(values: Sequence[Value]) -> list[dict[str, Any]]:
    return [value.model_dump(mode="json") for value in values]
