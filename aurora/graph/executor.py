"""execute (Executor): the ruled step becomes one tool call, under an intent that the gate opened.

Order: choose the call, compare it with what was ruled, record the intent (the ledger asks the guardrails once more in
the same transaction), look the key up at the target, and only then act.
"""

import asyncio
import logging
from datetime import timedelta

from aurora.domain import Ending, Execution, Ruling, Step, ToolResult
from aurora.errors import GateClosed
from aurora.graph.deps import Deps
from aurora.graph.gate import open_gate
from aurora.graph.recorded import Draft, recorded
from aurora.graph.rounds import ruled, the_ruling, the_situation
from aurora.graph.state import State
from aurora.policy.guardrails import fingerprint
from aurora.ports import Tool

log = logging.getLogger(__name__)


@recorded("execution", Execution, ruled)
async def execute(state: State, deps: Deps) -> Draft[Execution]:
    """Act once, or say why not."""
    ruling = the_ruling(state)
    call = choose_call(ruling)
    if fingerprint(call, the_situation(state)) != ruling.fingerprint:
        return Draft(_out_of_bounds(state, deps, call, "The executor strayed from the step that was ruled."))
    return await _act(state, deps, call)


def choose_call(ruling: Ruling) -> Step:
    """Return the call to make. The built-in executor makes exactly the one that was ruled."""
    return ruling.step


async def _act(state: State, deps: Deps, call: Step) -> Draft[Execution]:
    tool, key = deps.tools[call.action], intent_key(state)
    try:
        intent = await asyncio.to_thread(
            deps.ledger.intents.begin,
            key,
            state.decision_id,
            call,
            tool.name,
            await asyncio.to_thread(open_gate, state, deps),
        )
    except GateClosed as closed:
        return Draft(_out_of_bounds(state, deps, call, str(closed)))
    result = intent.result or (None if intent.fresh else await _earlier(tool, key))
    ending = None
    if result is None:
        result, ending = await _apply(tool, call, key, deps.tool_timeout_seconds)
    await asyncio.to_thread(deps.ledger.intents.finish, key, result)
    return _executed(state, deps, call, result, ending)


async def _earlier(tool: Tool, key: str) -> ToolResult | None:
    """Return what an earlier try did at the target; None where it got nowhere."""
    found = await asyncio.to_thread(tool.look_up, key)
    return found if found.status == "ok" else None


async def _apply(tool: Tool, call: Step, key: str, seconds: float) -> tuple[ToolResult, Ending | None]:
    called = f"{tool.name}.apply"
    try:
        result = await asyncio.wait_for(asyncio.to_thread(tool.apply, call, key), seconds)
    except TimeoutError:
        detail = f"No answer within {seconds:g} seconds; what it did is not known."
        return ToolResult(status="no_data", called=called, detail=detail, simulated=tool.simulated), Ending.TIMED_OUT
    except Exception as error:
        # A bug in a tool must end the decision as failed, not leave it running for ever.
        log.exception("%s raised", called)
        detail = f"{type(error).__name__}: {error}"
        return ToolResult(status="failed", called=called, detail=detail, simulated=tool.simulated), Ending.TOOL_FAILED
    return result, None if result.status == "ok" else Ending.TOOL_FAILED


def _executed(state: State, deps: Deps, call: Step, result: ToolResult, ending: Ending | None) -> Draft[Execution]:
    now = deps.clock()
    done = result.status == "ok"
    reasoning = f"{result.called}: {result.detail or ('done' if done else result.status)}"
    execution = Execution(
        round=the_ruling(state).round,
        status="done" if done else "failed",
        intent_key=intent_key(state),
        step=call,
        reasoning=reasoning,
        result=result,
        ending=ending,
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
