"""A situation as numbers: what was measured and what is likely behind it, and how two of them are compared."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora.policy.features import FEATURES, causes, coordinates, features, kernel, measured, same_cause
from tests.policy.looking import look

DRIFTED = {"model_metrics": {"accuracy": 0.72, "latency_ms": 650}, "data_drift": {"detected": True, "score": 0.65}}
SLOW = {"model_metrics": {"accuracy": 0.9, "latency_ms": 2600}, "system_load": {"cpu_usage": 0.97}}

some = st.dictionaries(st.sampled_from([*FEATURES, *causes()]), st.floats(0, 1), max_size=12)


def product(here: dict[str, float], there: dict[str, float]) -> tuple[float, float]:
    pairs = zip(coordinates(here), coordinates(there), strict=True)
    numbers, diagnosis = (math.fsum(a * b for a, b in zip(one, other, strict=True)) for one, other in pairs)
    return numbers, diagnosis


def test_what_was_measured_and_what_is_behind_it_are_both_there() -> None:
    found = features(look(DRIFTED))

    assert found["accuracy"] == 0.72
    assert found["quality:concept_drift"] > 0.5
    assert set(found) <= {*FEATURES, *causes()}
    assert measured(found) == {name for name in found if name in FEATURES}
    assert all(0 <= value <= 1 for value in found.values())


def test_what_little_chance_is_left_out_is_little() -> None:
    found = features(look(DRIFTED))

    for side in ("quality", "service"):
        assert sum(value for name, value in found.items() if name.startswith(f"{side}:")) == pytest.approx(1, abs=0.02)


def test_the_same_trouble_is_nearer_than_other_trouble_whatever_the_numbers() -> None:
    here = features(look(DRIFTED))
    worse = features(look({"model_metrics": {"accuracy": 0.6}, "data_drift": {"detected": True, "score": 0.9}}))
    other = features(look(SLOW))

    assert same_cause(here, worse) > 0.9 > 0.2 > same_cause(here, other)
    assert product(here, worse)[1] > product(here, other)[1]


def test_a_case_without_a_diagnosis_is_compared_by_what_was_measured() -> None:
    here = features(look(DRIFTED))
    numbers = {name: here[name] for name in measured(here)}

    assert same_cause(here, numbers) == same_cause(numbers, here) == 1
    assert kernel(here, numbers, 0.25) == 1
    assert product(here, numbers)[1] == 0


def test_low_accuracy_is_told_from_high_by_the_numbers_alone() -> None:
    low, less_low, high = ({"accuracy": value} for value in (0.72, 0.70, 0.95))

    assert product(low, less_low)[0] > 0.99 > 0.8 > product(low, high)[0]


@given(some, some)
def test_likeness_is_symmetric_within_bounds_and_one_for_the_same(
    here: dict[str, float], there: dict[str, float]
) -> None:
    for one, other in zip(product(here, there), product(there, here), strict=True):
        assert one == pytest.approx(other)
        assert -1 - 1e-9 <= one <= 1 + 1e-9
    for like in (kernel(here, there, 0.25), same_cause(here, there)):
        assert 0 <= like <= 1
    for part, value in zip(coordinates(here), product(here, here), strict=True):
        assert value == pytest.approx(1.0 if any(part) else 0.0)


@given(some)
def test_the_less_both_know_the_less_alike_they_are(here: dict[str, float]) -> None:
    known = [name for name in here if name in FEATURES]
    fewer = {name: here[name] for name in known[: len(known) // 2]}

    assert kernel(here, fewer, 0.25) == pytest.approx(len(fewer) / len(known) if known else 0.0)
