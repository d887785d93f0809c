"""Whether it helped: the goal stated in the plan against what was measured afterwards.

Three answers: better, not better, cannot tell. The world counts. A model that reported its metrics before is judged by
what it reports afterwards, whatever the tool says of itself; a control, where the tool measured one, must be beaten
too, and where the two disagree the careful answer wins. A model that never reported is judged by what the tool
measured. A person's word comes last; one who reports a failure is believed.

Missing data, silence, a stopped service, one without traffic and accuracy without labels are never better.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

from aurora.domain import Goal, ToolResult, Verification
from aurora.policy.comparison import (
    CERTAINTY,
    SHARES,
    WORDS,
    Judgement,
    Measured,
    against,
    control_margin,
    judged,
    reached,
)
from aurora.policy.evidence import Evidence
from aurora.policy.heard import NO_TRAFFIC, Heard, hear
from aurora.policy.series import Level
from aurora.policy.steps import number

__all__ = ["Evidence", "is_unheard", "verify"]

STOPPED = ("stopped", "failed", "down", "unhealthy")
"""States of a service or a job in which nothing it did can have helped."""
WITHDRAWN = "withdrawn"
"""The phase of a training whose model lost to the one that serves."""

Answer = Literal["better", "not_better", "cannot_tell"]
Source = Literal["tool", "history", "none"]


@dataclass(frozen=True, slots=True)
class Report:
    """One metric as the tool measured it."""

    before: float | None
    after: float
    samples: float
    control: float | None = None
    """The same metric on the same samples without the change: of the version it was to replace, or of a hold-out."""
    rival: Judgement | None = None
    """What comes of the control; None where there is none."""


def verify(goal: Goal | None, evidence: Evidence) -> Verification:
    """Return whether `goal` was reached: better, not better, or cannot tell."""
    if goal is None or goal.metric == "none":
        return _unknown("There was no goal that could be measured.")
    measured, told = _measured(goal, evidence), _by_person(goal, evidence)
    if measured is not None and measured.outcome == "not_better" and _is_forgotten(evidence.tool):
        measured = _unknown("The tool knows nothing any more of what it did.", "tool")
    if evidence.report is not None and not evidence.report.success:
        # A person's word can take a success away; it never makes one of a measured failure.
        measured = None
    seen = [verdict for verdict in (measured, told) if verdict is not None]
    sure = [verdict for verdict in seen if verdict.outcome != "cannot_tell"]
    return next(iter(sure + seen), _unknown(f"Nothing was measured of {WORDS[goal.metric]} afterwards."))


def is_unheard(goal: Goal | None, evidence: Evidence) -> bool:
    """Whether a model that used to report has not told enough yet, so that waiting for it may help."""
    if goal is None or goal.metric == "none" or _ended_badly(evidence.tool) is not None:
        return False
    heard = hear(goal, evidence)
    return heard.silence is not None if heard.reported else heard.reported_any and heard.quiet is not None


def _unknown(reasoning: str, source: Source = "none") -> Verification:
    return Verification(outcome="cannot_tell", reasoning=reasoning, source=source, verified=False)


def _measured(goal: Goal, evidence: Evidence) -> Verification | None:
    """Return what the model's own points, the tool and its control come to; None where nothing was measured."""
    if (word := _not_in_force(evidence.tool)) is not None:
        return word
    heard, report = hear(goal, evidence), _report(goal, evidence.tool)
    if report is not None and report.rival is not None and report.rival.kind == "worse":
        return _by_tool(goal, report)
    return _by_history(goal, heard, report) if heard.reported else _unreported(goal, evidence, heard, report)


def _unreported(goal: Goal, evidence: Evidence, heard: Heard, report: Report | None) -> Verification | None:
    """Judge by the tool a model that never told of the metric, as long as nothing shows that it has stopped."""
    if heard.quiet is not None and (heard.reported_any or heard.idle):
        return _unknown(heard.quiet, "history")
    if _stands_still(evidence.tool):
        return _unknown(NO_TRAFFIC, "tool")
    if report is not None:
        return _by_tool(goal, report)
    return _by_history(goal, heard, None) if evidence.points_after else None


