"""Figures with intervals: a paired bootstrap over worlds, which asks how far the figure hangs on the worlds drawn.

Every world is drawn with all that was measured on it, so that what two policies share of its luck cancels out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
SEED = 20261130

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value and its 95 % interval; without one where nothing was drawn by chance."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def ends(self) -> tuple[float, float]:
        """Both ends of the interval; the value itself where there is none."""
        return (self.value if self.low is None else self.low, self.value if self.high is None else self.high)

    def __format__(self, spec: str) -> str:
        """Return the value, and its interval where there is one."""
        if self.low is None or self.high is None:
            return format(self.value, spec)
        return f"{self.value:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


def ratio(costs: Sequence[float], least: Sequence[float]) -> Figure:
    """Return what all worlds cost together over what they would have cost at least; 1 or more."""
    return drawn(lambda cost, best: cost.sum(-1) / best.sum(-1), costs, least)


def mean(values: Sequence[float]) -> Figure:
    """Return the mean over worlds."""
    return drawn(lambda value: value.mean(-1), values)


def share(counts: Sequence[float], of: Sequence[float]) -> Figure:
    """Return all counts over all that they are counted among; 0 where there is nothing to count."""
    return drawn(lambda count, all_: count.sum(-1) / np.maximum(all_.sum(-1), 1e-12), counts, of)


def closed(costs: Sequence[float], baseline: Sequence[float], least: Sequence[float]) -> Figure:
    """Return the share of the gap between a baseline and the least possible that was closed; below 0 if it is worse."""

    def gap(cost: Numbers, base: Numbers, best: Numbers) -> Numbers:
        between: Numbers = base.sum(-1) - best.sum(-1)
        share: Numbers = (base.sum(-1) - cost.sum(-1)) / np.where(between > 0, between, np.nan)
        return share

    return drawn(gap, costs, baseline, least)


def cheaper_by(costs: Sequence[float], others: Sequence[float], least: Sequence[float]) -> Figure:
    """Return how much less was paid than by others, over the least possible; the interval says whether it is sure."""
    return drawn(lambda cost, other, best: (other.sum(-1) - cost.sum(-1)) / best.sum(-1), costs, others, least)


def drawn(measure: Callable[..., Numbers], *columns: Sequence[Any] | Numbers) -> Figure:
    """Return a measure of columns, each with a value or an array of values for every world, in the first axis.

    It is asked for all worlds, and for many draws of them at once, which come as one axis more in front.
    """
    arrays = [np.asarray(column, dtype=np.float64) for column in columns]
    worlds = len(arrays[0])
    if not worlds or any(len(array) != worlds for array in arrays):
        raise ValueError("A figure needs at least one world, and a value of each column for every world.")
    value = float(measure(*arrays))
    if worlds == 1:
        return Figure(value)
    picked = np.random.default_rng(SEED).integers(worlds, size=(DRAWS, worlds))
    values = measure(*(array[picked] for array in arrays))
    # Where no draw has a value, as where a baseline is the oracle itself, there is no interval either.
    known = values[np.isfinite(values)]
    if not len(known):
        return Figure(value)
    low, high = np.percentile(known, (2.5, 97.5))
    return Figure(value, float(low), float(high))
