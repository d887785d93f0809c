"""watch, verify, undo: wait until the outcome is due, look at the world, take back what did not help."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from langgraph.types import interrupt

from aurora.domain import (
    Execution,
    Facts,
    Finding,
    Goal,
    Mode,
    Ruling,
    ToolResult,
    Undo,
    Verification,
    Wake,
)
from aurora.errors import GateClosed
from aurora.graph.deps import Deps
from aurora.graph.hands import Silence, ask, is_running, look_up
from aurora.graph.recorded import Draft, recorded
from aurora.graph.rounds import the_execution, the_plan, the_ruling, the_situation, watched, watching
from aurora.graph.state import State
from aurora.policy.verification import Evidence
from aurora.policy.verification import verify as compare

PATIENCE = 4
"""How many verification windows a job that still runs is waited for."""
LEAST_PATIENCE = timedelta(minutes=5)


@recorded("wake", Wake, watching)
async def watch(state: State, deps: Deps) -> Draft[Wake]:
    """Wait until the ledger or the clock says that there is something to see; the resume itself says nothing."""
    while (wake := await due(state, deps)) is None:
        interrupt({"stage": "watch", "decision_id": state.decision_id})
    return Draft(wake)


async def due(state: State, deps: Deps) -> Wake | None:
    """Return why the wait is over, or None while it is not."""
    now, execution = deps.clock(), the_execution(state)
    if await asyncio.to_thread(deps.ledger.decisions.undo_requested, state.decision_id) is not None:
        return Wake(round=1, reason="undo_requested", woken_at=now)
    if await asyncio.to_thread(deps.ledger.decisions.outcomes, state.decision_id):
        return Wake(reason="reported", woken_at=now)
    window = timedelta(minutes=the_situation(state).settings.verify_minutes)
    if now < execution.executed_at + window:
        return None
    tool = deps.tools[execution.step.action]
    if now < latest_look(execution, window) and is_running(await look_up(deps, tool, execution.intent_key)):
        return None
    return Wake(reason="window_over", woken_at=now)


def latest_look(execution: Execution, window: timedelta) -> datetime:
    """Return until when a job that still runs is waited for."""
    return execution.executed_at + max(PATIENCE * window, LEAST_PATIENCE)


@recorded("verification", Verification, watched)
async def verify(state: State, deps: Deps) -> Draft[Verification]:
    """Compare the goal stated in the plan with what was measured afterwards."""
    execution = the_execution(state)
    found = await look_up(deps, deps.tools[execution.step.action], execution.intent_key)
    seen = None if isinstance(found, Silence) else found
    return Draft(await asyncio.to_thread(_verify, state, deps, seen))


def _verify(state: State, deps: Deps, seen: ToolResult | None) -> Verification:
    execution = the_execution(state)
    reports = deps.ledger.decisions.outcomes(state.decision_id)
    points = deps.ledger.metrics.recent(execution.step.target)
    evidence = Evidence(
        tool=seen,
        points_before=[p for p in points if p.timestamp is not None and p.timestamp < execution.executed_at],
        points_after=[p for p in points if p.timestamp is not None and p.timestamp >= execution.executed_at],
        report=reports[-1].report if reports else None,
    )
    return compare(_goal(state), evidence)


def _goal(state: State) -> Goal | None:
    """Return the plan's goal, if what ran is what was planned: an edit to another action has a goal nobody stated."""
    planned = the_plan(state)
    return planned.goal if planned.step.action is the_execution(state).step.action else None


@recorded("undo", Undo, watched)
async def undo(state: State, deps: Deps) -> Draft[Undo]:
    """Take the action back under its own intent, unless the kill switch is on."""
    execution = the_execution(state)
    tool, key = deps.tools[execution.step.action], f"{execution.intent_key}:undo"
    if not tool.effect.reversible:
        return Draft(Undo(status="nothing_to_undo", reasoning=f"{tool.name} cannot take back what it does."))
    done = await look_up(deps, tool, execution.intent_key)
    if isinstance(done, Silence):
        return Draft(Undo(status="failed", reasoning=f"{done.called}: {done.detail}"))
    if done.status == "no_data":
        return Draft(Undo(status="nothing_to_undo", reasoning=f"{tool.name} knows nothing of {execution.intent_key}."))
    try:
        await asyncio.to_thread(
            partial(deps.ledger.intents.begin, undo=True),
            key,
            state.decision_id,
            execution.step,
            tool.name,
            _undo_gate(state),
        )
    except GateClosed as closed:
        return Draft(Undo(status="failed", reasoning=str(closed)))
    before = execution.result.before if execution.result and execution.result.before else done.before
    taken = await ask(deps, tool, "undo", lambda: tool.undo(execution.step, execution.intent_key, before))
    result = taken.as_result(tool) if isinstance(taken, Silence) else taken
    await asyncio.to_thread(deps.ledger.intents.finish, key, result)
    return Draft(_undone(state, deps, result))


def _undo_gate(state: State) -> Callable[[Facts, Mode], Ruling]:
    ruled = the_ruling(state)

    def check(_facts: Facts, mode: Mode) -> Ruling:
        if mode is not Mode.STOPPED:
            return ruled.evolve(verdict="allow", findings=())
        stop = Finding(rule="kill_switch", verdict="deny", reason="AURORA is stopped: nothing is taken back either.")
        return ruled.evolve(verdict="deny", findings=(stop,))

    return check


def _undone(state: State, deps: Deps, result: ToolResult) -> Undo:
    request = deps.ledger.decisions.undo_requested(state.decision_id)
    why = "It did not help."
    if request is not None:
        why = f"{request.by} asked for it{f': {request.reason}' if request.reason else '.'}"
    if result.status == "ok":
        return Undo(status="undone", reasoning=why, by=request.by if request else "aurora", result=result)
    return Undo(status="failed", reasoning=f"{why} {result.called}: {result.detail}", result=result)
