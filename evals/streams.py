"""Simulated error streams of models that age, and the numbers of `RetrainAdvisor` fitted on them.

A concept moves through time: not at all, by jumps, slowly, back and forth, or for a moment. A model trained at step
s errs at step t by how far the concept has moved from where its training window was. Every counterfactual is a
look-up, so that the cheapest schedule of retrains is found exactly, by dynamic programming. Nothing of that is shown
to the advisor.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from statistics import fmean
from typing import Any

from aurora.policy.advisor import STEEPEST, RetrainAdvisor
from aurora.policy.curves import sigmoid
from aurora.policy.priors import AdvisorPriors, Priors, read

STREAMS = 64
STEPS = 90
WINDOW = 4
"""Steps whose rows a retrain is made on."""
COSTS = (0.1, 0.3, 1.0, 3.0)
KINDS = ("still", "still", "jumps", "jumps", "slow", "slow", "returning", "moment")
CASES = 16

UNFITTED: dict[str, Any] = {
    "forgetting": 0.88,
    "patience": 0.3,
    "caution": 0.5,
    "hope": 1.0,
    "tilt": 0.0,
    "slope": 1.7,
    "cases": [],
}
TRIED = {
    "forgetting": (0.84, 0.88, 0.92),
    "hope": (0.75, 1.0),
    "patience": (0.0, 0.3),
    "caution": (0.0, 0.5, 1.0),
}


@dataclass(frozen=True, slots=True)
class Stream:
    """One world: what each model would cost at each step, and the noise of what is seen of it."""

    errors: tuple[tuple[float, ...], ...]
    """errors[s][t]: the error at step t of the model trained before step s."""
    ahead: tuple[tuple[float, ...], ...]
    """ahead[s][t]: the sum of its errors from step t to the end."""
    labels: int
    noise: tuple[float, ...]
    drift: tuple[float, ...]
    challenger: tuple[float, ...] | None
    cost: float

    def seen(self, trained: int, step: int) -> float:
        """Return the error that is measured."""
        error = self.errors[trained][step]
        return min(max(error + self.noise[step] * math.sqrt(max(error * (1 - error), 0.01) / self.labels), 0.0), 1.0)


def stream(random: Random, kind: str, cost: float) -> Stream:
    """Draw one world."""
    path = _path(random, kind)
    base, span = random.uniform(0.02, 0.2), random.uniform(0.1, 0.5)

    def errors_of(trained: int) -> tuple[float, ...]:
        learned = fmean(path[max(trained - WINDOW, 0) : trained] or path[:1])
        return tuple(base + span * min(abs(place - learned), 1.0) for place in path)

    errors = tuple(errors_of(trained) for trained in range(STEPS))
    ahead = tuple(tuple(accumulate(reversed(row)))[::-1] for row in errors)
    shown = random.random() < 0.7
    moved = [abs(place - path[0]) if shown else 0.0 for place in path]
    # Inputs may move without harm, too.
    harmless = random.randrange(STEPS) if kind == "still" and random.random() < 0.4 else STEPS
    drift = tuple(
        0.03 + random.expovariate(40) + 0.4 * m + (0.3 if step >= harmless else 0.0) for step, m in enumerate(moved)
    )
    cheap = tuple(
        base + 0.02 + span * min(abs(path[t] - fmean(path[max(t - 7, 0) : t + 1])), 1.0) for t in range(STEPS)
    )
    noise = tuple(random.gauss(0, 1) for _ in range(STEPS))
    labels = random.choice((50, 100, 200, 500))
    return Stream(errors, ahead, labels, noise, drift, cheap if random.random() < 0.5 else None, cost)


def _path(random: Random, kind: str) -> list[float]:
    if kind == "still":
        return [0.0] * STEPS
    if kind == "slow":
        start, speed = random.randrange(STEPS // 2), random.uniform(0.005, 0.04)
        return [max(step - start, 0) * speed for step in range(STEPS)]
    path, place = [], 0.0
    turns = sorted(random.sample(range(8, STEPS - 5), 1 if kind == "moment" else random.randint(1, 3)))
    size, length = random.uniform(0.15, 1.0), random.randint(1, 4)
    for step in range(STEPS):
        if kind == "moment":
            place = size if turns[0] <= step < turns[0] + length else 0.0
        elif step in turns:
            place = size - place if kind == "returning" else place + random.uniform(0.15, 1.0)
        path.append(place)
    return path


def clairvoyant(world: Stream) -> float:
    """Return the least cost that any schedule of retrains could have had."""
    best = [0.0] * (STEPS + 1)
    for start in range(STEPS - 1, -1, -1):
        keep = accumulate(world.errors[start][start:])
        price = world.cost if start > 0 else 0.0
        best[start] = price + min(kept + best[start + 1 + n] for n, kept in enumerate(keep))
    return best[0]


def run(world: Stream, numbers: AdvisorPriors) -> tuple[float, list[tuple[float, bool]]]:
    """Follow the advice; return the cost, and for each step its standardised saving and whether a retrain paid off."""
    advisor = RetrainAdvisor(world.cost, priors=numbers)
    cost, trained, told = 0.0, 0, []
    for step in range(STEPS):
        cost += world.errors[trained][step]
        cheap = None if world.challenger is None else world.challenger[step]
        advisor.update(world.seen(trained, step), world.labels, world.drift[step] / 2, world.drift[step], cheap)
        if step == STEPS - 1:
            break
        advice = advisor.advise()
        gain = world.ahead[trained][step + 1] - world.ahead[step + 1][step + 1]
        told.append((_standardised(advice.probability, numbers), gain > world.cost))
        if advice.retrain:
            cost, trained = cost + world.cost, step + 1
            advisor.retrained()
    return cost, told


def _standardised(probability: float, numbers: AdvisorPriors) -> float:
    odds = math.log(max(probability, 1e-12) / max(1 - probability, 1e-12))
    return min(max((odds - numbers.tilt) / numbers.slope, -STEEPEST), STEEPEST)


def ratio(worlds: Sequence[tuple[Stream, float]], numbers: AdvisorPriors) -> float:
    """Return the mean cost of following the advice, over the least cost possible."""
    return fmean(run(world, numbers)[0] / least for world, least in worlds)


def drawn(random: Random, count: int) -> list[tuple[Stream, float]]:
    """Return worlds of every kind and cost, each with the least cost possible."""
    worlds = [stream(random, KINDS[n % len(KINDS)], COSTS[n // len(KINDS) % len(COSTS)]) for n in range(count)]
    return [(world, clairvoyant(world)) for world in worlds]


def fitted(random: Random, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the advisor's numbers: cases, then calibration, thresholds one by one, and calibration again."""
    values = {**UNFITTED, "cases": _cases(random)}
    worlds = drawn(random, STREAMS)
    values |= _calibrated(worlds, _priors(document, values))
    for name, tried in TRIED.items():
        ratios = {value: ratio(worlds, _priors(document, {**values, name: value})) for value in tried}
        values[name] = min(tried, key=ratios.__getitem__)
    return values | _calibrated(worlds, _priors(document, values))


