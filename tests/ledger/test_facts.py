"""What the guardrails are told about the past."""

from datetime import timedelta

import pytest

from aurora.domain import Action, Deed, Execution, Facts, Outcome, Standing, Status, TrackRecord, Undo, Verification
from aurora.ledger import Ledger
from aurora.ledger.facts import _verified_outcomes
from tests.ledger.story import LOST, NAME, OK, RUNNING, Story, allow, execution, report, step, verification


def facts(ledger: Ledger, story: Story, name: str = NAME, decision: str = "") -> Facts:
    return ledger.decisions.facts(name, decision, story.clock.now)


def said(ledger: Ledger, decision: str) -> None:
    """Say the last word on a decision that was verified."""
    ledger.decisions.record(
        decision, 0, "learn", report(), Standing(status=Status.EXECUTED, outcome=Outcome.NOT_BETTER)
    )


def test_nothing_is_known_of_a_model_never_seen(ledger: Ledger, story: Story) -> None:
    assert facts(ledger, story) == Facts(models=0)


def test_deeds_are_the_changes_of_the_last_day_newest_first(ledger: Ledger, story: Story) -> None:
    story.executed(price=9)
    story.clock.forward(hours=20)
    first = story.verified("better", action=Action.SCALE)
    at = story.clock.now
    story.clock.forward(hours=4)
    second = story.executed(price=0.25)
    story.executed("other")

    deeds = facts(ledger, story).deeds

    assert deeds == (
        Deed(decision_id=second, action="retrain", executed_at=story.clock.now, outcome=Outcome.PENDING, price=0.25),
        Deed(decision_id=first, action="scale", executed_at=at, outcome=Outcome.BETTER, price=0.5),
    )


def test_a_deed_tells_its_parameters(ledger: Ledger, story: Story) -> None:
    decision = story.opened()
    more = step(Action.SCALE).evolve(parameters={"replicas": 6, "from": 4})
    ledger.intents.begin("key", decision, more, "sandbox.scaling", allow)

    assert facts(ledger, story).deeds[0].parameters == {"replicas": 6, "from": 4}


def test_what_may_have_happened_counts_as_done_and_what_failed_does_not(ledger: Ledger, story: Story) -> None:
    begun, _ = story.begun()
    unknown, key = story.begun()
    ledger.intents.finish(key, LOST)
    story.failed()

    known = facts(ledger, story)

    assert {(deed.decision_id, deed.outcome) for deed in known.deeds} == {
        (begun, Outcome.PENDING),
        (unknown, Outcome.PENDING),
    }
    assert set(known.in_flight) == {begun, unknown}


def test_alerts_and_undoing_are_no_deeds(ledger: Ledger, story: Story) -> None:
    decision = story.verified("not_better")
    said(ledger, decision)
    ledger.intents.begin("undo", decision, step(), "sandbox.training", allow, undo=True)
    ledger.intents.finish("undo", OK)
    story.begun(action=Action.ALERT)

    known = facts(ledger, story)

    assert [deed.decision_id for deed in known.deeds] == [decision]
    assert known.in_flight == ()


def test_in_flight_are_other_decisions_that_are_not_verified_yet(ledger: Ledger, story: Story) -> None:
    pending = story.executed()
    story.clock.forward(days=3)
    mine, _ = story.begun()
    story.verified("better")
    story.failed()
    story.asked()
    story.executed("other")

    assert facts(ledger, story, decision=mine).in_flight == (pending,)


def test_a_change_is_in_flight_while_its_decision_is_being_written_down(ledger: Ledger, story: Story) -> None:
    decision, key = story.begun()
    ledger.intents.finish(key, OK)

    assert facts(ledger, story).in_flight == (decision,)


def test_a_change_that_did_not_help_is_in_flight_until_the_last_word_is_said(ledger: Ledger, story: Story) -> None:
    decision = story.verified("not_better")
    story.verified("better")
    assert facts(ledger, story).in_flight == (decision,)
    said(ledger, decision)
    assert facts(ledger, story).in_flight == ()


def test_a_change_being_undone_is_in_flight(ledger: Ledger, story: Story) -> None:
    decision = story.verified("not_better")
    said(ledger, decision)

    ledger.intents.begin("undo", decision, step(), "sandbox.training", allow, undo=True)

    assert facts(ledger, story).in_flight == (decision,)


def test_other_models_in_change_are_counted_once_each(ledger: Ledger, story: Story) -> None:
    story.executed()
    story.executed("a")
    story.begun("a")
    story.begun("b")
    story.verified("better", "c")
    story.opened("d")

    known = facts(ledger, story)

    assert (known.models, known.models_in_change) == (5, 2)


