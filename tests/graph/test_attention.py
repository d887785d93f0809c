"""What the monitor does about a verdict, with whole values and no ledger."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora.domain import Mode, ModelSettings, Outcome, Status, Telemetry
from aurora.graph.attention import (
    INTERVAL,
    LONGEST_PAUSE,
    SHORTEST_PAUSE,
    SHORTEST_SILENCE,
    WORSE,
    attend,
    claimed,
    decision_id,
    heard,
    is_silent,
    pause,
    silence,
)
from aurora.ledger.records import DecisionRecord, Surroundings, WatchRecord
from aurora.observe import Verdict
from aurora.observe.breaches import Word
from aurora.observe.readings import Sign

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
COOL = ModelSettings(cooldown_minutes=10)
QUIET = Verdict(newest_at=NOW)


def breach(word: Word = "breaching", *, pressing: bool = True, **levels: float) -> Verdict:
    """Return the verdict on a model that reaches so far beyond some of its limits."""
    reached = {Sign(sign): reach for sign, reach in levels.items()}
    signs = ("latency 1200 ms over 900 ms",)
    return Verdict(word, signs, NOW - MINUTE, reached, reached, pressing=pressing, newest_at=NOW)


BREACH = breach(latency_high=1.3)
FLAPPING = breach("flapping", latency_high=1.3)


def watch(**more: Any) -> WatchRecord:
    """Return the watch over a model that reports every second, and that nothing is known of beside."""
    return WatchRecord.model_validate(
        {
            "model_name": "m",
            "due_at": NOW,
            "heard": 1,
            "heard_at": NOW,
            "heard_before": None,
            "judged": 0,
            "usual_seconds": 1.0,
            "silent_at": None,
            "newest_at": None,
            "breach_at": None,
            "turn": 0,
            "signature": {},
            "looks": 0,
            "claimed_at": None,
            "decision_id": None,
            "next_allowed_at": None,
            "storm": None,
            "storm_until": None,
            **more,
        }
    )


def around(**more: Any) -> Surroundings:
    return Surroundings(settings=COOL, **more)


def looked(minutes_ago: float, looks: int = 1, **more: Any) -> WatchRecord:
    """Return the watch over a breach that was looked at."""
    then = NOW - minutes_ago * MINUTE
    seen = {
        "signature": {"latency_high": 1.3},
        "looks": looks,
        "claimed_at": then,
        "decision_id": "dec_1",
        "turn": looks,
    }
    return watch(**{**seen, "breach_at": then, "next_allowed_at": then + pause(around(), looks), **more})


def ended(minutes_ago: float, status: Status = Status.NO_ACTION, outcome: Outcome | None = None) -> Surroundings:
    """Return surroundings in which the decision of the last look has ended."""
    then = NOW - minutes_ago * MINUTE
    last = DecisionRecord(
        id="dec_1",
        model_name="m",
        created_at=then,
        updated_at=then,
        status=status,
        outcome=outcome,
        mode=Mode.AUTONOMOUS,
        dry_run=False,
        simulated=True,
        telemetry=Telemetry.model_validate({"model_metrics": {"accuracy": 0.9}}),
    )
    return around(last=last)


def held_by(before: WatchRecord, verdict: Verdict, known: Surroundings) -> str:
    attention = attend(before, verdict, known, NOW)
    assert attention.wanted == (attention.watch.held_by == "")
    return attention.watch.held_by


# --- the first look --------------------------------------------------------------------------------------------------


def test_a_quiet_model_is_left_until_its_interval_is_over() -> None:
    attention = attend(watch(), QUIET, around(), NOW)
    assert not attention.wanted
    assert (attention.watch.word, attention.watch.due_at, attention.watch.judged) == ("quiet", NOW + INTERVAL, 1)
    assert attention.watch.looked_at == NOW


def test_what_is_only_suspected_is_told_and_not_looked_at() -> None:
    doubt = Verdict("suspicious", BREACH.signs, BREACH.since, newest_at=NOW)
    attention = attend(watch(), doubt, around(), NOW)
    assert (attention.wanted, attention.watch.word, attention.watch.signs) == (False, "suspicious", BREACH.signs)


def test_a_breach_is_looked_at_at_once() -> None:
    attention = attend(watch(), BREACH, around(), NOW)
    assert attention.wanted
    assert (attention.watch.word, attention.watch.breach_at) == ("breaching", NOW)


def test_a_breach_that_may_be_about_to_end_a_stopped_model_and_a_silent_one_are_not_looked_at() -> None:
    ending = breach(latency_high=1.3, pressing=False)
    assert not attend(watch(), ending, around(), NOW).wanted
    assert not attend(watch(), BREACH, around(stopped=True), NOW).wanted
    assert not attend(watch(heard_at=NOW - SHORTEST_SILENCE), BREACH, around(), NOW).wanted


def test_whatever_is_in_flight_comes_first() -> None:
    assert held_by(watch(), BREACH, around(in_flight=True)) == "in_flight"


def test_a_change_is_given_its_cooldown() -> None:
    assert held_by(watch(), BREACH, around(changed_at=NOW - 9 * MINUTE)) == "cooldown"
    assert held_by(watch(), BREACH, around(changed_at=NOW - 10 * MINUTE)) == ""
    assert attend(watch(), BREACH, around(changed_at=NOW - 9.9 * MINUTE), NOW).watch.due_at == NOW + 0.1 * MINUTE


# --- never twice for the same evidence -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (Status.NO_ACTION, None),
        (Status.REJECTED, None),
        (Status.PROPOSED, None),
        (Status.FAILED, None),
        (Status.EXECUTED, None),
        (Status.EXECUTED, Outcome.CANNOT_TELL),
        (Status.EXECUTED, Outcome.UNDONE),
    ],
)
def test_after_a_look_in_vain_the_same_evidence_rests(status: Status, outcome: Outcome | None) -> None:
    assert held_by(looked(9), BREACH, ended(9, status, outcome)) == "same_evidence"
    assert held_by(looked(10), BREACH, ended(10, status, outcome)) == ""


def test_the_pause_counts_from_when_the_decision_ended() -> None:
    assert held_by(looked(600), BREACH, ended(9, Status.REJECTED)) == "same_evidence"
    assert held_by(looked(600), BREACH, ended(10, Status.REJECTED)) == ""


def test_the_pause_doubles_up_to_a_day() -> None:
    pauses = [pause(around(), looks) for looks in (1, 2, 3, 4)]
    assert pauses == [10 * MINUTE, 20 * MINUTE, 40 * MINUTE, 80 * MINUTE]
    assert pause(around(), 1000) == LONGEST_PAUSE
    assert pause(Surroundings(settings=ModelSettings(cooldown_minutes=1e9)), 5) == LONGEST_PAUSE


def test_a_model_without_a_cooldown_has_a_pause_that_doubles_as_well() -> None:
    at_once = Surroundings(settings=ModelSettings(cooldown_minutes=0))
    assert [pause(at_once, looks) for looks in (1, 2, 5)] == [SHORTEST_PAUSE, 2 * SHORTEST_PAUSE, 16 * SHORTEST_PAUSE]
    assert pause(at_once, 1000) == LONGEST_PAUSE


def test_each_look_in_vain_makes_the_next_pause_longer() -> None:
    again = claimed(attend(looked(10), BREACH, ended(10), NOW).watch, BREACH, around(), NOW)
    assert (again.looks, again.next_allowed_at) == (1, NOW + 20 * MINUTE)


def test_another_sign_is_new_evidence() -> None:
    both = breach(latency_high=1.3, errors_high=1.1)
    assert held_by(looked(1), both, ended(1)) == ""
    fresh = claimed(looked(1), both, around(), NOW)
    assert (fresh.looks, fresh.signature) == (0, {"latency_high": 1.3, "errors_high": 1.1})


def test_only_what_is_clearly_worse_is_new_evidence() -> None:
    assert held_by(looked(1), breach(latency_high=1.3 * WORSE - 0.01), ended(1)) == "same_evidence"
    assert held_by(looked(1), breach(latency_high=1.3 * WORSE), ended(1)) == ""


def test_what_shows_when_it_is_looked_at_is_looked_at_too() -> None:
    begun = replace(BREACH, shown={Sign.LATENCY_HIGH: 1.3, Sign.DRIFT: 1.4})
    drifted = breach(latency_high=1.3, drift=1.4)
    seen = claimed(watch(), begun, around(), NOW)
    assert seen.signature == {"latency_high": 1.3, "drift": 1.4}
    assert held_by(seen, drifted, ended(1)) == "same_evidence"


def test_what_was_looked_at_once_stays_looked_at_while_the_breach_lasts() -> None:
    both = claimed(looked(1), breach(errors_high=1.1), around(), NOW)
    assert held_by(both, BREACH, ended(1)) == "same_evidence"


def test_a_success_ends_the_matter() -> None:
    better = ended(1, Status.EXECUTED, Outcome.BETTER)
    assert held_by(looked(1, looks=5), BREACH, better) == ""
    settled = attend(looked(1, looks=5), QUIET, better, NOW).watch
    assert (settled.looks, settled.signature, settled.decision_id) == (0, {}, None)


def test_a_short_dip_does_not_make_old_evidence_new() -> None:
    dipped = attend(looked(5), QUIET, ended(5), NOW).watch
    assert held_by(dipped, BREACH, around()) == "same_evidence"


def test_a_breach_long_after_is_a_new_one() -> None:
    calm = attend(looked(11, looks=1), QUIET, ended(11), NOW).watch
    assert (calm.looks, calm.signature, calm.next_allowed_at) == (0, {}, None)
    assert held_by(calm, BREACH, around()) == ""


def test_while_the_decision_is_open_nothing_is_accounted_for() -> None:
    pending = ended(60, Status.EXECUTED, Outcome.PENDING)
    kept = attend(looked(60), BREACH, pending.evolve(in_flight=True), NOW)
    assert (kept.watch.held_by, kept.watch.decision_id) == ("in_flight", "dec_1")


# --- flapping --------------------------------------------------------------------------------------------------------


def test_a_model_that_flaps_is_looked_at_once_per_pause() -> None:
    worse = breach("flapping", latency_high=9.0, errors_high=9.0)
    assert held_by(watch(), FLAPPING, around()) == ""
    assert held_by(looked(9), FLAPPING, ended(9)) == "flapping"
    assert held_by(looked(9), worse, ended(9)) == "flapping"
    assert held_by(looked(10), worse, ended(10)) == ""
    assert claimed(looked(10), worse, around(), NOW).looks == 1


def test_flapping_that_was_never_believed_is_held() -> None:
    attention = attend(watch(), Verdict("flapping", BREACH.signs, newest_at=NOW), around(), NOW)
    assert (attention.wanted, attention.watch.word, attention.watch.held_by) == (False, "suspicious", "flapping")


# --- one decision for one look ---------------------------------------------------------------------------------------


def test_the_id_follows_from_the_model_and_the_evidence() -> None:
    seen = watch(newest_at=NOW)
    assert decision_id(seen) == decision_id(watch(newest_at=NOW, looks=3, heard=7))
    others = [watch(newest_at=NOW, model_name="n"), watch(newest_at=NOW, turn=1), watch(newest_at=NOW + MINUTE)]
    assert len({decision_id(one) for one in [seen, *others]}) == 4


# --- silence ---------------------------------------------------------------------------------------------------------


def test_a_model_is_silent_by_its_own_habit() -> None:
    hourly = heard(watch(usual_seconds=None), 3600.0, NOW)
    assert not is_silent(hourly, NOW + timedelta(hours=4.9))
    assert is_silent(hourly, NOW + timedelta(hours=5))
    assert hourly.silent_at == NOW + timedelta(hours=5)
    assert silence(hourly, NOW + timedelta(hours=5)) == "no metrics for 300 minutes, usually every 60 minutes"


def test_a_busy_model_is_given_a_minute() -> None:
    assert heard(watch(), 1.0, NOW).silent_at == NOW + SHORTEST_SILENCE


def test_points_that_come_in_bulk_once_a_day_are_no_silence_in_between() -> None:
    daily = heard(watch(usual_seconds=None, heard_before=NOW - timedelta(days=1)), 60.0, NOW)
    assert not is_silent(daily, NOW + timedelta(days=4))


def test_one_outage_is_not_taken_for_a_habit() -> None:
    after = heard(watch(heard_before=NOW - timedelta(hours=8)), 1.0, NOW)
    for _ in range(150):
        after = heard(after.evolve(heard_before=NOW - timedelta(seconds=1)), 1.0, NOW)
    assert after.usual_seconds == 1.0


def test_a_gap_in_which_nobody_looked_is_no_habit() -> None:
    back = watch(heard_before=NOW - timedelta(hours=8), looked_at=NOW - timedelta(hours=8))
    assert heard(back, 60.0, NOW).usual_seconds == 60.0
    assert heard(back.evolve(looked_at=NOW - MINUTE), 60.0, NOW).usual_seconds == 8 * 3600.0


def test_who_reported_once_has_no_habit() -> None:
    assert heard(watch(usual_seconds=None), None, NOW).silent_at is None
    assert not is_silent(watch(usual_seconds=None), NOW + timedelta(days=99))


@given(
    verdict=st.sampled_from([QUIET, BREACH, FLAPPING]),
    looks=st.integers(0, 10**6),
    cooldown=st.floats(0, 1e9),
    ago=st.floats(0, 1e5),
    known=st.sampled_from([around(), ended(1), around(in_flight=True), around(changed_at=NOW)]),
)
def test_it_never_raises_and_always_comes_back(
    verdict: Verdict, looks: int, cooldown: float, ago: float, known: Surroundings
) -> None:
    known = known.evolve(settings=ModelSettings(cooldown_minutes=cooldown))
    attention = attend(looked(ago, looks), verdict, known, NOW)
    assert NOW < attention.watch.due_at <= NOW + INTERVAL
    assert claimed(attention.watch, verdict, known, NOW).next_allowed_at is not None
