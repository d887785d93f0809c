"""Retrain streams: built the same every time, priced exactly, and nothing but visible rows shown to a policy."""

import hashlib
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from retrainopt.core import solve_exact_schedule

from evals.worlds import streams
from evals.worlds.__main__ import LEFT, TABLE, priced, read, report, summary
from evals.worlds.catalogue import FAMILIES, Entry, entries, held_out, published
from evals.worlds.rows import Pair, pairs
from evals.worlds.schedules import (
    Policy,
    Priced,
    Sight,
    brute_force,
    follow,
    never,
    oracle,
    price,
    sight,
    trigger_table,
)
from evals.worlds.store import load, load_all
from evals.worlds.streams import Size, Stream, build

TINY = Size(steps=(8, 8), rows=(20,))


def entry(name: str, cost: float = 1.0) -> Entry:
    """Return an entry of the list by its key."""
    return next(one for one in entries() if (one.key, one.cost) == (name, cost))


def stream_of(errors: list[list[float]], cost: float) -> Stream:
    """Return a stream of which only the hidden errors say something."""
    matrix = np.array(errors)
    nothing = np.zeros_like(matrix)
    return Stream(matrix, nothing, nothing, nothing, np.full(len(matrix), 50), challenged=False, cost=cost)


def drawn_by_chance(seed: int, *, horizon: int, cost: float, digits: int = 9) -> Stream:
    """Return a stream whose errors are drawn one by one; with few digits many schedules cost the same."""
    errors = np.random.default_rng(seed).random((horizon, horizon)).round(digits)
    return stream_of(errors.tolist(), cost)


def alike(one: Stream, other: Stream) -> bool:
    """Say whether two streams are the same to the last bit."""
    values = ((getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    return all(np.array_equal(mine, theirs, equal_nan=True) for mine, theirs in values)


# --- the list --------------------------------------------------------------------------------------------------------


def test_the_list_is_frozen_for_what_was_fitted_on_another_is_to_be_fitted_again() -> None:
    listed = [(one.key, one.family.published, one.family.learner, one.variant, one.cost) for one in entries()]
    assert len(listed) == len(set(listed)) == 516
    assert hashlib.sha256(repr(listed).encode()).hexdigest()[:16] == "570d8f6bda014ab9"


def test_a_family_is_published_or_held_out_and_no_stream_is_both() -> None:
    open_families = {one.family.name for one in published()}
    kept_back = {one.family.name for one in held_out()}
    assert open_families.isdisjoint(kept_back)
    assert open_families | kept_back == {family.name for family in FAMILIES}
    assert min(len(open_families), len(kept_back)) >= 5


def test_every_stream_of_the_list_is_priced_and_the_mix_is_one_to_measure_on() -> None:
    found = read()
    assert [(one.family, one.variant, one.seed, one.retrain, one.published) for one in found] == [
        (one.family.name, one.variant.name, one.seed, one.cost, one.family.published) for one in entries()
    ]
    summaries = report(found)
    for name in ("published", "held out", "all"):
        assert summaries[name].leaving_is_right >= LEFT, name
        assert TABLE[0] <= summaries[name].table <= TABLE[1], name
        assert summaries[name].right, name


def test_the_prices_are_those_of_this_code() -> None:
    kept = {(one.family, one.variant, one.seed, one.retrain): one for one in read()}
    for cost in (0.1, 3.0):
        built = build(entry("sine-still-1", cost))
        assert priced(entry("sine-still-1", cost), built) == kept["sine", "still", 1, cost]


def test_a_mix_is_wrong_where_leaving_is_rarely_right_or_the_table_is_too_good_or_too_bad() -> None:
    one = replace(read()[0], retrains=0, least=1.0, left=1.0, table=1.3)
    assert summary([one]).right
    assert not summary([replace(one, retrains=1)]).right
    assert not summary([replace(one, table=1.0)]).right
    assert not summary([replace(one, table=1.5)]).right


# --- building --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", list(dict.fromkeys(one.key for one in entries() if one.seed == 1)))
def test_every_variant_builds_and_every_model_is_scored_from_its_own_step_on(key: str) -> None:
    built = build(entry(key), TINY)
    assert built.horizon == 8
    later = np.triu(np.ones((8, 8), dtype=bool))
    for matrix in (built.errors, built.seen, built.drift_mean, built.drift_max):
        assert np.array_equal(np.isfinite(matrix), later)
        assert (matrix[later] >= 0).all()
    assert built.errors[later].max() <= 1
    assert (built.drift_mean[later] <= built.drift_max[later]).all()
    assert built.labels.min() >= 1


@pytest.mark.parametrize("key", ["sea-inputs-1", "agrawal-blips-1", "digits-columns-1", "stocks-order-1"])
def test_a_build_is_the_same_whenever_it_is_made(key: str) -> None:
    assert alike(build(entry(key), TINY), build(entry(key), TINY))


def test_another_seed_is_another_stream_and_another_cost_is_the_same_one() -> None:
    first = build(entry("sea-still-1", 1.0), TINY)
    assert not alike(first, build(entry("sea-still-2", 1.0), TINY))
    assert alike(first, replace(build(entry("sea-still-1", 0.1), TINY), cost=1.0))


def test_a_model_that_was_trained_before_a_change_errs_after_it_and_one_trained_after_it_does_not() -> None:
    built = build(entry("phishing-columns-1"), Size(steps=(30, 30), rows=(100,)))
    assert built.errors[0, :5].mean() < 0.2
    assert built.errors[0, -3:].mean() > 0.3
    assert built.errors[-3:, -1].mean() < 0.2
    assert built.drift_max[0, -1] > 0.25 > built.drift_mean[0, 0]


def test_wrong_labels_are_seen_and_priced_by_nobody_but_those_who_train_on_them() -> None:
    built = build(entry("agrawal-blips-1"), Size(steps=(30, 30), rows=(150,)))
    assert built.seen[0].max() > 0.5
    assert built.errors[0].max() < 0.2
    assert built.errors.max(where=np.isfinite(built.errors), initial=0.0) > 0.3


def test_rows_that_are_seen_and_rows_that_price_are_never_the_same_ones() -> None:
    drawn = pairs("digits", 0, seed=1)
    both = [next(drawn) for _ in range(3000)]
    assert not {tuple(seen[0]) for seen, _ in both} & {tuple(hidden[0]) for _, hidden in both}


# --- keeping ---------------------------------------------------------------------------------------------------------


def test_a_stream_that_was_kept_is_read_as_it_was_built_at_any_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = load(tmp_path, entry("stocks-order-1", 1.0))
    monkeypatch.setattr("evals.worlds.store.build", lambda _entry: pytest.fail("it was kept"))
    assert alike(load(tmp_path, entry("stocks-order-1", 1.0)), built)
    assert alike(load(tmp_path, entry("stocks-order-1", 3.0)), replace(built, cost=3.0))
    assert [file.suffix for file in tmp_path.iterdir()] == [".npz"]


@pytest.mark.parametrize("left", [0, 100, -100], ids=["nothing", "its beginning", "all but its end"])
def test_a_stream_whose_file_is_damaged_is_built_anew(tmp_path: Path, left: int) -> None:
    built = load(tmp_path, entry("stocks-order-1", 3.0))
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:left])
    assert alike(load(tmp_path, entry("stocks-order-1", 3.0)), built)
    assert alike(load(tmp_path, entry("stocks-order-1", 3.0)), built)


