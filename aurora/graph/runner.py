"""The one file that starts and resumes runs.

A run is advanced, never told what to do: the nodes read from the ledger what was settled, what is due and what is
wanted back. So advancing twice, late, or with an empty checkpoint comes to the same.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from aurora.crashes import Crash, crash_point
from aurora.domain import Action, Execution, Outcome, Plan, Situation, Status, Step, Wake
from aurora.errors import AuroraError
from aurora.graph.build import Graph
from aurora.graph.deps import Deps, Run
from aurora.graph.hands import Silence, ask, earlier, look_up
from aurora.graph.state import Request
from aurora.graph.window import look_again, to_watch

if TYPE_CHECKING:
    from aurora.ledger.records import DecisionRecord, IntentRecord

log = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=20)
"""How long a new decision waits for a change of its model that is about to be verified."""
FRESH = timedelta(seconds=5)
"""For how long a new decision is left to the call that opened it."""
QUIET = 5
"""How many time limits of a tool call an effect of unknown outcome is given to show itself."""
LONGEST_PAUSE = timedelta(minutes=5)
"""How seldom the sweep comes back to a decision that keeps raising."""


class Runner:
    """Advances decisions in one process; all methods run on one event loop."""

    def __init__(self, graph: Graph, deps: Deps) -> None:
        self._graph = graph
        self._deps = deps
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._failures: dict[str, tuple[int, datetime]] = {}
        self._telling: set[asyncio.Task[None]] = set()
        self._ended = False

    def end(self) -> None:
        """Take nothing further any more; what still runs is cut off, and goes on at the next start."""
        self._ended = True

    async def start(self, decision_id: str) -> None:
        """Run a new decision up to its end or its first interrupt."""
        async with self._lock(decision_id):
            decision = await asyncio.to_thread(self._deps.ledger.decisions.get, decision_id)
            if decision.dry_run:
                await self._advance(decision_id)
            else:
                async with self._lock(f"model:{decision.model_name}"):
                    await self._wait_for_turn(decision)
                    await self._advance(decision_id)
        self._tell()
        await self._remember()

    async def advance(self, decision_id: str) -> None:
        """Take a decision as far as the ledger lets it."""
        async with self._lock(decision_id):
            await self._advance(decision_id)
        self._tell()
        await self._remember()

    async def wake(self, decision_id: str) -> None:
        """Deliver a wake-up. It may be late, doubled, too early or for nothing: the ledger says what is to be done."""
        async with self._lock(decision_id):
            pass  # Whoever is at work on it may be doing just what this is for.
        decision = await asyncio.to_thread(self._deps.ledger.decisions.get, decision_id)
        if decision.reported or (decision.outcome is Outcome.PENDING and await self._too_early(decision)):
            return
        crash_point(Crash.WAKE_DELIVERED)
        await self._advance_safely(decision_id)
        self._tell()
        await self._remember()

    async def _too_early(self, decision: "DecisionRecord") -> bool:
        later = decision.verify_at is not None and decision.verify_at > self._deps.clock()
        return later or await self._must_wait(decision.id)

    async def sweep(self) -> int:
        """Advance everything that waits for nothing any more; return how many decisions that were."""
        await self._reconcile()
        waiting = await asyncio.to_thread(self._ready)
        waiting += [one for one in await asyncio.to_thread(self._due) if not await self._must_wait(one)]
        for decision_id in waiting:
            await self._advance_safely(decision_id)
        await self._deliver()
        await self._index(self._deps.memory.sync)
        return len(waiting)

    def trouble(self) -> str:
        """Say what the sweep cannot get on with; empty while all is well."""
        stuck = len(self._failures)
        return f"{stuck} decisions could not be taken further and are tried again; see the log." if stuck else ""

    async def _reconcile(self) -> None:
        """Settle effects of which nobody knows whether they happened, once their target has had time to show them."""
        quiet = self._deps.clock() - timedelta(seconds=QUIET * self._deps.tool_timeout_seconds)
        for intent in await asyncio.to_thread(self._deps.ledger.intents.open_intents):
            if intent.state == "unknown" and intent.begun_at < quiet:
                await self._settle_unknown(intent)

    async def _settle_unknown(self, intent: "IntentRecord") -> None:
        decision = await asyncio.to_thread(self._deps.ledger.decisions.get, intent.decision_id)
        if decision.status is Status.FAILED and not decision.reported:
            # Its own run is not done with it: it waits for the tool, to take it back.
            return
        tool = self._deps.tools[intent.step.action]
        found = await look_up(self._deps, tool, intent.key)
        if isinstance(found, Silence):
            return
        if found.status == "no_data":
            found = found.evolve(status="failed", detail="It never reached its target.")
        if found.status == "ok" and decision.status is Status.FAILED and not intent.undo:
            # The decision ended long ago as failed: nobody watches this effect, so it is not left standing.
            before = found.before
            taken = await earlier(self._deps, tool, f"{intent.key}:undo")
            if taken is None:
                taken = await ask(self._deps, tool, "undo", lambda: tool.undo(intent.step, intent.key, before))
                crash_point(Crash.LATE_UNDONE)
            if isinstance(taken, Silence) or taken.status != "ok":
                return
            found = taken.evolve(status="failed", detail="It came after its time limit, and was taken back.")
        await asyncio.to_thread(self._deps.ledger.intents.finish, intent.key, found)

    def _ready(self) -> list[str]:
        ledger, now = self._deps.ledger, self._deps.clock()
        ledger.approvals.expire_due(now)
        left = (*ledger.decisions.unfinished(), *ledger.decisions.unreported())
        ready = [decision.id for decision in left if decision.created_at < now - FRESH]
        ready += [approval.decision_id for approval in ledger.approvals.unheard()]
        return [one for one in dict.fromkeys(ready) if self._may_try(one)]

    def _due(self) -> list[str]:
        return [one.id for one in self._deps.ledger.decisions.due(self._deps.clock()) if self._may_try(one.id)]

    def _may_try(self, decision_id: str) -> bool:
        _, again_at = self._failures.get(decision_id, (0, self._deps.clock()))
        return not self._busy(decision_id) and again_at <= self._deps.clock()

    async def _must_wait(self, decision_id: str) -> bool:
        """Look again later at a decision whose outcome cannot be told yet, without waking its run for it."""
        decisions = self._deps.ledger.decisions
        if await asyncio.to_thread(decisions.outcomes, decision_id):
            return False
        if await asyncio.to_thread(decisions.undo_requested, decision_id) is not None:
            return False
        found = await asyncio.to_thread(decisions.nouns, decision_id)
        newest = {row.node: row.body for row in found}
        change = to_watch(
            Situation.model_validate_json(newest["observe"]),
            Plan.model_validate_json(newest["plan"]),
            Execution.model_validate_json(newest["execute"]),
        )
        later = await look_again(self._deps, change)
        if later is not None:
            await asyncio.to_thread(decisions.postpone, decision_id, later)
        return later is not None

    def _busy(self, decision_id: str) -> bool:
        lock = self._locks.get(decision_id)
        return lock is not None and lock.locked()

    async def _advance_safely(self, decision_id: str) -> None:
        try:
            async with self._lock(decision_id):
                await self._advance(decision_id)
        except Exception:
            # One decision that cannot go on must not hold up the others; it is tried again ever more seldom.
            times = self._failures.get(decision_id, (0, None))[0] + 1
            pause = min(timedelta(seconds=2**times), LONGEST_PAUSE)
            self._failures[decision_id] = (times, self._deps.clock() + pause)
            log.exception("decision %s could not be advanced", decision_id)
        else:
            self._failures.pop(decision_id, None)

    async def _advance(self, decision_id: str) -> None:
        if self._ended:
            return
        try:
            # Read as late as can be: another process may have taken it further while this one waited.
            await self._run(await asyncio.to_thread(Run.of, self._deps, decision_id))
        except Exception:
            # At the end its checkpoints are closed under it, and that is no failure.
            if not self._ended:
                raise

    async def _run(self, run: Run) -> None:
        config: RunnableConfig = {"configurable": {"thread_id": run.decision.id}}
        await self._graph.ainvoke(await self._step(run, config), config, context=run, durability="sync")

    async def _step(self, run: Run, config: RunnableConfig) -> Request | Command[Any] | None:
        """Return what the run goes on with: the request where it begins, the interrupts that it answers, or nothing."""
        decision_id, request = run.decision.id, Request(decision_id=run.decision.id)
        snapshot = await self._graph.aget_state(config)
        if not snapshot.values:
            return request
        if not snapshot.next or _is_past(snapshot.values.get("wake"), run):
            # Whatever came since (a wish to take it back) is found by replaying what is recorded.
            await self._forget(decision_id)
            return request
        if snapshot.interrupts:
            return Command(resume={one.id: "look again" for one in snapshot.interrupts})
        return None

    async def _forget(self, decision_id: str) -> None:
        if not isinstance(self._graph.checkpointer, bool) and self._graph.checkpointer is not None:
            await self._graph.checkpointer.adelete_thread(decision_id)

    async def _wait_for_turn(self, decision: "DecisionRecord") -> None:
        """Let a change that is nearly verified end first, so that this decision sees the world after it."""
        until = self._deps.clock() + PATIENCE
        while (now := self._deps.clock()) < until and not self._ended:
            others = await asyncio.to_thread(self._in_flight, decision.model_name, decision.id)
            if not others or any(due_at is not None and due_at > until for due_at in others.values()):
                return
            for other, due_at in others.items():
                if due_at is not None and due_at <= now and not self._busy(other):
                    await self._advance_safely(other)
            await asyncio.sleep(0.1)

    def _in_flight(self, name: str, decision_id: str) -> dict[str, datetime | None]:
        decisions = self._deps.ledger.decisions
        return {other: decisions.get(other).verify_at for other in decisions.in_flight(name, decision_id)}

    async def _remember(self) -> None:
        """Index what waits for recall."""
        await self._index(self._deps.memory.index_new)

    async def _index(self, remember: Callable[[], int]) -> None:
        try:
            await asyncio.to_thread(remember)
        except AuroraError as error:
            log.warning("memory is behind the ledger: %s", error)

    async def _deliver(self) -> None:
        """Deliver what waits for people; the first that fails ends the round, the next sweep tries again."""
        outbox, tool = self._deps.ledger.outbox, self._deps.tools[Action.ALERT]
        for notice in await asyncio.to_thread(outbox.pending, 100):
            said = {"severity": notice.severity, "message": notice.message}
            step = Step(action=Action.ALERT, target=notice.model_name, parameters=said)
            result = await ask(self._deps, tool, "apply", partial(tool.apply, step, notice.event_id))
            if isinstance(result, Silence) or result.status != "ok":
                await asyncio.to_thread(outbox.failed, notice.id, result.detail)
                return
            crash_point(Crash.NOTICE_DELIVERED)
            await asyncio.to_thread(outbox.sent, notice.id)

    def _tell(self) -> None:
        """Deliver in the background: nobody's answer waits for a pager."""
        task = asyncio.create_task(self._deliver())
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    def _lock(self, key: str) -> asyncio.Lock:
        return self._locks.setdefault(key, asyncio.Lock())


def _is_past(wake: Wake | None, run: Run) -> bool:
    """Whether somebody wants it back, and the run waits for a tool at a place where it does not ask for that."""
    return run.wanted_back and wake is not None and wake.reason != "undo_requested"
