"""The numbers of `RetrainAdvisor`, fitted on the published retrain streams.

What is made least is what is paid in all, over what the cheapest schedules cost: the figure that the evals report. A
random search from a fixed start, with a fixed seed; the numbers are few and each has a meaning, so that what is learnt
from seven families may hold on others. Then the cases that ship are read off the streams, and the probability is
calibrated on what retraining paid at every step.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aurora.policy.advisor import RetrainAdvisor
from aurora.policy.priors import AdvisorPriors, RetrainCase, advisor_priors
from evals.judged import ADVISOR
from evals.worlds.schedules import Policy, Schedule, Sight, Start, follow, oracle, price, sight
from evals.worlds.streams import Stream

SEED = 20261130
TRIALS = 600
CASES = 16
"""That ship."""
GROUPS = 12
"""Points of the calibration."""

START: Mapping[str, float] = {
    "fresh_steps": 3,
    "least_steps": 4,
    "forgetting": 0.52,
    "sure_score": 3.9,
    "sharpness": 0.45,
    "fill_steps": 2.1,
    "settled_steps": 9,
    "hope": 0.99,
    "residual": 0.094,
    "holding": 34.0,
    "case_strength": 7.5,
    "slow_share": 0.27,
    "challenger_forgetting": 0.32,
    "challenger_trust": 0.91,
    "handicap": 0.6,
    "caution": 0.5,
    "drift_weight": 0.75,
    "passing": 0.15,
    "lasting": 0.8,
    "setback": 0.092,
    "patience": 0.65,
    "doubt": 0.2,
}
"""Where the search begins: near to where others of other seeds have ended."""
WHOLE = {"fresh_steps": (1, 8), "least_steps": (2, 8), "settled_steps": (3, 15)}
"""Numbers of steps, and within which limits they are tried."""
SHARES = (
    "forgetting",
    "hope",
    "residual",
    "challenger_forgetting",
    "challenger_trust",
    "handicap",
    "drift_weight",
    "passing",
    "lasting",
)
"""Numbers from 0 to 1."""


@dataclass(frozen=True, slots=True)
class World:
    """A stream and what its cheapest schedule costs."""

    stream: Stream
    least: float
    schedule: Schedule
    """That one; empty where leaving the model alone is the cheapest."""


def worlds(streams: Sequence[Stream]) -> list[World]:
    """Return streams with their cheapest schedules."""
    found = [(stream, oracle(stream)) for stream in streams]
    return [World(stream, best.cost, best.schedule) for stream, best in found]


def loss(found: Sequence[World], numbers: AdvisorPriors) -> float:
    """Return what following the advice costs, over the least possible: in all, and a little of the mean by stream.

    Retrains of models that are best left alone weigh by themselves too: they are what people forgive least.
    """
    paid, wrong, steps = [], 0, 0
    for world in found:
        schedule = follow(world.stream, advised(numbers))
        paid.append(price(world.stream, schedule))
        wrong += 0 if world.schedule else len(schedule)
        steps += 0 if world.schedule else world.stream.horizon
    least = [world.least for world in found]
    mean = fmean(cost / best for cost, best in zip(paid, least, strict=True) if best > 0)
    return sum(paid) / sum(least) + 0.15 * mean + 0.05 * max(100 * wrong / max(steps, 1) - 0.3, 0.0)


def advised(numbers: AdvisorPriors) -> Start:
    """Return the policy that follows an advisor with these numbers."""

    def start(cost: float) -> Policy:
        advisor = RetrainAdvisor(cost, priors=numbers)

        def decide(seen: Sight) -> bool:
            advisor.update(seen.error, seen.labels, seen.drift_mean, seen.drift_max, seen.challenger)
            retrain = advisor.advise().retrain
            if retrain:
                advisor.retrained()
            return retrain

        return decide

    return start


def fitted(streams: Sequence[Stream]) -> dict[str, Any]:
    """Return the advisor's numbers, fitted on `streams`; takes minutes."""
    found = worlds(streams)
    cases = _cases(found)
    values: dict[str, Any] = {**_searched(found, cases), "cases": [_said(case) for case in cases]}
    return values | _calibrated(streams, numbers_of(values))


def _said(case: RetrainCase) -> dict[str, float]:
    return {"rise": case.rise, "recovered": case.recovered, "held": case.held}


UNFITTED: dict[str, Any] = {**START, "weights": [0.0, 0.0, 0.0], "curve": [[0.0, 0.5]], "cases": []}


def numbers_of(values: Mapping[str, Any]) -> AdvisorPriors:
    """Return the advisor's numbers with these fitted ones."""
    return advisor_priors({**ADVISOR, **UNFITTED, **values})


