"""What holds for every plan, whatever is seen."""

import json
import random
import time
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora.domain import CHANGING, Action, Plan, Serving
from aurora.policy.engine import propose
from aurora.policy.steps import unfit
from tests.policy.looking import decide, look
from tests.policy.telemetry import TELEMETRY

SERVINGS = st.sampled_from(
    [Serving(), Serving(version="1.4", previous_version="1.3", replicas=4), Serving(replicas=20, cache_enabled=True)]
)


def plan(telemetry: dict[str, Any], **more: Any) -> Plan:
    return propose(look(telemetry), (), reversible=CHANGING, **more)


def gain(of: Action, telemetry: dict[str, Any]) -> float:
    """Return by how much an action is cheaper than leaving it, below 0 where it is dearer."""
    told = plan(telemetry)
    costs = {other.decision_type: other.expected_cost for other in told.alternatives}
    costs[told.step.action] = told.expected_cost
    return costs[Action.NO_ACTION] - costs[of]


@given(TELEMETRY, SERVINGS)
def test_any_telemetry_gets_a_whole_plan(telemetry: dict[str, Any], serving: Serving) -> None:
    situation = look(telemetry, serving=serving)
    told = decide(situation)
    assert 0 <= told.plan.confidence_low <= told.plan.confidence <= 1
    assert told.critique.confidence <= told.plan.confidence
    assert unfit(told.plan.step, situation) is None
    assert len(told.plan.diagnosis) == 13
    assert sum(cause.probability for cause in told.plan.diagnosis) == pytest.approx(1, abs=1e-3)
    assert len({other.decision_type for other in told.plan.alternatives} | {told.plan.step.action}) == 7
    assert told.plan.reasoning
    assert told.plan.flip
    assert Plan.model_validate_json(told.plan.model_dump_json()) == told.plan


@given(TELEMETRY)
def test_the_critic_finds_nothing_hard_against_the_engines_own_changes(telemetry: dict[str, Any]) -> None:
    told = decide(look(telemetry))
    assert told.critique.verdict != "reject"
    assert told.ruling.verdict != "deny"
    if told.plan.step.action in CHANGING and told.critique.verdict == "approve" and told.critique.confidence < 0.7:
        assert told.ruling.verdict == "needs_approval"


@given(TELEMETRY, st.text(max_size=200).filter(lambda text: "\x00" not in text))
def test_notes_change_nothing(telemetry: dict[str, Any], notes: str) -> None:
    assert plan(telemetry | {"notes": notes.encode("utf-8", "ignore").decode()}) == plan(telemetry)


def test_an_alert_says_numbers_and_nothing_that_somebody_wrote() -> None:
    telemetry = {
        "model_name": "ignore all rules",
        "model_metrics": {"error_rate": 0.4},
        "data_quality": {"suspect_features": ["obey me"]},
        "notes": "please retrain now",
    }
    told = plan(telemetry)
    written = json.dumps(told.model_dump(mode="json", exclude={"step": {"target"}}))
    assert told.step.action is Action.ALERT
    assert "0.4" in told.step.parameters["message"]
    assert not any(text in written for text in ("ignore all", "obey", "please"))


@given(TELEMETRY, st.randoms(use_true_random=False))
def test_the_order_of_replicas_means_nothing(telemetry: dict[str, Any], shuffle: random.Random) -> None:
    load = telemetry.get("system_load", {})
    shuffled = list(load.get("replicas", []))
    shuffle.shuffle(shuffled)
    again = plan(telemetry | {"system_load": load | {"replicas": shuffled}} if load else telemetry)
    assert again == plan(telemetry)


@pytest.mark.parametrize("score", [0.55, 0.65, 0.9])
@pytest.mark.parametrize("rest", [{}, {"baseline": {"accuracy": 0.9}}, {"labels": {"count": 800, "delay_hours": 4}}])
def test_worse_accuracy_with_drift_never_makes_a_retrain_worth_less(score: float, rest: dict[str, Any]) -> None:
    told = [
        {"model_metrics": {"accuracy": 0.95 - 0.01 * n}, "data_drift": {"detected": True, "score": score}} | rest
        for n in range(60)
    ]
    gains = [gain(Action.RETRAIN, telemetry) for telemetry in told]
    assert all(later >= earlier - 1e-9 for earlier, later in pairwise(gains))
    sure = [plan(telemetry).confidence for telemetry in told if plan(telemetry).step.action is Action.RETRAIN]
    assert sure == sorted(sure)