def test_streams_are_built_once_for_all_costs(tmp_path: Path) -> None:
    wanted = [one for one in entries() if one.key == "approval-order-1"]
    found = list(load_all(tmp_path, wanted, processes=1))
    assert [(one.cost, stream.cost) for one, stream in found] == [(cost, cost) for cost in (0.1, 0.3, 1.0, 3.0)]
    assert len(list(tmp_path.iterdir())) == 1


# --- schedules -------------------------------------------------------------------------------------------------------


def test_a_schedule_costs_the_errors_of_who_serves_and_its_retrains() -> None:
    stream = stream_of([[0.1, 0.2, 0.4], [9, 0.1, 0.3], [9, 9, 0.1]], cost=0.25)
    assert price(stream, ()) == pytest.approx(0.7)
    assert price(stream, (1,)) == pytest.approx(0.1 + 0.1 + 0.3 + 0.25)
    assert price(stream, (1, 2)) == pytest.approx(0.1 + 0.1 + 0.1 + 0.5)
    assert oracle(stream).schedule == (2,)
    assert oracle(stream).cost == pytest.approx(0.1 + 0.2 + 0.1 + 0.25)


@pytest.mark.parametrize("schedule", [(0,), (3,), (2, 1), (1, 1)])
def test_what_is_no_schedule_is_not_priced(schedule: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="not steps of this stream"):
        price(drawn_by_chance(1, horizon=3, cost=1.0), schedule)


def test_where_a_retrain_saves_just_what_it_costs_the_model_is_left() -> None:
    assert oracle(stream_of([[0.5, 1.0], [9, 0.5]], cost=0.5)).schedule == ()