# --- what the tool says ----------------------------------------------------------------------------------------------


def _not_in_force(tool: ToolResult | None) -> Verification | None:
    """Return the verdict on what has failed, been withdrawn, or not ended yet; None for what is in force."""
    if (failure := _ended_badly(tool)) is not None:
        return Verification(outcome="not_better", reasoning=failure, source="tool", verified=True)
    if _answer(tool).get("state") == "running":
        return _unknown("The tool says that it is still running, so that nothing has changed yet.", "tool")
    return None


def _is_forgotten(tool: ToolResult | None) -> bool:
    """Whether the tool was asked, and knows nothing of a change that it had made."""
    return tool is not None and tool.status == "no_data"


def _ended_badly(tool: ToolResult | None) -> str | None:
    """Return what the tool says of a job or a service that has failed; None where it says no such thing."""
    if tool is None or tool.status == "no_data":
        return None
    state = tool.answer.get("state")
    if tool.answer.get("phase") == WITHDRAWN:
        return f"The tool has withdrawn it again: {tool.detail or 'it did not beat what serves.'}"
    if not isinstance(state, str) or state.lower() not in STOPPED:
        return None
    why = f": {tool.detail}" if tool.status != "ok" and tool.detail else "."
    return f"The tool says that it is {state.lower()}{why}"


def _answer(tool: ToolResult | None) -> Mapping[str, Any]:
    # Where the look itself failed, what it was to show may have gone well.
    return tool.answer if tool is not None and tool.status == "ok" else {}


def _entry(tool: ToolResult | None, metric: str) -> Mapping[str, Any]:
    metrics = _answer(tool).get("metrics")
    entry = metrics.get(metric) if isinstance(metrics, Mapping) else None
    return entry if isinstance(entry, Mapping) else {}


def _report(goal: Goal, tool: ToolResult | None) -> Report | None:
    """Return what the tool measured, or None where it is not whole: without samples nothing was measured."""
    entry = _entry(tool, goal.metric)
    before, after = entry.get("before"), entry.get("after")
    samples, control = entry.get("samples"), entry.get("control")
    if not _sound(after, goal) or not _finite(samples) or samples <= 0:
        return None
    report = Report(before if _finite(before) else goal.before, after, samples)
    if not _sound(control, goal):
        return report
    return Report(report.before, after, samples, control, against(goal, after, control, samples))


def _finite(value: Any) -> TypeGuard[float]:
    return number(value) and math.isfinite(value)


def _sound(value: Any, goal: Goal) -> TypeGuard[float]:
    return _finite(value) and (goal.metric not in SHARES or 0 <= value <= 1)


def _stands_still(tool: ToolResult | None) -> bool:
    after = _entry(tool, "throughput_rps").get("after")
    return _finite(after) and after <= 0


def _by_tool(goal: Goal, report: Report) -> Verification:
    """Judge by what the tool measured alone."""
    found, rival = _alone(goal, report), report.rival
    # A control that is not beaten decides alone, however far the way to the goal was.
    way = found if rival is None or rival.kind == "better" else None
    said = f"{_change(goal, report.before, report.after, way)} {_over(report)}"
    return _verdict(goal, _outcome(found), said, "tool", (report.before, report.after))


def _over(report: Report) -> str:
    if report.control is None or report.rival is None:
        return f"The tool measured this over {report.samples:g} samples."
    return (
        f"On {report.samples:g} samples the tool measured {report.after:.4g} with the change and"
        f" {report.control:.4g} without: {report.rival.word}."
    )


def _alone(goal: Goal, report: Report) -> Judgement:
    if report.control is None or report.rival is None:
        return judged(goal, Measured(report.before, report.after))
    if report.rival.kind != "better":
        return report.rival
    # What serves now is what there would be without the change: the way to the goal begins there.
    margin = control_margin(goal, report.after, report.control, report.samples)
    found = judged(goal, Measured(report.control, report.after, margin))
    return found if found.kind == "better" else Judgement("unsure", f"{found.word}, but better than without the change")