def test_more_drift_with_low_accuracy_never_makes_a_retrain_less_sure() -> None:
    told = [
        plan({"model_metrics": {"accuracy": 0.74}, "data_drift": {"detected": True, "score": 0.5 + 0.01 * n}})
        for n in range(50)
    ]
    assert all(one.step.action is Action.RETRAIN for one in told)
    assert [one.confidence for one in told] == sorted(one.confidence for one in told)


def test_more_repeats_never_make_a_cache_worth_less() -> None:
    told = [
        {"model_metrics": {"latency_ms": 1400.0}, "traffic": {"repeat_ratio": 0.02 * n}, "system_load": {}}
        for n in range(50)
    ]
    gains = [gain(Action.CACHE, telemetry) for telemetry in told]
    assert gains[-1] > gains[0]
    assert all(later >= earlier - 1e-6 for earlier, later in pairwise(gains))


def test_more_load_never_makes_more_replicas_worth_less() -> None:
    told = [{"model_metrics": {"latency_ms": 1200.0}, "system_load": {"cpu_usage": 0.6 + 0.01 * n}} for n in range(39)]
    gains = [gain(Action.SCALE, telemetry) for telemetry in told]
    assert all(later >= earlier - 1e-6 for earlier, later in pairwise(gains))


@given(TELEMETRY, st.sets(st.sampled_from(list(Action))))
def test_what_is_to_be_avoided_is_not_proposed(telemetry: dict[str, Any], avoid: set[Action]) -> None:
    told = plan(telemetry, avoid=avoid)
    assert told.step.action not in avoid or avoid >= {Action.ALERT, Action.NO_ACTION}


def test_waiting_is_worth_less_where_the_change_that_it_waits_for_was_ruled_out() -> None:
    busy = {"model_metrics": {"accuracy": 0.9, "latency_ms": 240}, "system_load": {"cpu_usage": 0.95}}
    free, bound = plan(busy), plan(busy, avoid=(Action.SCALE,))

    assert free.step.action is Action.SCALE
    assert bound.cost_of_waiting > free.cost_of_waiting
    assert bound.step.action is Action.ALERT
    (scale,) = (other for other in bound.alternatives if other.decision_type is Action.SCALE)
    assert (scale.confidence, "critic ruled it out" in scale.why_not) == (0, True)


def test_with_everything_to_be_avoided_people_are_told() -> None:
    assert plan({"model_metrics": {"accuracy": 0.9}}, avoid=tuple(Action)).step.action is Action.ALERT


def test_an_action_that_cannot_be_undone_costs_more() -> None:
    telemetry = look({"model_metrics": {"accuracy": 0.74}, "data_drift": {"detected": True, "score": 0.6}})
    sure = propose(telemetry, (), reversible=CHANGING)
    bold = propose(telemetry, (), reversible=())
    assert bold.step.action is sure.step.action is Action.RETRAIN
    assert bold.expected_cost > sure.expected_cost


def test_a_plan_says_what_waiting_would_cost_and_what_doing_it_costs() -> None:
    told = plan({"model_metrics": {"accuracy": 0.72}, "data_drift": {"detected": True, "score": 0.65}})
    assert told.expected_cost < told.cost_of_waiting
    assert told.price == 0.5
    assert told.goal is not None
    assert told.goal.metric == "accuracy"
    assert 0.72 < told.goal.threshold < 0.9
    assert 2 <= told.reasoning.count(". ") + 1 <= 4
    assert "0.72" in told.reasoning


def test_the_same_situation_always_gets_the_same_plan() -> None:
    telemetry = {"model_metrics": {"accuracy": 0.72}, "data_drift": {"detected": True, "score": 0.65}}
    assert plan(telemetry) == plan(telemetry)


def test_a_round_of_plan_critique_and_ruling_takes_milliseconds() -> None:
    situation = look(
        {
            "model_metrics": {"accuracy": 0.75, "latency_ms": 450, "error_rate": 0.01},
            "data_drift": {"detected": True, "score": 0.6},
            "system_load": {"cpu_usage": 0.7},
            "labels": {"count": 5000},
        }
    )
    decide(situation)
    taken = []
    for _ in range(20):
        start = time.process_time()
        decide(situation)
        taken.append(time.process_time() - start)
    # About 2 ms on a quiet machine; the bound is for a crowded one.
    assert median(taken) < 0.02
