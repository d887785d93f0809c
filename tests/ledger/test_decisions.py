"""A decision grows noun by noun, each written once with all that goes with it."""

from datetime import timedelta

import pytest

from aurora.domain import (
    Action,
    Costs,
    Critique,
    Ending,
    Mode,
    ModelSettings,
    Outcome,
    OutcomeReport,
    Plan,
    Risk,
    Standing,
    Status,
)
from aurora.errors import NotFound
from aurora.ledger import Ledger
from tests.ledger.story import (
    NAME,
    PENDING,
    RUNNING,
    WAITING,
    Story,
    Watch,
    entry,
    execution,
    notice,
    plan,
    question,
    report,
    ruling,
    step,
    telemetry,
)


def test_a_decision_begins_as_running_with_its_telemetry(ledger: Ledger, clock: Watch) -> None:
    seen = telemetry(notes="page me", data_drift={"detected": True, "score": 0.6})

    id = ledger.decisions.open(seen, dry_run=True, mode=Mode.OBSERVE, simulated=False)

    decision = ledger.decisions.get(id)
    assert id.startswith("dec_")
    assert decision.telemetry == seen
    assert (decision.status, decision.dry_run, decision.mode) == (Status.RUNNING, True, Mode.OBSERVE)
    assert (decision.created_at, decision.outcome, decision.decision_type) == (clock.now, None, None)


def test_opening_an_id_again_keeps_the_first(ledger: Ledger, clock: Watch) -> None:
    first = ledger.decisions.open(telemetry(), dry_run=False, mode=Mode.ASK, simulated=True, decision_id="dec_chosen")
    clock.forward(hours=1)
    again = ledger.decisions.open(
        telemetry("other"), dry_run=True, mode=Mode.STOPPED, simulated=True, decision_id="dec_chosen"
    )

    assert first == again == "dec_chosen"
    assert ledger.decisions.get(first).model_name == NAME
    assert ledger.decisions.list().items == (ledger.decisions.get(first),)


def test_opening_a_decision_makes_its_model_known(ledger: Ledger, story: Story) -> None:
    id = story.opened()

    assert ledger.models.get(NAME).last_decision_id == id
    assert ledger.models.get(NAME).simulated


def test_an_unknown_decision_is_not_found(ledger: Ledger) -> None:
    with pytest.raises(NotFound, match="dec_nowhere"):
        ledger.decisions.get("dec_nowhere")
    with pytest.raises(NotFound):
        ledger.decisions.record("dec_nowhere", 0, "plan", plan(step()), RUNNING)
    with pytest.raises(NotFound):
        ledger.decisions.list(before="dec_nowhere")
    with pytest.raises(NotFound):
        ledger.decisions.postpone("dec_nowhere", Watch().now)
    with pytest.raises(NotFound):
        ledger.decisions.release("dec_nowhere")
    with pytest.raises(NotFound):
        ledger.decisions.add_outcome("dec_nowhere", OutcomeReport(success=True), "ada")
    with pytest.raises(NotFound):
        ledger.decisions.request_undo("dec_nowhere", "", "ada")
    assert ledger.decisions.nouns("dec_nowhere") == []
    assert ledger.decisions.noun("dec_nowhere", 0, "plan") is None


def test_a_noun_comes_back_as_it_was_written(ledger: Ledger, story: Story) -> None:
    id, noun = story.opened(), plan(step(window={"days": 30}))

    returned = ledger.decisions.record(id, 0, "plan", noun, RUNNING)

    assert returned == ledger.decisions.noun(id, 0, "plan") == noun.model_dump_json()
    assert Plan.model_validate_json(returned) == noun


def test_a_second_record_of_a_noun_returns_the_first_and_changes_nothing(ledger: Ledger, story: Story) -> None:
    id, first = story.opened(), plan(step(), confidence=0.9)
    ledger.decisions.record(id, 0, "plan", first, RUNNING)
    before = ledger.decisions.get(id)

    again = ledger.decisions.record(
        id,
        0,
        "plan",
        plan(step(Action.SCALE), confidence=0.1),
        Standing(status=Status.FAILED, ending=Ending.TIMED_OUT),
        ask=question("apr_1", story.clock.forward(hours=1)),
        notices=[notice("evt_1")],
        entry=entry(),
    )

    assert again == first.model_dump_json()
    assert ledger.decisions.get(id) == before
    assert ledger.approvals.list().items == ()
    assert ledger.outbox.pending() == []
    assert ledger.entries.count() == 0
    assert ledger.audit.verify() == []


