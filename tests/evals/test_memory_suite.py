"""The memory suite: what decisions cost, what poison there is, and one small installation with all real parts."""

from functools import partial
from random import Random

import pytest

from aurora.domain import CHANGING, Action, Cause, Trust
from aurora.policy.moves import MOVES, Move, Side
from evals.suites.memory import found, poison, uplift
from evals.suites.memory.installations import INSTALLATIONS, chance, costs, trouble
from evals.suites.memory.situations import one_cause, two_causes

AS_JUDGED, NEVER_TRAINS = INSTALLATIONS[:2]


def test_an_installation_differs_from_the_priors_in_its_own_trouble_alone() -> None:
    random = Random(1)
    for installation in INSTALLATIONS:
        for _ in range(40):
            one = trouble(random, installation)
            side = Side.QUALITY if one.quality is not Cause.HEALTHY else Side.SERVICE
            own = (side, one.quality if side is Side.QUALITY else one.service) == installation.trouble
            differs = [move for move in MOVES if chance(installation, one, move) != chance(AS_JUDGED, one, move)]
            assert set(differs) <= (set(installation.chances) if own else set())


def test_a_move_that_always_succeeds_costs_its_price_and_the_time_it_takes() -> None:
    one = next(one for one in iter(partial(one_cause, Random(2)), None) if one.service is Cause.HOT_REPLICA)
    priced = costs(AS_JUDGED, one)
    never = costs(INSTALLATIONS[-1], one)

    assert priced[Move.LEAVE] == pytest.approx(0.25 * 24)
    assert priced[Move.ROUTE_AWAY] == min(priced.values())
    assert never[Move.ROUTE_AWAY] > priced[Move.ROUTE_AWAY]
    assert min(never, key=lambda move: never[move]) is Move.SCALE_UP


def test_the_drawn_situations_have_as_many_causes_as_they_say() -> None:
    random = Random(3)
    for _ in range(50):
        assert (one_cause(random).causes.count(Cause.HEALTHY), two_causes(random).causes.count(Cause.HEALTHY)) == (1, 0)


def test_poison_is_of_its_kind_and_speaks_against_what_was_decided() -> None:
    situation = one_cause(Random(4)).situation
    decided = uplift.Decided(Move.RETRAIN, 0.9, "approve")
    for kind, trust in zip(poison.KINDS, (Trust.TOLD, Trust.REPORTED, Trust.VERIFIED), strict=True):
        entries = poison._poison(kind, [situation], [decided], 100)
        against = [entry for entry in entries if entry.success is (entry.decision_type is not Action.RETRAIN)]
        assert {entry.trust for entry in entries} == {trust}
        assert {entry.decision_type for entry in entries} <= set(CHANGING)
        assert 50 < len(against) < 100


def test_one_installation_learns_is_not_poisoned_and_lives_the_same_life_twice() -> None:
    lives = [uplift._live(8, poison.Sizes(2, 20), NEVER_TRAINS, 0) for _ in range(2)]

    assert lives[0] == lives[1]
    assert all(cost >= least for cost, least in zip(lives[0].with_memory, lives[0].least, strict=True))
    assert lives[0].probed is not None
    assert lives[0].probed.changed == (0, 0, 0)
    assert all(target.met for target in poison.targets(lives[:1]))
    assert len(uplift.table(lives).rows) == 2


def test_what_is_shipped_finds_more_of_the_same_cause_than_words() -> None:
    shares = found._kind(found.Sizes(60, 15), one_cause)

    assert set(shares) == set(found.WAYS)
    assert all(len(some) == 15 and 0 <= min(some) <= max(some) <= 1 for some in shares.values())
    assert sum(shares[found.SHIPPED]) > sum(shares[found.WORDS])
