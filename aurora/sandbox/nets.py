"""A small neural network in torch with the two methods of a scikit-learn classifier that the sandbox needs.

Not covered: anything but plain classification of a few thousand rows on one core.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

HIDDEN = 48
BATCH = 64
LEARNING_RATE = 3e-3


class Net:
    """One hidden layer, trained by Adam in passes over the rows. Deterministic for a seed. Classes are 0 to n - 1."""

    def __init__(self, seed: int) -> None:
        self._random = torch.Generator().manual_seed(seed % 2**63)
        self._layers: torch.nn.Sequential | None = None
        self._optimiser: torch.optim.Optimizer | None = None

    def partial_fit(self, x: NDArray[np.float64], y: NDArray[np.int64], classes: NDArray[np.int64]) -> Self:
        """Learn one pass over the rows, from wherever it stands."""
        rows, wanted = torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y)
        layers, optimiser = self._prepared(x.shape[1], int(classes.max()) + 1)
        layers.train()
        with _one_core():
            for part in torch.split(torch.randperm(len(rows), generator=self._random), BATCH):
                optimiser.zero_grad()
                loss = torch.nn.functional.cross_entropy(layers(rows[part]), wanted[part])
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
        return self

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the likeliest class of each row."""
        if self._layers is None:
            raise ValueError("the net has not learnt anything yet")
        self._layers.eval()
        with torch.no_grad(), _one_core():
            found: NDArray[np.int64] = self._layers(torch.as_tensor(x, dtype=torch.float32)).argmax(dim=1).numpy()
        return found

    def _prepared(self, width: int, classes: int) -> tuple[torch.nn.Sequential, torch.optim.Optimizer]:
        if self._layers is None or self._optimiser is None:
            self._layers = torch.nn.Sequential(
                self._linear(width, HIDDEN), torch.nn.ReLU(), self._linear(HIDDEN, classes)
            )
            self._optimiser = torch.optim.Adam(self._layers.parameters(), lr=LEARNING_RATE)
        return self._layers, self._optimiser

    def _linear(self, width: int, outputs: int) -> torch.nn.Linear:
        """Return a layer drawn from our own generator; torch would draw it from a state that all threads share."""
        layer, bound = torch.nn.Linear(width, outputs), width**-0.5
        with torch.no_grad():
            layer.weight.uniform_(-bound, bound, generator=self._random)
            layer.bias.uniform_(-bound, bound, generator=self._random)
        return layer


@contextmanager
def _one_core() -> Iterator[None]:
    """Compute on one core: with so little to do, several would only wait for each other, and on a busy machine long."""
    usual = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(usual)