def test_nouns_come_in_the_order_they_were_written(ledger: Ledger, story: Story) -> None:
    id = story.opened()
    for round, node in [(0, "plan"), (0, "critique"), (1, "plan")]:
        ledger.decisions.record(id, round, node, report(f"{node} {round}"), RUNNING)

    nouns = ledger.decisions.nouns(id)

    assert [(noun.round, noun.node, noun.kind) for noun in nouns] == [
        (0, "plan", "Report"),
        (0, "critique", "Report"),
        (1, "plan", "Report"),
    ]


def test_the_row_follows_the_newest_noun(ledger: Ledger, story: Story) -> None:
    id, what = story.opened(), step(Action.SCALE, replicas=6)

    ledger.decisions.record(id, 0, "plan", plan(what, confidence=0.95), RUNNING)
    planned = ledger.decisions.get(id)
    critique = Critique(verdict="approve", reasoning="", confidence=0.8, risk=Risk.LOW)
    ledger.decisions.record(id, 0, "critique", critique, RUNNING)
    story.clock.forward(minutes=1)
    due = story.clock.now + timedelta(hours=2)
    done = execution(what, "key", story.clock.now)
    ledger.decisions.record(id, 0, "execute", done, PENDING, verify_at=due)

    assert (planned.decision_type, planned.confidence) == (Action.SCALE, 0.95)
    executed = ledger.decisions.get(id)
    assert (executed.status, executed.outcome, executed.verify_at) == (Status.EXECUTED, Outcome.PENDING, due)
    assert (executed.confidence, executed.updated_at) == (0.8, story.clock.now)


def test_a_question_messages_and_memory_are_written_with_the_noun(ledger: Ledger, story: Story) -> None:
    id, until = story.opened(), story.clock.now + timedelta(hours=24)

    ledger.decisions.record(
        id,
        0,
        "rule",
        ruling(step(), "needs_approval"),
        WAITING,
        ask=question("apr_1", until),
        notices=[notice("evt_1"), notice("evt_2")],
        entry=entry(id="mem_1", model_name=NAME, decision_id=id),
    )

    decision = ledger.decisions.get(id)
    assert (decision.status, decision.approval_id) == (Status.AWAITING_APPROVAL, "apr_1")
    assert ledger.approvals.get("apr_1").decision_id == id
    assert [notice.event_id for notice in ledger.outbox.pending()] == ["evt_1", "evt_2"]
    assert ledger.entries.get("mem_1").decision_id == id


def test_a_record_that_fails_leaves_nothing_behind(ledger: Ledger, story: Story) -> None:
    story.asked("apr_taken")
    id, until = story.opened(), story.clock.now + timedelta(hours=1)

    with pytest.raises(Exception, match=r"(?i)unique"):
        ledger.decisions.record(id, 0, "rule", ruling(step()), WAITING, ask=question("apr_taken", until))

    assert ledger.decisions.get(id).status == Status.RUNNING
    assert ledger.decisions.nouns(id) == []
    assert ledger.audit.verify() == []


def test_another_action_chosen_by_a_person_is_paid_for_by_its_own_price(ledger: Ledger, story: Story) -> None:
    ledger.models.put_settings(NAME, ModelSettings(costs=Costs(fine_tune=0.3)), "ada")
    id, edited = story.opened(), step(Action.FINE_TUNE)
    ledger.decisions.record(id, 0, "plan", plan(step(Action.RETRAIN), price=0.5), RUNNING)
    ledger.decisions.record(id, 0, "rule", ruling(edited), RUNNING)
    story.ledger.intents.begin("key", id, edited, "sandbox.training", lambda facts, mode: ruling(edited))

    assert ledger.decisions.get(id).decision_type == Action.FINE_TUNE
    assert [deed.price for deed in ledger.decisions.facts(NAME, "", story.clock.now).deeds] == [0.3]


def test_lists_are_newest_first_and_come_in_pages(ledger: Ledger, story: Story) -> None:
    ids = [story.opened(name) for name in ("a", "b", "a", "b", "a")]

    first = ledger.decisions.list(limit=2)
    second = ledger.decisions.list(limit=2, before=first.next)
    third = ledger.decisions.list(limit=2, before=second.next)

    pages = [[item.id for item in page.items] for page in (first, second, third)]
    assert pages == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]
    assert third.next is None


def test_lists_can_be_narrowed_to_a_model_and_a_status(ledger: Ledger, story: Story) -> None:
    story.opened("a")
    pending = story.executed("b")
    story.opened("b")

    found = ledger.decisions.list(model_name="b", status="executed")

    assert [item.id for item in found.items] == [pending]
    assert ledger.decisions.list(model_name="B").items == ()


