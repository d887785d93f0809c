"""Reasons, alternatives, and what would have flipped the answer."""

from typing import Any

import pytest
from hypothesis import assume, given

from aurora.domain import CHANGING, Action, Cause
from aurora.policy.choice import Choice, choose
from aurora.policy.engine import propose
from aurora.policy.flip import Flip, smallest_flip
from aurora.policy.steps import blocked_by_names
from aurora.policy.values import assess
from aurora.policy.view import View, view
from tests.policy.looking import look
from tests.policy.telemetry import TELEMETRY

DRIFTED = {"model_metrics": {"accuracy": 0.72, "latency_ms": 650}, "data_drift": {"detected": True, "score": 0.65}}


def flip_of(telemetry: dict[str, Any]) -> tuple[Choice, Flip | None]:
    situation = look(telemetry)
    blocked = blocked_by_names(situation)

    def decide(seen: View) -> Choice:
        return choose(assess(seen, blocked, {}, CHANGING))

    choice = decide(view(situation))
    return choice, smallest_flip(choice, decide)


def with_number(telemetry: dict[str, Any], path: str, value: float) -> dict[str, Any]:
    block, name = path.split(".")
    changed: Any = {"data_drift.detected": bool, "labels.count": int}.get(path, float)(value)
    return telemetry | {block: telemetry[block] | {name: changed}}


@given(TELEMETRY)
def test_a_flip_really_leads_to_the_other_action(telemetry: dict[str, Any]) -> None:
    assume("score" in telemetry.get("data_drift", {}) or not telemetry.get("data_drift", {}).get("features"))
    choice, found = flip_of(telemetry)
    if found is not None:
        flipped = look(with_number(telemetry, found.field.path, found.after))
        told = propose(flipped, (), reversible=CHANGING)
        assert told.step.action is found.action
        assert found.action is not choice.move.action


def test_the_smallest_flip_is_no_larger_than_any_that_a_fine_grid_finds() -> None:
    choice, found = flip_of(DRIFTED)
    assert found is not None
    for path, low, high in (("model_metrics.accuracy", 0.0, 1.0), ("data_drift.score", 0.0, 1.0)):
        before = choice.assessment.seen.numbers[path]
        for step in range(101):
            value = low + (high - low) * step / 100
            told = propose(look(with_number(DRIFTED, path, value)), (), reversible=CHANGING)
            if told.step.action is not choice.move.action:
                assert found.part <= abs(value - before) + 0.011


def test_the_flip_is_said_in_a_sentence_with_both_numbers() -> None:
    told = propose(look(DRIFTED), (), reversible=CHANGING)
    assert told.flip.startswith("With ")
    assert "instead of" in told.flip


def test_where_no_single_number_flips_the_answer_that_is_said() -> None:
    told = propose(look({"model_metrics": {"throughput_rps": 100.0}}), (), reversible=CHANGING)
    assert told.flip == "No single number of this telemetry would have led to another action."


def test_every_alternative_says_why_not() -> None:
    told = propose(look(DRIFTED), (), reversible=CHANGING)
    why = {other.decision_type: other.why_not for other in told.alternatives}
    assert set(why) == set(Action) - {told.step.action}
    assert why[Action.ROUTE] == "there is no other replica to carry the traffic; no previous version is known"
    assert "chance of" in why[Action.FINE_TUNE]
    possible = [other.expected_cost for other in told.alternatives if other.confidence > 0]
    assert possible == sorted(possible)
    assert told.expected_cost <= min(possible)


def test_what_rules_out_both_ways_of_an_action_is_said_once() -> None:
    replicas = {"replicas": [{"name": "a", "load": 0.4}, {"name": "b", "load": 0.5}]}
    both = {**DRIFTED, "system_load": replicas, "model_version": "2", "deployment": {"previous_version": "1"}}
    plan = propose(look(both), (), avoid=(Action.ROUTE,), reversible=CHANGING)
    assert {one.decision_type: one.why_not for one in plan.alternatives}[Action.ROUTE] == "the critic ruled it out"


def test_the_runner_up_is_named_among_the_reasons() -> None:
    told = propose(look(DRIFTED), (), reversible=CHANGING)
    assert any(reason.startswith(f"The runner-up is {told.alternatives[0].decision_type}") for reason in told.reasons)


def test_the_reasons_are_those_for_the_move_and_not_for_another_trouble() -> None:
    both = {
        "model_metrics": {"accuracy": 0.7, "latency_ms": 1500.0},
        "baseline": {"accuracy": 0.88},
        "data_drift": {"detected": True, "score": 0.7},
        "system_load": {"cpu_usage": 0.95},
    }
    told = propose(look(both), (), reversible=CHANGING)
    expected = {Action.SCALE: "saturation", Action.RETRAIN: "concept drift"}[told.step.action]
    assert expected in told.reasoning


@pytest.mark.parametrize(
    ("cause", "words", "telemetry"),
    [
        (Cause.CONCEPT_DRIFT, "drift score 0.65 against 0.50", DRIFTED),
        (Cause.LABEL_TROUBLE, "12 labels", {"model_metrics": {"accuracy": 0.6}, "labels": {"count": 12}}),
        (Cause.SATURATION, "usage 0.97", {"model_metrics": {"latency_ms": 900.0}, "system_load": {"cpu_usage": 0.97}}),
        (
            Cause.BAD_DEPLOYMENT,
            "30 minutes ago",
            {"model_metrics": {"accuracy": 0.6}, "deployment": {"minutes_since_deploy": 30.0}},
        ),
    ],
)
def test_each_cause_carries_its_evidence_with_numbers(cause: Cause, words: str, telemetry: dict[str, Any]) -> None:
    told = propose(look(telemetry), (), reversible=CHANGING)
    evidence = {one.cause: one.evidence for one in told.diagnosis}
    assert any(words in sentence for sentence in evidence[cause])