def _priors(document: Mapping[str, Any], advisor: Mapping[str, Any]) -> AdvisorPriors:
    numbers: Priors = read({**document, "fitted": {**document["fitted"], "advisor": advisor}})
    return numbers.advisor


def _cases(random: Random) -> list[dict[str, float]]:
    """Return what retrains a few steps after a rise did in worlds that move."""
    cases: list[dict[str, float]] = []
    while len(cases) < CASES:
        world = stream(random, random.choice(KINDS[2:]), 1.0)
        retrained = random.randrange(12, STEPS - 20)
        rise = world.errors[0][retrained] - world.errors[0][0]
        if rise < 0.02:
            continue
        after = [world.errors[retrained][step] - world.errors[0][0] for step in range(retrained, STEPS)]
        recovered = 1 - max(after[0], 0.0) / rise
        held = next((n for n, left in enumerate(after) if left > rise / 2), len(after))
        cases.append({"rise": round(rise, 4), "recovered": round(min(recovered, 1.0), 4), "held": float(held)})
    return cases


def _calibrated(worlds: Sequence[tuple[Stream, float]], numbers: AdvisorPriors) -> dict[str, float]:
    """Return tilt and slope of the logistic curve under which what paid off is likeliest (Newton's method)."""
    told = [pair for world, _ in worlds for pair in run(world, numbers)[1]]
    tilt, slope = numbers.tilt, numbers.slope
    for _ in range(20):
        tilt, slope = _newton_step(told, tilt, slope)
    return {"tilt": round(tilt, 4), "slope": round(max(slope, 0.05), 4)}


def _newton_step(told: Sequence[tuple[float, bool]], tilt: float, slope: float) -> tuple[float, float]:
    gradient = [0.0, 0.0]
    curve = [1e-6, 0.0, 1e-6]
    for x, paid in told:
        p = sigmoid(tilt + slope * x)
        gradient[0] += paid - p
        gradient[1] += (paid - p) * x
        weight = p * (1 - p)
        curve[0] += weight
        curve[1] += weight * x
        curve[2] += weight * x * x
    determinant = curve[0] * curve[2] - curve[1] ** 2
    step = (curve[2] * gradient[0] - curve[1] * gradient[1]) / determinant
    turn = (curve[0] * gradient[1] - curve[1] * gradient[0]) / determinant
    # Steps are kept short: far from the answer the curve is flat, and a full one would overshoot.
    return tilt + min(max(step, -1.0), 1.0), slope + min(max(turn, -0.5), 0.5)
