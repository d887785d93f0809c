"""What is tuned on published streams: a period, thresholds, trees and RetrainOpt's policy.

A published family is scored with what was tuned on the other published families, and a family that is held out with
what was tuned on all of them: nobody is tuned where it is scored.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from evals.baselines.streams import cara, learned, trees
from evals.baselines.streams.plain import period_costs
from evals.worlds.catalogue import Entry
from evals.worlds.schedules import follow, price
from evals.worlds.streams import Stream

Numbers = NDArray[np.float64]
Choice = TypeVar("Choice", int, float)

PERIODS = tuple(range(1, 81))
"""No stream is longer: the last is never to retrain."""
THRESHOLDS = (*np.linspace(0.05, 0.95, 37).tolist(), 1.0)
"""Errors over which to retrain; no error is over the last."""
SUMS = (*np.geomspace(0.1, 60, 40).tolist(), float("inf"))
"""Summed errors over which to retrain."""


@dataclass(frozen=True, slots=True)
class Study:
    """What every choice of a parameter costs on one stream, and what can be learnt of it."""

    family: str
    cost: float
    periods: Numbers
    """Shape (PERIODS,)."""
    thresholds: Numbers
    sums: Numbers
    examples: trees.Examples
    history: learned.History


@dataclass(frozen=True, slots=True)
class Fits:
    """What was tuned; by what a retrain costs where the policy cannot see that itself."""

    periods: dict[float, int]
    thresholds: dict[float, float]
    sums: dict[float, float]
    trees: dict[int, Any]
    learned: dict[float, Any]


def study(entry: Entry, stream: Stream) -> Study:
    """Study a stream. Raises `ValueError` for one that is held out."""
    if not entry.family.published:
        raise ValueError(f"{entry.key} is held out")
    periods = period_costs(stream)
    return Study(
        family=entry.family.name,
        cost=entry.cost,
        periods=np.array([periods[min(period, stream.horizon) - 1] for period in PERIODS]),
        thresholds=_ruled(stream, THRESHOLDS, cumulative=False),
        sums=_ruled(stream, SUMS, cumulative=True),
        examples=trees.examples(stream),
        history=learned.history(stream.seen, stream.cost),
    )


def fit(studies: Iterable[Study], without: str | None = None) -> Fits:
    """Tune on studies, but for those of one family."""
    known = [one for one in studies if one.family != without]
    by_cost: dict[float, list[Study]] = defaultdict(list)
    for one in known:
        by_cost[one.cost].append(one)
    return Fits(
        periods=_best(by_cost, PERIODS, lambda one: one.periods),
        thresholds=_best(by_cost, THRESHOLDS, lambda one: one.thresholds),
        sums=_best(by_cost, SUMS, lambda one: one.sums),
        trees={depth: trees.fitted((one.examples for one in known), depth) for depth in trees.DEPTHS},
        learned={cost: learned.fitted(one.history for one in alike) for cost, alike in by_cost.items()},
    )


def _ruled(stream: Stream, thresholds: Sequence[float], *, cumulative: bool) -> Numbers:
    starts = (cara.ruled(threshold, cumulative=cumulative) for threshold in thresholds)
    return np.array([price(stream, follow(stream, start)) for start in starts])


def _best(
    by_cost: dict[float, list[Study]], choices: Sequence[Choice], costs: Callable[[Study], Numbers]
) -> dict[float, Choice]:
    """Return the choice that is cheapest on all streams together."""
    return {
        cost: choices[int(np.sum([costs(one) for one in alike], axis=0).argmin())] for cost, alike in by_cost.items()
    }
