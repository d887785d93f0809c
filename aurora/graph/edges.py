"""The questions between the nodes. Pure; the words of each answer are the edges of the diagram."""

from typing import Literal

from aurora.domain import CHANGING, Action
from aurora.graph.state import State
from aurora.policy.standing import gave_up


def is_the_plan_sound(state: State) -> Literal["rule", "plan", "learn"]:
    """A critique approves, asks for a revision, or rejects; without one the plan is rejected."""
    critique = state.critique
    if critique is None or critique.verdict == "reject" or gave_up(critique):
        return "learn"
    return "rule" if critique.verdict == "approve" else "plan"


def may_it_run(state: State) -> Literal["execute", "approve", "learn"]:
    """The gate allows, asks a person, or ends it: nothing to do, denied, or only said. Unknown means denied."""
    ruling = state.ruling
    if ruling is None or ruling.verdict == "deny" or ruling.propose_only or ruling.step.action is Action.NO_ACTION:
        return "learn"
    return "execute" if ruling.verdict == "allow" else "approve"


def what_did_the_person_say(state: State) -> Literal["execute", "rule", "learn"]:
    """Approved runs, edited is ruled anew, rejected and expired end."""
    answer = state.approval.answer if state.approval else "expired"
    if answer == "approved":
        return "execute"
    return "rule" if answer == "edited" else "learn"


def was_it_done(state: State) -> Literal["watch", "rule", "undo", "learn"]:
    """Done is watched, a strayed call ruled anew, a failure cleaned up; telling people has no outcome to watch."""
    execution = state.execution
    if execution is None or execution.status == "failed":
        return "undo"
    if execution.status == "out_of_bounds":
        return "rule"
    return "watch" if execution.step.action in CHANGING else "learn"


def did_it_help(state: State) -> Literal["learn", "undo"]:
    """What is not better is taken back, and so is what a person wants back."""
    wanted_back = state.wake is not None and state.wake.reason == "undo_requested"
    worse = state.verification is not None and state.verification.outcome == "not_better"
    return "undo" if wanted_back or worse else "learn"
