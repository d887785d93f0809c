"""The models of the sandbox: real scikit-learn classifiers that are trained in rounds and can go on later.

`sgd`: logistic regression by stochastic gradient descent; a round is one pass over the rows, going on is `partial_fit`.
`forest`: a random forest; a round is ten more trees, going on is `warm_start`: old trees keep their vote.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import SGDClassifier

from aurora.sandbox.streams import Matrix, Rows

PASSES = 15
ROUNDS_OF_TREES = 5
TREES = 10


class Cancelled(Exception):
    """Nobody wants this model any more."""


@dataclass
class Model:
    """A classifier that learns in rounds."""

    family: str
    classifier: Any
    preprocessing: Matrix | None = None
    """What it does to its inputs before it reads them; a version that went live broken turns them by mistake."""

    def learn(self, rows: Rows, wanted: Callable[[], bool]) -> None:
        """Train on, from wherever the classifier stands. Raises `Cancelled` once it is not `wanted`."""
        rows = self._read(rows)
        rounds = PASSES if self.family == "sgd" else ROUNDS_OF_TREES
        for _ in range(rounds):
            if not wanted():
                raise Cancelled
            self._round(rows)

    def accuracy(self, rows: Rows) -> float:
        """Return the share of rows that it answers rightly."""
        return float(np.mean(self.classifier.predict(self._read(rows).x) == rows.y))

    def copied(self) -> "Model":
        """Return a copy that can learn on without changing this one."""
        return copy.deepcopy(self)

    def _read(self, rows: Rows) -> Rows:
        return rows if self.preprocessing is None else Rows(rows.x @ self.preprocessing, rows.y)

    def _round(self, rows: Rows) -> None:
        if self.family == "sgd":
            self.classifier.partial_fit(rows.x, rows.y, classes=np.unique(rows.y))
        else:
            self.classifier.n_estimators += TREES
            self.classifier.fit(rows.x, rows.y)


def untrained(family: str, seed: int) -> Model:
    """Return a model of that family that has learnt nothing yet."""
    if family == "sgd":
        return Model(family, SGDClassifier(loss="log_loss", alpha=1e-3, random_state=seed))
    return Model(family, RandomForestClassifier(n_estimators=0, warm_start=True, random_state=seed))
