"""One effect at a target, at most once: its intent is on record before the tool is called, what came of it afterwards.

The ledger asks the guardrails once more in the transaction that writes the intent. Whoever comes after an interrupted
try looks the key up at the target before the tool is called again. Where the target cannot be asked, nothing is
repeated: the intent stays unknown until the sweep could settle it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from aurora.crashes import Crash, crash_point
from aurora.domain import Step, ToolResult
from aurora.errors import GateClosed
from aurora.graph.deps import Deps
from aurora.graph.gate import Check, still_closed
from aurora.graph.hands import Silence, ask, earlier
from aurora.graph.state import State
from aurora.ports import Tool


@dataclass(frozen=True)
class Promise:
    """What is about to happen to the step's target."""

    key: str
    """Unique, and the same on every re-entry."""
    step: Step
    tool: Tool
    verb: Literal["apply", "undo"]
    call: Callable[[], ToolResult]
    """Calls the tool's `verb`."""
    check: Check
    """The gate's word on it, on the facts of the moment."""


async def keep(state: State, deps: Deps, promise: Promise) -> ToolResult | Silence:
    """Return what came of it, now or in an earlier try. Raises `GateClosed` where it never happened and may not."""
    tool, intents, undo = promise.tool, deps.ledger.intents, promise.verb == "undo"
    begin = partial(intents.begin, undo=undo)
    intent = await asyncio.to_thread(begin, promise.key, state.decision_id, promise.step, tool.name, promise.check)
    crash_point(Crash.UNDO_BEGUN if undo else Crash.INTENT_BEGUN)
    found = None if intent.fresh else await _earlier(state, deps, promise, intent.result)
    if found is None:
        found = await ask(deps, tool, promise.verb, promise.call)
        crash_point(Crash.UNDO_APPLIED if undo else Crash.EFFECT_APPLIED)
    result = found.as_result(tool) if isinstance(found, Silence) else found
    await asyncio.to_thread(intents.finish, promise.key, result)
    crash_point(Crash.UNDO_FINISHED if undo else Crash.INTENT_FINISHED)
    return found


async def _earlier(state: State, deps: Deps, promise: Promise, known: ToolResult | None) -> ToolResult | Silence | None:
    """Return what an earlier try came to; None where it came to nothing and may be tried again."""
    tool, undo = promise.tool, promise.verb == "undo"
    if known is not None and not undo:
        return known
    found = await earlier(deps, tool, promise.key)
    if undo and isinstance(found, ToolResult) and found.status != "ok":
        # Unlike a failed action, a failed undo is not the end: a person may ask for it again.
        found = None
    if found is None and (reason := await still_closed(state, deps, promise.check)):
        never = ToolResult(status="failed", called=f"{tool.name}.{promise.verb}", detail=f"Never called: {reason}")
        await asyncio.to_thread(deps.ledger.intents.finish, promise.key, never)
        raise GateClosed(reason)
    return found
