"""The questions between the nodes, with whole values and no graph."""

from datetime import UTC, datetime

import pytest

from aurora.domain import (
    Action,
    Approval,
    Critique,
    Execution,
    Finding,
    Outcome,
    Risk,
    Ruling,
    Status,
    Step,
    Undo,
    Verification,
    Wake,
)
from aurora.graph.edges import did_it_help, is_the_plan_sound, may_it_run, was_it_done, what_did_the_person_say
from aurora.graph.state import State
from aurora.policy.standing import standing

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def critique(verdict: str, round: int = 0) -> Critique:
    return Critique.model_validate(
        {"round": round, "verdict": verdict, "reasoning": "…", "confidence": 0.8, "risk": Risk.MEDIUM}
    )


def ruling(verdict: str, action: Action = Action.RETRAIN, **more: object) -> Ruling:
    return Ruling.model_validate(
        {
            "verdict": verdict,
            "step": {"action": action, "target": "m"},
            "confidence": 0.8,
            "fingerprint": "f",
            **more,
        }
    )


def approval(answer: str) -> Approval:
    return Approval.model_validate(
        {"id": "apr_1", "round": 0, "answer": answer, "by": "ada", "fingerprint": "f", "settled_at": NOW}
    )


def execution(status: str, action: Action = Action.RETRAIN) -> Execution:
    return Execution.model_validate(
        {
            "status": status,
            "intent_key": "k",
            "step": Step(action=action, target="m"),
            "reasoning": "…",
            "executed_at": NOW,
        }
    )


@pytest.mark.parametrize(
    ("given", "next_node"),
    [
        (None, "learn"),
        (critique("reject"), "learn"),
        (critique("approve"), "rule"),
        (critique("revise", 0), "plan"),
        (critique("revise", 1), "plan"),
        (critique("revise", 2), "learn"),
    ],
)
def test_a_critique_approves_revises_at_most_twice_or_ends_it(given: Critique | None, next_node: str) -> None:
    assert is_the_plan_sound(State(decision_id="d", critique=given)) == next_node


@pytest.mark.parametrize(
    ("given", "next_node"),
    [
        (None, "learn"),
        (ruling("deny"), "learn"),
        (ruling("allow"), "execute"),
        (ruling("needs_approval"), "approve"),
        (ruling("allow", propose_only=True), "learn"),
        (ruling("needs_approval", propose_only=True), "learn"),
        (ruling("allow", Action.NO_ACTION), "learn"),
        (ruling("allow", Action.ALERT), "execute"),
    ],
)
def test_the_gate_allows_asks_or_ends_it(given: Ruling | None, next_node: str) -> None:
    assert may_it_run(State(decision_id="d", ruling=given)) == next_node


@pytest.mark.parametrize(
    ("answer", "next_node"),
    [("approved", "execute"), ("edited", "rule"), ("rejected", "learn"), ("expired", "learn")],
)
def test_a_person_approves_edits_or_ends_it(answer: str, next_node: str) -> None:
    assert what_did_the_person_say(State(decision_id="d", approval=approval(answer))) == next_node


def test_nobody_having_answered_is_not_consent() -> None:
    assert what_did_the_person_say(State(decision_id="d")) == "learn"


@pytest.mark.parametrize(
    ("given", "next_node"),
    [
        (None, "undo"),
        (execution("done"), "watch"),
        (execution("done", Action.ALERT), "learn"),
        (execution("failed"), "undo"),
        (execution("out_of_bounds"), "rule"),
    ],
)
def test_what_was_done_is_watched_cleaned_up_or_ruled_anew(given: Execution | None, next_node: str) -> None:
    assert was_it_done(State(decision_id="d", execution=given)) == next_node


@pytest.mark.parametrize(
    ("outcome", "reason", "next_node"),
    [
        ("better", "window_over", "learn"),
        ("cannot_tell", "window_over", "learn"),
        ("not_better", "window_over", "undo"),
        ("better", "undo_requested", "undo"),
        ("cannot_tell", "undo_requested", "undo"),
    ],
)
def test_what_is_not_better_or_wanted_back_is_undone(outcome: str, reason: str, next_node: str) -> None:
    seen = Verification.model_validate({"outcome": outcome, "reasoning": "…", "source": "tool", "verified": True})
    wake = Wake.model_validate({"reason": reason, "woken_at": NOW})
    assert did_it_help(State(decision_id="d", wake=wake, verification=seen)) == next_node


def test_every_ending_has_its_own_word() -> None:
    """Exhaustion is not success, and no two endings share a word."""
    denied = Finding(rule="kill_switch", verdict="deny", reason="stopped")
    seen = {
        standing(critique=critique("reject")).ending,
        standing(critique=critique("revise", 2)).ending,
        standing(ruling=ruling("deny", findings=(denied,))).ending,
        standing(ruling=ruling("needs_approval"), approval=approval("rejected")).ending,
        standing(ruling=ruling("needs_approval"), approval=approval("expired")).ending,
        standing(execution=execution("failed")).ending,
    }
    assert len(seen) == 6
    assert None not in seen


def test_an_alert_is_executed_and_has_no_outcome() -> None:
    assert standing(execution=execution("done", Action.ALERT)).outcome is None


def test_a_change_is_pending_until_it_is_verified_and_undone_once_taken_back() -> None:
    changed = execution("done")
    seen = Verification(outcome="not_better", reasoning="…", source="tool", verified=True)
    assert standing(execution=changed).outcome is Outcome.PENDING
    assert standing(execution=changed, verification=seen).outcome is Outcome.NOT_BETTER
    taken_back = Undo(status="undone", reasoning="…")
    assert standing(execution=changed, verification=seen, undo=taken_back).outcome is Outcome.UNDONE


def test_an_edited_step_that_is_ruled_anew_is_not_the_old_answer() -> None:
    again = ruling("needs_approval", round=1)
    assert standing(ruling=again, approval=approval("edited")).status is Status.AWAITING_APPROVAL
