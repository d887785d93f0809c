"""What each deed costs from the look on, over a day, with the same luck for every one: the truth of an episode.

After the deed nothing clever happens, whatever was done: a change that made its first hours worse is taken back, added
replicas are given back once the load allows, and where the harm goes on people complain. How much they bear is drawn
for the episode. Then, or when they are told, a person needs some hours to find out and puts right whatever is wrong.
Costs are in hours of the model's normal traffic answered wrongly, beyond what a well model answers wrongly.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from aurora.domain import Action, Costs, Goal, Situation, Step
from aurora.policy.comparison import Measured, judged
from aurora.policy.effects import blocked_by_numbers
from aurora.policy.moves import MOVES, Move
from aurora.policy.steps import blocked_by_names, move_of, step_for
from aurora.policy.view import View, view
from evals.worlds.services.catalogue import Entry
from evals.worlds.services.incidents import Draw, world_of
from evals.worlds.services.physics import (
    NEVER,
    NOTHING,
    WINDOW,
    Deed,
    Luck,
    Numbers,
    Served,
    World,
    luck,
    mended,
    serve,
)
from evals.worlds.services.report import situation_of

HORIZON = 24.0
BUCKET = 1 / 6
WORSE = 0.01
"""Harm by the hour from which on a change is seen to have made it worse."""
NOTICED = 0.01
"""Loss of accuracy by a drift from which on a person trains the model anew."""
SWITCH = 0.1
"""Hours until a switch has its effect."""


@dataclass(frozen=True, slots=True)
class After:
    """What is measured in the window after a deed has its effect."""

    accuracy: float
    latency_ms: float
    error_rate: float
    usage: float
    memory_usage: float
    harm: float
    """Hours of wrong answers that users felt in it."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode: what is seen of it, and what every move that can be made costs."""

    entry: Entry
    situation: Situation
    costs: Mapping[Move, float]
    after: Mapping[Move, After]

    @property
    def least(self) -> float:
        """What the best of them costs."""
        return min(self.costs.values())

    def cost(self, move: Move) -> float:
        """Return what a move costs; one that cannot be made leaves things as they are."""
        return self.costs.get(move, self.costs[Move.LEAVE])

    def regret(self, move: Move) -> float:
        """Return what a move costs beyond the best."""
        return self.cost(move) - self.least


@dataclass(frozen=True, slots=True)
class People:
    """Those around the service."""

    bear: float
    """Harm after which users have complained."""
    hours: float
    """From being told to having put it right."""


@dataclass(frozen=True, slots=True)
class Future:
    """One world from the look on."""

    world: World
    costs: Costs
    chance: Luck
    people: People
    mended: Served
    left: Served
    """Where nothing is done."""


def episode_of(entry: Entry) -> Episode:
    """Return an episode with the cost of every move."""
    future, situation = begun(entry)
    costs, after = {}, {}
    for move, step in steps(situation).items():
        costs[move], after[move] = _outcome(future, deed_of(future.world, step, move), move)
    return Episode(entry, situation, costs, after)


def cost_of(entry: Entry, step: Step) -> float:
    """Return what any step costs in an episode, such as one with other parameters than AURORA's."""
    future, situation = begun(entry)
    move = move_of(step, situation)
    return _outcome(future, deed_of(future.world, step, move), move)[0]


def begun(entry: Entry) -> tuple[Future, Situation]:
    """Return an episode's future and what is seen at its beginning."""
    hidden, seen, ahead = (np.random.default_rng(seed) for seed in np.random.SeedSequence(entry.seed).spawn(3))
    world = world_of(entry, hidden)
    situation = situation_of(world, entry.profile, seen)
    return _future(world, situation.settings.costs, ahead), situation


def _future(world: World, costs: Costs, random: Draw) -> Future:
    chance = luck(random, np.arange(round(HORIZON / BUCKET), dtype=np.float64) * BUCKET + BUCKET / 2)
    people = People(random.lognormal(math.log(0.8), 0.5), random.lognormal(math.log(3.5), 0.5))
    well = mended(world)
    righted = Deed(replicas=well.replicas) if well.replicas != world.replicas else NOTHING
    served = serve(replace(well, replicas=world.replicas), righted, chance)
    return Future(world, costs, chance, people, served, serve(world, NOTHING, chance))


def steps(situation: Situation) -> dict[Move, Step]:
    """Return every move that can be made at all, as AURORA would make it.

    What would be unwise can be made: to train on broken inputs is dear, not impossible.
    """
    seen = view(situation)
    blocked = blocked_by_names(situation).keys() | _no_room(seen)
    return {move: step_for(move, situation, seen, {}) for move in MOVES if move not in blocked}


def _no_room(seen: View) -> set[Move]:
    return blocked_by_numbers(seen).keys() & {Move.SCALE_UP, Move.SCALE_DOWN}


# --- deeds -----------------------------------------------------------------------------------------------------------