@pytest.mark.parametrize("cost", [0.0, 0.1, 0.5, 3.0])
@pytest.mark.parametrize("digits", [1, 9])
@pytest.mark.parametrize("seed", range(5))
def test_the_oracle_is_as_cheap_as_the_best_of_all_schedules(seed: int, digits: int, cost: float) -> None:
    stream = drawn_by_chance(seed, horizon=9, cost=cost, digits=digits)
    best = oracle(stream)
    assert best.cost == pytest.approx(brute_force(stream).cost)
    assert price(stream, best.schedule) == pytest.approx(best.cost)


@pytest.mark.parametrize("cost", [0.1, 0.3, 1.0, 3.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_oracle_agrees_with_an_exact_planner_that_others_wrote(seed: int, cost: float) -> None:
    stream = drawn_by_chance(seed, horizon=60, cost=cost)
    best, other = oracle(stream), planned(stream)
    assert best.schedule == other.schedule
    assert best.cost == pytest.approx(other.cost)


@pytest.mark.parametrize("key", ["sine-abrupt-1", "bananas-classes-1"])
def test_it_agrees_on_streams_of_the_list_too(key: str) -> None:
    stream = build(entry(key, 0.3))
    best, other = oracle(stream), planned(stream)
    assert best.schedule == other.schedule
    assert best.cost == pytest.approx(other.cost)


def planned(stream: Stream) -> Priced:
    """Return what retrainopt plans: its candidates are the models of each step, with one size of window."""
    costs = {
        (step, 1) if step else (-1, 0): {
            "training_cost": stream.cost if step else 0.0,
            "future_losses": {later: float(stream.errors[step, later]) for later in range(step, stream.horizon)},
        }
        for step in range(stream.horizon)
    }
    cost, decisions, _, _ = solve_exact_schedule(stream.horizon, costs)
    return Priced(cost, tuple(step for step, decision in enumerate(decisions) if decision.n_samples is not None))


# --- policies --------------------------------------------------------------------------------------------------------


def test_a_policy_sees_errors_labels_drift_and_a_challenger_and_no_name_horizon_or_cause() -> None:
    names = [field.name for field in fields(Sight)]
    assert names == ["error", "labels", "drift_mean", "drift_max", "challenger"]


def test_what_a_policy_does_is_the_same_whatever_the_hidden_rows_say() -> None:
    built = build(entry("phishing-columns-1"), TINY)
    told: list[list[Sight]] = []

    def curious(_cost: float) -> Policy:
        seen_here: list[Sight] = []
        told.append(seen_here)

        def decide(seen: Sight) -> bool:
            seen_here.append(seen)
            return seen.error > 0.2

        return decide

    worst = replace(built, errors=np.ones_like(built.errors))
    assert follow(built, curious) == follow(worst, curious)
    assert told[0] == told[1]


def test_what_is_seen_and_learnt_is_the_same_whatever_the_hidden_rows_are(monkeypatch: pytest.MonkeyPatch) -> None:
    built = build(entry("digits-still-1"), TINY)

    def spoilt(family: str, concept: int, seed: int) -> Iterator[Pair]:
        return ((seen, (hidden[0], (hidden[1] + 1) % 10)) for seen, hidden in pairs(family, concept, seed))

    monkeypatch.setattr(streams, "pairs", spoilt)
    other = build(entry("digits-still-1"), TINY)
    assert not alike(other, built)
    assert alike(replace(other, errors=built.errors), built)


def test_a_policy_is_shown_the_model_that_serves_and_the_newest_one_where_it_is_cheap() -> None:
    built = replace(build(entry("sea-abrupt-1"), TINY), challenged=True)
    assert sight(built, 2, 5) == Sight(
        error=built.seen[2, 5],
        labels=int(built.labels[5]),
        drift_mean=built.drift_mean[2, 5],
        drift_max=built.drift_max[2, 5],
        challenger=built.seen[5, 5],
    )
    assert sight(replace(built, challenged=False), 2, 5).challenger is None


def test_a_retrain_serves_from_the_next_step_on_and_the_last_step_has_none() -> None:
    built = build(entry("sea-abrupt-1"), TINY)
    assert follow(built, lambda _cost: lambda _seen: True) == (1, 2, 3, 4, 5, 6, 7)
    assert follow(built, never) == ()


@pytest.mark.parametrize(("error", "drift", "retrains"), [(0.31, 0.26, True), (0.30, 0.26, False), (0.31, 0.25, False)])
def test_the_table_retrains_when_accuracy_is_low_and_the_inputs_drifted(
    error: float, drift: float, retrains: bool
) -> None:
    assert trigger_table(1.0)(Sight(error, 100, 0.0, drift, None)) is retrains