# --- what the model's own points show --------------------------------------------------------------------------------


def _by_history(goal: Goal, heard: Heard, report: Report | None) -> Verification:
    """Judge by the model's own points, and by the control where the tool measured one."""
    if heard.after is None or heard.silence is not None:
        return _unknown(heard.silence or "The model tells nothing.", "history")
    before, after = heard.before.value if heard.before is not None else goal.before, heard.after.value
    own = judged(goal, Measured(before, after, _noise(heard.before, heard.after)))
    outcome, said = _outcome(own), f"{_change(goal, before, after, own)} {_by_points(heard.before, heard.after)}"
    if report is not None and report.rival is not None:
        outcome = _with_control(own, report.rival, _alone(goal, report))
        said += f" {_over(report)}"
        said += "" if outcome == _outcome(own) else f" Taken together: {outcome.replace('_', ' ')}."
    return _verdict(goal, outcome, said, "history", (before, after))


def _noise(before: Level | None, after: Level) -> float:
    return CERTAINTY * math.hypot(after.noise, before.noise if before is not None else 0.0)


def _outcome(found: Judgement) -> Answer:
    return "better" if found.kind == "better" else "cannot_tell" if found.kind == "unsure" else "not_better"


def _with_control(own: Judgement, rival: Judgement, tool: Judgement) -> Answer:
    """Return the careful answer to what the world shows and what a control says that is not worse."""
    if own.kind == "better":
        return "cannot_tell" if rival.kind == "short" else "better"
    if own.kind == "unsure":
        return "better" if tool.kind == "better" else "cannot_tell"
    # Short of the goal, and yet better than what it replaced: taking it back would do harm.
    return "cannot_tell" if own.kind == "short" and rival.kind == "better" else "not_better"


def _by_points(before: Level | None, after: Level) -> str:
    then = "" if before is None else f"{_points(before)} before, "
    return f"The model's own reports say so: {then}{_points(after)} since."


def _points(told: Level) -> str:
    labels = f" with {told.labels} labels" if told.labels else ""
    return f"the median of {told.points} point{'' if told.points == 1 else 's'}{labels}"


# --- what a person reports -------------------------------------------------------------------------------------------


def _by_person(goal: Goal, evidence: Evidence) -> Verification | None:
    """A person's word counts as such. Where their numbers contradict it, nobody can tell."""
    report = evidence.report
    if report is None:
        return None
    value = report.metrics.get(goal.metric)
    outcome: Answer = "better" if report.success else "not_better"
    reasoning = f"It was reported that it {'helped' if report.success else 'did not help'}."
    if value is not None and report.success and not reached(goal, value):
        outcome = "cannot_tell"
        reasoning = f"Success was reported with {WORDS[goal.metric]} at {value:.4g}, short of the goal."
    return Verification(
        outcome=outcome,
        reasoning=reasoning,
        source="person",
        before=goal.before,
        after=value,
        metrics=dict(report.metrics),
        verified=False,
    )


# --- in words --------------------------------------------------------------------------------------------------------


def _change(goal: Goal, before: float | None, after: float, found: Judgement | None) -> str:
    was = "" if before is None else f" from {before:.4g}"
    metric, bound = WORDS[goal.metric], f"{goal.direction.replace('_', ' ')} {goal.threshold:.4g}"
    word = "" if found is None else f": {found.word}"
    return f"{metric[0].upper()}{metric[1:]} went{was} to {after:.4g}; the goal was {bound}{word}."


def _verdict(
    goal: Goal, outcome: Answer, reasoning: str, source: Source, levels: tuple[float | None, float]
) -> Verification:
    before, after = levels
    return Verification(
        outcome=outcome,
        reasoning=reasoning,
        source=source,
        before=before,
        after=after,
        metrics={goal.metric: after},
        verified=outcome != "cannot_tell",
    )
