"""When a retrain is worth its cost, step by step."""

import random
from operator import mul
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora.policy import RetrainAdvice, RetrainAdvisor, RetrainCase
from aurora.policy.curves import interpolated
from aurora.policy.priors import priors
from evals.fits.advisor import World, evidence, worlds
from evals.fits.advisor import advised as follower
from evals.worlds.catalogue import entries
from evals.worlds.schedules import follow, never, price, trigger_table
from evals.worlds.streams import build


def advised(errors: list[float], cost: float = 1.0, **more: Any) -> list[RetrainAdvice]:
    """Return the advice after each step of a model that is never retrained."""
    advisor, told = RetrainAdvisor(cost), []
    for error in errors:
        advisor.update(error=error, labels=200, **more)
        told.append(advisor.advise())
    return told


def noisy(level: float, steps: int, seed: int = 1) -> list[float]:
    draw = random.Random(seed)
    return [min(max(draw.gauss(level, 0.02), 0.0), 1.0) for _ in range(steps)]


def test_the_contracts_call() -> None:
    advisor = RetrainAdvisor(retrain_cost=1.0)
    advisor.update(error=0.12, labels=100, drift_mean=0.05, drift_max=0.31, challenger_error=0.09)
    advice = advisor.advise()
    assert isinstance(advice, RetrainAdvice)
    assert 0 <= advice.probability <= 1
    assert "0.120" in advice.reason
    advisor.retrained()
    assert advisor.advise().retrain is False


def test_a_sudden_lasting_rise_is_answered_with_a_retrain_and_soon() -> None:
    told = advised(noisy(0.1, 20) + noisy(0.4, 12))
    first = next(n for n, advice in enumerate(told) if advice.retrain)
    assert 20 <= first <= 28
    assert told[first].saving > 0
    assert told[first].probability >= 0.5


def test_a_slow_rise_is_answered_too() -> None:
    assert any(advice.retrain for advice in advised([0.08 + 0.006 * n for n in range(60)]))


@pytest.mark.parametrize("level", [0.0, 0.02, 0.1, 0.5, 0.97, 1.0])
def test_a_constant_error_is_never_answered_however_high(level: float) -> None:
    assert not any(advice.retrain for advice in advised([level] * 80, cost=0.01))


@pytest.mark.parametrize("seed", range(6))
def test_noise_around_a_level_is_not_answered(seed: int) -> None:
    assert sum(advice.retrain for advice in advised(noisy(0.15, 60, seed))) <= 1


def test_a_rise_that_is_worth_less_than_the_retrain_is_left() -> None:
    errors = noisy(0.1, 20) + noisy(0.16, 10)
    assert not any(advice.retrain for advice in advised(errors, cost=50.0))
    assert any(advice.retrain for advice in advised(errors, cost=0.05))


def test_a_dearer_retrain_never_saves_more() -> None:
    errors = noisy(0.1, 20) + noisy(0.35, 6)
    savings = [advised(errors, cost)[-1].saving for cost in (0.1, 0.5, 1.0, 3.0, 10.0)]
    chances = [advised(errors, cost)[-1].probability for cost in (0.1, 0.5, 1.0, 3.0, 10.0)]
    assert savings == sorted(savings, reverse=True)
    assert chances == sorted(chances, reverse=True)


def test_a_better_challenger_speaks_for_a_retrain() -> None:
    errors = noisy(0.2, 15)
    alone = advised(errors, 0.3)[-1]
    challenged = advised(errors, 0.3, challenger_error=0.05)[-1]
    assert challenged.saving > alone.saving


def test_moved_inputs_make_a_rise_more_believable() -> None:
    errors = noisy(0.1, 20) + noisy(0.2, 4)
    calm, moved = (advised(errors, 0.5, drift_max=drift)[-1] for drift in (0.0, 0.8))
    assert moved.saving >= calm.saving


def test_nothing_seen_is_no_reason() -> None:
    advice = RetrainAdvisor(1.0).advise()
    assert (advice.retrain, advice.probability, advice.saving) == (False, 0.0, -1.0)


@pytest.mark.parametrize("steps", [1, 2])
def test_one_or_two_steps_are_no_reason(steps: int) -> None:
    assert not any(advice.retrain for advice in advised([0.05, 0.95][:steps], cost=0.0))


def test_steps_without_labels_tell_nothing_about_the_error() -> None:
    advisor = RetrainAdvisor(0.1)
    for error in [0.1] * 10:
        advisor.update(error=error, labels=100)
    before = advisor.advise()
    for _ in range(20):
        advisor.update(error=1.0, labels=0)
    assert advisor.advise() == before


