"""One metric before and after, held against its goal, and against a control where there is one. Pure.

Never better for a difference that may be noise. Improving what was measured afterwards never makes a worse judgement
of a better one.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from aurora.domain import Goal
from aurora.policy.series import likely_share, variance_of_share

HALFWAY = 0.5
"""Which share of the way from before to the goal counts as help."""
CERTAINTY = 2.0
"""How many standard errors two levels of a service's own points must be apart to differ."""
CONTROL_CERTAINTY = 1.64
"""How many standard errors what is new must be from its control to differ: one chance in twenty of being wrong."""
CONTROL_SAMPLES = 200
"""On fewer samples than these nothing is said of two that do not differ: they may be too few to show it."""
CONTROL_MARGIN = 0.05
"""Share of the control by which a metric must differ from it that is no share of its samples, such as latency."""

WORDS: Mapping[str, str] = {
    "accuracy": "accuracy",
    "latency_ms": "latency in ms",
    "error_rate": "error rate",
    "usage": "usage",
    "memory_usage": "memory usage",
    "none": "nothing",
}
"""The metrics as people call them."""
SHARES = ("accuracy", "error_rate")
"""The metrics that are shares of their samples."""
USED = ("usage", "memory_usage")
"""What may rise, as long as it stays within its limit."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One metric, before and after."""

    before: float | None
    after: float
    noise: float = 0.0
    """A difference up to this one may be chance."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a comparison says, and that in words."""

    kind: Literal["better", "worse", "short", "unsure"]
    """`short`: surely no worse and surely not what it was to be. `unsure`: it may be either."""
    word: str


def judged(goal: Goal, seen: Measured) -> Judgement:
    """Return whether it helped.

    Half of the way to the goal helped too: taking it back would only bring back what was worse.
    """
    if goal.keep:
        return _kept(goal, seen)
    if seen.before is None:
        return Judgement("better", "reached") if reached(goal, seen.after) else Judgement("short", "not reached")
    gain, way = _sign(goal) * (seen.after - seen.before), _sign(goal) * (goal.threshold - seen.before)
    if gain < -seen.noise:
        return _fell(goal, seen)
    if way <= 0:
        # What met its goal before does not meet it because of what was done since.
        if gain > seen.noise:
            return Judgement("better", "met before already, and surpassed now")
        return Judgement("unsure", "it was met before already, so that this shows nothing")
    return _went(goal, seen, gain, way)


def _went(goal: Goal, seen: Measured, gain: float, way: float) -> Judgement:
    if gain > seen.noise and gain >= HALFWAY * way:
        return Judgement("better", "reached" if reached(goal, seen.after) else "not reached, but most of the way")
    if gain + seen.noise < HALFWAY * way or seen.noise == 0:
        return Judgement("short", "not reached")
    if gain > seen.noise:
        return Judgement("unsure", f"improved, but whether by half of the way may be chance (up to {seen.noise:.2g})")
    return Judgement("unsure", f"a difference of up to {seen.noise:.2g} may be chance, so that this shows nothing")


def _kept(goal: Goal, seen: Measured) -> Judgement:
    beyond = _sign(goal) * (goal.threshold - seen.after)
    if beyond <= 0:
        return Judgement("better", "it kept within it")
    if beyond > seen.noise:
        return Judgement("worse", "it did not keep within it")
    return Judgement("unsure", "it is on the edge of it")


def _fell(goal: Goal, seen: Measured) -> Judgement:
    if goal.metric in USED and reached(goal, seen.after):
        return Judgement("unsure", "it rose and is still within it, so that this shows nothing")
    return Judgement("worse", "it got worse")


def reached(goal: Goal, value: float) -> bool:
    """Whether `value` meets the goal."""
    return value >= goal.threshold if goal.direction == "at_least" else value <= goal.threshold


def _sign(goal: Goal) -> int:
    return 1 if goal.direction == "at_least" else -1


# --- against a control -----------------------------------------------------------------------------------------------


def control_margin(goal: Goal, after: float, control: float, samples: float) -> float:
    """Return up to which difference from its control something new may be no different.

    Both are taken for samples of their own. On the same rows the truth is narrower, so that this asks for more.
    """
    if goal.metric not in SHARES:
        return CONTROL_MARGIN * abs(control)
    variance = variance_of_share(after, samples) + variance_of_share(control, samples)
    return CONTROL_CERTAINTY * math.sqrt(variance)


def against(goal: Goal, after: float, control: float, samples: float) -> Judgement:
    """Return whether something new is better than its control, on so many samples each."""
    apart, margin = after - control, control_margin(goal, after, control, samples)
    if goal.metric in SHARES:
        apart = likely_share(after, samples) - likely_share(control, samples)
    gain = _sign(goal) * apart
    if gain > margin:
        return Judgement("better", "better by more than chance")
    if gain < -margin:
        return Judgement("worse", "worse by more than chance")
    if samples < CONTROL_SAMPLES:
        return Judgement("unsure", "too few to tell the two apart")
    return Judgement("short", "no better by more than chance")
