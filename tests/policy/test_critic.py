"""The second look: it lowers, asks, sends back or rejects, and never raises or allows."""

from datetime import timedelta
from typing import Any

import pytest

from aurora.domain import (
    CHANGING,
    TRAINING,
    Action,
    Critique,
    History,
    MemoryKind,
    Plan,
    Recalled,
    Risk,
    Serving,
    Trust,
)
from aurora.observe import readings
from aurora.policy import critic
from aurora.policy.critic import MAX_REVISIONS, judge, risk_of
from aurora.policy.engine import propose
from aurora.policy.features import features
from tests.policy.looking import NOW, look

DRIFTED: dict[str, Any] = {
    "model_metrics": {"accuracy": 0.72, "latency_ms": 650},
    "data_drift": {"detected": True, "score": 0.65},
}
TWO = [{"name": "a", "load": 0.4, "healthy": True}, {"name": "b", "load": 0.3, "healthy": False}]


def judged(
    action: Action,
    telemetry: dict[str, Any],
    parameters: dict[str, Any] | None = None,
    recalled: tuple[Recalled, ...] = (),
    **more: Any,
) -> Critique:
    """Judge a plan that somebody else made for the situation."""
    situation = look(telemetry, **more)
    own = propose(situation, (), reversible=CHANGING)
    step = {"action": action, "target": situation.telemetry.model_name, "parameters": parameters or {}}
    plan = own.evolve(step=step, confidence=0.95, proposed_by="a language model")
    return judge(plan, situation, recalled, reversible=CHANGING)


def failed(success: bool = False, **more: Any) -> Recalled:
    values = {
        "id": "mem_1",
        "kind": MemoryKind.DECISION,
        "summary": "it failed",
        "similarity": 0.95,
        "decision_type": Action.RETRAIN,
        "success": success,
        "trust": Trust.VERIFIED,
        "features": features(look(DRIFTED)),
        "created_at": NOW - timedelta(days=1),
    }
    return Recalled.model_validate(values | more)


def test_a_sound_plan_is_approved_and_what_was_checked_is_said() -> None:
    told = judged(Action.RETRAIN, DRIFTED, {"window": "newest"})
    assert told.verdict == "approve"
    assert told.confidence == 0.95
    assert told.risk is Risk.MEDIUM
    assert told.reasoning.startswith("Checked parameters and limits, the inputs and labels behind a training")


@pytest.mark.parametrize("action", TRAINING)
@pytest.mark.parametrize(
    "quality",
    [{"null_rate": 0.2}, {"invalid_rate": 0.2}, {"freshness_minutes": 500}, {"suspect_features": ["x"]}],
    ids=str,
)
def test_training_on_broken_inputs_is_sent_back_without_any_training(action: Action, quality: dict[str, Any]) -> None:
    told = judged(action, DRIFTED | {"data_quality": quality})
    assert (told.verdict, told.avoid) == ("revise", TRAINING)


def test_training_on_too_few_labels_is_sent_back() -> None:
    told = judged(Action.RETRAIN, DRIFTED | {"labels": {"count": 20}})
    assert (told.verdict, told.avoid) == ("revise", TRAINING)
    assert "20 labels" in told.reasoning


def test_training_without_a_loss_to_make_good_is_sent_back() -> None:
    fine = {"model_metrics": {"accuracy": 0.9}, "baseline": {"accuracy": 0.88}, "data_drift": {"detected": True}}
    assert judged(Action.FINE_TUNE, fine).avoid == TRAINING
    late = fine | {"labels": {"count": 900, "delay_hours": 100}}
    assert judged(Action.FINE_TUNE, late).verdict == "approve"


def test_training_without_any_drift_is_less_sure() -> None:
    told = judged(Action.RETRAIN, {"model_metrics": {"accuracy": 0.6}, "data_drift": {"detected": False}})
    assert told.verdict == "approve"
    assert told.confidence < 0.8


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        (Action.SCALE, {"replicas": "many"}),
        (Action.SCALE, {}),
        (Action.CACHE, {"enabled": "yes"}),
        (Action.RETRAIN, {"window": -5}),
        (Action.RETRAIN, {"window": "newest", "delete_everything": True}),
        (Action.ROUTE, {"weights": {"stranger": 100}}),
        (Action.ROUTE, {}),
        (Action.ALERT, {"severity": "apocalyptic"}),
    ],
    ids=str,
)
def test_parameters_that_do_not_hold_are_rejected(action: Action, parameters: dict[str, Any]) -> None:
    told = judged(action, DRIFTED | {"system_load": {"cpu_usage": 0.95}}, parameters)
    assert told.verdict == "reject"
    assert told.confidence == 0