def test_after_a_retrain_it_begins_anew() -> None:
    advisor = RetrainAdvisor(1.0)
    for error in noisy(0.1, 15) + noisy(0.5, 8):
        advisor.update(error=error, labels=200)
    assert advisor.advise().retrain
    advisor.retrained()
    for error in noisy(0.1, 10):
        advisor.update(error=error, labels=200)
        assert not advisor.advise().retrain


def test_cases_of_retrains_that_did_nothing_speak_against_one() -> None:
    def last(cases: list[RetrainCase] | None) -> RetrainAdvice:
        advisor = RetrainAdvisor(1.0, cases=cases)
        for error in noisy(0.1, 20) + noisy(0.3, 12):
            advisor.update(error=error, labels=200)
        return advisor.advise()

    vain = [RetrainCase(rise=0.2, recovered=0.0, held=1.0)] * 40
    good = [RetrainCase(rise=0.2, recovered=1.0, held=60.0)] * 40
    assert last(vain).saving < last(None).saving < last(good).saving
    assert not last(vain).retrain
    assert last(good).retrain


BAD: list[Any] = [float("nan"), float("inf"), -0.1, 10**400, "0.1", None, True, [0.1]]


@pytest.mark.parametrize("bad", [*BAD, 1.1], ids=lambda bad: str(bad)[:8])
def test_an_error_that_is_none_is_refused_by_name(bad: Any) -> None:
    with pytest.raises(ValueError, match="error must be"):
        RetrainAdvisor(1.0).update(error=bad)


@pytest.mark.parametrize("name", ["labels", "drift_mean", "drift_max", "challenger_error"])
@pytest.mark.parametrize("bad", [bad for bad in BAD if bad is not None], ids=lambda bad: str(bad)[:8])
def test_what_else_is_no_number_is_refused_by_name(name: str, bad: Any) -> None:
    advisor = RetrainAdvisor(1.0)
    with pytest.raises(ValueError, match=f"{name} must be"):
        advisor.update(error=0.1, **{name: bad})
    assert advisor.advise() == RetrainAdvisor(1.0).advise()


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: str(bad)[:8])
def test_a_cost_that_is_none_is_refused(bad: Any) -> None:
    with pytest.raises(ValueError, match="retrain_cost must be"):
        RetrainAdvisor(bad)


def test_cases_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="cases must be"):
        RetrainAdvisor(1.0, cases=[{"rise": 0.1}])  # type: ignore[list-item]


STEP = st.fixed_dictionaries(
    {"error": st.floats(0, 1)},
    optional={
        "labels": st.integers(0, 10**9),
        "drift_mean": st.floats(0, 1e6),
        "drift_max": st.floats(0, 1e6),
        "challenger_error": st.floats(0, 1),
    },
)


@given(st.lists(st.one_of(STEP, st.none()), max_size=40), st.floats(0, 1e6))
def test_no_valid_data_breaks_it(steps: list[dict[str, Any] | None], cost: float) -> None:
    advisor = RetrainAdvisor(cost)
    for step in steps:
        if step is None:
            advisor.retrained()
        else:
            advisor.update(**step)
        advice = advisor.advise()
        assert 0 <= advice.probability <= 1
        assert advice.saving == advice.saving
        assert not advice.retrain or advice.saving > 0


@pytest.fixture(scope="module")
def held_out() -> list[World]:
    """Return streams of families that no fit has read."""
    wanted = ("sine-abrupt-1", "segments-columns-1", "friedman-still-1", "tumours-blips-1")
    return worlds([build(entry) for entry in entries() if entry.key in wanted and entry.cost in (0.3, 1.0)])


def test_on_families_that_were_not_fitted_on_it_beats_never_retraining_and_the_plain_rule(
    held_out: list[World],
) -> None:
    paid, left, ruled = (
        sum(price(world.stream, follow(world.stream, start)) for world in held_out)
        for start in (follower(priors().advisor), never, trigger_table)
    )
    assert len(held_out) == 8
    assert paid < 1.25 * sum(world.least for world in held_out)
    assert paid < min(left, ruled)


def test_its_probability_is_how_often_a_retrain_paid_off(held_out: list[World]) -> None:
    told = [pair for world in held_out for pair in evidence(world.stream, priors().advisor)]
    numbers = priors().advisor
    chances = [interpolated(numbers.curve, sum(map(mul, numbers.weights, signs))) for signs, _ in told]
    paid = [float(paid) for _, paid in told]
    brier = fmean((chance - truth) ** 2 for chance, truth in zip(chances, paid, strict=True))
    assert len(told) > 200
    assert abs(fmean(chances) - fmean(paid)) < 0.15
    assert brier < fmean(paid) * (1 - fmean(paid))
