"""Decision trees on the telemetry that the engine is given, the strongest baseline that learns.

What they learn is, in every state of streams that may be read, whether a retrain now costs less than one more step
with the model, with the cheapest schedule from there on; a state counts by how much the choice is worth.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.worlds.schedules import Policy, Sight, Start, sight
from evals.worlds.states import savings
from evals.worlds.streams import Stream

DEPTHS = (3, 6)
FRESH = 3
"""Steps whose error counts as that of a new model."""
APART = 4
"""Every so many models a history is read from: neighbours say the same."""
FEATURES = ("error", "fresh", "rise", "labels", "drift_mean", "drift_max", "over_challenger", "age", "cost")


@dataclass(frozen=True, slots=True)
class Examples:
    """States, shape (states, features), and what retraining there saves, shape (states,)."""

    states: NDArray[np.float32]
    savings: NDArray[np.float64]


@dataclass(slots=True)
class Telemetry:
    """What was seen of one model since it was trained."""

    cost: float
    errors: list[float] = field(default_factory=list)

    def take(self, seen: Sight) -> tuple[float, ...]:
        """Take in a step and return its features; the challenger's is not a number where there is none."""
        self.errors.append(seen.error)
        fresh = fmean(self.errors[:FRESH])
        over = float("nan") if seen.challenger is None else seen.error - seen.challenger
        return (
            seen.error,
            fresh,
            fmean(self.errors[-FRESH:]) - fresh,
            seen.labels,
            seen.drift_mean,
            seen.drift_max,
            over,
            len(self.errors),
            self.cost,
        )


def examples(stream: Stream) -> Examples:
    """Return the states that models of a stream come into, with what is best there."""
    saved = savings(stream)
    states, worth = [], []
    for model in range(0, stream.horizon - 1, APART):
        telemetry = Telemetry(stream.cost)
        for step in range(model, stream.horizon - 1):
            states.append(telemetry.take(sight(stream, model, step)))
            worth.append(saved[model, step])
    return Examples(np.array(states, dtype=np.float32), np.array(worth))


def fitted(found: Iterable[Examples], depth: int) -> Any:
    """Return a tree; at least one stream."""
    from sklearn.tree import DecisionTreeClassifier

    known = list(found)
    states = np.concatenate([one.states for one in known])
    worth = np.concatenate([one.savings for one in known])
    tree = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=20, random_state=0)
    return tree.fit(states, worth > 0, sample_weight=np.abs(worth))


def grown(tree: Any) -> Start:
    """Return the policy of a fitted tree."""

    def start(cost: float) -> Policy:
        telemetry = Telemetry(cost)

        def decide(seen: Sight) -> bool:
            nonlocal telemetry
            row = np.array([telemetry.take(seen)], dtype=np.float32)
            retrain = bool(tree.predict(row, check_input=False)[0])
            if retrain:
                telemetry = Telemetry(cost)
            return retrain

        return decide

    return start
