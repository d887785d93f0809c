"""A person is asked: approve, reject, edit, let it expire, and everything that must not count as consent."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from aurora import Aurora
from aurora.answers import AnalyzeAnswer
from aurora.domain import Mode, ModelSettings
from aurora.errors import Conflict, Invalid, NotFound

from .conftest import FAILING, ShiftedClock


def approval_of(answer: AnalyzeAnswer) -> str:
    assert answer.approval_id is not None
    return answer.approval_id


def test_nothing_is_executed_while_a_person_is_asked(aurora: Aurora, waiting: AnalyzeAnswer) -> None:
    assert waiting.execution_result is None
    assert aurora.ledger.intents.of_decision(waiting.decision_id) == []
    assert waiting.critic_decision is not None
    assert waiting.critic_decision.requires_approval


def test_approved_is_executed_in_the_name_of_who_approved(aurora: Aurora, waiting: AnalyzeAnswer) -> None:
    after = aurora.settle(approval_of(waiting), "approve", by="ada", reason="go")
    assert after.status == "executed"
    said = aurora.record(waiting.decision_id)["steps"]["approve"][0]
    assert (said["by"], said["authenticated"], said["reason"]) == ("ada", False, "go")


def test_rejected_ends_with_its_word_and_is_final(aurora: Aurora, waiting: AnalyzeAnswer) -> None:
    after = aurora.settle(approval_of(waiting), "reject", by="ada")
    assert (after.status, after.ending) == ("rejected", "human_rejected")
    with pytest.raises(Conflict):
        aurora.settle(approval_of(waiting), "approve", by="bob")


def test_an_edit_runs_as_edited_and_passes_the_gate_again(aurora: Aurora, waiting: AnalyzeAnswer) -> None:
    after = aurora.settle(
        approval_of(waiting),
        "edit",
        by="ada",
        action={"decision_type": "cache", "parameters": {"enabled": True, "ttl_seconds": 60}},
    )
    assert after.status == "executed"
    assert after.execution_result is not None
    assert after.execution_result.decision_type == "cache"
    assert len(aurora.record(waiting.decision_id)["steps"]["rule"]) == 2


def test_an_edit_beyond_a_hard_limit_is_denied(aurora: Aurora, waiting: AnalyzeAnswer) -> None:
    after = aurora.settle(
        approval_of(waiting),
        "edit",
        by="ada",
        action={"decision_type": "scale", "parameters": {"replicas": 500, "from": 2}},
    )
    assert (after.status, after.ending) == ("rejected", "denied")


@pytest.mark.parametrize(
    "action",
    [
        None,
        {},
        {"decision_type": "delete_everything"},
        {"decision_type": "no_action"},
        {"decision_type": "scale", "parameters": {"replicas": -1, "from": 2}},
        {"decision_type": "scale", "parameters": {"replicas": True, "from": 2}},
        {"shell": "rm -rf /"},
    ],
)
def test_an_edit_that_the_tool_would_refuse_settles_nothing(
    aurora: Aurora, waiting: AnalyzeAnswer, action: dict[str, object] | None
) -> None:
    with pytest.raises(Invalid):
        aurora.settle(approval_of(waiting), "edit", by="ada", action=action)
    assert aurora.answer(waiting.decision_id).status == "awaiting_approval"


def test_an_approval_that_nobody_answers_expires(aurora: Aurora, waiting: AnalyzeAnswer, clock: ShiftedClock) -> None:
    clock.pass_hours(25)
    with pytest.raises(Conflict):
        aurora.settle(approval_of(waiting), "approve", by="ada")
    aurora.sweep()
    after = aurora.answer(waiting.decision_id)
    assert (after.status, after.ending) == ("rejected", "expired")


def test_the_kill_switch_holds_for_what_is_approved(aurora: Aurora, waiting: AnalyzeAnswer) -> None:
    aurora.ledger.installation.set_mode(Mode.STOPPED, "drill", "ada")
    after = aurora.settle(approval_of(waiting), "approve", by="ada")
    assert (after.status, after.ending) == ("rejected", "denied")
    assert aurora.ledger.intents.of_decision(waiting.decision_id) == []


def test_of_many_approvers_at_once_one_wins(aurora: Aurora, waiting: AnalyzeAnswer) -> None:
    def settle(number: int) -> str:
        try:
            aurora.settle(approval_of(waiting), "approve" if number % 2 else "reject", by=f"person {number}")
        except Conflict:
            return "late"
        return "won"

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(settle, range(8)))
    assert results.count("won") == 1
    assert len(aurora.ledger.intents.of_decision(waiting.decision_id)) <= 1


def test_an_approval_survives_a_restart(open_aurora: Callable[..., Aurora]) -> None:
    aurora = open_aurora()
    aurora.put_settings("default", ModelSettings.model_validate({"mode": "ask"}), "ada")
    waiting = aurora.analyze(FAILING)
    assert waiting.status == "awaiting_approval"
    after = open_aurora().settle(approval_of(waiting), "approve", by="ada")
    assert after.status == "executed"


def test_an_approval_that_does_not_exist_is_not_found(aurora: Aurora) -> None:
    with pytest.raises(NotFound):
        aurora.settle("apr_nothing", "approve", by="ada")
