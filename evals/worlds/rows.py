"""Where the rows of each family come from: river's generators, and sets that come with river and scikit-learn.

A source is endless, or as long as its set. Real rows are drawn again and again from two halves that share no row, one
for what is seen and one for what prices it.
"""

from collections.abc import Callable, Iterator
from functools import cache
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Row = tuple[list[float], float]
"""Inputs, and the class as a number."""
Pair = tuple[Row, Row]
"""A row that is seen, and one that is not."""
Table = tuple[Matrix, Matrix]
"""Inputs of shape (rows, columns) and classes of shape (rows,)."""


def pairs(family: str, concept: int, seed: int) -> Iterator[Pair]:
    """Yield pairs of rows of a family. Raises `KeyError` for one that is unknown."""
    if family in GENERATORS:
        made = GENERATORS[family](concept, seed)
        return zip(made, made, strict=False)
    if family in TABLES:
        return _drawn(_changed(TABLES[family](), concept), Random(seed))
    inputs, classes = ORDERED[family]()
    rows = zip(inputs.tolist(), classes.tolist(), strict=True)
    return zip(rows, rows, strict=False)


def pairs_in(family: str) -> int | None:
    """Return how many pairs a family has where it keeps its own order; None where they are endless."""
    return len(ORDERED[family]()[1]) // 2 if family in ORDERED else None


# --- generators ------------------------------------------------------------------------------------------------------


def _sea(concept: int, seed: int) -> Iterator[Row]:
    from river.datasets import synth

    return _plain(synth.SEA(variant=concept, seed=seed, noise=0.1))


def _agrawal(concept: int, seed: int) -> Iterator[Row]:
    from river.datasets import synth

    return _plain(synth.Agrawal(classification_function=concept, seed=seed, perturbation=0.05))


def _hyperplane(concept: int, seed: int) -> Iterator[Row]:
    from river.datasets import synth

    change = (0.0, 0.00003, 0.0003)[concept]
    # A sigma of 0 never turns back. Another seed has another plane.
    return _plain(
        synth.Hyperplane(
            seed=seed, n_features=10, n_drift_features=5, mag_change=change, noise_percentage=0.05, sigma=0.0
        )
    )


def _rbf(concept: int, seed: int) -> Iterator[Row]:
    from river.datasets import synth

    return _plain(
        synth.RandomRBFDrift(
            # The second stream of a pair has another seed, and so other centroids.
            seed_model=seed,
            seed_sample=seed,
            n_classes=2,
            n_features=6,
            n_centroids=20,
            n_drift_centroids=20,
            change_speed=0.0001 if concept == 1 else 0.0,
        )
    )


def _sine(concept: int, seed: int) -> Iterator[Row]:
    from river.datasets import synth

    return _plain(synth.Sine(classification_function=concept, seed=seed, has_noise=True))


def _friedman(concept: int, seed: int) -> Iterator[Row]:
    from river.datasets import synth

    middle = 14.4
    for inputs, target in _plain(synth.Friedman(seed=seed)):
        # The first five inputs count and the others do not: rotated, others do.
        yield inputs[4 * concept :] + inputs[: 4 * concept], float(target > middle)


def _plain(rows: Any) -> Iterator[Row]:
    return ((list(map(float, inputs.values())), float(target)) for inputs, target in rows)


GENERATORS: dict[str, Callable[[int, int], Iterator[Row]]] = {
    "sea": _sea,
    "agrawal": _agrawal,
    "hyperplane": _hyperplane,
    "rbf": _rbf,
    "sine": _sine,
    "friedman": _friedman,
}


# --- real sets -------------------------------------------------------------------------------------------------------


def _drawn(table: Table, random: Random) -> Iterator[Pair]:
    inputs, classes = table[0].tolist(), table[1].tolist()
    order = list(range(len(classes)))
    # The same halves for every seed and concept, and each of all classes: sets often come sorted by class.
    Random(0).shuffle(order)
    halves = order[::2], order[1::2]
    while True:
        seen, hidden = (random.choice(half) for half in halves)
        yield (inputs[seen], classes[seen]), (inputs[hidden], classes[hidden])


def _changed(table: Table, concept: int) -> Table:
    """Return the set as it is (0), with its columns rotated by half (1), or with its classes rotated by one (2)."""
    inputs, classes = table
    if concept == 1:
        return np.roll(inputs, inputs.shape[1] // 2, axis=1), classes
    if concept == 2:
        return inputs, (classes + 1) % (classes.max() + 1)
    return table


def _river(name: str) -> Any:
    from river import datasets

    return getattr(datasets, name)()


def _of_river(name: str) -> Table:
    rows = list(_river(name))
    targets = [target for _, target in rows]
    inputs = np.array([list(map(float, row.values())) for row, _ in rows])
    return inputs, np.unique(np.array(targets), return_inverse=True)[1].astype(np.float64)


@cache
def _phishing() -> Table:
    return _of_river("Phishing")


@cache
def _bananas() -> Table:
    return _of_river("Bananas")


@cache
def _segments() -> Table:
    return _of_river("ImageSegments")


@cache
def _digits() -> Table:
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    blocks = images.reshape(-1, 4, 2, 4, 2).sum(axis=(2, 4))
    return blocks.reshape(len(classes), -1), classes.astype(np.float64)


@cache
def _tumours() -> Table:
    from sklearn.datasets import load_breast_cancer

    inputs, classes = load_breast_cancer(return_X_y=True)
    return inputs, classes.astype(np.float64)


@cache
def _shuttle() -> Table:
    return _of_river("Shuttle")


@cache
def _stocks() -> Table:
    return _above(_river("SP500Stocks"), 0.0)


@cache
def _approval() -> Table:
    polls = [
        ({name: value for name, value in row.items() if name != "ordinal_date"}, target)
        for row, target in _river("TrumpApproval")
    ]
    return _above(polls, float(np.median([target for _, target in polls])))


def _above(rows: Any, middle: float) -> Table:
    found = list(_plain(rows))
    return np.array([inputs for inputs, _ in found]), np.array([float(target > middle) for _, target in found])


TABLES: dict[str, Callable[[], Table]] = {
    "phishing": _phishing,
    "bananas": _bananas,
    "segments": _segments,
    "digits": _digits,
    "tumours": _tumours,
}
ORDERED: dict[str, Callable[[], Table]] = {"shuttle": _shuttle, "stocks": _stocks, "approval": _approval}
