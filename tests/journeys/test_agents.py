"""The agents one by one: the same records and the same gate as the whole loop."""

import pytest

from aurora import Aurora
from aurora.domain import Action, Critique, Mode, Plan, Risk
from aurora.errors import Conflict, Invalid
from aurora.graph import critic

from .conftest import FAILING


async def test_planner_critic_and_executor_make_the_same_decision_as_the_loop(aurora: Aurora) -> None:
    plan = await aurora.planner.execute(FAILING)
    critique = await aurora.critic.execute(plan)
    assert (plan.step.action, critique.verdict) == ("retrain", "approve")
    assert aurora.answer(plan.decision_id).status == "running"

    done = await aurora.executor.execute(plan.decision_id)
    assert done is not None
    assert str(done.context["training_job_id"]).startswith("training-")
    record = aurora.record(plan.decision_id)
    assert record["steps"]["plan"] == [plan.model_dump(mode="json")]
    assert record["steps"]["critique"] == [critique.model_dump(mode="json")]


async def test_nothing_but_its_caller_advances_what_the_planner_was_asked(aurora: Aurora) -> None:
    plan = await aurora.planner.execute(FAILING)
    assert aurora.sweep() == 0
    assert aurora.answer(plan.decision_id).status == "running"


async def test_the_executor_does_not_get_past_the_gate(aurora: Aurora) -> None:
    plan = await aurora.planner.execute(FAILING)
    aurora.ledger.installation.set_mode(Mode.STOPPED, "drill", "ada")
    assert await aurora.executor.execute(plan.decision_id) is None
    assert aurora.answer(plan.decision_id).ending == "denied"


async def test_a_plan_that_is_not_on_record_is_not_judged(aurora: Aurora) -> None:
    plan = await aurora.planner.execute(FAILING)
    with pytest.raises(Conflict):
        await aurora.critic.execute(plan.evolve(confidence=1.0))


async def test_bad_telemetry_is_refused_by_the_path_of_its_field(aurora: Aurora) -> None:
    with pytest.raises(Invalid, match=r"model_metrics\.accuracy"):
        await aurora.planner.execute({"model_metrics": {"accuracy": 1.5}})


def verdict_of(word: str, plan: Plan) -> Critique:
    return Critique.model_validate(
        {
            "round": plan.round,
            "verdict": word,
            "reasoning": "…",
            "confidence": plan.confidence,
            "risk": Risk.MEDIUM,
            "avoid": [plan.step.action],
        }
    )


@pytest.mark.parametrize(("word", "ending", "plans"), [("reject", "critic_rejected", 1), ("revise", "gave_up", 3)])
def test_a_critic_that_is_never_content_ends_the_decision_with_its_own_word(
    aurora: Aurora, monkeypatch: pytest.MonkeyPatch, word: str, ending: str, plans: int
) -> None:
    monkeypatch.setattr(critic, "judge", lambda plan, *_, **__: verdict_of(word, plan))
    answer = aurora.analyze(FAILING)
    assert (answer.status, answer.ending, answer.execution_result) == ("rejected", ending, None)
    record = aurora.record(answer.decision_id)
    proposed = [Action(made["step"]["action"]) for made in record["steps"]["plan"]]
    assert len(proposed) == len(set(proposed)) == plans
    assert record["intents"] == []


def test_a_critic_cannot_raise_the_confidence(aurora: Aurora, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(critic, "judge", lambda plan, *_, **__: verdict_of("approve", plan).evolve(confidence=1.0))
    answer = aurora.analyze(FAILING, dry_run=True)
    assert answer.planner_decision is not None
    assert answer.critic_decision is not None
    assert answer.critic_decision.confidence == answer.planner_decision.confidence < 1
