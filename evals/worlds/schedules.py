"""What a schedule of retrains costs, the cheapest one, and policies that decide step by step.

A schedule is the steps before which a retrain happens, in order; step 0 is served by the model that is there. Its cost
is the error of the serving model summed over the steps, and the cost of each retrain.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, combinations, pairwise

import numpy as np

from evals.worlds.streams import Stream

Schedule = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Priced:
    """A schedule and what it costs."""

    cost: float
    schedule: Schedule


def price(stream: Stream, schedule: Schedule) -> float:
    """Return what a schedule costs. Raises `ValueError` where it is not one of this stream."""
    if list(schedule) != sorted(set(schedule) & set(range(1, stream.horizon))):
        raise ValueError(f"not steps of this stream in order: {schedule}")
    borders = (0, *schedule, stream.horizon)
    served = sum(float(stream.errors[start, start:end].sum()) for start, end in pairwise(borders))
    return served + stream.cost * len(schedule)


def oracle(stream: Stream) -> Priced:
    """Return the cheapest schedule; where a retrain saves just what it costs, there is none.

    Dynamic programming backwards over models: best[s] is the least that the steps from s on cost once model s is there,
    and after[s] the step before which the next one is trained.
    """
    horizon = stream.horizon
    best, after = np.zeros(horizon + 1), [horizon] * horizon
    for start in range(horizon - 1, -1, -1):
        kept = np.cumsum(stream.errors[start, start:])
        retrained = np.where(np.arange(start + 1, horizon + 1) < horizon, stream.cost, 0.0)
        totals = kept + retrained + best[start + 1 :]
        # The last of the cheapest: where keeping costs the same, the model is kept.
        length = int(len(totals) - 1 - totals[::-1].argmin())
        best[start], after[start] = totals[length], start + 1 + length
    return Priced(float(best[0]), tuple(_followed(after)))


def _followed(after: list[int]) -> Iterator[int]:
    step = after[0]
    while step < len(after):
        yield step
        step = after[step]


def brute_force(stream: Stream) -> Priced:
    """Return the cheapest schedule by trying all of them, which are 2 to the power of horizon - 1."""
    steps = range(1, stream.horizon)
    schedules = chain.from_iterable(combinations(steps, size) for size in range(stream.horizon))
    return min((Priced(price(stream, schedule), schedule) for schedule in schedules), key=lambda one: one.cost)


# --- policies --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sight:
    """All that a policy is shown of one step, after it was served."""

    error: float
    labels: int
    drift_mean: float
    drift_max: float
    challenger: float | None
    """Visible error of the model that a retrain before this step would have made."""


Policy = Callable[[Sight], bool]
"""Says after each step whether to retrain before the next; belongs to one stream, and may remember."""
Start = Callable[[float], Policy]
"""Makes the policy of one stream from what a retrain costs there."""


def follow(stream: Stream, start: Start) -> Schedule:
    """Return the schedule that a policy makes of a stream."""
    decide, model, schedule = start(stream.cost), 0, []
    for step in range(stream.horizon - 1):
        if decide(sight(stream, model, step)):
            model = step + 1
            schedule.append(model)
    return tuple(schedule)


def sight(stream: Stream, model: int, step: int) -> Sight:
    """Return what is seen of a step that `model` served."""
    return Sight(
        error=float(stream.seen[model, step]),
        labels=int(stream.labels[step]),
        drift_mean=float(stream.drift_mean[model, step]),
        drift_max=float(stream.drift_max[model, step]),
        challenger=float(stream.seen[step, step]) if stream.challenged else None,
    )


def never(_cost: float) -> Policy:
    """Leave the model as it is."""
    return lambda _sight: False


def trigger_table(_cost: float) -> Policy:
    """Retrain when accuracy is below 0.70 and the inputs drifted: some index counts as a large shift."""
    return lambda seen: seen.error > 0.30 and seen.drift_max > 0.25
