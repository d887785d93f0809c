"""How many replicas, from a forecast of the load and what one replica more or less is worth."""

import math
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora.policy import ScaleAdvice, ScaleAdvisor
from aurora.policy.forecast import DAY, Forecaster
from aurora.policy.priors import priors
from aurora.policy.scaling import growth

ANYTHING = st.floats(allow_nan=True, allow_infinity=True)


def advised(loads: list[float], serving: int = 4, *, late_cost: float = 10.0, boot: float = 4.0) -> ScaleAdvice:
    """Return the advice after loads of one minute each, for a service that never changed."""
    advisor = ScaleAdvisor(boot, late_cost)
    for minute, load in enumerate(loads):
        advisor.update(minute, load)
    return advisor.advise(serving)


def noisy(level: float, minutes: int, noise: float = 0.05, seed: int = 1) -> list[float]:
    draw = Random(seed)
    return [level * math.exp(draw.gauss(0, noise)) for _ in range(minutes)]


def test_the_documented_call() -> None:
    advisor = ScaleAdvisor(boot_minutes=4, late_cost=10.0, most=20)
    for minute in range(30):
        advisor.update(minute, 2.6, serving=4, late=0.0)
    advice = advisor.advise(serving=4, booting=0)
    assert advice.replicas == 4
    assert advice.expected == pytest.approx(2.6, rel=0.02)
    assert "2.6 replicas' work" in advice.reason


def test_what_is_missed_is_ordered_all_at_once_however_much_it_is() -> None:
    assert advised(noisy(3.0, 60) + noisy(12.0, 10)).replicas >= 12


def test_the_reason_names_the_minutes_that_the_forecast_is_made_for() -> None:
    assert "in 3 minutes" in advised(noisy(2.0, 60), boot=2.5).reason


def test_what_stands_idle_is_given_back() -> None:
    assert advised(noisy(2.0, 90), serving=12).replicas in (3, 4)


def test_more_is_held_ready_where_late_work_costs_more_and_where_the_load_is_less_steady() -> None:
    wanted = [advised(noisy(6.0, 300, noise), 8, late_cost=cost).replicas for noise, cost in ((0.1, 3), (0.1, 30))]
    assert wanted[0] < wanted[1]
    assert wanted[1] < advised(noisy(6.0, 300, 0.3), 8, late_cost=30).replicas


def test_a_load_that_rises_every_day_at_its_hour_is_prepared_for() -> None:
    day = [2.0] * 600 + [8.0] * 480 + [2.0] * 360
    fresh = advised(noisy(2.0, 595), serving=3, boot=6).replicas
    loads = [load * ratio for load, ratio in zip(day * 3 + day[:595], noisy(1.0, 3 * DAY + 595), strict=True)]
    assert advised(loads, serving=3, boot=6).replicas > fresh == 3


def test_what_is_late_tells_how_full_a_replica_may_be() -> None:
    wanted = []
    for patience in (6.0, 60.0):
        advisor = ScaleAdvisor(4, 10.0)
        for minute, load in enumerate(noisy(9.0, 200)):
            advisor.update(minute, load, serving=11, late=math.exp(-patience * (1 - load / 11)))
        wanted.append(advisor.advise(11).replicas)
    assert wanted[0] > wanted[1]


@pytest.mark.parametrize("loads", [[], [50.0], [math.nan] * 40, [-1.0] * 40, [50.0] * 9], ids=str)
def test_without_evidence_what_there_is_stays(loads: list[float]) -> None:
    advice = advised(loads)
    assert advice.replicas == 4
    assert advice.expected is None


@pytest.mark.parametrize("load", [0.0, 1e-12, 3.0])
def test_a_constant_load_that_is_carried_is_never_answered_with_more(load: float) -> None:
    advice = advised([load] * 200)
    assert 1 <= advice.replicas <= 4
    assert advice.replicas >= load


@given(st.lists(st.tuples(ANYTHING, ANYTHING), max_size=60), st.integers(-3, 40), st.integers(-3, 10), ANYTHING)
def test_whatever_is_told_there_is_an_answer(
    told: list[tuple[float, float]], serving: int, booting: int, minute: float
) -> None:
    advisor = ScaleAdvisor(3, 10.0, most=20)
    for at, load in told:
        advisor.update(at, load)
    advice = advisor.advise(serving, booting, minute)
    assert 1 <= advice.replicas <= max(20, serving + booting)
    assert advice.reason


def test_a_load_beyond_all_bounds_is_one_error_among_others() -> None:
    forecaster = Forecaster((3,), priors().scaling)
    for minute in range(20):
        forecaster.update(minute, 0.0)
    assert forecaster.update(20, 1e300)
    assert math.isfinite(forecaster.outlooks()[0].most(0.05))


