"""How outcomes of similar cases move the chance of success, and what never does."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora.domain import CHANGING, Action, MemoryKind, Plan, Recalled, Trust
from aurora.policy.belief import NO_RECORD, Record, believed, failures_first, lower_bound
from aurora.policy.engine import propose
from aurora.policy.features import features, kernel
from tests.policy.looking import NOW, look

DRIFTED = {"model_metrics": {"accuracy": 0.72, "latency_ms": 650}, "data_drift": {"detected": True, "score": 0.65}}
HERE = look(DRIFTED)


def case(success: bool | None = True, **more: Any) -> Recalled:
    values = {
        "id": f"mem_{success}",
        "kind": MemoryKind.DECISION,
        "summary": "a retrain",
        "similarity": 0.9,
        "decision_type": Action.RETRAIN,
        "success": success,
        "trust": Trust.VERIFIED,
        "features": features(HERE),
        "created_at": NOW - timedelta(days=2),
    }
    return Recalled.model_validate(values | more)


def plan(*recalled: Recalled, simulated: bool = False) -> Plan:
    return propose(look(DRIFTED, simulated=simulated), recalled, reversible=CHANGING)


ALONE = plan()


def test_a_verified_success_of_a_similar_case_raises_confidence() -> None:
    told = plan(case(True))
    assert told.confidence > ALONE.confidence
    assert told.confidence_low > ALONE.confidence_low


def test_a_verified_failure_of_a_similar_case_lowers_it() -> None:
    told = plan(case(False))
    assert told.confidence < ALONE.confidence
    assert told.confidence_low < ALONE.confidence_low


def test_what_memory_changed_is_among_the_reasons() -> None:
    assert any("similar cases" in reason and "moved the chance" in reason for reason in plan(case(False)).reasons)


def test_what_memory_did_not_change_is_not_told_as_a_change() -> None:
    faint = plan(case(True, similarity=0.02))
    said = [reason for reason in faint.reasons if "similar cases" in reason]
    assert said
    assert all("left the chance at" in reason for reason in said)


def test_enough_failures_change_the_action() -> None:
    failures = [case(False, id=f"mem_{n}", decision_id=f"dec_{n}") for n in range(15)]
    assert plan(*failures).step.action is not Action.RETRAIN


@pytest.mark.parametrize("trust", [Trust.TOLD, Trust.REPORTED])
@pytest.mark.parametrize("success", [True, False, None])
def test_what_code_has_not_verified_moves_nothing_however_often(success: bool | None, trust: Trust) -> None:
    told = plan(*[case(success, id=f"mem_{n}", decision_id=f"dec_{n}", trust=trust) for n in range(1000)])
    assert told.evolve(recalled=()) == ALONE


@pytest.mark.parametrize("success", [True, False])
def test_years_of_old_cases_cross_no_threshold(success: bool) -> None:
    old = [
        case(success, id=f"mem_{n}", decision_id=f"dec_{n}", created_at=NOW - timedelta(days=3 * 365 + n))
        for n in range(12)
    ]
    told = plan(*old)
    assert told.step == ALONE.step
    assert abs(told.confidence - ALONE.confidence) < 0.001


@given(st.integers(1, 10), st.data())
def test_a_contradiction_widens_what_is_believed(count: int, data: st.DataObject) -> None:
    against = data.draw(st.integers(0, count // 2))
    agreed, mixed = Record(float(count), 0.0), Record(float(count - against), float(against))
    prior, strength = 0.9, 12.0
    widths = [believed(prior, one, strength) - lower_bound(prior, one, strength) for one in (agreed, mixed)]
    assert widths[0] <= widths[1]


@given(
    st.lists(
        st.tuples(st.sampled_from([Trust.TOLD, Trust.REPORTED]), st.booleans(), st.sampled_from(list(Action))),
        max_size=30,
    )
)
def test_belief_is_that_of_the_verified_cases_alone(poison: list[tuple[Trust, bool, Action]]) -> None:
    verified = [case(bool(n % 3), id=f"mem_v{n}", decision_id=f"dec_v{n}") for n in range(4)]
    others = [
        case(success, id=f"mem_p{n}", decision_id=f"dec_p{n}", trust=trust, decision_type=action)
        for n, (trust, success, action) in enumerate(poison)
    ]
    assert plan(*others, *verified).evolve(recalled=()) == plan(*verified).evolve(recalled=())


def test_a_case_whose_outcome_nobody_knows_moves_nothing() -> None:
    assert plan(case(None)).confidence == ALONE.confidence


def test_a_simulated_case_never_counts_for_what_is_real() -> None:
    assert plan(case(False, simulated=True)).confidence == ALONE.confidence
    assert plan(case(False, simulated=True), simulated=True).confidence < ALONE.confidence


def test_another_actions_outcome_does_not_move_this_one() -> None:
    assert plan(case(False, decision_type=Action.CACHE)).confidence == ALONE.confidence


def test_the_decisions_own_entry_does_not_speak_for_itself() -> None:
    assert plan(case(True, decision_id=HERE.decision_id)).confidence == ALONE.confidence


def test_the_same_case_counts_once() -> None:
    assert plan(case(False), case(False)).confidence == plan(case(False)).confidence


def test_numbers_decide_how_alike_a_case_is_and_not_only_its_words() -> None:
    fine = features(look({"model_metrics": {"accuracy": 0.95, "latency_ms": 650}, "data_drift": {"score": 0.1}}))
    unlike = plan(case(False, features=fine, similarity=0.99)).confidence
    alike = plan(case(False, similarity=0.5)).confidence
    assert alike < unlike
    assert ALONE.confidence - unlike < 0.1 * (ALONE.confidence - plan(case(False)).confidence)


def test_a_case_without_numbers_counts_little() -> None:
    assert plan(case(False)).confidence < plan(case(False, features={})).confidence < ALONE.confidence


def test_an_old_case_counts_less_and_one_from_the_future_no_more_than_a_new_one() -> None:
    old = plan(case(False, created_at=NOW - timedelta(days=400))).confidence
    new = plan(case(False, created_at=NOW)).confidence
    assert new < old < ALONE.confidence
    assert plan(case(False, created_at=NOW + timedelta(days=400))).confidence == new


@given(st.lists(st.booleans(), max_size=12), st.floats(0.1, 0.99))
def test_belief_stays_between_what_was_seen_and_what_was_expected(outcomes: list[bool], prior: float) -> None:
    record = Record(float(sum(outcomes)), float(len(outcomes) - sum(outcomes)))
    seen = sum(outcomes) / len(outcomes) if outcomes else prior
    told = believed(prior, record, 12.0)
    assert min(seen, prior) - 1e-9 <= told <= max(seen, prior) + 1e-9
    assert 0 <= lower_bound(prior, record, 12.0) <= told


def test_without_any_case_belief_is_the_prior() -> None:
    assert believed(0.8, NO_RECORD, 12.0) == pytest.approx(0.8)


def test_the_kernel_is_one_for_the_same_symmetric_and_falls_with_distance() -> None:
    here, near, far = {"a": 0.5, "b": 0.5}, {"a": 0.6, "b": 0.5}, {"a": 0.9, "b": 0.1}
    assert kernel(here, here, 0.25) == 1
    assert kernel(here, near, 0.25) == kernel(near, here, 0.25) > kernel(here, far, 0.25)
    assert kernel(here, {"c": 1.0}, 0.25) == 0
    assert kernel(here, {"a": 0.5}, 0.25) == 0.5


def test_failures_come_first_and_strangers_not_at_all() -> None:
    cases = (
        case(True),
        case(False),
        case(None, id="mem_open"),
        case(False, id="mem_other", decision_type=Action.CACHE),
    )
    assert [one.success for one in failures_first(cases, Action.RETRAIN)] == [False, True]


def test_features_are_known_numbers_from_0_to_1() -> None:
    found = features(HERE)
    assert {"accuracy", "drift_score", "latency"} <= found.keys()
    assert "repeats" not in found
    assert all(0 <= value <= 1 for value in found.values())
