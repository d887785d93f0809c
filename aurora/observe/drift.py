"""How far inputs moved from where they were: the population stability index, and a score from 0 to 1 made of it.

PSI over ten bins that hold a tenth of the reference each (Siddiqi, Credit Risk Scorecards, 2006; 0.1 is a small shift,
0.25 a large one). Every bin starts with half a row, so that an empty one is no infinity. Numeric columns only.
"""

import numpy as np
from numpy.typing import NDArray

BINS = 10
LARGE = 0.25
"""The index that counts as a large shift; its score is one half."""

Matrix = NDArray[np.float64]


class Reference:
    """A window of inputs, shape (rows, columns), that later windows are compared with."""

    def __init__(self, window: Matrix) -> None:
        self._edges = [_edges(column) for column in window.T]
        self._shares = [_shares(column, edges) for column, edges in zip(window.T, self._edges, strict=True)]

    def psi(self, window: Matrix) -> NDArray[np.float64]:
        """Return the index of every column of `window`; 0 for one that is constant in the reference."""
        columns = zip(window.T, self._edges, self._shares, strict=True)
        return np.array([_index(share, _shares(column, edges)) for column, edges, share in columns])

    def score(self, window: Matrix) -> float:
        """Return the drift of `window` over all columns, from 0 (none) over 0.5 (a large shift) towards 1."""
        mean = float(self.psi(window).mean())
        return mean / (mean + LARGE)


def _edges(column: NDArray[np.float64]) -> NDArray[np.float64]:
    edges: NDArray[np.float64] = np.unique(np.quantile(column, np.linspace(0, 1, BINS + 1)[1:-1]))
    # One value fills one bin; a border at it would tell falling from rising.
    return edges if column.min() < column.max() else edges[:0]


def _shares(column: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    counts = np.bincount(np.searchsorted(edges, column, side="right"), minlength=len(edges) + 1) + 0.5
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def _index(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    return float(((after - before) * np.log(after / before)).sum())
