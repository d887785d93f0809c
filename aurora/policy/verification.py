"""Whether it helped: the goal stated in the plan against what was measured afterwards.

Three answers. What the tool measured counts first, then the model's own history, then what a person reports. Missing
data, zero samples, a stopped service or one without traffic are never better. A person who reports a failure is
believed.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal, TypeGuard

from aurora.domain import Goal, MetricPoint, OutcomeReport, ToolResult, Verification
from aurora.policy.steps import number

HALFWAY = 0.5
"""Which share of the way from before to the goal counts as help."""
STOPPED = ("stopped", "failed", "down", "unhealthy")
"""States of a service or a job in which nothing it did can have helped."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What there is to look at afterwards."""

    tool: ToolResult | None = None
    """What the tool says that it did and measured."""
    points_before: Sequence[MetricPoint] = ()
    points_after: Sequence[MetricPoint] = ()
    report: OutcomeReport | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """One metric, before and after."""

    before: float | None
    after: float
    samples: float


def verify(goal: Goal | None, evidence: Evidence) -> Verification:
    """Return whether `goal` was reached: better, not better, or cannot tell."""
    if goal is None or goal.metric == "none":
        return _unknown("There was no goal that could be measured.")
    looks: tuple[Callable[[Goal, Evidence], Verification | None], ...] = (_by_tool, _by_history, _by_person)
    if evidence.report is not None and not evidence.report.success:
        # A person's word can take a success away; it never makes one of a measured failure.
        looks = (_by_person,)
    seen = [verdict for look in looks if (verdict := look(goal, evidence)) is not None]
    told = [verdict for verdict in seen if verdict.outcome != "cannot_tell"]
    return next(iter(told + seen), _unknown(f"Nothing was measured of {goal.metric} afterwards."))


def _unknown(reasoning: str) -> Verification:
    return Verification(outcome="cannot_tell", reasoning=reasoning, source="none", verified=False)


# --- what the tool measured ------------------------------------------------------------------------------------------


def _by_tool(goal: Goal, evidence: Evidence) -> Verification | None:
    tool = evidence.tool
    if tool is None or tool.status == "no_data":
        return None
    state = tool.answer.get("state")
    if isinstance(state, str) and state.lower() in STOPPED:
        why = f": {tool.detail}" if tool.status != "ok" and tool.detail else "."
        said = f"The tool says that it is {state.lower()}{why}"
        return Verification(outcome="not_better", reasoning=said, source="tool", verified=True)
    # Where the look itself failed, what it was to show may have gone well.
    return _by_report(goal, tool.answer) if tool.status == "ok" else None


def _by_report(goal: Goal, answer: Mapping[str, Any]) -> Verification | None:
    if answer.get("state") == "running":
        return _unknown("The tool says that it is still running.")
    reported = answer.get("metrics")
    if not isinstance(reported, dict):
        return None
    if _stands_still(reported):
        return _idle("tool")
    measured = _measured(reported.get(goal.metric))
    return None if measured is None else _compared(goal, measured, "tool")


def _measured(entry: Any) -> Measured | None:
    """Return a reported metric, or None where it is not whole: without samples nothing was measured."""
    if not isinstance(entry, Mapping):
        return None
    before, after, samples = entry.get("before"), entry.get("after"), entry.get("samples")
    if not _finite(after) or not _finite(samples) or samples <= 0:
        return None
    return Measured(before if _finite(before) else None, after, samples)


def _finite(value: Any) -> TypeGuard[float]:
    return number(value) and math.isfinite(value)


def _stands_still(reported: Mapping[str, Any]) -> bool:
    entry = reported.get("throughput_rps")
    return isinstance(entry, Mapping) and _finite(entry.get("after")) and entry["after"] <= 0


def _idle(source: Literal["tool", "history"]) -> Verification:
    reasoning = "There was no traffic afterwards, so that nothing can be told."
    return Verification(outcome="cannot_tell", reasoning=reasoning, source=source, verified=False)


# --- what the history shows ------------------------------------------------------------------------------------------


def _by_history(goal: Goal, evidence: Evidence) -> Verification | None:
    after = _values(goal, evidence.points_after)
    if not after:
        silent = evidence.points_after and all(point.throughput_rps == 0 for point in evidence.points_after)
        return _idle("history") if silent else None
    before = _values(goal, evidence.points_before)
    measured = Measured(median(before[-len(after) :]) if before else goal.before, median(after), len(after))
    return _compared(goal, measured, "history")


def _values(goal: Goal, points: Iterable[MetricPoint]) -> list[float]:
    """Return the goal's metric at each point that says something: with traffic, and with labels where it takes them."""
    told = [point for point in points if point.throughput_rps != 0]
    if goal.metric == "accuracy":
        return [point.accuracy for point in told if point.accuracy is not None and point.labels != 0]
    if goal.metric == "usage":
        used = [[v for v in (point.cpu_usage, point.gpu_usage) if v is not None] for point in told]
        return [max(values) for values in used if values]
    return [value for point in told if (value := getattr(point, goal.metric)) is not None]


# --- what a person reports -------------------------------------------------------------------------------------------


def _by_person(goal: Goal, evidence: Evidence) -> Verification | None:
    """A person's word counts as such. Where their numbers contradict it, nobody can tell."""
    report = evidence.report
    if report is None:
        return None
    value = report.metrics.get(goal.metric)
    outcome: Literal["better", "not_better", "cannot_tell"] = "better" if report.success else "not_better"
    reasoning = f"It was reported that it {'helped' if report.success else 'did not help'}."
    if value is not None and report.success and not _reached(goal, value):
        outcome, reasoning = (
            "cannot_tell",
            f"Success was reported with a {goal.metric} of {value:.4g}, short of the goal.",
        )
    return Verification(
        outcome=outcome,
        reasoning=reasoning,
        source="person",
        before=goal.before,
        after=value,
        metrics=dict(report.metrics),
        verified=False,
    )


# --- comparing -------------------------------------------------------------------------------------------------------


def _compared(goal: Goal, measured: Measured, source: Literal["tool", "history"]) -> Verification:
    before = measured.before if measured.before is not None else goal.before
    better, word = _judged(goal, before, measured.after)
    was = "" if before is None else f" from {before:.4g}"
    bound = f"{goal.direction.replace('_', ' ')} {goal.threshold:.4g}"
    return Verification(
        outcome="better" if better else "not_better",
        reasoning=f"{goal.metric} went{was} to {measured.after:.4g}; the goal was {bound}: {word}.",
        source=source,
        before=before,
        after=measured.after,
        metrics={goal.metric: measured.after},
        verified=True,
    )


def _judged(goal: Goal, before: float | None, after: float) -> tuple[bool, str]:
    """Return whether it helped, and that in words.

    Half of the way to the goal helped too: taking it back would only bring back what was worse.
    """
    if goal.metric != "usage" and before is not None and _worse(goal, before, after):
        return False, "it got worse"
    if _reached(goal, after):
        return True, "reached"
    # What met the goal before had no way to go: for it, to miss the goal now is to have gone too far.
    if before is not None and not _reached(goal, before):
        way = (after - before) / (goal.threshold - before)
        return way >= HALFWAY, "not reached, but most of the way" if way >= HALFWAY else "not reached"
    return False, "not reached"


def _reached(goal: Goal, value: float) -> bool:
    return value >= goal.threshold if goal.direction == "at_least" else value <= goal.threshold


def _worse(goal: Goal, before: float, after: float) -> bool:
    return after < before if goal.direction == "at_least" else after > before
