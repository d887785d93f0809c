"""The service worlds: frozen, the same each time, priced by what happens and by no rule on telemetry."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aurora.domain import Action, Cause, Situation, Step
from aurora.policy.moves import Move
from evals.worlds.services.catalogue import SHAPES, Entry, for_fitting, held_out, published, table
from evals.worlds.services.incidents import SHAPED, service
from evals.worlds.services.physics import NOTHING, Deed, Drift, Surge, Version, luck, mended, serve
from evals.worlds.services.rollout import Episode, begun, cost_of, episode_of, spoilt, steps
from evals.worlds.services.store import load

HOURS = np.arange(0.0, 24.0, 0.25)


def entry(shape: str, profile: str = "fraud", number: int = 0) -> Entry:
    return next(
        one for one in table() if one.family == f"{profile}/{shape}" and one.number == number and one.split == "table"
    )


def episodes(shape: str, *profiles: str, count: int = 3) -> list[Episode]:
    return [episode_of(entry(shape, profile, number)) for profile in profiles for number in range(count)]


def total(found: list[Episode], move: Move) -> float:
    return sum(one.cost(move) for one in found)


# --- the list --------------------------------------------------------------------------------------------------------


def test_the_list_is_as_it_was_frozen() -> None:
    assert (len(list(published())), len(list(held_out())), len(list(for_fitting()))) == (2010, 1365, 2010)
    seeds = [one.seed for one in [*table(), *for_fitting()]]
    assert len(set(seeds)) == len(seeds)


def test_no_family_is_both_published_and_held_out_and_a_third_are_left_out() -> None:
    shown, hidden = {one.family for one in published()}, {one.family for one in held_out()}
    assert not shown & hidden
    assert len(hidden) / len(shown | hidden) > 1 / 3
    assert {one.family for one in for_fitting()} <= shown


@pytest.mark.parametrize("part", [published, held_out])
def test_a_quarter_is_healthy_and_a_third_of_that_near_a_threshold(part: object) -> None:
    entries = list(part())  # type: ignore[operator]
    healthy = [one for one in entries if all(shape.cause is Cause.HEALTHY for shape in one.shapes)]
    assert len(healthy) / len(entries) >= 0.25
    assert sum(one.shapes[0].near for one in healthy) / len(healthy) >= 1 / 3


def test_every_cause_has_shapes_and_every_shape_is_made() -> None:
    assert {shape.cause for shape in SHAPES} == set(Cause)
    assert set(SHAPED) == {shape.name for shape in SHAPES}


# --- the service -----------------------------------------------------------------------------------------------------


def test_more_load_makes_answers_later_and_what_cannot_be_carried_is_shed() -> None:
    random = np.random.default_rng(1)
    world = replace(service(entry("calm").profile, random), day=0.0)
    chance = replace(luck(random, HOURS), traffic=np.ones(len(HOURS)), latency=np.ones(len(HOURS)))
    factors = (1.0, 1.2, 1.6, 3.0)
    served = [serve(replace(world, surge=Surge(-1.0, 99.0, factor)), NOTHING, chance) for factor in factors]
    latencies = [float(one.latency_ms[0]) for one in served]
    assert latencies == sorted(latencies)
    assert served[0].errors[0] < 0.01 < 0.4 < served[-1].errors[0]


def test_a_cache_takes_away_the_load_that_repeats_and_no_more() -> None:
    random = np.random.default_rng(2)
    world = replace(service(entry("calm").profile, random), repeats=0.5, stale=0.02)
    chance = luck(random, HOURS)
    plain, cached = serve(world, NOTHING, chance), serve(world, Deed(cached=True), chance)
    assert np.allclose(cached.usage, plain.usage * (1 - 0.95 * 0.5))
    assert np.allclose(plain.accuracy - cached.accuracy, 0.95 * 0.5 * 0.02)


def test_the_version_before_has_none_of_the_newest_ones_faults() -> None:
    random = np.random.default_rng(3)
    calm = service(entry("calm").profile, random)
    world = replace(calm, newest=Version(loss=0.2, slower=2.0, errors=0.1), deployed=-1.0, previous_loss=0.0)
    chance = luck(random, HOURS)
    back, well = serve(world, Deed(back=True), chance), serve(calm, NOTHING, chance)
    assert np.allclose(back.latency_ms, well.latency_ms)
    assert np.allclose(back.errors, well.errors)


def test_a_training_learns_what_its_labels_show_and_no_more() -> None:
    random = np.random.default_rng(4)
    calm = service(entry("calm").profile, random)
    labels = replace(calm.labels, delay=20.0)
    old = replace(calm, labels=labels, drift=Drift(start=-200.0, loss=0.2, by_inputs=0.0))
    new = replace(calm, labels=labels, drift=Drift(start=-2.0, loss=0.2, by_inputs=0.0))
    chance = luck(random, HOURS)
    trained = Deed(learns=1.0)
    assert np.allclose(serve(old, trained, chance).accuracy, calm.accuracy)
    assert np.allclose(serve(new, trained, chance).accuracy, calm.accuracy - 0.2)


def test_few_and_wrong_labels_spoil_a_training() -> None:
    calm = service(entry("calm").profile, np.random.default_rng(5))
    few = replace(calm, labels=replace(calm.labels, count=20))
    wrong = replace(calm, labels=replace(calm.labels, flipped=0.3))
    assert spoilt(calm) < 0.02 < 0.05 < min(spoilt(few), spoilt(wrong))


def test_people_put_everything_right() -> None:
    for shape in SHAPES:
        world = begun(entry(shape.name, "search"))[0].world
        well = serve(mended(world), NOTHING, luck(np.random.default_rng(6), HOURS))
        assert float(np.mean(well.accuracy)) > world.accuracy - 0.02
        assert float(np.mean(well.errors)) < 0.08


# --- the truth -------------------------------------------------------------------------------------------------------


def test_an_episode_is_the_same_each_time_and_what_is_done_changes_no_luck() -> None:
    one, again = episode_of(entry("surge")), episode_of(entry("surge"))
    assert one == again
    for move, step in steps(one.situation).items():
        assert cost_of(one.entry, step) == pytest.approx(one.costs[move])


def test_other_parameters_cost_what_they_cost() -> None:
    one = episode_of(entry("surge", "search"))
    few, many = (
        cost_of(one.entry, Step(action=Action.SCALE, target="service", parameters={"replicas": n})) for n in (7, 20)
    )
    assert few != many


def test_a_cache_that_is_turned_off_answers_nothing() -> None:
    one = episode_of(entry("repeated"))
    off = Step(action=Action.CACHE, target="service", parameters={"enabled": False})
    price = one.situation.settings.costs.cache
    assert cost_of(one.entry, off) == pytest.approx(one.costs[Move.LEAVE] + price)
    assert one.costs[Move.CACHE] < cost_of(one.entry, off)


@pytest.mark.parametrize(
    ("shape", "move"),
    [
        ("abrupt", Move.RETRAIN),
        ("slight", Move.FINE_TUNE),
        ("repeated", Move.CACHE),
        ("slow_host", Move.ROUTE_AWAY),
        ("slow", Move.ROUTE_BACK),
        ("worse_answers", Move.ROUTE_BACK),
        ("surge", Move.SCALE_UP),
        ("idle", Move.SCALE_DOWN),
        ("nulls", Move.ALERT),
        ("faults", Move.ALERT),
        ("calm", Move.LEAVE),
        ("moved_inputs", Move.LEAVE),
    ],
)
def test_what_cures_a_cause_is_cheapest_on_the_whole(shape: str, move: Move) -> None:
    found = episodes(shape, "fraud", "recommender", "bidder")
    others = [total(found, other) for other in Move if other is not move]
    assert total(found, move) <= min(others) + 0.05 * len(found)


def test_which_action_is_best_is_not_told_by_the_cause_alone() -> None:
    found = episodes("surge", "fraud", "recommender", "search", "bidder", count=5)
    assert len(Counter(min(one.costs, key=one.costs.__getitem__) for one in found)) > 1


def test_nobody_sees_the_cause_the_family_or_what_is_to_come() -> None:
    one = episode_of(entry("abrupt"))
    text = one.situation.model_dump_json()
    assert not any(word in text for word in ("abrupt", "fraud", "concept", "horizon"))
    assert isinstance(one.situation, Situation)


def test_telemetry_has_gaps() -> None:
    told = [one.situation.telemetry for shape in ("calm", "surge") for one in episodes(shape, "churn", count=4)]
    blocks = ("data_drift", "system_load", "data_quality", "deployment", "traffic", "labels", "baseline")
    assert any(getattr(one, block) is None for one in told for block in blocks)


def test_what_is_kept_is_what_was_priced(tmp_path: Path) -> None:
    entries = [entry("surge"), entry("abrupt", "vision"), entry("skewed", "churn")]
    made = load(tmp_path, "few", entries, 1)
    assert load(tmp_path, "few", entries, 1) == made == [episode_of(one) for one in entries]


@pytest.mark.parametrize("damaged", ["", "{}\n", "[1]\n", "{"])
def test_prices_whose_file_is_damaged_are_made_anew(tmp_path: Path, damaged: str) -> None:
    made = load(tmp_path, "few", [entry("surge")], 1)
    (file,) = tmp_path.iterdir()
    file.write_text(damaged)
    assert load(tmp_path, "few", [entry("surge")], 1) == made
