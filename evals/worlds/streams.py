"""One retrain stream, built: a model trained before every step and scored on every later one.

What a build draws by chance (length, rows a step, labels, when and how far the concept moves) comes from the entry's
own name, so that a build is the same whenever and in whatever order it is made.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aurora.observe.drift import Reference
from evals.worlds.catalogue import Course, Entry
from evals.worlds.rows import Matrix, Pair, Row, pairs, pairs_in

Classes = NDArray[np.float64]
WINDOW = 6
"""Steps whose labelled visible rows a model is trained on."""


@dataclass(frozen=True, slots=True)
class Size:
    """How long streams may be, and how many visible rows a step may have; there are as many hidden ones."""

    steps: tuple[int, int] = (40, 80)
    rows: tuple[int, ...] = (100, 150, 200)


@dataclass(frozen=True, slots=True)
class Stream:
    """What each model would err at each step, and what is seen of it.

    Matrices have shape (steps, steps); model s is trained on the window that ends before step s, so that what stands at
    [s, t] with t < s cannot be asked for and is not a number.
    """

    errors: Matrix
    """Share of the hidden rows of step t that model s gets wrong: the price of serving it there."""
    seen: Matrix
    """The same of the labelled visible rows."""
    drift_mean: Matrix
    """Mean population stability index of the visible inputs of step t against the training window of model s."""
    drift_max: Matrix
    """The largest one."""
    labels: NDArray[np.int64]
    """Labelled visible rows of each step, shape (steps,)."""
    challenged: bool
    """Whether training is so cheap that the newest model's error is measured at every step."""
    cost: float
    """What a retrain costs, in steps of 100 % error."""

    @property
    def horizon(self) -> int:
        """How many steps there are."""
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class _Rows:
    """All rows of a stream, those of the first window included; n a step, by step."""

    seen: Matrix
    """Shape (steps, n, columns)."""
    hidden: Matrix
    seen_classes: Classes
    """Shape (steps, n)."""
    hidden_classes: Classes
    labelled: NDArray[np.bool_]
    """Shape (steps, n)."""


def build(entry: Entry, size: Size = Size()) -> Stream:
    """Build a stream of the list; takes about a second."""
    random = Random(entry.key)
    rows = _rows(entry, size, random)
    models = [_trained(entry.family.learner, rows, slice(start, start + WINDOW)) for start in _starts(rows)]
    references = [Reference(_flat(rows.seen[start : start + WINDOW])) for start in _starts(rows)]
    served = slice(WINDOW, None)
    seen, hidden = rows.seen[served], rows.hidden[served]
    labelled = rows.labelled[served]
    drifts = _drifts(references, seen)
    return Stream(
        errors=_errors(models, hidden, rows.hidden_classes[served], np.ones_like(labelled)),
        seen=_errors(models, seen, rows.seen_classes[served], labelled),
        drift_mean=drifts.mean(axis=2),
        drift_max=drifts.max(axis=2),
        labels=labelled.sum(axis=1),
        challenged=random.random() < 0.5,
        cost=entry.cost,
    )


# --- rows ------------------------------------------------------------------------------------------------------------


