"""The one file that starts and resumes runs.

A run is advanced, never told what to do: the nodes read from the ledger what was settled, what is due and what is
wanted back. So advancing twice, late, or with an empty checkpoint comes to the same.
"""

import asyncio
import logging
from datetime import timedelta
from typing import Any
from weakref import WeakValueDictionary

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from aurora.domain import Action, Step
from aurora.errors import AuroraError
from aurora.graph.build import Graph
from aurora.graph.deps import Deps
from aurora.graph.state import Request

log = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=20)
"""How long a new decision waits for a change of its model that is about to be verified."""
FRESH = timedelta(seconds=5)
"""For how long a new decision is left to the call that opened it."""
QUIET = 5
"""How many time limits of a tool call an effect of unknown outcome is given to show itself."""
TRIES = 3
"""How often the sweep advances a decision that keeps raising, before it leaves it to the next start."""


class Runner:
    """Advances decisions in one process; all methods run on one event loop."""

    def __init__(self, graph: Graph, deps: Deps) -> None:
        self._graph = graph
        self._deps = deps
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._failures: dict[str, int] = {}

    async def start(self, decision_id: str) -> None:
        """Run a new decision up to its end or its first interrupt."""
        async with self._lock(decision_id):
            decision = await asyncio.to_thread(self._deps.ledger.decisions.get, decision_id)
            name = decision.telemetry.model_name
            if decision.dry_run:
                await self._advance(decision_id)
            else:
                async with self._lock(f"model:{name}"):
                    await self._wait_for_turn(name, decision_id)
                    await self._advance(decision_id)
        await self._tell_and_remember()

    async def advance(self, decision_id: str, *, afresh: bool = False) -> None:
        """Take a decision as far as the ledger lets it; `afresh` replays it from its recorded nouns."""
        async with self._lock(decision_id):
            if afresh:
                await self._forget(decision_id)
            await self._advance(decision_id)
        await self._tell_and_remember()

    async def sweep(self) -> int:
        """Advance everything that waits for nothing any more; return how many decisions that were."""
        await asyncio.to_thread(self._reconcile)
        waiting = await asyncio.to_thread(self._ready)
        for decision_id in waiting:
            await self._advance_safely(decision_id)
        await self._tell_and_remember()
        return len(waiting)

    def _reconcile(self) -> None:
        """Settle effects of which nobody knows whether they happened, once their target has had time to show them."""
        quiet = self._deps.clock() - timedelta(seconds=QUIET * self._deps.tool_timeout_seconds)
        for intent in self._deps.ledger.intents.open_intents():
            if intent.state == "unknown" and intent.begun_at < quiet:
                found = self._deps.tools[intent.step.action].look_up(intent.key)
                absent = found.evolve(status="failed", detail="It never reached its target.")
                self._deps.ledger.intents.finish(intent.key, absent if found.status == "no_data" else found)

    def _ready(self) -> list[str]:
        ledger, now = self._deps.ledger, self._deps.clock()
        ledger.approvals.expire_due(now)
        left = (*ledger.decisions.unfinished(), *ledger.decisions.unreported())
        ready = [decision.id for decision in left if decision.created_at < now - FRESH]
        ready += [decision.id for decision in ledger.decisions.due(now)]
        ready += [approval.decision_id for approval in ledger.approvals.unheard()]
        return [one for one in dict.fromkeys(ready) if not self._busy(one) and self._failures.get(one, 0) < TRIES]

    def _busy(self, decision_id: str) -> bool:
        lock = self._locks.get(decision_id)
        return lock is not None and lock.locked()

    async def _advance_safely(self, decision_id: str) -> None:
        try:
            async with self._lock(decision_id):
                await self._advance(decision_id)
        except Exception:
            # One decision that cannot go on must not hold up the others; it stays visible as running.
            self._failures[decision_id] = self._failures.get(decision_id, 0) + 1
            log.exception("decision %s could not be advanced", decision_id)

    async def _advance(self, decision_id: str) -> None:
        config: RunnableConfig = {"configurable": {"thread_id": decision_id}}
        snapshot = await self._graph.aget_state(config)
        step: Any = None
        if not snapshot.values:
            step = Request(decision_id=decision_id)
        elif snapshot.interrupts:
            step = Command(resume={one.id: "look again" for one in snapshot.interrupts})
        elif not snapshot.next:
            return
        await self._graph.ainvoke(step, config, context=self._deps, durability="sync")

    async def _forget(self, decision_id: str) -> None:
        if not isinstance(self._graph.checkpointer, bool) and self._graph.checkpointer is not None:
            await self._graph.checkpointer.adelete_thread(decision_id)

    async def _wait_for_turn(self, name: str, decision_id: str) -> None:
        """Let a change that is nearly verified end first, so that this decision sees the world after it."""
        until = self._deps.clock() + PATIENCE
        while (now := self._deps.clock()) < until:
            others = await asyncio.to_thread(self._in_flight, name, decision_id)
            if not others or any(due_at is not None and due_at > until for due_at in others.values()):
                return
            for other, due_at in others.items():
                if due_at is not None and due_at <= now and not self._busy(other):
                    await self._advance_safely(other)
            await asyncio.sleep(0.1)

    def _in_flight(self, name: str, decision_id: str) -> dict[str, Any]:
        decisions = self._deps.ledger.decisions
        flying = decisions.facts(name, decision_id, self._deps.clock()).in_flight
        return {other: decisions.get(other).verify_at for other in flying}

    async def _tell_and_remember(self) -> None:
        """Deliver what waits for people, and index what waits for recall. Both are repeated by the sweep."""
        await asyncio.to_thread(self._deliver)
        try:
            await asyncio.to_thread(self._deps.memory.sync)
        except AuroraError as error:
            log.warning("memory is behind the ledger: %s", error)

    def _deliver(self) -> None:
        outbox, tool = self._deps.ledger.outbox, self._deps.tools[Action.ALERT]
        for notice in outbox.pending(limit=100):
            said = {"severity": notice.severity, "message": notice.message}
            result = tool.apply(Step(action=Action.ALERT, target=notice.model_name, parameters=said), notice.event_id)
            if result.status == "ok":
                outbox.sent(notice.id)
            else:
                outbox.failed(notice.id, result.detail)

    def _lock(self, key: str) -> asyncio.Lock:
        return self._locks.setdefault(key, asyncio.Lock())
