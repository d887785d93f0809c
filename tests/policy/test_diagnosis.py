"""A probability over causes: missing evidence says nothing, and present evidence says so much and no more."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given

from aurora.domain import Cause, History
from aurora.policy.diagnosis import blame, diagnose
from aurora.policy.harm import hourly_harm
from aurora.policy.moves import Side
from aurora.policy.priors import priors
from aurora.policy.signs import accuracy_low, drift, freshness, inputs_bad, memory_climbs
from aurora.policy.view import View, view
from tests.policy.looking import look
from tests.policy.telemetry import TELEMETRY


def seen(telemetry: dict[str, Any]) -> View:
    return view(look(telemetry))


def causes(telemetry: dict[str, Any]) -> dict[Cause, float]:
    here = seen(telemetry)
    diagnosis = diagnose(here)
    return blame(diagnosis, hourly_harm(here, diagnosis), here.priors.states)


@given(TELEMETRY)
def test_both_sides_and_their_union_are_probabilities(telemetry: dict[str, Any]) -> None:
    diagnosis = diagnose(seen(telemetry))
    for side in (diagnosis.quality, diagnosis.service, tuple(causes(telemetry).values())):
        assert sum(side) == pytest.approx(1)
        assert all(0 <= chance <= 1 for chance in side)


def test_without_evidence_of_a_side_its_causes_are_as_likely_as_they_are_in_general() -> None:
    diagnosis = diagnose(seen({"model_metrics": {"accuracy": 0.7}}))
    expected = [rate / sum(priors().base[Side.SERVICE]) for rate in priors().base[Side.SERVICE]]
    assert diagnosis.service == pytest.approx(expected)


@pytest.mark.parametrize("part", ["data_quality", "deployment", "labels", "traffic", "system_load"])
def test_an_empty_part_says_as_little_as_a_missing_one(part: str) -> None:
    plain = {"model_metrics": {"accuracy": 0.72}, "data_drift": {"detected": True}}
    assert diagnose(seen(plain | {part: {}})) == diagnose(seen(plain))


def test_clean_inputs_make_a_data_bug_less_likely_than_unknown_ones_do() -> None:
    drifted = {"model_metrics": {"accuracy": 0.72}, "data_drift": {"detected": True, "score": 0.65}}
    clean = causes(drifted | {"data_quality": {"null_rate": 0.0, "invalid_rate": 0.0, "freshness_minutes": 5.0}})
    broken = causes(drifted | {"data_quality": {"null_rate": 0.3}})
    assert clean[Cause.DATA_BUG] < causes(drifted)[Cause.DATA_BUG] < broken[Cause.DATA_BUG]


@pytest.mark.parametrize(
    ("path", "values", "cause"),
    [
        ("model_metrics.accuracy", [0.95 - 0.02 * n for n in range(40)], Cause.CONCEPT_DRIFT),
        ("data_drift.score", [0.02 * n for n in range(51)], Cause.CONCEPT_DRIFT),
        ("traffic.repeat_ratio", [0.02 * n for n in range(51)], Cause.CACHEABLE_BURST),
        ("system_load.cpu_usage", [0.02 * n for n in range(10, 51)], Cause.SATURATION),
        ("data_quality.null_rate", [0.01 * n for n in range(40)], Cause.DATA_BUG),
    ],
)
def test_more_of_a_sign_never_makes_its_cause_less_likely_nor_jumps(
    path: str, values: list[float], cause: Cause
) -> None:
    telemetry = {
        "model_metrics": {"accuracy": 0.74, "latency_ms": 1400},
        "data_drift": {"detected": True, "score": 0.6},
        "system_load": {"cpu_usage": 0.9},
        "data_quality": {"null_rate": 0.02},
        "traffic": {"repeat_ratio": 0.4},
    }
    here = seen(telemetry)
    side = Side.QUALITY if cause in here.priors.states[Side.QUALITY] else Side.SERVICE
    place = here.priors.states[side].index(cause)
    chances = [diagnose(here.changed(path, value)).side(side)[place] for value in values]
    assert all(later >= earlier - 1e-4 for earlier, later in pairwise(chances))
    fine = [diagnose(here.changed(path, 0.5 + 0.0001 * n)).side(side)[place] for n in range(50)]
    assert all(abs(later - earlier) < 0.02 for earlier, later in pairwise(fine))


@pytest.mark.parametrize(("minutes", "cause"), [(20.0, Cause.BAD_DEPLOYMENT), (12_000.0, Cause.UNKNOWN)])
def test_the_fuller_the_memory_at_a_normal_load_the_likelier_a_leak(minutes: float, cause: Cause) -> None:
    telemetry = {
        "model_metrics": {"latency_ms": 300.0, "error_rate": 0.0, "throughput_rps": 100.0},
        "baseline": {"throughput_rps": 100.0},
        "system_load": {"cpu_usage": 0.4, "memory_usage": 0.9},
        "deployment": {"minutes_since_deploy": minutes},
    }
    here = seen(telemetry)
    place = here.priors.states[Side.SERVICE].index(cause)
    values = [0.9 + 0.001 * step for step in range(101)]
    chances = [diagnose(here.changed("system_load.memory_usage", value)).service[place] for value in values]
    assert all(later >= earlier - 1e-9 for earlier, later in pairwise(chances))
    assert chances[0] < 0.1 < 0.8 < chances[-1]


def test_a_cause_that_may_show_in_two_ways_is_not_suspected_where_it_shows_in_neither() -> None:
    calm = {
        "model_metrics": {"error_rate": 0.0, "latency_ms": 300.0},
        "system_load": {"cpu_usage": 0.4, "memory_usage": 0.5},
        "deployment": {"minutes_since_deploy": 20.0},
    }
    here = seen(calm)
    place = here.priors.states[Side.SERVICE].index(Cause.BAD_DEPLOYMENT)
    assert diagnose(here).service[place] < 0.01
    assert diagnose(here.changed("model_metrics.error_rate", 0.3)).service[place] > 0.9
    assert diagnose(here.changed("system_load.memory_usage", 0.98)).service[place] > 0.9


def test_memory_climbs_by_how_soon_it_will_be_full() -> None:
    def degree(memory: float, slope: float | None) -> float | None:
        load = {"model_metrics": {"accuracy": 0.9}, "system_load": {"memory_usage": memory}}
        return memory_climbs(view(look(load, history=History(points=20, memory_slope=slope))))

    assert degree(0.9, None) is None
    assert degree(0.9, 0.0) == degree(0.9, -0.3) == 0.0
    assert (degree(0.5, 0.001) or 0.0) < 0.1 < 0.9 < (degree(0.5, 0.2) or 0.0)
    assert degree(1.0, 0.2) == 1.0


def test_accuracy_is_held_against_its_baseline_else_the_version_before_else_what_is_usual() -> None:
    metrics: dict[str, Any] = {"model_metrics": {"accuracy": 0.8}}

    def degree(telemetry: dict[str, Any]) -> float:
        return accuracy_low(seen(telemetry)) or 0.0

    assert degree(metrics | {"baseline": {"accuracy": 0.8}}) < 0.3
    assert degree(metrics | {"baseline": {"accuracy": 0.83}}) > 0.95
    assert degree(metrics | {"deployment": {"previous_accuracy": 0.8}}) < 0.5
    assert degree(metrics | {"deployment": {"previous_accuracy": 0.88}}) > 0.95
    assert degree(metrics) > 0.9
    assert degree({"model_metrics": {"accuracy": 0.9}}) < 0.5


def test_few_labels_blur_a_small_loss() -> None:
    slipped: dict[str, Any] = {"model_metrics": {"accuracy": 0.86}, "baseline": {"accuracy": 0.89}}
    many, few = (accuracy_low(seen(slipped | {"labels": {"count": count}})) for count in (5000, 30))
    assert many is not None
    assert few is not None
    assert many > 0.95 > 0.75 > few


def test_late_labels_hide_a_new_loss_and_do_not_hide_one_that_they_show() -> None:
    late = {"labels": {"delay_hours": 200.0}, "baseline": {"accuracy": 0.88}}
    assert freshness(seen({"model_metrics": {"accuracy": 0.88}} | late)) < 0.2
    assert freshness(seen({"model_metrics": {"accuracy": 0.7}} | late)) > 0.95


def test_score_and_detector_are_both_heard_and_one_of_them_is_enough() -> None:
    def degree(**told: Any) -> float:
        return drift(seen({"model_metrics": {"accuracy": 0.8}, "data_drift": told})) or 0.0

    assert degree(detected=True) > 0.9
    assert degree(score=0.7) > 0.9
    assert degree(score=0.5) == pytest.approx(0.5)
    assert degree(score=0.5, detected=False) < 0.5 < degree(score=0.5, detected=True)
    assert drift(seen({"model_metrics": {"accuracy": 0.8}, "data_drift": {}})) is None
    assert degree(features={"a": 0.9, "b": 0.1}) > 0.9


def test_any_one_fault_of_the_inputs_is_enough() -> None:
    def degree(**told: Any) -> float | None:
        return inputs_bad(seen({"model_metrics": {"accuracy": 0.8}, "data_quality": told}))

    assert degree() is None
    assert degree(null_rate=0.0, invalid_rate=0.0, freshness_minutes=1.0) == pytest.approx(0, abs=0.01)
    for fault in ({"null_rate": 0.2}, {"invalid_rate": 0.2}, {"freshness_minutes": 900.0}, {"suspect_features": ["x"]}):
        assert (degree(**{"null_rate": 0.0} | fault) or 0.0) > 0.9
