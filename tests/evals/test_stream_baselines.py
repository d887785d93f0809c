"""Baselines on retrain streams: each does what its authors say, sees what a policy may see, and is tuned elsewhere."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from retrainopt import Decision, DecisionAction, LearnedOnlinePolicy, OnlineState

from evals.baselines.streams import cara, fits, learned, plain, trees
from evals.baselines.streams.detectors import Make, adwin, ddm, detecting, hddm_w, page_hinkley
from evals.baselines.streams.entrants import TABLE, WAITING, Baseline, Given, baselines
from evals.baselines.streams.prefix import Prefix, after, prefix
from evals.worlds.catalogue import Entry, entries
from evals.worlds.changes import begins
from evals.worlds.schedules import Policy, Sight, Start, brute_force, follow, never, oracle, price, trigger_table
from evals.worlds.states import costs_to_go, savings, savings_to_the_end
from evals.worlds.streams import Size, Stream, build

SHORT = Size(steps=(30, 30), rows=(60,))


def entry(key: str, cost: float = 1.0) -> Entry:
    """Return an entry of the list."""
    return next(one for one in entries() if (one.key, one.cost) == (key, cost))


@cache
def built(key: str) -> Stream:
    """Return a short stream of the list."""
    return build(entry(key), SHORT)


def stream_of(errors: np.ndarray, cost: float, labels: int = 100) -> Stream:
    """Return a stream whose visible errors are its hidden ones, with nothing else to see."""
    nothing = np.zeros_like(errors)
    return Stream(errors, errors, nothing, nothing, np.full(len(errors), labels), challenged=False, cost=cost)


def jumping(at: int, horizon: int, cost: float, low: float = 0.05, high: float = 0.4) -> Stream:
    """Return a stream on which models from before a step err more from it on."""
    old = np.arange(horizon)[:, None] < at
    errors = np.where(old & (np.arange(horizon) >= at), high, low)
    return stream_of(np.where(np.tri(horizon, k=-1, dtype=bool), np.nan, errors), cost)


def by_chance(seed: int, horizon: int, cost: float) -> Stream:
    """Return a stream whose errors are drawn one by one."""
    errors = np.random.default_rng(seed).random((horizon, horizon))
    return stream_of(np.where(np.tri(horizon, k=-1, dtype=bool), np.nan, errors), cost)


def seen(error: float, labels: int = 100) -> Sight:
    """Return what is seen of a step where nothing but the error says something."""
    return Sight(error, labels, 0.0, 0.0, None)


# --- what is true of a stream ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["agrawal-abrupt-1", "phishing-columns-1", "sine-abrupt-1"])
def test_the_concept_changes_where_the_true_errors_of_the_first_model_jump(key: str) -> None:
    change, errors = begins(entry(key), SHORT), built(key).errors[0]
    assert change is not None
    jumps = {step: errors[step:].mean() - errors[:step].mean() for step in range(3, len(errors) - 3)}
    assert abs(max(jumps, key=jumps.__getitem__) - change) <= 1


def test_where_nothing_changes_there_is_no_change() -> None:
    assert begins(entry("sea-still-1")) is None


def test_a_change_is_drawn_within_the_stream_as_long_as_it_was_built() -> None:
    for one in entries():
        change = begins(one)
        assert (change is None) == (one.variant.course == "still"), one.key
        assert change is None or 40 // 6 <= change <= 80


@pytest.mark.parametrize("cost", [0.1, 0.5, 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_left_to_pay_is_what_the_best_of_all_schedules_pays(seed: int, cost: float) -> None:
    stream = by_chance(seed, 8, cost)
    least = costs_to_go(stream)
    assert least[0, 0] == pytest.approx(oracle(stream).cost)
    for step in range(1, 8):
        rest = stream_of(stream.errors[step:, step:], cost)
        assert least[step, step] == pytest.approx(brute_force(rest).cost)


@pytest.mark.parametrize("seed", range(4))
def test_a_retrain_saves_what_one_step_more_costs_above_it(seed: int) -> None:
    stream = by_chance(seed, 9, 0.3)
    for model, step in ((0, 0), (0, 5), (2, 4)):
        # The serving model in front of the rest: what is best once it serves the next step, too.
        left = [model, *range(step + 2, 9)]
        kept = brute_force(stream_of(stream.errors[np.ix_(left, range(step + 1, 9))], 0.3)).cost
        retrained = 0.3 + brute_force(stream_of(stream.errors[step + 1 :, step + 1 :], 0.3)).cost
        assert savings(stream)[model, step] == pytest.approx(kept - retrained)


def test_against_keeping_to_the_end_it_saves_the_errors_that_are_ahead() -> None:
    stream = by_chance(1, 9, 0.3)
    saved = savings_to_the_end(stream)
    assert saved[0, 4] == pytest.approx(price(stream, ()) - price(stream, (5,)))
    assert saved[2, 6] == pytest.approx(price(stream, (2,)) - price(stream, (2, 7)))


# --- all of them -----------------------------------------------------------------------------------------------------


@cache
def tuned() -> fits.Fits:
    """Return what is tuned on two streams of one family and one of another, at one cost."""
    keys = ("phishing-columns-1", "phishing-still-1", "agrawal-abrupt-1")
    return fits.fit(fits.study(entry(key), built(key)) for key in keys)


@pytest.mark.parametrize("one", baselines(), ids=lambda one: one.name)
def test_a_baseline_does_the_same_whatever_the_hidden_rows_say_and_every_time(one: Baseline) -> None:
    stream = built("sine-abrupt-1")
    spoilt = replace(stream, errors=np.random.default_rng(1).random(stream.errors.shape))
    schedules = {
        follow(shown, one.make(Given(prefix(shown), tuned(), 1.0, "sine-abrupt-1")))
        for shown in (stream, spoilt, stream)
    }
    assert len(schedules) == 1


@pytest.mark.parametrize("one", [one for one in baselines() if not one.thrifty], ids=lambda one: one.name)
def test_one_that_does_not_ask_for_the_price_does_the_same_at_every_price(one: Baseline) -> None:
    stream = built("sine-abrupt-1")
    cheap, dear = (
        follow(replace(stream, cost=cost), one.make(Given(prefix(stream), tuned(), cost, "x"))) for cost in (0.1, 3.0)
    )
    assert cheap == dear


def test_each_baseline_of_the_issue_is_there_once() -> None:
    names = [one.name for one in baselines()]
    assert len(names) == len(set(names))
    wanted = [
        "never",
        "alert",
        "always",
        "random",
        TABLE,
        "periodic",
        "ADWIN",
        "DDM",
        "Page-Hinkley",
        "HDDM_W",
        WAITING,
    ]
    tuned_or_learnt = ["Cara, threshold", "Cara, cumulative", "Cara, periodic", "RetrainOpt", "depth 3", "depth 6"]
    assert all(any(word in name for name in names) for word in wanted + tuned_or_learnt)


# --- plain -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("period", [1, 3, 7, 29])
def test_a_period_costs_what_its_schedule_costs(period: int) -> None:
    stream = built("sea-abrupt-1")
    assert follow(stream, plain.periodic(period)) == plain.every(period, stream.horizon)
    assert plain.period_costs(stream)[period - 1] == pytest.approx(price(stream, plain.every(period, stream.horizon)))


def test_the_longest_period_is_never_to_retrain() -> None:
    stream = built("sea-abrupt-1")
    assert plain.period_costs(stream)[-1] == pytest.approx(price(stream, ()))
    assert follow(stream, plain.periodic(None)) == ()


def test_at_random_is_one_in_fifteen_and_another_for_another_stream() -> None:
    first, other = (plain.at_random(seed)(1.0) for seed in ("a", "b"))
    said = [(first(seen(0.1)), other(seen(0.1))) for _ in range(6000)]
    assert sum(one for one, _ in said) == pytest.approx(400, abs=60)
    assert any(one != two for one, two in said)


# --- detectors -------------------------------------------------------------------------------------------------------

DETECTORS = [adwin, ddm, hddm_w, page_hinkley]


@pytest.mark.parametrize("make", DETECTORS)
def test_a_detector_retrains_after_a_rise_and_not_before(make: Make) -> None:
    schedule = follow(jumping(20, 60, 1.0, low=0.08, high=0.6), detecting(make))
    # DDM is known for false alarms where few rows are wrong: it may fire again.
    assert 21 <= schedule[0] <= 26
    assert len(schedule) <= 2


@pytest.mark.parametrize("make", DETECTORS)
def test_what_falls_is_no_reason_to_retrain(make: Make) -> None:
    policy = detecting(make)(1.0)
    assert not any(policy(seen(0.5)) for _ in range(25))
    assert not any(policy(seen(0.1)) for _ in range(25))


@pytest.mark.parametrize("wait", [1, 8])
def test_one_that_waits_retrains_so_many_steps_after_it_detected(wait: int) -> None:
    stream = jumping(20, 60, 1.0, low=0.08, high=0.6)
    at_once, later = (follow(stream, detecting(hddm_w, steps)) for steps in (0, wait))
    assert later == (at_once[0] + wait,)


def test_a_detector_that_retrained_begins_anew() -> None:
    errors = jumping(15, 60, 1.0, low=0.08, high=0.6).errors
    errors[:45, 45:] = 0.6
    schedule = follow(stream_of(errors, 1.0), detecting(hddm_w))
    assert [step // 15 for step in schedule] == [1, 3]


# --- Cara ------------------------------------------------------------------------------------------------------------


def prefix_cost(known: Prefix, policy: Policy) -> float:
    """Return what a policy costs in the prefix, by visible errors."""
    shown = stream_of(known.seen, known.cost)
    return price(shown, follow(shown, lambda _cost: policy))


def rules(cumulative: bool) -> list[Callable[[float], Policy]]:
    """Return a grid of rules, none of which comes from the prefix."""
    return [cara.ruled(float(threshold), cumulative=cumulative) for threshold in np.linspace(0, 5, 400)]


@pytest.mark.parametrize("cost", [0.05, 0.3, 1.0])
@pytest.mark.parametrize(("name", "cumulative"), [("Cara, threshold", False), ("Cara, cumulative", True)])
def test_cara_takes_a_threshold_as_cheap_in_the_prefix_as_any(name: str, cumulative: bool, cost: float) -> None:
    known = prefix(replace(jumping(6, 45, cost), cost=cost))
    found = prefix_cost(known, cara.VARIANTS[name](known)(cost))
    best = min(prefix_cost(known, rule(cost)) for rule in rules(cumulative))
    # Of sums there is a grid only.
    assert found == pytest.approx(best, abs=0.05 if cumulative else 1e-9)
    assert found <= prefix_cost(known, never(cost)) + 1e-9


def test_cara_by_the_clock_takes_a_period_and_an_offset_that_fit_the_prefix() -> None:
    known = prefix(jumping(6, 45, 0.3))
    schedule = follow(stream_of(known.seen, 0.3), cara.by_clock(known))
    assert schedule == (6,)


def test_where_nothing_happens_in_the_prefix_cara_is_not_hasty() -> None:
    stream = jumping(40, 45, 1.0)
    for tune in cara.VARIANTS.values():
        assert all(step > 40 for step in follow(stream, after(prefix(stream), tune)))


def test_who_is_tuned_on_the_prefix_keeps_the_model_until_it_is_over() -> None:
    stream = jumping(5, 45, 0.1)
    assert follow(stream, after(prefix(stream), lambda _known: plain.always)) == tuple(range(15, 45))


def test_a_prefix_is_the_first_third_and_visible() -> None:
    stream = built("sine-abrupt-1")
    known = prefix(stream)
    assert known.steps == 10
    assert np.array_equal(known.seen, stream.seen[:10, :10], equal_nan=True)


# --- RetrainOpt ------------------------------------------------------------------------------------------------------


def test_its_history_is_the_cheapest_schedule_by_what_is_visible() -> None:
    stream = jumping(12, 30, 0.5)
    states, decisions = learned.history(stream.seen, 0.5)
    retrained = [step for step, one in enumerate(decisions) if one.action == DecisionAction.RETRAIN]
    assert retrained == list(oracle(replace(stream, errors=stream.seen)).schedule) == [12]
    assert states[12].current_staleness == pytest.approx(0.35)
    assert states[13].time_since_last_retrain == 1


def test_its_trees_say_what_the_package_says() -> None:
    random = np.random.default_rng(1)
    states = [OnlineState(n, float(random.normal()), float(random.normal()), n % 40) for n in range(300)]
    wants = [state.current_staleness + random.normal() / 2 > 0.8 for state in states]
    keep = Decision(DecisionAction.KEEP)
    decisions = [Decision(DecisionAction.RETRAIN, 1, n) if want else keep for n, want in enumerate(wants)]
    policy = learned.fitted([(tuple(states), tuple(decisions))])
    forest = learned.Forest(policy)
    asked = [OnlineState(0, float(a), float(b), int(c)) for a, b, c in random.normal(size=(60, 3)) * 2 + (0, 0, 8)]
    theirs = [policy.decide(one, train_size=1).action == DecisionAction.RETRAIN for one in asked]
    ours = [forest(one.current_staleness, one.accumulated_staleness, one.time_since_last_retrain) for one in asked]
    assert ours == theirs
    assert 5 < sum(ours) < 55


def test_one_that_never_saw_a_retrain_pay_never_retrains() -> None:
    stream = jumping(40, 45, 1.0)
    assert follow(stream, after(prefix(stream), learned.learned_in)) == ()
    assert isinstance(learned.fitted([learned.history(stream.seen[:15, :15], 1.0)]), LearnedOnlinePolicy)


def test_one_that_saw_retrains_pay_does_so_itself() -> None:
    histories = [learned.history(jumping(at, 40, 0.5).seen, 0.5) for at in range(8, 30, 3)]
    schedule = follow(jumping(17, 40, 0.5), learned.learned(learned.fitted(histories)))
    assert schedule == (18,)


# --- trees -----------------------------------------------------------------------------------------------------------


def test_a_tree_learns_when_a_rise_is_worth_a_retrain_and_when_it_is_not() -> None:
    streams = [jumping(at, 40, 0.1, high=high) for at in range(6, 38, 2) for high in (0.4, 0.052)]
    tree = trees.fitted(map(trees.examples, streams), depth=3)
    assert follow(jumping(17, 40, 0.1), trees.grown(tree)) == (18,)
    assert follow(jumping(17, 40, 0.1, high=0.052), trees.grown(tree)) == ()
    assert follow(stream_of(np.full((40, 40), 0.05), 0.1), trees.grown(tree)) == ()


def test_its_features_are_of_the_model_that_serves_and_what_is_missing_is_no_number() -> None:
    telemetry = trees.Telemetry(0.3)
    rows = [telemetry.take(Sight(error, 50, 0.1, 0.2, None)) for error in (0.1, 0.1, 0.1, 0.4, 0.4, 0.4)]
    assert len(rows[-1]) == len(trees.FEATURES)
    named = dict(zip(trees.FEATURES, rows[-1], strict=True))
    assert np.isnan(named.pop("over_challenger"))
    drifts = {"drift_mean": 0.1, "drift_max": 0.2}
    assert named == pytest.approx(
        {"error": 0.4, "fresh": 0.1, "rise": 0.3, "labels": 50, "age": 6, "cost": 0.3} | drifts
    )


# --- tuning ----------------------------------------------------------------------------------------------------------


def test_what_is_held_out_is_never_studied() -> None:
    with pytest.raises(ValueError, match="sine-still-1 is held out"):
        fits.study(entry("sine-still-1"), built("sine-abrupt-1"))


def test_a_family_that_is_left_out_changes_nothing_of_what_is_tuned() -> None:
    one = fits.study(entry("phishing-columns-1"), built("phishing-columns-1"))
    poison = replace(one, family="digits", periods=-one.periods, thresholds=-one.thresholds, sums=-one.sums)
    alone, without = fits.fit([one]), fits.fit([one, poison], without="digits")
    assert (alone.periods, alone.thresholds, alone.sums) == (without.periods, without.thresholds, without.sums)
    assert (alone.periods, alone.sums) != (fits.fit([poison]).periods, fits.fit([poison]).sums)


def test_the_period_and_thresholds_are_the_cheapest_on_all_streams_together() -> None:
    found = tuned()
    streams = [built(key) for key in ("phishing-columns-1", "phishing-still-1", "agrawal-abrupt-1")]

    def costs(start: Start) -> float:
        return sum(price(one, follow(one, start)) for one in streams)

    assert costs(plain.periodic(found.periods[1.0])) == pytest.approx(
        min(costs(plain.periodic(period)) for period in range(1, 31))
    )
    assert costs(cara.ruled(found.thresholds[1.0], cumulative=False)) <= costs(never) + 1e-9
    for lower, higher in pairwise(fits.SUMS):
        assert lower < higher
        assert costs(cara.ruled(found.sums[1.0], cumulative=True)) <= costs(cara.ruled(lower, cumulative=True)) + 1e-9


def test_the_trigger_table_is_among_them_as_it_is() -> None:
    stream = built("phishing-columns-1")
    table = next(one for one in baselines() if one.name == TABLE)
    assert follow(stream, table.make(Given(prefix(stream), tuned(), 1.0, "x"))) == follow(stream, trigger_table)