def test_a_pretend_fleet_is_no_share_of_a_real_one(ledger: Ledger, story: Story) -> None:
    for name in ("a", "b", "c"):
        story.executed(name, simulated=True)
    story.executed("real-1", simulated=False)
    story.opened("real-2", simulated=False)

    pretend, real = facts(ledger, story, "a"), facts(ledger, story, "real-2")

    assert (pretend.models, pretend.models_in_change) == (3, 2)
    assert (real.models, real.models_in_change) == (2, 1)


def test_the_track_holds_what_code_verified_newest_last(ledger: Ledger, story: Story) -> None:
    story.verified("better")
    story.verified("not_better")
    story.verified("better", action=Action.CACHE)
    story.verified("better", by_code=False)
    story.executed()
    story.verified("better", "other")

    assert facts(ledger, story).track == {
        Action.RETRAIN: TrackRecord(outcomes=(True, False)),
        Action.CACHE: TrackRecord(outcomes=(True,)),
    }


def test_a_frequent_kind_of_action_crowds_out_no_miss_of_a_rare_one(
    ledger: Ledger, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aurora.ledger.facts._TRACKS", _verified_outcomes(2))
    story.verified("not_better")
    for _ in range(3):
        story.verified("better", action=Action.CACHE)

    assert facts(ledger, story).track == {
        Action.RETRAIN: TrackRecord(outcomes=(False,)),
        Action.CACHE: TrackRecord(outcomes=(True, True)),
    }


def test_the_tracks_of_several_models_are_read_at_once_each_of_its_own_kind(ledger: Ledger, story: Story) -> None:
    story.verified("better", "pretend", simulated=True)
    story.verified("not_better", "pretend", action=Action.ROUTE, simulated=True)
    story.verified("better", "turned-real", simulated=True)
    story.verified("not_better", "turned-real", simulated=False)
    story.verified("better", "left-out")

    assert ledger.decisions.tracks(["pretend", "turned-real", "nobody"]) == {
        "pretend": {
            Action.RETRAIN: TrackRecord(outcomes=(True,)),
            Action.ROUTE: TrackRecord(outcomes=(False,)),
        },
        "turned-real": {Action.RETRAIN: TrackRecord(outcomes=(False,))},
    }
    assert ledger.decisions.tracks([]) == {}


def test_what_was_taken_back_after_verification_is_a_miss(ledger: Ledger, story: Story) -> None:
    decision = story.verified("not_better")
    undone = Standing(status=Status.EXECUTED, outcome=Outcome.UNDONE)
    ledger.decisions.record(decision, 0, "undo", verification("not_better", by_code=True), undone)

    assert facts(ledger, story).track == {Action.RETRAIN: TrackRecord(outcomes=(False,))}


def test_a_verified_success_that_a_person_takes_back_is_a_miss_whatever_the_second_look_sees(
    ledger: Ledger, story: Story
) -> None:
    decision = story.verified("better")
    blind = Verification(outcome="cannot_tell", reasoning="", source="none", verified=False)
    ledger.decisions.record(decision, 1, "verify", blind, Standing(status=Status.EXECUTED, outcome=Outcome.CANNOT_TELL))
    undone = Standing(status=Status.EXECUTED, outcome=Outcome.UNDONE)
    ledger.decisions.record(decision, 1, "undo", Undo(status="undone", reasoning="", by="ada"), undone)

    assert facts(ledger, story).track == {Action.RETRAIN: TrackRecord(outcomes=(False,))}


def test_what_only_a_pretend_world_showed_earns_nothing_in_the_real_one(ledger: Ledger, story: Story) -> None:
    story.verified("better", simulated=True)
    assert facts(ledger, story).track == {Action.RETRAIN: TrackRecord(outcomes=(True,))}

    ledger.models.seen(NAME, simulated=False)

    assert facts(ledger, story).track == {}


def test_a_decision_that_changes_nothing_is_never_in_flight(ledger: Ledger, story: Story) -> None:
    decision = story.opened()
    alert: Execution = execution(step(Action.ALERT), "key", story.clock.now)
    ledger.decisions.record(decision, 0, "plan", alert, RUNNING)
    pending = Standing(status=Status.EXECUTED, outcome=Outcome.PENDING)
    ledger.decisions.record(decision, 0, "execute", alert, pending, verify_at=story.clock.now + timedelta(hours=1))

    assert facts(ledger, story).in_flight == ()
