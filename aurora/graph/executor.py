"""execute (Executor): the ruled step becomes one tool call, which is compared with what was ruled before it is made."""

from datetime import timedelta

from aurora.domain import Ending, Execution, Ruling, Step, ToolResult
from aurora.errors import GateClosed
from aurora.graph.deps import Run
from aurora.graph.gate import open_gate
from aurora.graph.hands import Silence
from aurora.graph.promise import Promise, keep
from aurora.graph.recorded import Draft, recorded
from aurora.graph.rounds import ruled, the_ruling, the_situation
from aurora.graph.state import State
from aurora.policy.guardrails import fingerprint


@recorded("execution", Execution, ruled)
async def execute(state: State, run: Run) -> Draft[Execution]:
    """Act once, or say why not."""
    ruling = the_ruling(state)
    call = choose_call(ruling)
    if fingerprint(call, the_situation(state)) != ruling.fingerprint:
        return Draft(_out_of_bounds(state, run, call, "The executor strayed from the step that was ruled."))
    return await _act(state, run, call)


def choose_call(ruling: Ruling) -> Step:
    """Return the call to make. The built-in executor makes exactly the one that was ruled."""
    return ruling.step


async def _act(state: State, run: Run, call: Step) -> Draft[Execution]:
    tool, key, check = run.tools[call.action], intent_key(state), await open_gate(state, run)
    promise = Promise(key, call, tool, "apply", lambda: tool.apply(call, key), check)
    try:
        found = await keep(state, run, promise)
    except GateClosed as closed:
        return Draft(_out_of_bounds(state, run, call, str(closed)))
    if isinstance(found, Silence):
        ending = Ending.TIMED_OUT if found.timed_out else Ending.TOOL_FAILED
        return _executed(state, run, call, (found.as_result(tool), ending))
    return _executed(state, run, call, (found, Ending.TOOL_FAILED))


def _executed(state: State, run: Run, call: Step, came: tuple[ToolResult, Ending]) -> Draft[Execution]:
    (result, ending), now = came, run.clock()
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
    return Draft(execution, verify_at=now + window if done and run.tools[call.action].effect.changes else None)


def _out_of_bounds(state: State, run: Run, call: Step, reasoning: str) -> Execution:
    return Execution(
        round=the_ruling(state).round,
        status="out_of_bounds",
        intent_key=intent_key(state),
        step=call,
        reasoning=reasoning,
        executed_at=run.clock(),
    )


def intent_key(state: State) -> str:
    """Return the unique key of this decision's effect: the same on every re-entry."""
    ruling = the_ruling(state)
    return f"{state.decision_id}:{ruling.round}:{ruling.step.action}"
