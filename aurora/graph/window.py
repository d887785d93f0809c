"""The window of a change: from when it has taken hold until its outcome can be told. One rule for all who wait.

A job that still runs is waited for, and so are a tool that cannot be asked, and a model that used to report and has
not told enough yet; all only so long, and never shorter for a time in which AURORA itself was not there to look. Points
are read as the ledger has them now: nothing here remembers an earlier look.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aurora.domain import Execution, Goal, OutcomeReport, Plan, Situation, ToolResult
from aurora.graph.deps import Deps
from aurora.graph.hands import Silence, is_running, look_up
from aurora.policy.evidence import Evidence, brought_in
from aurora.policy.verification import is_unheard

PATIENCE = 4
"""How many windows a job that still runs is waited for, and a model that does not report."""
LEAST_PATIENCE = timedelta(minutes=5)
"""How long a job is waited for at least."""
SHORTEST_LOOK, LONGEST_LOOK = timedelta(seconds=0.5), timedelta(minutes=1)
"""How soon, and how late, what still runs or keeps silent is looked at again."""
POINTS_BEFORE, POINTS_AFTER = 50, 500
"""How many of the newest points before a change, and after it, are looked at."""


@dataclass(frozen=True)
class Watched:
    """A change whose outcome is waited for."""

    execution: Execution
    goal: Goal | None
    """What it is to reach; None for an edit to another action, which has a goal that nobody stated."""
    window: timedelta
    """How long it is given from when it has taken hold."""


def to_watch(situation: Situation, plan: Plan, execution: Execution) -> Watched:
    """Return what there is to wait for."""
    stated = plan.goal if plan.step.action is execution.step.action else None
    return Watched(execution, stated, timedelta(minutes=situation.settings.verify_minutes))


async def look_again(deps: Deps, change: Watched) -> datetime | None:
    """Return when the outcome is to be looked at next; None where it can be told, or is waited for no longer."""
    now, begun = deps.clock(), change.execution.executed_at
    if now < begun + change.window:
        return begun + change.window
    tool, later = deps.tools[change.execution.step.action], now + _pause(change.window)
    found = await look_up(deps, tool, change.execution.intent_key)
    if (until := waited_until(deps, change, found)) is not None:
        return later if now < until else None
    since = took_hold(deps, change, found)
    if now < since + change.window:
        return since + change.window
    if now >= max(since, deps.began) + PATIENCE * change.window:
        return None
    seen = await asyncio.to_thread(evidence, deps, change, found, None)
    return later if is_unheard(change.goal, seen) else None


def waited_until(deps: Deps, change: Watched, found: ToolResult | Silence) -> datetime | None:
    """Return until when `found` is waited for: what still runs, or cannot be asked; None for what is neither."""
    if isinstance(found, Silence):
        # Even what took hold as late as can be is judged a window later, and then the tool may be away for a while.
        return latest_start(deps, change) + change.window + LEAST_PATIENCE
    return latest_start(deps, change) if is_running(found) else None


def latest_start(deps: Deps, change: Watched) -> datetime:
    """Return until when a job that still runs is waited for."""
    return max(change.execution.executed_at, deps.began) + max(PATIENCE * change.window, LEAST_PATIENCE)


def took_hold(deps: Deps, change: Watched, found: ToolResult | Silence) -> datetime:
    """Return since when the change is in force: as the tool says, within reason, else since it was made."""
    begun = change.execution.executed_at
    told = None if isinstance(found, Silence) else _moment(found.answer.get("effective_at"))
    if told is None or told <= begun:
        return begun
    # What is past may be as late as it likes; only what is yet to come is not waited for without end.
    return told if told <= deps.clock() else min(told, latest_start(deps, change))


def evidence(deps: Deps, change: Watched, found: ToolResult | Silence, report: OutcomeReport | None) -> Evidence:
    """Return what there is to see of the change now. Reads the ledger.

    Where the tool cannot be asked nobody knows from when on the points tell of the change: then none of them do.
    """
    metrics, step, begun = deps.ledger.metrics, change.execution.step, change.execution.executed_at
    since, tool = took_hold(deps, change, found), None if isinstance(found, Silence) else found
    before = metrics.recent(step.target, POINTS_BEFORE, until=begun)
    after = metrics.recent(step.target, POINTS_AFTER, until=deps.clock())
    heard = [] if tool is None else after
    return Evidence(
        tool=tool,
        points_before=[point for point in before if point.timestamp is not None and point.timestamp < begun],
        points_after=[point for point in heard if point.timestamp is not None and point.timestamp >= since],
        report=report,
        version=brought_in(step, tool.answer if tool is not None else {}),
        since=since,
        looked_at=deps.clock(),
    )


def _pause(window: timedelta) -> timedelta:
    return min(max(window / PATIENCE, SHORTEST_LOOK), LONGEST_LOOK)


def _moment(told: object) -> datetime | None:
    """Read a point in time; None for what is none."""
    if not isinstance(told, str):
        return None
    try:
        moment = datetime.fromisoformat(told)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
