"""watch, verify, undo: wait until the outcome is due, look at the world, take back what did not help."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from langgraph.types import interrupt

from aurora.domain import (
    Facts,
    Finding,
    Mode,
    Notice,
    Ruling,
    ToolResult,
    Undo,
    Verification,
    Wake,
)
from aurora.errors import GateClosed
from aurora.graph.deps import Deps, Run
from aurora.graph.hands import Silence, ask, is_running, look_up
from aurora.graph.promise import Promise, keep
from aurora.graph.recorded import Draft, recorded
from aurora.graph.rounds import the_execution, the_plan, the_ruling, the_situation, watched, watching
from aurora.graph.state import State
from aurora.graph.window import Watched, evidence, look_again, to_watch, waited_until
from aurora.policy.restoration import differences
from aurora.policy.verification import verify as compare

SETTLING, UNDOING = 2.0, 15.0
"""Seconds that a service is given to be seen as before once the tool is done, and while the tool says that it runs."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5
"""Seconds between two looks at a service that is not as before yet."""
ASKED, APART = 3, 0.5
"""How often, and how many seconds apart, a tool that fails at once is asked before it is left alone for a while."""
UNDO_PATIENCE = timedelta(minutes=10)
"""For how long a tool that cannot be asked is come back to before people are told that nothing was taken back."""


@recorded("wake", Wake, watching)
async def watch(state: State, deps: Deps) -> Draft[Wake]:
    """Wait until the ledger or the clock says that there is something to see; the resume itself says nothing."""
    while (wake := await due(state, deps)) is None:
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
async def verify(state: State, deps: Run) -> Draft[Verification]:
    """Compare the goal stated in the plan with what was measured afterwards."""
    execution = the_execution(state)
    tool = deps.tools[execution.step.action]
    found = await look_up(deps, tool, execution.intent_key)
    while await asyncio.to_thread(_is_waited_for, state, deps, found):
        # The tool went silent between the last look of the watch and this one.
        interrupt({"stage": "verify", "decision_id": state.decision_id})
        found = await look_up(deps, tool, execution.intent_key)
    seen = await asyncio.to_thread(_verify, state, deps, found)
    return Draft(seen, notices=_given_up(state, deps, found))


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


@recorded("undo", Undo, watched)
async def undo(state: State, deps: Deps) -> Draft[Undo]:
    """Take the action back under its own intent, unless the kill switch is on."""
    execution = the_execution(state)
    tool, key = deps.tools[execution.step.action], f"{execution.intent_key}:undo"
    if not tool.effect.reversible:
        return Draft(Undo(status="nothing_to_undo", reasoning=f"{tool.name} cannot take back what it does."))
    done = await _done(state, deps)
    while isinstance(done, Silence) and await asyncio.to_thread(_is_come_back_to, state, deps):
        interrupt({"stage": "undo", "decision_id": state.decision_id})
        done = await _done(state, deps)
    if isinstance(done, Silence):
        return Draft(Undo(status="failed", reasoning=f"{done.called}: {done.detail}"))
    if done.status == "no_data":
        return Draft(Undo(status="nothing_to_undo", reasoning=f"{tool.name} knows nothing of {execution.intent_key}."))
    before = execution.result.before if execution.result and execution.result.before else done.before
    try:
        result = await _take_back(state, deps, key, before)
    except GateClosed as closed:
        return Draft(Undo(status="failed", reasoning=str(closed)))
    changed = await _settled(state, deps, key) if result.status == "ok" else await _changed(state, deps)
    return Draft(_undone(state, deps, result, changed))


async def _take_back(state: State, deps: Deps, key: str, before: dict[str, object]) -> ToolResult:
    execution = the_execution(state)
    step, tool = execution.step, deps.tools[execution.step.action]
    promise = Promise(key, step, tool, "undo", lambda: tool.undo(step, execution.intent_key, before), _undo_gate(state))
    taken = await keep(state, deps, promise)
    return taken.as_result(tool) if isinstance(taken, Silence) else taken


async def _done(state: State, deps: Deps) -> ToolResult | Silence:
    """Return what the target knows of the action; one that fails at once is asked more than once."""
    execution = the_execution(state)
    tool = deps.tools[execution.step.action]
    found = await look_up(deps, tool, execution.intent_key)
    for _ in range(ASKED - 1):
        if not isinstance(found, Silence) or found.timed_out:
            break
        await asyncio.sleep(APART)
        found = await look_up(deps, tool, execution.intent_key)
    return found


def _is_come_back_to(state: State, deps: Deps) -> bool:
    """Whether there is time left for the undo, counted from what it follows on, or from when AURORA was back."""
    follows = deps.ledger.decisions.nouns(state.decision_id)[-1].written_at
    return deps.clock() < max(follows, deps.began) + UNDO_PATIENCE


def _undo_gate(state: State) -> Callable[[Facts, Mode], Ruling]:
    ruled = the_ruling(state)

    def check(_facts: Facts, mode: Mode) -> Ruling:
        if mode is not Mode.STOPPED:
            return ruled.evolve(verdict="allow", findings=())
        stop = Finding(rule="kill_switch", verdict="deny", reason="AURORA is stopped: nothing is taken back either.")
        return ruled.evolve(verdict="deny", findings=(stop,))

    return check


async def _settled(state: State, deps: Deps, key: str) -> dict[str, str] | None:
    """Look until all is as before, or for long enough; return what is not, or None where nobody can tell."""
    loop, pause, tool = asyncio.get_running_loop(), FIRST_PAUSE, deps.tools[the_execution(state).step.action]
    begun = loop.time()
    while changed := await _changed(state, deps):
        running = is_running(await look_up(deps, tool, key))
        if loop.time() + pause > begun + min(UNDOING if running else SETTLING, deps.tool_timeout_seconds):
            return changed
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
    return changed


async def _changed(state: State, deps: Deps) -> dict[str, str] | None:
    """Return what is not as it was when it was decided, of all that the step may have changed."""
    step, before = the_execution(state).step, the_situation(state).serving
    tool = deps.tools[step.action]
    now = await ask(deps, tool, "observe", lambda: tool.observe(step.target))
    return None if isinstance(now, Silence) else differences(step, before, now)


def _undone(state: State, deps: Deps, result: ToolResult, changed: dict[str, str] | None) -> Undo:
    request = deps.ledger.decisions.undo_requested(state.decision_id)
    why = "It did not help."
    if request is not None:
        why = f"{request.by} asked for it{f': {request.reason}' if request.reason else '.'}"
    restored, seen = _as_before(changed)
    if result.status != "ok":
        return Undo(
            status="failed", reasoning=f"{why} {result.called}: {result.detail}", restored=restored, result=result
        )
    if restored is False:
        word = f"{why} {result.called} says that it is taken back, but {seen}"
        return Undo(status="failed", reasoning=word, restored=restored, result=result)
    by = request.by if request else "aurora"
    return Undo(
        status="undone", reasoning=f"{why} It was taken back, and {seen}", by=by, restored=restored, result=result
    )


def _as_before(changed: dict[str, str] | None) -> tuple[bool | None, str]:
    if changed is None:
        return None, "whether all is as before, the tool cannot tell."
    if changed:
        return False, f"the service is not seen to be as before: {', '.join(changed.values())}."
    return True, "the service is seen to be as before."
