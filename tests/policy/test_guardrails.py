"""Each rule alone: when it fires, whether it is hard, and that nothing else turns it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora.domain import (
    CHANGING,
    Action,
    Deed,
    Facts,
    Finding,
    Mode,
    ModelSettings,
    Outcome,
    Preview,
    Risk,
    Serving,
    Step,
    TrackRecord,
)
from aurora.policy.guardrails import RULES, GateInput, fingerprint, rule
from tests.policy.looking import NOW, look

DRIFTED: dict[str, Any] = {
    "model_metrics": {"accuracy": 0.72, "latency_ms": 650},
    "data_drift": {"detected": True, "score": 0.65},
    "system_load": {"replicas": [{"name": "a", "load": 0.3}, {"name": "b", "load": 0.4}]},
}
STEPS: dict[Action, dict[str, Any]] = {
    Action.RETRAIN: {"window": "newest", "base_version": "1"},
    Action.FINE_TUNE: {"window": 1000},
    Action.CACHE: {"enabled": True, "ttl_seconds": 300},
    Action.ROUTE: {"weights": {"a": 0, "b": 100}},
    Action.SCALE: {"replicas": 6, "from": 4},
    Action.ALERT: {"severity": "warning", "message": "look"},
    Action.NO_ACTION: {},
}


def gate(action: Action = Action.RETRAIN, settings: dict[str, Any] | None = None, **more: Any) -> GateInput:
    telemetry = more.pop("telemetry", DRIFTED)
    situation = look(
        telemetry, settings=ModelSettings.model_validate(settings or {}), serving=Serving(version="2", replicas=4)
    )
    step = Step(action=action, target="default", parameters=more.pop("parameters", STEPS[action]))
    plain = GateInput(
        situation=situation,
        step=step,
        confidence=0.95,
        confidence_low=0.8,
        risk=Risk.MEDIUM,
        requires_approval=False,
        preview=Preview(undoable=True, undo="back", backend="test"),
        mode=Mode.AUTONOMOUS,
        dry_run=False,
        facts=Facts(),
        now=NOW,
        consent=None,
        round=0,
        fleet_share_in_change=0.25,
    )
    return replace(plain, **more)


def deed(action: Action, minutes: float = 10, outcome: Outcome = Outcome.BETTER, **more: Any) -> Deed:
    values = {"decision_id": "dec_other", "action": action, "executed_at": NOW - timedelta(minutes=minutes)}
    return Deed.model_validate(values | {"outcome": outcome, "parameters": STEPS[action]} | more)


def fired(told: GateInput) -> dict[str, str]:
    return {finding.rule: finding.verdict for finding in rule(told).findings}


def consented(told: GateInput) -> GateInput:
    return replace(told, consent=fingerprint(told.step, told.situation))


def test_a_sound_step_is_allowed() -> None:
    for action in Action:
        ruling = rule(gate(action))
        assert (ruling.verdict, ruling.findings, ruling.propose_only) == ("allow", (), False)


@pytest.mark.parametrize("action", [a for a in Action if a is not Action.NO_ACTION])
def test_the_kill_switch_stops_everything_whoever_approved_it(action: Action) -> None:
    told = consented(gate(action, mode=Mode.STOPPED))
    assert rule(told).verdict == "deny"
    assert fired(told) == {"kill_switch": "deny"}


def test_observe_mode_and_a_dry_run_only_say_what_would_be_done() -> None:
    assert rule(gate(mode=Mode.OBSERVE)).propose_only
    assert rule(gate(dry_run=True)).propose_only
    assert rule(gate(mode=Mode.OBSERVE, confidence=0.5)).verdict == "needs_approval"


def test_in_ask_mode_every_change_asks_and_nothing_else() -> None:
    for action in Action:
        verdict = rule(gate(action, mode=Mode.ASK)).verdict
        assert verdict == ("needs_approval" if action in CHANGING else "allow")


TROUBLES: dict[str, tuple[str, dict[str, Any]]] = {
    "previewed": ("deny", {"preview": None}),
    "in_flight": ("deny", {"facts": Facts(in_flight=("dec_2",))}),
    "freeze_window": (
        "deny",
        {"settings": {"freeze": [{"start": "2026-11-22T07:00:00Z", "end": "2026-11-22T09:00:00Z"}]}},
    ),
    "actions_per_day": ("deny", {"settings": {"limits": {"actions_per_day": 0}}}),
    "spend_per_day": ("deny", {"settings": {"limits": {"spend_per_day": 0.4}}}),
    "sound_training": ("deny", {"telemetry": DRIFTED | {"data_quality": {"null_rate": 0.2}}}),
    "timely": ("needs_approval", {"telemetry": DRIFTED | {"timestamp": "2020-01-01T00:00:00Z"}}),
    "agreed_drift": ("needs_approval", {"telemetry": DRIFTED | {"data_drift": {"detected": False, "score": 0.95}}}),
    "autonomy": ("needs_approval", {"settings": {"autonomy": {"retrain": "ask"}}}),
    "cooldown": ("needs_approval", {"facts": Facts(deeds=(deed(Action.RETRAIN),))}),
    "fleet_share": ("needs_approval", {"facts": Facts(models=8, models_in_change=2)}),
    "earned_autonomy": ("needs_approval", {"preview": Preview(undoable=False, undo="no", backend="test")}),
    "confidence_band": ("needs_approval", {"confidence": 0.69}),
    "high_risk": ("needs_approval", {"risk": Risk.HIGH}),
    "critic": ("needs_approval", {"requires_approval": True}),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_each_rule_fires_alone_and_says_why(name: str) -> None:
    verdict, trouble = TROUBLES[name]
    told = gate(**trouble)
    assert fired(told) == {name: verdict}
    assert rule(told).verdict == verdict
    assert all(finding.reason.endswith(".") for finding in rule(told).findings)


@pytest.mark.parametrize("name", TROUBLES)
def test_consent_to_exactly_this_step_satisfies_soft_rules_and_no_hard_ones(name: str) -> None:
    verdict, trouble = TROUBLES[name]
    ruling = rule(consented(gate(**trouble)))
    assert ruling.verdict == ("allow" if verdict == "needs_approval" else "deny")
    assert [finding.rule for finding in ruling.findings] == [name]


@pytest.mark.parametrize("name", TROUBLES)
@pytest.mark.parametrize("action", [Action.ALERT, Action.NO_ACTION])
def test_what_changes_nothing_passes_where_a_change_would_not(name: str, action: Action) -> None:
    assert rule(gate(action, **TROUBLES[name][1])).verdict == "allow"


def test_consent_to_another_step_is_none() -> None:
    told = gate(confidence=0.5)
    other = Step(action=Action.RETRAIN, target="default", parameters={"window": 10})
    assert rule(replace(told, consent=fingerprint(other, told.situation))).verdict == "needs_approval"
    assert rule(replace(told, consent="")).verdict == "needs_approval"


@pytest.mark.parametrize(
    ("told", "asks"),
    [
        ("2026-11-22T07:59:00Z", False),
        ("2026-10-25T08:00:00Z", False),
        ("2026-10-20T08:00:00Z", True),
        ("2026-11-22T08:55:00Z", False),
        ("2026-11-22T09:30:00Z", True),
        ("2036-01-01T00:00:00Z", True),
    ],
)
def test_telemetry_of_another_time_asks(told: str, asks: bool) -> None:
    assert ("timely" in fired(gate(telemetry=DRIFTED | {"timestamp": told}))) is asks


@pytest.mark.parametrize(
    ("detected", "score", "asks"),
    [(False, 0.95, True), (True, 0.05, True), (False, 0.6, False), (True, 0.4, False), (True, 0.95, False)],
)
def test_a_detector_that_contradicts_a_clear_score_asks_before_a_training(
    detected: bool, score: float, asks: bool
) -> None:
    telemetry = DRIFTED | {"data_drift": {"detected": detected, "score": score}}
    for action in (Action.RETRAIN, Action.FINE_TUNE):
        assert ("agreed_drift" in fired(gate(action, telemetry=telemetry))) is asks
    assert "agreed_drift" not in fired(gate(Action.CACHE, telemetry=telemetry))


def test_where_no_replica_is_well_moving_and_adding_them_asks() -> None:
    ill = [{"name": name, "load": 0.9, "healthy": False} for name in "ab"]
    one_well = [ill[0], ill[1] | {"healthy": True}]
    for replicas, asks in ((ill, True), (one_well, False)):
        telemetry = DRIFTED | {"system_load": {"replicas": replicas}}
        for action in (Action.SCALE, Action.ROUTE):
            assert ("one_is_well" in fired(gate(action, telemetry=telemetry))) is asks
        back = gate(Action.ROUTE, telemetry=telemetry, parameters={"to_version": "1"})
        assert "one_is_well" not in fired(back)


# --- what is not understood ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        (Action.RETRAIN, {"window": 0}),
        (Action.RETRAIN, {"window": True}),
        (Action.RETRAIN, {"base_version": 3}),
        (Action.RETRAIN, {"rm": "-rf"}),
        (Action.CACHE, {}),
        (Action.CACHE, {"enabled": 1}),
        (Action.CACHE, {"enabled": True, "ttl_seconds": -1}),
        (Action.CACHE, {"enabled": True, "ttl_seconds": float("inf")}),
        (Action.ROUTE, {}),
        (Action.ROUTE, {"to_version": " "}),
        (Action.ROUTE, {"to_version": "1", "weights": {"a": 100}}),
        (Action.ROUTE, {"weights": {}}),
        (Action.ROUTE, {"weights": {"a": 60, "b": 60}}),
        (Action.ROUTE, {"weights": {"a": -20, "b": 120}}),
        (Action.ROUTE, {"weights": {"a": 0, "c": 100}}),
        (Action.ROUTE, {"weights": [100]}),
        (Action.SCALE, {"replicas": 4.5}),
        (Action.SCALE, {"replicas": True}),
        (Action.SCALE, {"replicas": 4}),
        (Action.SCALE, {"replicas": 0}),
        (Action.SCALE, {"replicas": 6, "from": "4"}),
        (Action.ALERT, {"severity": "loud"}),
        (Action.ALERT, {"message": 3}),
        (Action.NO_ACTION, {"but": "do it"}),
    ],
    ids=str,
)
def test_strange_parameters_are_denied_whoever_approved_them(action: Action, parameters: dict[str, Any]) -> None:
    told = consented(gate(action, parameters=parameters))
    assert rule(told).verdict == "deny"
    assert fired(told)["understood"] == "deny"


def test_a_step_for_another_model_is_denied() -> None:
    told = gate()
    assert rule(replace(told, step=told.step.evolve(target="other"))).verdict == "deny"


@pytest.mark.parametrize("confidence", [float("nan"), -0.1, 1.1, float("inf")])
def test_a_confidence_that_is_no_probability_is_denied(confidence: float) -> None:
    assert rule(gate(confidence=confidence)).verdict == "deny"
    assert rule(gate(confidence_low=confidence)).verdict == "deny"


def test_a_time_without_a_zone_is_denied() -> None:
    assert rule(gate(now=datetime(2026, 11, 22, 8))).verdict == "deny"


# --- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("replicas", "verdict"), [(20, "allow"), (21, "deny"), (1000, "deny"), (1, "allow")])
def test_no_approval_goes_over_the_replicas_limit(replicas: int, verdict: str) -> None:
    assert rule(consented(gate(Action.SCALE, parameters={"replicas": replicas}))).verdict == verdict


def test_the_sixth_change_of_a_day_is_the_last_one() -> None:
    deeds = tuple(deed(Action.CACHE, minutes=300 + 10 * n) for n in range(6))
    assert rule(gate(facts=Facts(deeds=deeds[:5]))).verdict == "allow"
    assert fired(gate(facts=Facts(deeds=deeds))) == {"actions_per_day": "deny"}


def test_changes_of_yesterday_and_of_this_very_decision_do_not_count() -> None:
    old = tuple(deed(Action.CACHE, minutes=25 * 60) for _ in range(9))
    own = tuple(deed(Action.RETRAIN, decision_id="dec_here") for _ in range(9))
    assert rule(gate(facts=Facts(deeds=old + own))).verdict == "allow"


def test_what_was_spent_and_what_the_tool_asks_count_towards_the_days_budget() -> None:
    spent = Facts(deeds=(deed(Action.CACHE, minutes=300, price=1.5),))
    assert rule(gate(facts=spent)).verdict == "allow"
    dear = Preview(undoable=True, undo="back", backend="test", cost=0.01)
    assert fired(gate(facts=spent, preview=dear)) == {"spend_per_day": "deny"}


@pytest.mark.parametrize(("hour", "verdict"), [(6, "allow"), (7, "deny"), (8, "deny"), (9, "allow")])
def test_a_freeze_holds_from_its_start_to_its_end(hour: int, verdict: str) -> None:
    freeze = {"freeze": [{"start": "2026-11-22T07:00:00Z", "end": "2026-11-22T09:00:00Z"}]}
    assert rule(gate(settings=freeze, now=NOW.replace(hour=hour))).verdict == verdict


def test_one_model_may_always_change_and_then_only_a_share_of_the_fleet() -> None:
    assert rule(gate(facts=Facts(models=1, models_in_change=0))).verdict == "allow"
    assert rule(gate(facts=Facts(models=8, models_in_change=1))).verdict == "allow"
    assert rule(gate(facts=Facts(models=2, models_in_change=1))).verdict == "needs_approval"


def test_never_is_never() -> None:
    assert rule(consented(gate(settings={"autonomy": {"retrain": "never"}}))).verdict == "deny"
    assert rule(gate(settings={"autonomy": {"fine_tune": "never"}})).verdict == "allow"


# --- time and memory of deeds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("minutes", "fires"), [(0, True), (59, True), (61, False)])
def test_the_same_action_waits_for_its_cooldown(minutes: float, fires: bool) -> None:
    assert ("cooldown" in fired(gate(facts=Facts(deeds=(deed(Action.RETRAIN, minutes),))))) is fires
    assert "cooldown" not in fired(gate(Action.CACHE, facts=Facts(deeds=(deed(Action.RETRAIN, minutes),))))


SWINGS = [
    (Action.SCALE, {"replicas": 2, "from": 4}, deed(Action.SCALE, 120), True),
    (Action.SCALE, {"replicas": 6, "from": 4}, deed(Action.SCALE, 120), False),
    (Action.ROUTE, {"weights": {"a": 100, "b": 0}}, deed(Action.ROUTE, 120), True),
    (Action.ROUTE, {"weights": {"a": 0, "b": 100}}, deed(Action.ROUTE, 120), False),
    (Action.ROUTE, {"to_version": "2"}, deed(Action.ROUTE, 120, parameters={"to_version": "1"}), True),
    (Action.ROUTE, {"to_version": "1"}, deed(Action.ROUTE, 120, parameters={"to_version": "1"}), False),
    (Action.CACHE, {"enabled": False}, deed(Action.CACHE, 120), True),
    (Action.CACHE, {"enabled": True}, deed(Action.CACHE, 120), False),
    (Action.RETRAIN, {}, deed(Action.RETRAIN, 120, Outcome.NOT_BETTER), True),
    (Action.RETRAIN, {}, deed(Action.FINE_TUNE, 120, Outcome.CANNOT_TELL), True),
    (Action.RETRAIN, {}, deed(Action.RETRAIN, 120, Outcome.UNDONE), True),
    (Action.RETRAIN, {}, deed(Action.RETRAIN, 120, Outcome.BETTER), False),
    (Action.RETRAIN, {}, deed(Action.SCALE, 120, Outcome.NOT_BETTER), False),
    (Action.SCALE, {"replicas": 2, "from": 4}, deed(Action.SCALE, 300), False),
]


@pytest.mark.parametrize(("action", "parameters", "then", "fires"), SWINGS, ids=str)
def test_back_and_forth_asks(action: Action, parameters: dict[str, Any], then: Deed, fires: bool) -> None:
    told = gate(action, parameters=parameters, facts=Facts(deeds=(then,)))
    assert ("oscillation" in fired(told)) is fires


@pytest.mark.parametrize(("action", "parameters", "then", "_"), SWINGS, ids=str)
def test_without_a_cooldown_neither_it_nor_back_and_forth_is_looked_for(
    action: Action, parameters: dict[str, Any], then: Deed, _: bool
) -> None:
    told = gate(action, {"cooldown_minutes": 0.0}, parameters=parameters, facts=Facts(deeds=(then,)))
    assert fired(told) == {}


def test_what_cannot_be_undone_is_earned_by_successes_and_lost_by_a_miss() -> None:
    final = Preview(undoable=False, undo="no", backend="test")

    def verdict(*outcomes: bool, low: float = 0.8, autonomy: str = "earned") -> str:
        track = {Action.RETRAIN: TrackRecord(outcomes=outcomes)}
        told = gate(
            settings={"autonomy": {"retrain": autonomy}},
            preview=final,
            facts=Facts(track=track),
            confidence_low=low,
        )
        return rule(told).verdict

    assert verdict() == "needs_approval"
    assert verdict(*[True] * 7) == "needs_approval"
    assert verdict(*[True] * 8) == "allow"
    assert verdict(*[True] * 20, False) == "needs_approval"
    assert verdict(*[True] * 20, False, *[True] * 8) == "allow"
    assert verdict(*[True] * 8, low=0.6) == "needs_approval"
    assert verdict(autonomy="auto") == "allow"


def test_what_can_be_undone_asks_after_a_miss_until_successes_have_earned_it_again() -> None:
    def findings(*outcomes: bool, autonomy: str = "earned", low: float = 0.0) -> dict[str, str]:
        track = {Action.RETRAIN: TrackRecord(outcomes=outcomes)}
        settings = {"autonomy": {"retrain": autonomy}}
        return fired(gate(settings=settings, facts=Facts(track=track), confidence_low=low))

    asks = {"earned_autonomy": "needs_approval"}
    assert findings() == {}
    assert findings(True, False) == asks
    assert findings(False, *[True] * 3) == asks
    assert findings(False, *[True] * 4) == {}
    assert findings(False, autonomy="auto") == {}
    told = gate(facts=Facts(track={Action.RETRAIN: TrackRecord(outcomes=(False,))}))
    assert rule(consented(told)).verdict == "allow"
    assert fired(replace(told, step=gate(Action.CACHE).step)) == {}


@pytest.mark.parametrize(("confidence", "verdict"), [(0.6999, "needs_approval"), (0.7, "allow"), (1.0, "allow")])
def test_the_band_begins_at_seven_tenths(confidence: float, verdict: str) -> None:
    assert rule(gate(confidence=confidence)).verdict == verdict


# --- the fingerprint -------------------------------------------------------------------------------------------------


def test_the_fingerprint_binds_action_parameters_target_and_evidence() -> None:
    situation = look(DRIFTED)
    step = Step(action=Action.SCALE, target="default", parameters={"replicas": 6})
    other = look(DRIFTED | {"model_metrics": {"accuracy": 0.73}})
    marks = {
        fingerprint(step, situation),
        fingerprint(step.evolve(action=Action.ALERT), situation),
        fingerprint(step.evolve(target="other"), situation),
        fingerprint(step.evolve(parameters={"replicas": 7}), situation),
        fingerprint(step.evolve(parameters={"replicas": True}), situation),
        fingerprint(step, other),
    }
    assert len(marks) == 6


def test_the_fingerprint_is_the_same_after_a_trip_through_json_and_whatever_the_notes_say() -> None:
    situation = look(DRIFTED | {"notes": "a"})
    step = Step(action=Action.ROUTE, target="default", parameters={"weights": {"b": 100.0, "a": 0}})
    again = Step(action=Action.ROUTE, target="default", parameters={"weights": {"a": 0.0, "b": 100}})
    assert fingerprint(step, situation) == fingerprint(again, look(DRIFTED | {"notes": "b"}))
    assert fingerprint(Step.model_validate_json(step.model_dump_json()), situation) == fingerprint(step, situation)


# --- all together ----------------------------------------------------------------------------------------------------


@given(
    st.sampled_from(list(Action)),
    st.sampled_from(list(Mode)),
    st.floats(0, 1),
    st.sampled_from(list(Risk)),
    st.booleans(),
    st.sets(st.sampled_from(sorted(TROUBLES))),
)
def test_a_change_runs_only_where_no_rule_fired_or_a_person_agreed(
    action: Action, mode: Mode, confidence: float, risk: Risk, agreed: bool, names: set[str]
) -> None:
    troubles: dict[str, Any] = {"mode": mode, "confidence": confidence, "risk": risk}
    for name in names:
        troubles |= TROUBLES[name][1]
    told = gate(action, **troubles)
    ruling = rule(consented(told) if agreed else told)
    hard = [finding for finding in ruling.findings if finding.verdict == "deny"]
    if ruling.verdict == "allow" and action in CHANGING:
        assert not hard
        assert agreed or (not ruling.findings and told.confidence >= 0.7 and told.risk is not Risk.HIGH)
        assert told.mode is not Mode.STOPPED
        assert told.preview is not None
    assert (ruling.verdict == "deny") == bool(hard)


def test_the_rules_are_small_pure_functions_and_the_kill_switch_comes_first() -> None:
    assert RULES[0].__name__ == "kill_switch"
    told = gate(confidence=0.5)
    assert [check(told) for check in RULES] == [check(told) for check in RULES]
    assert all(isinstance(found, Finding | None) for found in (check(told) for check in RULES))
