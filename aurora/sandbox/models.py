"""The models of the sandbox: real scikit-learn and torch classifiers, trained in rounds, that can go on later.

`sgd`: logistic regression by stochastic gradient descent; a round is one pass over the rows, going on is `partial_fit`.
`forest`: a random forest; a round is ten more trees, going on is `warm_start`: old trees keep their vote.
`bayes`: Gaussian naive Bayes; one round, going on is `partial_fit`.
`net`: a small neural network in torch; a round is one pass over the rows, going on is another pass.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import GaussianNB

from aurora.sandbox.streams import Matrix, Rows

ROUNDS = {"sgd": 15, "forest": 5, "bayes": 1, "net": 25}
TREES = 10


class Cancelled(Exception):
    """Nobody wants this model any more."""


@dataclass
class Model:
    """A classifier that learns in rounds."""

    family: str
    classifier: Any
    classes: int
    preprocessing: Matrix | None = None
    """What it does to its inputs before it reads them; a version that went live broken turns them by mistake."""

    def learn(self, rows: Rows, wanted: Callable[[], bool]) -> None:
        """Train on, from wherever the classifier stands. Raises `Cancelled` once it is not `wanted`."""
        rows = self._read(rows)
        for _ in range(ROUNDS[self.family]):
            if not wanted():
                raise Cancelled
            self._round(rows)

    def right(self, rows: Rows) -> NDArray[np.bool_]:
        """Return for each row whether it is answered rightly."""
        answers: NDArray[np.bool_] = self._answers(self._read(rows).x) == rows.y
        return answers

    def accuracy(self, rows: Rows) -> float:
        """Return the share of rows that it answers rightly."""
        return float(np.mean(self.right(rows)))

    def copied(self) -> "Model":
        """Return a copy that can learn on without changing this one."""
        return copy.deepcopy(self)

    def _answers(self, x: Matrix) -> NDArray[np.int64]:
        if self.family != "forest":
            answers: NDArray[np.int64] = self.classifier.predict(x)
            return answers
        # What its `predict` does, without the tenfold time that it takes to hand each tree to a pool of one.
        single, votes = x.astype(np.float32), np.zeros((len(x), len(self.classifier.classes_)))
        for tree in self.classifier.estimators_:
            votes += tree.tree_.predict(single)
        most: NDArray[np.int64] = self.classifier.classes_[votes.argmax(axis=1)]
        return most

    def _read(self, rows: Rows) -> Rows:
        return rows if self.preprocessing is None else Rows(rows.x @ self.preprocessing, rows.y)

    def _round(self, rows: Rows) -> None:
        if self.family == "forest":
            self.classifier.n_estimators += TREES
            self.classifier.fit(rows.x, rows.y)
        else:
            # A window may lack a class that the model knows, or is to meet.
            self.classifier.partial_fit(rows.x, rows.y, classes=np.arange(self.classes))


def untrained(family: str, seed: int, classes: int) -> Model:
    """Return a model of that family that has learnt nothing yet."""
    if family == "net":
        from aurora.sandbox.nets import Net

        return Model(family, Net(seed), classes)
    classifiers: dict[str, Callable[[], Any]] = {
        "sgd": lambda: SGDClassifier(loss="log_loss", alpha=1e-3, random_state=seed),
        "forest": lambda: RandomForestClassifier(n_estimators=0, warm_start=True, random_state=seed),
        "bayes": lambda: GaussianNB(var_smoothing=1e-2),
    }
    return Model(family, classifiers[family](), classes)
