"""What there is to look at when it is to be told whether a change helped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aurora.domain import TRAINING, Action, MetricPoint, OutcomeReport, Step, ToolResult


@dataclass(frozen=True, slots=True)
class Evidence:
    """What there is to look at afterwards."""

    tool: ToolResult | None = None
    """What the tool says that it did and measured."""
    points_before: Sequence[MetricPoint] = ()
    """What the model reported before it was done."""
    points_after: Sequence[MetricPoint] = ()
    """What it reported from when the change had taken hold."""
    report: OutcomeReport | None = None
    """What a person says."""
    version: str | None = None
    """The version that the change brought in, if it brought one."""
    since: datetime | None = None
    """When the change had taken hold."""
    looked_at: datetime | None = None


def brought_in(step: Step, answer: Mapping[str, Any]) -> str | None:
    """Return the version that a step brings in, as the step or the tool's answer names it."""
    named = step.parameters.get("to_version") if step.action is Action.ROUTE else None
    named = answer.get("version") if step.action in TRAINING else named
    return named if isinstance(named, str) and named else None
