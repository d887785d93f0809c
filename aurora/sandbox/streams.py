"""The data of a service: a real data set that comes with scikit-learn, and what its drifts make of it.

`parity` asks of the digits whether they are odd, `diabetes` whether the disease will progress more than it does in half
of the patients.

The rows are shuffled by the service's seed and dealt into three piles that never mix: `past` trained the first
versions, `fresh` is the newest labelled window to train on, `unseen` the newest labelled rows that nothing is ever
trained on. A drift turns the whole input space by an angle: what the inputs mean changes, nothing of what they tell is
lost, so a new model can be as good as the old one was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aurora.sandbox.service import Service

Matrix = NDArray[np.float64]
Pile = Literal["past", "fresh", "unseen"]

CUTS = {
    "digits": (650, 1250),
    "parity": (650, 1250),
    "breast_cancer": (170, 360),
    "wine": (60, 118),
    "diabetes": (150, 290),
}
"""Where the shuffled rows are cut into past, fresh and unseen; enough unseen ones for accuracy to mean something."""
SKEW = 10**6
"""Tells the turn of a broken version from those of the drifts."""


@dataclass(frozen=True)
class Rows:
    """Labelled rows: standardised inputs and their classes."""

    x: Matrix
    y: NDArray[np.int64]


class Stream:
    """The rows of one service, at each of its concepts."""

    def __init__(self, service: Service) -> None:
        self._seed = service.seed
        self._piles = _piles(service.dataset, service.seed)
        self.classes = int(self._piles["past"].y.max()) + 1

    def rows(self, pile: Pile, angles: Sequence[float], newest: int | None = None) -> Rows:
        """Return a pile after drifts by these angles, in radians; of it the `newest` rows, by default all."""
        rows = self._piles[pile]
        x, y = (rows.x, rows.y) if newest is None else (rows.x[-newest:], rows.y[-newest:])
        for number, angle in enumerate(angles):
            x = self.turned(x, number, angle)
        return Rows(x, y)

    def turned(self, x: Matrix, number: int, angle: float) -> Matrix:
        """Return inputs turned by `angle` in the planes of drift `number`."""
        return x @ self.turn(number, angle)

    def turn(self, number: int, angle: float) -> Matrix:
        """Return the rotation by `angle` in random planes, all orthogonal to each other."""
        return _turn(self._piles["past"].x.shape[1], self._seed, number, angle)


@lru_cache(maxsize=64)
def _piles(dataset: str, seed: int) -> dict[Pile, Rows]:
    x, y = _loaded(dataset)
    order = np.random.default_rng(seed).permutation(len(y))
    first, second = CUTS[dataset]
    past = x[order[:first]]
    spread = past.std(axis=0)
    x = (x - past.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    parts: dict[Pile, NDArray[np.intp]] = {
        "past": order[:first],
        "fresh": order[first:second],
        "unseen": order[second:],
    }
    return {name: Rows(x[part], y[part]) for name, part in parts.items()}


@lru_cache
def _loaded(dataset: str) -> tuple[Matrix, NDArray[np.int64]]:
    from sklearn import datasets

    load = {
        "breast_cancer": datasets.load_breast_cancer,
        "diabetes": datasets.load_diabetes,
        "wine": datasets.load_wine,
    }
    x, y = load.get(dataset, datasets.load_digits)(return_X_y=True)
    if dataset == "diabetes":
        y = y > np.median(y)
    if dataset == "parity":
        y = y % 2
    return x.astype(np.float64), y.astype(np.int64)


@lru_cache(maxsize=256)
def _turn(width: int, seed: int, number: int, angle: float) -> Matrix:
    axes, _ = np.linalg.qr(np.random.default_rng([seed, number]).normal(size=(width, width)))
    blocks = np.eye(width)
    for first in range(0, width - 1, 2):
        blocks[first : first + 2, first : first + 2] = (
            (np.cos(angle), -np.sin(angle)),
            (np.sin(angle), np.cos(angle)),
        )
    turn: Matrix = axes @ blocks @ axes.T
    return turn