def test_a_step_for_another_model_is_rejected() -> None:
    situation = look(DRIFTED)
    own = propose(situation, (), reversible=CHANGING)
    told = judge(own.evolve(step=own.step.evolve(target="other")), situation, (), reversible=CHANGING)
    assert told.verdict == "reject"


def test_more_replicas_than_the_limit_are_sent_back() -> None:
    told = judged(
        Action.SCALE, {"model_metrics": {"accuracy": 0.9}, "system_load": {"cpu_usage": 0.95}}, {"replicas": 21}
    )
    assert told.avoid == (Action.SCALE,)


@pytest.mark.parametrize(
    ("usage", "replicas", "verdict"),
    [(0.2, 6, "revise"), (0.9, 6, "approve"), (0.9, 3, "revise"), (0.05, 3, "approve")],
)
def test_scaling_must_go_with_the_load(usage: float, replicas: int, verdict: str) -> None:
    telemetry = {"model_metrics": {"latency_ms": 500}, "system_load": {"cpu_usage": usage}}
    told = judged(Action.SCALE, telemetry, {"replicas": replicas, "from": 4}, serving=Serving(replicas=4))
    assert told.verdict == verdict


def test_no_replica_is_given_back_while_answers_are_late() -> None:
    telemetry = {"model_metrics": {"latency_ms": 2000}, "system_load": {"cpu_usage": 0.05}}
    assert judged(Action.SCALE, telemetry, {"replicas": 3}, serving=Serving(replicas=4)).verdict == "revise"


def test_a_cache_on_traffic_that_does_not_repeat_is_sent_back() -> None:
    telemetry = {"model_metrics": {"latency_ms": 1500}, "traffic": {"repeat_ratio": 0.05}}
    assert judged(Action.CACHE, telemetry, {"enabled": True}).avoid == (Action.CACHE,)


def test_traffic_is_not_sent_to_an_unhealthy_replica() -> None:
    telemetry = {"model_metrics": {"latency_ms": 500}, "system_load": {"replicas": TWO}}
    assert judged(Action.ROUTE, telemetry, {"weights": {"a": 50, "b": 50}}).avoid == (Action.ROUTE,)
    assert judged(Action.ROUTE, telemetry, {"weights": {"a": 100, "b": 0}}).verdict == "approve"


def test_going_back_to_a_worse_version_is_high_risk_and_wants_a_person() -> None:
    telemetry = {
        "model_metrics": {"accuracy": 0.8},
        "deployment": {"previous_accuracy": 0.6, "minutes_since_deploy": 5},
    }
    told = judged(Action.ROUTE, telemetry, {"to_version": "1"})
    assert (told.risk, told.requires_approval) == (Risk.HIGH, True)
    assert told.confidence < 0.7


@pytest.mark.parametrize(
    ("previous", "baseline", "labels", "risk"),
    [
        (0.93, None, 300, Risk.MEDIUM),
        (0.93, None, 30_000, Risk.HIGH),
        (0.92, 0.95, 30_000, Risk.MEDIUM),
        (0.88, 0.95, 30_000, Risk.HIGH),
        (0.65, 0.69, 30_000, Risk.HIGH),
        (0.6, None, 3, Risk.HIGH),
    ],
)
def test_a_version_before_that_may_be_as_good_or_is_good_enough_is_no_risk(
    previous: float, baseline: float | None, labels: int, risk: Risk
) -> None:
    telemetry = {
        "model_metrics": {"accuracy": 0.95},
        "baseline": {"accuracy": baseline},
        "labels": {"count": labels},
        "deployment": {"previous_accuracy": previous, "minutes_since_deploy": 5},
    }
    told = judged(Action.ROUTE, telemetry, {"to_version": "1"})
    assert (told.risk, told.requires_approval) == (risk, risk is Risk.HIGH)


