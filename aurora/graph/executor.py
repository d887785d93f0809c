"""execute (Executor): the ruled step becomes one tool call, under an intent that the gate opened.

Order: choose the call, compare it with what was ruled, record the intent (the ledger asks the guardrails once more in
the same transaction), look the key up at the target, and only then act. Where the target cannot be asked, nothing is
repeated: the intent stays unknown until the sweep could settle it.
"""

import asyncio
from datetime import timedelta

from aurora.crashes import Crash, crash_point
from aurora.domain import Ending, Execution, Ruling, Step, ToolResult
from aurora.errors import GateClosed
from aurora.graph.deps import Deps, Run
from aurora.graph.gate import open_gate, still_closed
from aurora.graph.hands import Silence, ask, earlier
from aurora.graph.recorded import Draft, recorded
from aurora.graph.rounds import ruled, the_ruling, the_situation
from aurora.graph.state import State
from aurora.policy.guardrails import fingerprint
from aurora.ports import Tool


@recorded("execution", Execution, ruled)
async def execute(state: State, deps: Run) -> Draft[Execution]:
    """Act once, or say why not."""
    ruling = the_ruling(state)
    call = choose_call(ruling)
    if fingerprint(call, the_situation(state)) != ruling.fingerprint:
        return Draft(_out_of_bounds(state, deps, call, "The executor strayed from the step that was ruled."))
    return await _act(state, deps, call)


def choose_call(ruling: Ruling) -> Step:
    """Return the call to make. The built-in executor makes exactly the one that was ruled."""
    return ruling.step


async def _act(state: State, deps: Run, call: Step) -> Draft[Execution]:
    tool, key, check = deps.tools[call.action], intent_key(state), await open_gate(state, deps)
    try:
        intent = await asyncio.to_thread(deps.ledger.intents.begin, key, state.decision_id, call, tool.name, check)
    except GateClosed as closed:
        return Draft(_out_of_bounds(state, deps, call, str(closed)))
    crash_point(Crash.INTENT_BEGUN)
    found: ToolResult | Silence | None = intent.result
    if found is None and not intent.fresh:
        found = await earlier(deps, tool, key)
        if found is None and (reason := await still_closed(state, deps, check)):
            await asyncio.to_thread(deps.ledger.intents.finish, key, _never(tool, reason))
            return Draft(_out_of_bounds(state, deps, call, reason))
    if found is None:
        found = await ask(deps, tool, "apply", lambda: tool.apply(call, key))
        crash_point(Crash.EFFECT_APPLIED)
    result = found.as_result(tool) if isinstance(found, Silence) else found
    await asyncio.to_thread(deps.ledger.intents.finish, key, result)
    crash_point(Crash.INTENT_FINISHED)
    late = isinstance(found, Silence) and found.timed_out
    return _executed(state, deps, call, (result, Ending.TIMED_OUT if late else Ending.TOOL_FAILED))


def _never(tool: Tool, reason: str) -> ToolResult:
    return ToolResult(status="failed", called=f"{tool.name}.apply", detail=f"Never called: {reason}")


def _executed(state: State, deps: Deps, call: Step, came: tuple[ToolResult, Ending]) -> Draft[Execution]:
    (result, ending), now = came, deps.clock()
    done = result.status == "ok"
    reasoning = f"{result.called}: {result.detail or ('done' if done else result.status)}"
    execution = Execution(
        round=the_ruling(state).round,
        status="done" if done else "failed",
        intent_key=intent_key(state),
        step=call,
        reasoning=reasoning,
        result=result,
        ending=None if done else ending,
        executed_at=now,
    )
    window = timedelta(minutes=the_situation(state).settings.verify_minutes)
    return Draft(execution, verify_at=now + window if done and deps.tools[call.action].effect.changes else None)


def _out_of_bounds(state: State, deps: Deps, call: Step, reasoning: str) -> Execution:
    return Execution(
        round=the_ruling(state).round,
        status="out_of_bounds",
        intent_key=intent_key(state),
        step=call,
        reasoning=reasoning,
        executed_at=deps.clock(),
    )


def intent_key(state: State) -> str:
    """Return the unique key of this decision's effect: the same on every re-entry."""
    ruling = the_ruling(state)
    return f"{state.decision_id}:{ruling.round}:{ruling.step.action}"