def deed_of(world: World, step: Step, move: Move) -> Deed:
    """Return what a step does in a world."""
    if move is Move.FINE_TUNE:
        most, half = world.tuned_learns
        learns = most / (1 + (world.drift.loss / half) ** 3)
        return Deed(at=0.3 * world.training, learns=learns, harm=spoilt(world) / 2)
    if move is Move.ROUTE_AWAY:
        weights = step.parameters["weights"]
        others = sum(weight > 0 for name, weight in weights.items() if name != "r0")
        return Deed(at=SWITCH, weights=(weights.get("r0", 0) / 100, max(others, 1)))
    if move in (Move.SCALE_UP, Move.SCALE_DOWN):
        return Deed(at=world.boot, replicas=step.parameters["replicas"])
    if move is Move.CACHE:
        return Deed(at=SWITCH, cached=step.parameters.get("enabled") is True)
    return {
        Move.RETRAIN: Deed(at=world.training, learns=world.learns, harm=spoilt(world)),
        Move.ROUTE_BACK: Deed(at=SWITCH, back=True),
    }.get(move, NOTHING)


def spoilt(world: World) -> float:
    """Return what a full training loses by few or wrong labels and by broken inputs."""
    labels, broken = world.labels, world.inputs
    loss = 0.25 / math.sqrt(max(labels.count, 1)) + 0.5 * labels.flipped
    if -1e3 < broken.start <= 0:
        loss += 0.15 * (broken.nulls + broken.invalid) + 0.02
    return loss


# --- what comes of them ----------------------------------------------------------------------------------------------


def _outcome(future: Future, deed: Deed, move: Move) -> tuple[float, After]:
    """Return what a deed costs in all, and what is measured after it."""
    served = future.left if deed is NOTHING else serve(future.world, deed, future.chance)
    after = _after(future, served, deed)
    if deed is not NOTHING and _made_worse(future, served, deed):
        served = serve(future.world, replace(deed, undone=deed.at + WINDOW), future.chance)
    price = future.costs.of(move.action)
    return price + _with_people(future, served, told=move.action is Action.ALERT), after


def felt(future: Future, served: Served) -> Numbers:
    """Return the harm by the hour that users feel: wrong and missing answers, and late ones."""
    usual = 1 - (1 - future.world.errors) * future.world.accuracy
    wrong = 1 - (1 - served.errors) * served.accuracy - usual
    late = served.latency_ms > future.world.slo_ms
    return np.asarray(served.demand * wrong + future.costs.slo_breach * late)


def _made_worse(future: Future, served: Served, deed: Deed) -> bool:
    window = (served.t >= deed.at) & (served.t < deed.at + WINDOW)
    by = felt(future, served)[window] - felt(future, future.left)[window]
    return bool(by.mean() > WORSE)


def _with_people(future: Future, served: Served, *, told: bool) -> float:
    """Return the cost of how it goes, with what people do about it."""
    world, costs, t = future.world, future.costs, served.t
    harm = felt(future, served)
    running = costs.replica_hour * (served.replicas - world.replicas)
    complaint = _complaint(harm, t, future.people.bear)
    heard = min(0.0 if told else NEVER, complaint)
    righted = heard + future.people.hours + (world.training if world.drift.loss > NOTICED else 0.0)
    if righted >= HORIZON:
        return float((harm + running).sum() * BUCKET)
    before = t < righted
    well = felt(future, future.mended) + costs.replica_hour * (future.mended.replicas - world.replicas)
    total = float(((harm + running) * before).sum() + (well * ~before).sum()) * BUCKET
    return total + (0.0 if told else costs.alert) + cure_price(world, costs)


def _complaint(harm: Numbers, t: Numbers, bear: float) -> float:
    """Return when people have complained: once the harm is more than they bear, not within the first window."""
    enough = (np.cumsum(harm) * BUCKET > bear) & (t >= WINDOW)
    return float(t[enough.argmax()]) if enough.any() else NEVER


def cure_price(world: World, costs: Costs) -> float:
    """Return what the cure itself costs that a person finds, beside the replicas that it may add."""
    version = world.newest
    price = costs.retrain if world.drift.loss > NOTICED else 0.0
    if version.loss or version.errors or version.leak or version.slower > 1:
        price += costs.route
    if world.bad and (world.bad.slower > 1.5 or world.bad.weight or world.bad.errors):
        price += costs.route
    if world.surge.start < NEVER:
        price += costs.scale
    return price


def _after(future: Future, served: Served, deed: Deed) -> After:
    window = (served.t >= deed.at) & (served.t < deed.at + WINDOW)
    busiest = np.maximum(served.usage, served.load_bad * (served.replicas > 0))
    return After(
        accuracy=float(served.accuracy[window].mean()),
        latency_ms=float(np.median(served.latency_ms[window])),
        error_rate=float(served.errors[window].mean()),
        usage=float(busiest[window].mean()),
        memory_usage=float(served.memory[window].mean()),
        harm=float(felt(future, served)[window].sum()) * BUCKET,
    )


def reached(goal: Goal, after: After) -> bool:
    """Return whether a goal is reached by what was measured, as the verifier would say of it."""
    if goal.metric == "none":
        return True
    value: float = getattr(after, goal.metric)
    return judged(goal, Measured(goal.before, value)).kind == "better"
