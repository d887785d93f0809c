"""The vector that words, numbers, diagnosis and time make together."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora.memory.fusion import cue, fused
from aurora.policy.features import FEATURES, causes
from aurora.policy.priors import priors
from tests.memory.bench import DRIFT, Dice

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = Dice().embed([DRIFT])[0]
OTHER = Dice().embed(["Something else."])[0]
NUMBERS = {"accuracy": 0.72, "drift": 0.9, "quality:concept_drift": 0.9, "service:healthy": 1.0}

some = st.dictionaries(st.sampled_from([*FEATURES, *causes()]), st.floats(0, 1), max_size=12)


def similar(one: list[float], other: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


def test_the_shares_are_those_of_a_whole() -> None:
    numbers = priors().numbers
    shares = [numbers[f"share_of_{part}"] for part in ("words", "numbers", "causes", "time")]

    assert sum(shares) == pytest.approx(1)
    assert min(shares) > 0


@given(some)
def test_every_entry_has_length_one_and_no_question_is_longer(features: dict[str, float]) -> None:
    assert math.hypot(*fused(WORDS, features, NOW)) == pytest.approx(1)
    if features:
        assert cue(WORDS, features, NOW).length <= 1 + 1e-9


def test_the_same_situation_now_is_wholly_alike() -> None:
    assert similar(cue(WORDS, NUMBERS, NOW).fused, fused(WORDS, NUMBERS, NOW)) == pytest.approx(1)


def test_a_question_in_words_alone_measures_words_alone() -> None:
    asked = cue(WORDS, {}, NOW)

    assert similar(asked.fused, fused(WORDS, NUMBERS, NOW)) == pytest.approx(1)
    assert similar(asked.fused, fused(OTHER, NUMBERS, NOW)) == pytest.approx(similar(WORDS, OTHER))


def test_lacking_the_same_makes_nothing_alike() -> None:
    numbers = {"accuracy": 0.72}
    share = priors().numbers["share_of_causes"]

    assert similar(cue(WORDS, numbers, NOW).fused, fused(WORDS, numbers, NOW)) == pytest.approx(1 - share)


def test_numbers_outweigh_words() -> None:
    healthy = NUMBERS | {"accuracy": 0.95, "drift": 0.0, "quality:concept_drift": 0.0, "quality:healthy": 1.0}
    asked = cue(WORDS, NUMBERS, NOW).fused

    assert similar(asked, fused(OTHER, NUMBERS, NOW)) > similar(asked, fused(WORDS, healthy, NOW))


@pytest.mark.parametrize("years", [1, 2, 3, 5, 8])
def test_what_happened_lately_is_nearer_than_what_is_years_old(years: int) -> None:
    asked = cue(WORDS, NUMBERS, NOW).fused
    lately, long_ago = (fused(WORDS, NUMBERS, NOW - timedelta(days=days)) for days in (60, 365 * years))

    assert similar(asked, lately) > similar(asked, long_ago) + 0.07
