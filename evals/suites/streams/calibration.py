"""Whether the probability means what it says: of all steps told 0.3, a retrain is cheaper at three in ten.

The expected calibration error is taken over fifteen bins of equal mass, and over ten of equal width beside it. Skill is
Brier's against the base rate of the same steps: 0 says no more than the base rate does, 1 is certain and right.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evals.suites.figures import Figure, drawn
from evals.suites.streams.play import Told

Numbers = NDArray[np.float64]

MASSES = 15
WIDTHS = 10


@dataclass(frozen=True, slots=True)
class Calibration:
    """How well probabilities fit what was true."""

    error: Figure
    """Expected calibration error, over bins of equal mass."""
    error_of_widths: Figure
    brier: Figure
    rate: Figure
    """How often it was true."""
    skill: Figure
    curve: tuple[tuple[float, float], ...]
    """Of each bin of equal mass: the mean probability, and how often it was true."""


def calibration(worlds: Sequence[Sequence[Told]], truth: Callable[[Told], bool]) -> Calibration:
    """Return the calibration over worlds, each with what was told there; at least one step in all."""
    told = [np.array([[one.probability, truth(one)] for one in world]).reshape(-1, 2) for world in worlds]
    everything = np.concatenate(told)[:, 0]
    masses = np.unique(np.quantile(everything, np.linspace(0, 1, MASSES + 1)[1:-1]))
    binned = np.array([_binned(one, masses) for one in told])
    sums = np.array([[len(one), ((one[:, 0] - one[:, 1]) ** 2).sum(), one[:, 1].sum()] for one in told])
    return Calibration(
        error=drawn(_error, binned),
        error_of_widths=drawn(_error, np.array([_binned(one, np.linspace(0, 1, WIDTHS + 1)[1:-1]) for one in told])),
        brier=drawn(lambda world: world[..., 1].sum(-1) / world[..., 0].sum(-1), sums),
        rate=drawn(lambda world: world[..., 2].sum(-1) / world[..., 0].sum(-1), sums),
        skill=drawn(_skill, sums),
        curve=_curve(binned.sum(axis=0)),
    )


def _binned(told: Numbers, edges: Numbers) -> Numbers:
    """Return of each bin the count, the sum of probabilities and of truths; shape (bins, 3)."""
    place, bins = np.searchsorted(edges, told[:, 0], side="right"), len(edges) + 1
    return np.stack([np.bincount(place, weight, bins) for weight in (np.ones(len(told)), *told.T)], axis=1)


def _error(worlds: Numbers) -> Numbers:
    bins = worlds.sum(axis=-3)
    error: Numbers = np.abs(bins[..., 1] - bins[..., 2]).sum(-1) / bins[..., 0].sum(-1)
    return error


def _skill(worlds: Numbers) -> Numbers:
    count, squares, true = np.moveaxis(worlds.sum(axis=-2), -1, 0)
    # Where it is always or never true, the base rate cannot be beaten.
    base = true * (1 - true / count)
    skill: Numbers = 1 - squares / np.where(base > 0, base, np.nan)
    return skill


def _curve(bins: Numbers) -> tuple[tuple[float, float], ...]:
    return tuple((float(said / count), float(true / count)) for count, said, true in bins if count)