# --- cases -----------------------------------------------------------------------------------------------------------


def _cases(found: Sequence[World]) -> list[RetrainCase]:
    """Return what the cheapest schedules' retrains did: of all rises, small to large, so many at even distances."""
    told = sorted((case for world in found for case in _told(world)), key=lambda case: (case.rise, case.held))
    return [told[(2 * n + 1) * len(told) // (2 * CASES)] for n in range(CASES)]


def _told(world: World) -> Iterator[RetrainCase]:
    errors = world.stream.errors
    borders = (0, *world.schedule, world.stream.horizon)
    for before, now, after in zip(borders, borders[1:], borders[2:], strict=False):
        fresh = float(errors[before, before : before + 3].mean())
        rise = float(errors[before, now:after].mean()) - fresh
        if rise > 0.01:
            left = errors[now, now:] - fresh
            recovered = 1 - max(float(left[:3].mean()), 0.0) / rise
            held = int(np.argmax(left > rise / 2)) if (left > rise / 2).any() else len(left)
            yield RetrainCase(round(min(rise, 1.0), 4), round(min(max(recovered, 0.0), 1.0), 4), float(held))


# --- the search ------------------------------------------------------------------------------------------------------


def _searched(found: Sequence[World], cases: Sequence[RetrainCase]) -> dict[str, float]:
    """Return the numbers that lose least: a few are moved at a time, by less and less where that was in vain."""
    random, said = Random(SEED), {"cases": [_said(case) for case in cases]}
    best, values = math.inf, dict(START)
    reach = dict.fromkeys(START, 0.3)
    for trial in range(TRIALS):
        moved = random.sample(sorted(START), random.choice((1, 1, 2, 3))) if trial else []
        tried = {**values, **{name: _moved(name, values[name], reach[name], random) for name in moved}}
        cost = loss(found, numbers_of({**tried, **said}))
        better = cost < best - 1e-5
        if better:
            best, values = cost, tried
        reach |= {name: min(reach[name] * 1.3, 0.6) if better else max(reach[name] * 0.97, 0.05) for name in moved}
    return values


def _moved(name: str, value: float, reach: float, random: Random) -> float:
    if name in WHOLE:
        low, high = WHOLE[name]
        return min(max(value + random.choice((-2, -1, 1, 2)), low), high)
    if name in SHARES:
        return round(min(max(value + 0.4 * reach * random.gauss(0, 1), 0.0), 1.0), 4)
    return round(value * math.exp(reach * random.gauss(0, 1)), 4)


# --- the probability -------------------------------------------------------------------------------------------------


def _calibrated(streams: Sequence[Stream], numbers: AdvisorPriors) -> dict[str, Any]:
    """Return weights by logistic regression, and how often retrains of a score paid off, kept from falling."""
    from sklearn.linear_model import LogisticRegression

    told = [pair for stream in streams for pair in evidence(stream, numbers)]
    signs, paid = np.array([signs for signs, _ in told]), np.array([paid for _, paid in told])
    weights = LogisticRegression().fit(signs, paid).coef_[0].round(4)
    return {"weights": weights.tolist(), "curve": _curve(signs @ weights, paid)}


def evidence(stream: Stream, numbers: AdvisorPriors) -> Iterator[tuple[tuple[float, float, float], bool]]:
    """Yield for each step what the advisor's probability is made of, and whether a retrain then cost less.

    That is: whether the model trained before the next step, and kept to the end, would have cost less, its price
    included, than keeping the present one to the end.
    """
    advisor, model = RetrainAdvisor(stream.cost, priors=numbers), 0
    for step in range(stream.horizon - 1):
        seen = sight(stream, model, step)
        advisor.update(seen.error, seen.labels, seen.drift_mean, seen.drift_max, seen.challenger)
        if (signs := advisor.evidence()) is not None:
            kept, new = stream.errors[model, step + 1 :].sum(), stream.errors[step + 1, step + 1 :].sum()
            yield signs, bool(new + stream.cost < kept)
        if advisor.advise().retrain:
            advisor.retrained()
            model = step + 1


def _curve(scores: NDArray[np.float64], paid: NDArray[np.bool_]) -> list[list[float]]:
    """Return points of a rising line through groups of equal size: pairs of mean score and share that paid off."""
    from sklearn.isotonic import IsotonicRegression

    groups = np.array_split(np.argsort(scores, kind="stable"), GROUPS)
    means = np.array([scores[group].mean() for group in groups])
    shares = IsotonicRegression().fit_transform(means, [paid[group].mean() for group in groups])
    return [[round(float(score), 4), round(float(share), 4)] for score, share in zip(means, shares, strict=True)]