def test_what_is_due_is_executed_pending_and_its_time_has_come(ledger: Ledger, story: Story) -> None:
    late = story.executed("a")
    story.clock.forward(hours=1)
    later = story.executed("b")
    story.verified("better", "c")
    story.opened("d")

    assert ledger.decisions.due(story.clock.now) == []
    assert [item.id for item in ledger.decisions.due(story.clock.forward(hours=1))] == [late]
    assert [item.id for item in ledger.decisions.due(story.clock.forward(hours=1))] == [late, later]


def test_a_look_at_the_outcome_can_be_postponed(ledger: Ledger, story: Story) -> None:
    id = story.executed()
    ledger.decisions.postpone(id, story.clock.now + timedelta(hours=5))

    assert ledger.decisions.due(story.clock.forward(hours=3)) == []
    assert [item.id for item in ledger.decisions.due(story.clock.forward(hours=2))] == [id]


def test_unfinished_are_those_still_running_oldest_first(ledger: Ledger, story: Story) -> None:
    first = story.opened()
    story.asked()
    second, _ = story.begun()

    assert [item.id for item in ledger.decisions.unfinished()] == [first, second]


def test_what_ended_without_its_last_word_is_found(ledger: Ledger, story: Story) -> None:
    story.opened()
    story.asked()
    story.executed()
    failed, told = story.failed(), story.verified("better")
    ledger.decisions.record(told, 0, "report", report(), Standing(status=Status.EXECUTED, outcome=Outcome.BETTER))

    assert [item.id for item in ledger.decisions.unreported()] == [failed]


def test_a_held_decision_is_left_to_whoever_opened_it_until_released(ledger: Ledger) -> None:
    id = ledger.decisions.open(telemetry(), dry_run=False, mode=Mode.ASK, simulated=True, held=True)
    assert ledger.decisions.unfinished() == []

    ledger.decisions.release(id)
    ledger.decisions.release(id)

    assert [item.id for item in ledger.decisions.unfinished()] == [id]


def test_reported_outcomes_are_kept_one_after_the_other(ledger: Ledger, story: Story) -> None:
    id = story.executed()
    first = OutcomeReport(success=False, metrics={"accuracy": 0.7}, note="no better")
    second = OutcomeReport(success=True)
    ledger.decisions.add_outcome(id, first, "ada")
    ledger.decisions.add_outcome(id, second, "bo")

    outcomes = ledger.decisions.outcomes(id)

    assert [(outcome.report, outcome.by) for outcome in outcomes] == [(first, "ada"), (second, "bo")]
    assert outcomes[0].reported_at == story.clock.now


def test_the_first_request_to_undo_counts(ledger: Ledger, story: Story) -> None:
    id = story.executed()
    assert ledger.decisions.undo_requested(id) is None

    first = ledger.decisions.request_undo(id, "it hurts", "ada")
    second = ledger.decisions.request_undo(id, "me too", "bo")

    assert first == second == ledger.decisions.undo_requested(id)
    assert (first.by, first.reason, first.requested_at) == ("ada", "it hurts", story.clock.now)


def test_a_wish_that_comes_before_the_last_word_of_a_run_is_not_forgotten_over_it(ledger: Ledger, story: Story) -> None:
    id, where = story.executed(), Standing(status=Status.EXECUTED, outcome=Outcome.BETTER)
    ledger.decisions.request_undo(id, "we changed our mind", "ada")

    ledger.decisions.record(id, 0, "report", report(), where)
    assert [item.id for item in ledger.decisions.unreported()] == [id]

    ledger.decisions.record(id, 1, "report", report(), where)
    assert ledger.decisions.unreported() == []


@pytest.mark.parametrize("outcome", [Outcome.BETTER, Outcome.NOT_BETTER, Outcome.CANNOT_TELL])
def test_a_wish_to_undo_is_found_until_its_last_word_is_written(outcome: Outcome, ledger: Ledger, story: Story) -> None:
    id, where = story.executed(), Standing(status=Status.EXECUTED, outcome=outcome)
    ledger.decisions.record(id, 0, "report", report(), where)
    assert ledger.decisions.unreported() == []

    ledger.decisions.request_undo(id, "it hurts", "ada")
    assert [item.id for item in ledger.decisions.unreported()] == [id]

    ledger.decisions.record(id, 1, "report", report(), where)
    ledger.decisions.request_undo(id, "me too", "bo")
    assert ledger.decisions.unreported() == []
