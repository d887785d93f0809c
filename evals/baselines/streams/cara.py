"""Cara, the cost-aware retraining algorithm: Mahadevan and Mathioudakis, Cost-aware retraining for machine learning
(Knowledge-Based Systems, 2024; arXiv 2310.04216).

The staleness cost of a model is its loss on the rows near the queries that it answers, and is weighed against what a
retrain costs. Three variants retrain where that cost is over a threshold, where its sum since the last retrain is over
one, and periodically from an offset on. The parameter is the one that is cheapest where a prefix is replayed with all
models that could have been trained in it. Here queries are drawn as the rows are, so that the staleness cost of a step
is the visible error of the serving model.

Where parameters cost the same in the prefix, as where nothing happens in it, the one with the fewest retrains is taken,
which on published streams is cheaper than to take a threshold just above what was seen.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product
from math import inf
from typing import TypeVar

import numpy as np

from evals.baselines.streams.prefix import Prefix
from evals.worlds.schedules import Policy, Sight, Start

Tried = TypeVar("Tried", "Rule", "Clock")


@dataclass(slots=True)
class Rule:
    """Retrain where the staleness of a step, or its sum since the last retrain, is over a threshold."""

    threshold: float
    cumulative: bool
    sum: float = 0.0

    def __call__(self, seen: Sight) -> bool:
        """Decide after a step."""
        return self.after(seen.error)

    def after(self, error: float) -> bool:
        """Decide by the error of a step."""
        self.sum += error
        retrain = (self.sum if self.cumulative else error) > self.threshold
        if retrain:
            self.sum = 0.0
        return retrain


@dataclass(slots=True)
class Clock:
    """Retrain at the step `offset`, and every `period` after it; steps are counted modulo the period."""

    period: int | None
    offset: int
    step: int = 0

    def __call__(self, seen: Sight) -> bool:
        """Decide after a step."""
        return self.after(seen.error)

    def after(self, _error: float) -> bool:
        """Decide by the clock alone."""
        self.step += 1
        return self.period is not None and self.step % self.period == self.offset


def ruled(threshold: float, *, cumulative: bool) -> Start:
    """Return a policy with a threshold."""

    def start(_cost: float) -> Policy:
        return Rule(threshold, cumulative)

    return start


def by_threshold(known: Prefix) -> Start:
    """Return Cara's threshold variant, tuned."""
    thresholds = [inf, *np.unique(known.seen[np.isfinite(known.seen)])[::-1]]
    best = _cheapest(known, (Rule(float(threshold), cumulative=False) for threshold in thresholds))
    return ruled(best.threshold, cumulative=False)


def by_sum(known: Prefix) -> Start:
    """Return Cara's cumulative variant, tuned."""
    most = float(known.seen[0].sum())
    thresholds = [inf, *np.linspace(most, 0.0, 40, endpoint=False)]
    best = _cheapest(known, (Rule(float(threshold), cumulative=True) for threshold in thresholds))
    return ruled(best.threshold, cumulative=True)


def by_clock(known: Prefix) -> Start:
    """Return Cara's periodic variant, tuned."""
    periods = range(known.steps - 1, 0, -1)
    clocks = [Clock(None, 0), *(Clock(p, offset) for p, offset in product(periods, periods) if offset < p)]
    best = _cheapest(known, clocks)
    period, offset = best.period, best.offset

    def start(_cost: float) -> Policy:
        return Clock(period, offset)

    return start


VARIANTS: dict[str, Callable[[Prefix], Start]] = {
    "Cara, threshold": by_threshold,
    "Cara, cumulative": by_sum,
    "Cara, periodic": by_clock,
}


def _cheapest(known: Prefix, tried: Iterable[Tried]) -> Tried:
    """Return the first of the cheapest in the prefix."""
    return min(tried, key=lambda one: _cost(known, one.after))


def _cost(known: Prefix, decide: Callable[[float], bool]) -> float:
    """Return what a rule costs in the prefix."""
    model, cost = 0, 0.0
    for step in range(known.steps):
        error = float(known.seen[model, step])
        cost += error
        if decide(error) and step + 1 < known.steps:
            model, cost = step + 1, cost + known.cost
    return cost
