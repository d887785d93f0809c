"""RetrainOpt's learned policy: package `retrainopt`, the Learned strategy of its online controller.

Its planner finds the cheapest schedule of a history by visible errors, and random forests learn when that schedule
retrains, from three numbers: how far the error is above that of the model when it was new, the sum of that since, and
the steps since. The history is the first third of the stream, as its authors mean it, or whole streams of other
families. The package decides after it saw a step and lets the new model serve the same step; here it serves the next.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from retrainopt import (
    Decision,
    DecisionAction,
    LearnedOnlinePolicy,
    ModelAdapter,
    OnlineState,
    PlannerConfig,
    TimelineDataset,
    collect_online_training_data,
)

from evals.baselines.streams.prefix import Prefix
from evals.worlds.rows import Matrix
from evals.worlds.schedules import Policy, Sight, Start, never

History = tuple[tuple[OnlineState, ...], tuple[Decision, ...]]


def history(seen: Matrix, cost: float) -> History:
    """Return what the cheapest schedule by visible errors, shape (steps, steps), does in which state."""
    data = collect_online_training_data(
        _Timeline(len(seen)),
        _LookedUp(seen),
        PlannerConfig(n_choices=(1.0,)),
        history_steps=len(seen),
        initial_model=0,
        initial_reference_loss=float(seen[0, 0]),
        training_cost_fn=lambda **_: cost,
    )
    return data.states, data.decisions


def fitted(histories: Iterable[History]) -> LearnedOnlinePolicy:
    """Return the policy that learnt from histories, one after the other; at least one."""
    pairs = [pair for states, decisions in histories for pair in zip(states, decisions, strict=True)]
    # Steps have to rise, and are no feature.
    states = [
        OnlineState(step, state.current_staleness, state.accumulated_staleness, state.time_since_last_retrain)
        for step, (state, _) in enumerate(pairs)
    ]
    decisions = [
        Decision(one.action, one.n_samples, step if one.n_samples else None) for step, (_, one) in enumerate(pairs)
    ]
    return LearnedOnlinePolicy(random_seed=1).fit(states, decisions)


def learned(policy: LearnedOnlinePolicy) -> Start:
    """Return a policy that follows one that was fitted."""
    retrains = Forest(policy)

    def start(_cost: float) -> Policy:
        reference: float | None = None
        sum_, age = 0.0, -1

        def decide(sight: Sight) -> bool:
            nonlocal reference, sum_, age
            reference = sight.error if reference is None else reference
            staleness = sight.error - reference
            sum_, age = sum_ + staleness, age + 1
            retrain = retrains(staleness, sum_, age)
            if retrain:
                reference, sum_, age = None, 0.0, -1
            return retrain

        return decide

    return start


def learned_in(known: Prefix) -> Start:
    """Return a policy that learnt from a prefix."""
    states, decisions = history(known.seen, known.cost)
    if all(one.action == DecisionAction.KEEP for one in decisions):
        # The package's policy keeps the model for ever then; fitting its forests takes a while.
        return never
    return learned(fitted([(states, decisions)]))


class Forest:
    """The decision of a fitted policy, asked of its trees directly: forests answer a single row slowly."""

    def __init__(self, policy: LearnedOnlinePolicy) -> None:
        # Without a retrain in the history there is no regressor, and the policy keeps the model for ever.
        self._trees: list[Any] = (
            [] if policy._regressor is None else [one.tree_ for one in policy._classifier.estimators_]
        )
        self._of_retrain = list(policy._classifier.classes_).index(1) if self._trees else 0

    def __call__(self, staleness: float, sum_: float, age: int) -> bool:
        """Say whether to retrain in a state."""
        row = np.array([[staleness, sum_, age]], dtype=np.float32)
        shares = [tree.predict(row)[0][self._of_retrain] for tree in self._trees]
        return bool(shares) and float(np.mean(shares)) > 0.5


class _Timeline(TimelineDataset):
    """Steps whose rows are their numbers."""

    def __init__(self, steps: int) -> None:
        self._steps = steps

    @property
    def num_steps(self) -> int:
        return self._steps

    def get_train_block(self, step: int) -> list[int]:
        return [step]

    def get_eval_block(self, step: int) -> list[int]:
        return [step]

    def train_size(self, step: int) -> int:  # noqa: ARG002
        return 1


class _LookedUp(ModelAdapter):
    """Models that are the step before which they were trained; their losses are looked up."""

    def __init__(self, seen: Matrix) -> None:
        self._seen = seen

    def fit(self, train_data: list[int], *, step: int, n_samples: int, random_seed: int) -> int:  # noqa: ARG002
        return train_data[0]

    def evaluate(self, model: int, eval_data: list[int], *, step: int) -> float:  # noqa: ARG002
        return float(self._seen[model, eval_data[0]])
