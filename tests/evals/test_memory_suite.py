"""The memory suite: what decisions cost, what poison there is, and one small installation with all real parts."""

from random import Random

import pytest

from aurora.domain import CHANGING, Action, Cause, Trust
from aurora.policy.moves import MOVES, Move, Side
from aurora.policy.priors import Face, priors
from evals.suites.memory import found, poison, uplift
from evals.suites.memory.installations import INSTALLATIONS, chance, costs, trouble
from evals.suites.memory.situations import known

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


def test_what_helps_is_cheapest_and_what_never_helps_is_not() -> None:
    random, hot = Random(2), Face(Cause.HOT_REPLICA)
    for _ in range(10):
        one = known(random, Face(Cause.HEALTHY), hot)
        priced, otherwise = costs(AS_JUDGED, one), costs(INSTALLATIONS[-1], one)

        assert priced[Move.ROUTE_AWAY] == min(priced.values())
        assert otherwise[Move.ROUTE_AWAY] > priced[Move.ROUTE_AWAY]
        assert min(otherwise, key=lambda move: otherwise[move]) is Move.SCALE_UP
        assert otherwise[Move.LEAVE] == priced[Move.LEAVE]


def test_a_cost_is_price_and_harm_until_it_is_over() -> None:
    one = known(Random(3), Face(Cause.HEALTHY), Face(Cause.SLOW_VERSION))
    priced, harm = costs(AS_JUDGED, one), costs(AS_JUDGED, one)[Move.LEAVE] / 24

    helps, back = (chance(AS_JUDGED, one, move) for move in (Move.ALERT, Move.ROUTE_BACK))
    hours, blind = priors().hours, priors().harm[Move.ROUTE_BACK]
    told = 0.20 + harm * (helps * hours[Move.ALERT] + (1 - helps) * 24)
    helped = harm * hours[Move.ROUTE_BACK]
    failed = blind + helped + harm * 2 + told
    assert priced[Move.ALERT] == pytest.approx(told)
    assert priced[Move.ROUTE_BACK] == pytest.approx(0.05 + back * helped + (1 - back) * failed)
    assert harm == pytest.approx(0.25, rel=0.1)


def test_cases_and_questions_are_of_one_split_and_none_is_both() -> None:
    for kind in found.KINDS:
        kept, asked = found.drawn(found.Sizes(60, 20), kind)
        told = [one.situation.model_dump_json() for one in (*kept, *asked)]
        assert (len(kept), len(asked), len(set(told))) == (60, 20, 80)
        assert all(set(one.causes) - {Cause.HEALTHY} for one in (*kept, *asked))


def test_poison_is_of_its_kind_and_speaks_against_what_was_decided() -> None:
    situation = trouble(Random(4), AS_JUDGED).situation
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
    shares = found._kind(found.Sizes(60, 15), found.KINDS[0])

    assert set(shares) == set(found.WAYS)
    assert all(len(some) == 15 and 0 <= min(some) <= max(some) <= 1 for some in shares.values())
    assert sum(shares[found.SHIPPED]) > sum(shares[found.WORDS])
