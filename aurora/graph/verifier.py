"""watch, verify: wait until the outcome is due, and look at the world."""

import asyncio

from langgraph.types import interrupt

from aurora.domain import Notice, ToolResult, Verification, Wake
from aurora.graph.deps import Deps, Run
from aurora.graph.hands import Silence, is_running, look_up
from aurora.graph.recorded import Draft, recorded
from aurora.graph.rounds import the_execution, the_plan, the_situation, watched, watching
from aurora.graph.state import State
from aurora.graph.window import Watched, evidence, look_again, to_watch, waited_until
from aurora.policy.verification import verify as compare


@recorded("wake", Wake, watching)
async def watch(state: State, run: Run) -> Draft[Wake]:
    """Wait until the ledger or the clock says that there is something to see; the resume itself says nothing."""
    while (wake := await due(state, run)) is None:
        interrupt({"stage": "watch", "decision_id": state.decision_id})
    return Draft(wake)


async def due(state: State, deps: Deps) -> Wake | None:
    """Return why the wait is over, or None while it is not."""
    now = deps.clock()
    if await asyncio.to_thread(deps.ledger.decisions.undo_requested, state.decision_id) is not None:
        return Wake(round=1, reason="undo_requested", woken_at=now)
    if await asyncio.to_thread(deps.ledger.decisions.outcomes, state.decision_id):
        return Wake(reason="reported", woken_at=now)
    if await look_again(deps, the_change(state)) is not None:
        return None
    return Wake(reason="window_over", woken_at=now)


def the_change(state: State) -> Watched:
    """Return what is waited for."""
    return to_watch(the_situation(state), the_plan(state), the_execution(state))


@recorded("verification", Verification, watched)
async def verify(state: State, run: Run) -> Draft[Verification]:
    """Compare the goal stated in the plan with what was measured afterwards."""
    execution = the_execution(state)
    tool = run.tools[execution.step.action]
    found = await look_up(run, tool, execution.intent_key)
    while await asyncio.to_thread(_is_waited_for, state, run, found):
        # The tool went silent between the last look of the watch and this one.
        interrupt({"stage": "verify", "decision_id": state.decision_id})
        found = await look_up(run, tool, execution.intent_key)
    seen = await asyncio.to_thread(_verify, state, run, found)
    return Draft(seen, notices=_given_up(state, run, found))


def _is_waited_for(state: State, deps: Deps, found: ToolResult | Silence) -> bool:
    decisions, until = deps.ledger.decisions, waited_until(deps, the_change(state), found)
    if until is None or not _is_window_over(state) or deps.clock() >= until:
        return False
    return not decisions.outcomes(state.decision_id) and decisions.undo_requested(state.decision_id) is None


def _is_window_over(state: State) -> bool:
    return state.wake is not None and state.wake.reason == "window_over"


def _verify(state: State, deps: Deps, found: ToolResult | Silence) -> Verification:
    change, reports = the_change(state), deps.ledger.decisions.outcomes(state.decision_id)
    seen = compare(change.goal, evidence(deps, change, found, reports[-1].report if reports else None))
    if isinstance(found, Silence) and seen.outcome == "cannot_tell":
        return seen.evolve(reasoning=f"What came of it, the tool does not say. {found.called}: {found.detail}")
    return seen


def _given_up(state: State, deps: Run, found: ToolResult | Silence) -> tuple[Notice, ...]:
    """Tell people of what may still come into force, and is waited for no longer."""
    if not _is_window_over(state) or not (is_running(found) or isinstance(found, Silence)):
        return ()
    step = the_execution(state).step
    why = f"its tool cannot be asked ({found.detail})" if isinstance(found, Silence) else "it is still running"
    message = f"{step.action} for {step.target} is waited for no longer: {why}. Nobody verifies what comes of it."
    id = f"{state.decision_id}:{watched(state, deps)}:verify"
    return (
        Notice(event_id=id, model_name=step.target, severity="warning", message=message, decision_id=state.decision_id),
    )
