"""Every call of a tool from the loop: bounded in time, on a thread of its own, and failing as a value.

A tool that hangs or raises has said nothing about what it did. That is `Silence`, and silence is never taken for
"nothing happened".
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from aurora.domain import ToolResult
from aurora.errors import AuroraError
from aurora.graph.deps import Deps
from aurora.ports import Tool

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Silence:
    """No answer: what the tool did is not known."""

    called: str
    detail: str
    timed_out: bool

    def as_result(self, tool: Tool) -> ToolResult:
        """Return it as a result that says that nothing is known."""
        return ToolResult(status="no_data", called=self.called, detail=self.detail, simulated=tool.simulated)


async def ask(deps: Deps, tool: Tool, verb: str, question: Callable[[], T]) -> T | Silence:
    """Return the answer of `question`, a call of `tool`; silence where it hangs or raises."""
    called, seconds = f"{tool.name}.{verb}", deps.tool_timeout_seconds
    try:
        async with asyncio.timeout(seconds):
            # A limiter of its own: however many calls hang, they take no thread from the next one.
            return await to_thread.run_sync(question, abandon_on_cancel=True, limiter=CapacityLimiter(1))
    except TimeoutError:
        detail = f"No answer within {seconds:g} seconds; what it did is not known."
        return Silence(called, detail, timed_out=True)
    except AuroraError as error:
        return Silence(called, str(error), timed_out=False)
    except Exception as error:
        # A bug in a tool must not take the decision with it.
        log.exception("%s raised", called)
        return Silence(called, f"{type(error).__name__}: {error}", timed_out=False)


async def look_up(deps: Deps, tool: Tool, key: str) -> ToolResult | Silence:
    """Return what the target knows of `key`; a look-up that failed itself is silence too.

    `no_data` is then a statement: the target was asked, and nothing happened under this key.
    """
    found = await ask(deps, tool, "look_up", lambda: tool.look_up(key))
    if isinstance(found, Silence) or found.status in ("ok", "no_data") or "state" in found.answer:
        return found
    return Silence(found.called, found.detail, timed_out=False)


async def earlier(deps: Deps, tool: Tool, key: str) -> ToolResult | Silence | None:
    """Return what an earlier try did at the target; None only where the target says that it did nothing."""
    found = await look_up(deps, tool, key)
    return None if isinstance(found, ToolResult) and found.status == "no_data" else found


def is_running(found: ToolResult | Silence) -> bool:
    """Whether the job under a key is still at work."""
    return isinstance(found, ToolResult) and bool(found.answer.get("state") == "running")
