"""undo: what did not help, or what a person wants back, is taken back once and looked at until all is as before."""

import asyncio
from datetime import timedelta

from langgraph.types import interrupt

from aurora.domain import Facts, Finding, Mode, Ruling, ToolResult, Undo
from aurora.errors import GateClosed
from aurora.graph.deps import Deps, Run
from aurora.graph.gate import Check
from aurora.graph.hands import Silence, ask, is_running, look_up
from aurora.graph.promise import Promise, keep
from aurora.graph.recorded import Draft, recorded
from aurora.graph.rounds import the_execution, the_ruling, the_situation, watched
from aurora.graph.state import State
from aurora.policy.restoration import differences

SETTLING, UNDOING = 2.0, 15.0
"""Seconds that a service is given to be seen as before once the tool is done, and while the tool says that it runs."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5
"""Seconds between two looks at a service that is not as before yet."""
ASKED, APART = 3, 0.5
"""How often, and how many seconds apart, a tool that fails at once is asked before it is left alone for a while."""
UNDO_PATIENCE = timedelta(minutes=10)
"""For how long a tool that cannot be asked is come back to before people are told that nothing was taken back."""


@recorded("undo", Undo, watched)
async def undo(state: State, run: Run) -> Draft[Undo]:
    """Take the action back under its own intent, unless the kill switch is on."""
    execution = the_execution(state)
    tool, key = run.tools[execution.step.action], f"{execution.intent_key}:undo"
    if not tool.effect.reversible:
        return Draft(Undo(status="nothing_to_undo", reasoning=f"{tool.name} cannot take back what it does."))
    done = await _done(state, run)
    while isinstance(done, Silence) and await asyncio.to_thread(_is_come_back_to, state, run):
        interrupt({"stage": "undo", "decision_id": state.decision_id})
        done = await _done(state, run)
    if isinstance(done, Silence):
        return Draft(Undo(status="failed", reasoning=f"{done.called}: {done.detail}"))
    if done.status == "no_data":
        return Draft(Undo(status="nothing_to_undo", reasoning=f"{tool.name} knows nothing of {execution.intent_key}."))
    before = execution.result.before if execution.result and execution.result.before else done.before
    try:
        result = await _take_back(state, run, key, before)
    except GateClosed as closed:
        return Draft(Undo(status="failed", reasoning=str(closed)))
    changed = await _settled(state, run, key) if result.status == "ok" else await _changed(state, run)
    return Draft(await asyncio.to_thread(_undone, state, run, result, changed))


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


def _undo_gate(state: State) -> Check:
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