def _rows(entry: Entry, size: Size, random: Random) -> _Rows:
    steps, rows = random.randint(*size.steps), random.choice(size.rows)
    if (available := pairs_in(entry.family.name)) is not None:
        # A set in its own order is cut into steps, and where it is long the rest is left.
        rows = min(available // (steps + WINDOW), 4 * rows)
    moved = [0.0] * WINDOW + _moved(entry.variant.course, steps, random)
    drawn = list(_drawn(entry, rows, moved, random))
    seen, seen_classes = _stacked([[seen for seen, _ in step] for step in drawn])
    hidden, hidden_classes = _stacked([[hidden for _, hidden in step] for step in drawn])
    if entry.variant.course == "blips":
        seen_classes = _blipped(seen_classes, moved, random)
    # Some labels never come, but one a step always does.
    share = random.uniform(0.4, 1.0)
    labelled = np.array([[n == 0 or random.random() < share for n in range(rows)] for _ in drawn])
    return _Rows(seen, hidden, seen_classes, hidden_classes, labelled)


def _drawn(entry: Entry, rows: int, moved: list[float], random: Random) -> Iterator[list[Pair]]:
    """Yield the pairs of each step; `moved` says how much of it is changed."""
    seed = random.randrange(2**31)
    first, second = (pairs(entry.family.name, concept, seed + n) for n, concept in enumerate(entry.variant.concepts))
    if entry.variant.course == "inputs":
        second = _aside(first)
    for share in moved:
        yield [next(second if random.random() < share else first) for _ in range(rows)]


def _aside(drawn: Iterator[Pair]) -> Iterator[Pair]:
    """Yield the pairs whose last columns are both above the middle."""
    middle = float(np.median([seen[0][-1] for seen, _ in (next(drawn) for _ in range(200))]))
    return (pair for pair in drawn if min(row[0][-1] for row in pair) > middle)


def _moved(course: Course, steps: int, random: Random) -> list[float]:
    """Return which share of each step's rows is of the second concept, or changed otherwise."""
    begins = random.randint(steps // 6, 2 * steps // 3)
    match course:
        case "still":
            return [0.0] * steps
        case "gradual":
            lasts = random.randint(5, 25)
            return [min(max((step - begins) / lasts, 0.0), 1.0) for step in range(steps)]
        case "returning":
            ends = begins + random.randint(6, 24)
        case "moment":
            ends = begins + random.randint(1, 3)
        case "blips":
            ends = begins + random.randint(1, 4)
        case "abrupt" | "inputs":
            ends = steps
    return [float(begins <= step < ends) for step in range(steps)]


def _blipped(classes: Classes, moved: list[float], random: Random) -> Classes:
    """Return classes of which, where something moved, three in four are the next one instead."""
    wrong = np.array(
        [[random.random() < 0.75 * share for _ in step] for share, step in zip(moved, classes, strict=True)]
    )
    return np.where(wrong, (classes + 1) % (classes.max() + 1), classes)


def _stacked(steps: list[list[Row]]) -> tuple[Matrix, Classes]:
    inputs = np.array([[inputs for inputs, _ in step] for step in steps])
    return inputs, np.array([[target for _, target in step] for step in steps])


# --- models ----------------------------------------------------------------------------------------------------------


def _starts(rows: _Rows) -> range:
    return range(len(rows.seen) - WINDOW)


def _flat(steps: Matrix) -> Matrix:
    return steps.reshape(-1, steps.shape[-1])


def _trained(learner: Literal["linear", "tree"], rows: _Rows, window: slice) -> Any:
    labelled = rows.labelled[window]
    inputs, classes = rows.seen[window][labelled], rows.seen_classes[window][labelled]
    return _learner(learner, one_class=len(np.unique(classes)) == 1).fit(inputs, classes)


def _learner(learner: Literal["linear", "tree"], *, one_class: bool) -> Any:
    from sklearn.dummy import DummyClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    if one_class:
        return DummyClassifier()
    if learner == "tree":
        return DecisionTreeClassifier(max_depth=6, min_samples_leaf=10, random_state=0)
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))


def _errors(models: list[Any], inputs: Matrix, classes: Classes, counted: NDArray[np.bool_]) -> Matrix:
    """Return the share of the counted rows that each model gets wrong at each step from its own on."""
    errors = np.full((len(models), len(models)), np.nan)
    for start, model in enumerate(models):
        said = model.predict(_flat(inputs[start:])).reshape(classes[start:].shape)
        wrong = (said != classes[start:]) & counted[start:]
        errors[start, start:] = wrong.sum(axis=1) / counted[start:].sum(axis=1)
    return errors


def _drifts(references: list[Reference], inputs: Matrix) -> Matrix:
    """Return the index of each column, shape (steps, steps, columns)."""
    drifts = np.full((len(references), len(references), inputs.shape[-1]), np.nan)
    for start, reference in enumerate(references):
        for step in range(start, len(references)):
            drifts[start, step] = reference.psi(inputs[step])
    return drifts
