"""Load traces: the same every time, priced as the minutes go, and a cheapest plan that no other beats."""

import hashlib
import math
from random import Random

import pytest

from evals.baselines import scale as rules
from evals.worlds import loads
from evals.worlds.loads import Sight, Trace, brute_force, build, followed, oracle, run


def trace(*work: float, boot: int = 2, start: int = 1, patience: float = 20.0) -> Trace:
    return Trace(work, boot, start, patience, 0)


def by_chance(seed: int) -> Trace:
    random = Random(seed)
    work = [random.uniform(0, 3) for _ in range(6)]
    return trace(*work, boot=random.randint(1, 3), start=random.randint(1, 3), patience=random.choice((3.0, 8.0, 40.0)))


def sight(load: float, serving: int, booting: int = 0) -> Sight:
    return Sight(0, load, serving, booting, 0.0)


# --- the list --------------------------------------------------------------------------------------------------------


def test_the_list_is_frozen_for_what_was_fitted_on_another_is_to_be_fitted_again() -> None:
    listed = [(one.key, one.family.published, one.weight) for one in loads.entries()]
    assert len(listed) == len(set(listed)) == 104
    drawn = [build(one, days=1) for one in loads.entries() if one.family.seeds[0] == one.seed]
    told = [(one.boot, one.start, one.begins, *(f"{load:.4f}" for load in one.loads[::60])) for one in drawn]
    assert hashlib.sha256(repr((listed, told)).encode()).hexdigest()[:16] == "fc646399076003d4"


def test_at_least_a_third_of_the_families_is_held_out() -> None:
    held = {one.family.name for one in loads.held_out()}
    assert held.isdisjoint(one.family.name for one in loads.published())
    assert 3 * len(held) >= len(loads.FAMILIES)


@pytest.mark.parametrize("family", loads.FAMILIES, ids=lambda family: family.name)
def test_a_trace_is_drawn_the_same_again_and_no_two_are_alike(family: loads.Family) -> None:
    first, second = (loads.Entry(family, seed, 3.0) for seed in family.seeds[:2])
    one = build(first, days=1)
    assert one == build(first, days=1) != build(second, days=1)
    assert len(one.loads) == loads.DAY
    assert all(math.isfinite(load) and load >= 0 for load in one.loads)
    assert 2 <= one.boot <= 6


# --- what it costs ---------------------------------------------------------------------------------------------------


def test_a_replica_costs_from_its_order_and_serves_after_its_boot() -> None:
    told: list[Sight] = []

    def two(seen: Sight) -> int:
        told.append(seen)
        return 2

    ran = run(trace(0.5, 0.5, 0.5, 0.5), two)
    assert [(seen.serving, seen.booting) for seen in told] == [(1, 0), (1, 1), (1, 1), (2, 0)]
    # Seven minutes of replicas, told in hours of the mean load of a half.
    assert ran.replicas == pytest.approx(7 / 60 / 0.5)
    assert ran.changes == pytest.approx(loads.DAY / 4)


def test_what_boots_is_given_back_first_and_one_stays() -> None:
    wanted = iter((4, 2, 0, 1))
    told: list[tuple[int, int]] = []

    def decide(seen: Sight) -> int:
        told.append((seen.serving, seen.booting))
        return next(wanted)

    run(trace(1.0, 1.0, 1.0, 1.0, start=2), decide)
    assert told == [(2, 0), (2, 2), (2, 0), (1, 0)]


def test_work_is_late_the_more_the_fuller_and_all_of_it_where_too_much_comes() -> None:
    assert loads.late(1.0, 1, 20.0) == loads.late(7.0, 2, 20.0) == 1.0
    assert loads.late(0.9, 1, 20.0) == pytest.approx(math.exp(-2))
    ran = run(trace(2.0, 2.0), lambda _seen: 1)
    assert ran.late_share == 1.0
    assert ran.cost(3.0) == pytest.approx((2 / 2 + 3 * 4 / 2) / 60)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("weight", [1.0, 3.0, 10.0])
def test_no_plan_is_cheaper_than_the_oracles(seed: int, weight: float) -> None:
    drawn = by_chance(seed)
    plan = oracle(drawn, weight).tolist()
    assert run(drawn, followed(plan)).cost(weight) == pytest.approx(brute_force(drawn, weight, most=4))


def test_no_rule_is_cheaper_than_the_oracle_on_a_trace_of_the_list() -> None:
    drawn = build(next(loads.entries()), days=1)
    for weight in loads.WEIGHTS:
        least = run(drawn, followed(oracle(drawn, weight).tolist())).cost(weight)
        others = [rules.hpa(target) for target in rules.TARGETS] + [rules.never(), rules.trigger_table()]
        assert all(run(drawn, policy).cost(weight) > least for policy in others)


# --- the rules of others ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        (sight(4.0, 4), 5),  # 4 * 1.0 / 0.8
        (sight(3.4, 4), 4),  # 6 % over the target: within the tolerance
        (sight(1.0, 4), 2),
        (sight(0.0, 4), 1),
        (sight(4.0, 4, 1), 5),  # with the one that boots taken as idle, use is as it should be
        (sight(6.0, 4, 1), 8),
        (sight(1.6, 4, 2), 2),  # under the target what boots is left out
    ],
)
def test_one_look_of_the_autoscaler(seen: Sight, wanted: int) -> None:
    assert rules.recommended(seen, 0.8) == wanted


def test_the_autoscaler_gives_back_after_five_minutes_and_orders_at_once() -> None:
    decide = rules.hpa(0.8)
    assert decide(sight(3.2, 4)) == 4
    assert [decide(sight(0.8, 4)) for _ in range(5)] == [4, 4, 4, 4, 1]
    assert decide(sight(8.0, 4)) == 10


def test_the_trigger_table_orders_one_and_gives_back_after_long() -> None:
    decide = rules.trigger_table()
    assert decide(sight(3.6, 4)) == 5
    assert decide(sight(3.6, 4, 1)) == 5
    assert [decide(sight(0.4, 4)) for _ in range(30)] == [4] * 29 + [3]