@given(st.lists(st.tuples(st.integers(0, 200), st.floats(0, 50)), min_size=20, max_size=80))
def test_points_that_are_told_twice_change_nothing(told: list[tuple[int, float]]) -> None:
    once, twice = ScaleAdvisor(3, 10.0), ScaleAdvisor(3, 10.0)
    for minute, load in sorted(dict(told).items()):
        once.update(minute, load)
        twice.update(minute, load)
        twice.update(minute, load + 1)
    assert once.advise(4) == twice.advise(4)


def test_one_time_in_the_future_is_not_believed_against_all_that_follow() -> None:
    advisor = ScaleAdvisor(4, 10.0)
    for minute, load in enumerate(noisy(3.0, 60)):
        advisor.update(minute, load)
    advisor.update(10_000_000, 3.0)
    assert advisor.advise(4).replicas == 4
    for minute, load in enumerate(noisy(12.0, 30), 60):
        advisor.update(minute, load)
    assert advisor.advise(4).replicas >= 12


def test_a_load_that_is_no_longer_told_is_no_evidence() -> None:
    advisor = ScaleAdvisor(4, 10.0)
    for minute in range(60):
        advisor.update(minute, 9.0)
    assert advisor.advise(4, minute=62).replicas > 4
    assert advisor.advise(4, minute=90).replicas == 4
    advisor.update(200, 9.0)
    assert advisor.advise(4).replicas == 4


@pytest.mark.parametrize("values", [(-1, 3.0), (3, -1.0), (math.nan, 3.0), (3, math.inf), (True, 3.0)])
def test_what_cannot_be_is_refused_with_its_name(values: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"(boot_minutes|late_cost) must be a (finite )?number"):
        ScaleAdvisor(*values)


@pytest.mark.parametrize("bad", ["3", None, True, [3], 3j], ids=str)
@pytest.mark.parametrize("name", ["minute", "load"])
def test_what_is_no_number_is_refused_by_name_and_changes_nothing(name: str, bad: Any) -> None:
    advisor = ScaleAdvisor(3, 10.0)
    for minute in range(20):
        advisor.update(minute, 9.0)
    before = advisor.advise(4)
    with pytest.raises(ValueError, match=f"{name} must be a number"):
        advisor.update(**{"minute": 20, "load": 9.0, name: bad})
    assert advisor.advise(4) == before


@pytest.mark.parametrize("asked", [{"serving": "4"}, {"serving": math.nan}, {"serving": 4, "booting": None}], ids=str)
def test_a_number_of_replicas_that_is_none_is_refused_by_name(asked: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"(serving|booting) must be a"):
        ScaleAdvisor(3, 10.0).advise(**asked)


@pytest.mark.parametrize("huge", [1.7e308, 1e150])
def test_loads_beyond_all_bounds_are_answered(huge: float) -> None:
    advisor = ScaleAdvisor(3, 10.0, most=20)
    for minute in range(60):
        advisor.update(minute, huge if minute % 7 == 0 else 1e-9, serving=2, late=0.5)
        advice = advisor.advise(2, minute=minute)
        assert 1 <= advice.replicas <= 20
        assert math.isfinite(advice.likely_most or 0.0)


def test_a_forecast_is_right_about_how_often_it_is_exceeded() -> None:
    forecaster = Forecaster((5,), priors().scaling)
    waiting: list[float] = []
    told = []
    for minute, load in enumerate(noisy(5.0, 3000, 0.2)):
        if len(waiting) == 5:
            bound = waiting.pop(0)
            told.append(load > bound)
        forecaster.update(minute, load)
        waiting.append(forecaster.outlooks()[0].most(0.1))
    # The bound is the upper end of a bin.
    assert 0.06 < sum(told[500:]) / len(told[500:]) < 0.11


def test_growth_is_what_comes_over_what_is_there() -> None:
    steady = [(float(minute), load) for minute, load in enumerate(noisy(100.0, 120, 0.02))]
    rising = [(minute, load * (1 + max(minute - 80, 0) / 20)) for minute, load in steady]
    still, growing = growth(steady, 120, 9), growth(rising, 120, 9)
    assert still is not None
    assert growing is not None
    assert 1.0 <= still < growing
    assert growth(steady, 500, 9) is None
    assert growth(steady[:5], 5, 9) is None
    assert growth([(minute, 0.0) for minute, _ in steady], 120, 9) is None
    assert growth([*steady, (400.0, 9000.0)], 120, 9) == still
    assert growth([(minute + part / 4, load) for minute, load in steady for part in range(4)][::-1], 120, 9) == still


def test_more_than_the_limit_can_carry_takes_all_that_there_may_be() -> None:
    for load in (50.0, 1e9):
        advisor = ScaleAdvisor(boot_minutes=3, late_cost=10.0)
        for minute in range(120):
            advisor.update(minute, load)
        advice = advisor.advise(serving=5)
        assert advice.replicas == 20
        assert "more than the 20 can carry" in advice.reason