def test_what_a_version_may_lose_is_what_the_monitor_allows() -> None:
    assert critic.SLIPPED == readings.SLIPPED


def test_going_back_to_the_version_that_serves_is_sent_back() -> None:
    told = judged(Action.ROUTE, DRIFTED | {"model_version": "2"}, {"to_version": "2"})
    assert told.avoid == (Action.ROUTE,)


@pytest.mark.parametrize(
    "telemetry",
    [
        DRIFTED | {"model_metrics": {"accuracy": 0.6}},
        {"model_metrics": {"error_rate": 0.5}},
        {"model_metrics": {"latency_ms": 3000}},
    ],
    ids=str,
)
def test_leaving_a_failing_service_alone_is_sent_back_unless_it_has_only_just_begun(telemetry: dict[str, Any]) -> None:
    assert judged(Action.NO_ACTION, telemetry).avoid == (Action.NO_ACTION,)
    begun = History(points=30, span_hours=30, breaching_points=1)
    assert judged(Action.NO_ACTION, telemetry, history=begun).verdict == "approve"


def test_a_failure_that_the_planner_did_not_recall_lowers_confidence() -> None:
    told = judged(Action.RETRAIN, DRIFTED, recalled=(failed(),))
    assert told.verdict == "approve"
    assert told.confidence < 0.95
    assert "Confidence goes from 0.95" in told.reasoning
    assert told.recalled == (failed(),)


def test_a_success_raises_nothing() -> None:
    assert judged(Action.RETRAIN, DRIFTED, recalled=(failed(True),)).confidence == 0.95


def test_what_the_planner_recalled_is_not_counted_again() -> None:
    situation = look(DRIFTED)
    plan = propose(situation, (failed(),), reversible=CHANGING)
    assert judge(plan, situation, (failed(),), reversible=CHANGING).confidence == plan.confidence


def test_an_action_that_kept_failing_in_such_cases_is_to_be_replaced() -> None:
    failures = tuple(failed(id=f"mem_{n}", decision_id=f"dec_{n}") for n in range(3))
    told = judged(Action.RETRAIN, DRIFTED, recalled=failures)
    assert (told.verdict, told.avoid) == ("revise", (Action.RETRAIN,))


def test_told_failures_frighten_nobody() -> None:
    failures = tuple(failed(id=f"mem_{n}", trust=Trust.TOLD) for n in range(20))
    told = judged(Action.RETRAIN, DRIFTED, recalled=failures)
    assert (told.verdict, told.confidence) == ("approve", 0.95)


@pytest.mark.parametrize(
    ("action", "parameters", "risk"),
    [
        (Action.ALERT, {}, Risk.LOW),
        (Action.NO_ACTION, {}, Risk.LOW),
        (Action.CACHE, {"enabled": True}, Risk.LOW),
        (Action.RETRAIN, {}, Risk.MEDIUM),
        (Action.FINE_TUNE, {}, Risk.MEDIUM),
        (Action.SCALE, {"replicas": 6}, Risk.LOW),
        (Action.SCALE, {"replicas": 3}, Risk.MEDIUM),
        (Action.SCALE, {"replicas": 1}, Risk.HIGH),
        (Action.SCALE, {"replicas": 15}, Risk.HIGH),
        (Action.ROUTE, {"to_version": "1"}, Risk.MEDIUM),
    ],
    ids=str,
)
def test_risk_grows_with_how_far_a_step_reaches(action: Action, parameters: dict[str, Any], risk: Risk) -> None:
    situation = look(DRIFTED, serving=Serving(replicas=4, version="2"))
    plan: Plan = propose(situation, (), reversible=CHANGING)
    step = plan.step.evolve(action=action, parameters=parameters)
    assert risk_of(step, situation, reversible=CHANGING) is risk


def test_what_cannot_be_undone_is_never_low_risk() -> None:
    situation = look(DRIFTED)
    step = propose(situation, (), reversible=()).step.evolve(action=Action.CACHE, parameters={"enabled": True})
    assert risk_of(step, situation, reversible=()) is Risk.MEDIUM


def test_there_are_two_revisions() -> None:
    assert MAX_REVISIONS == 2
