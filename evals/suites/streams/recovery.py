"""How long a stream errs after its concept changed at once.

A model has the new concept when its mean error from its first step to the end of the stream is within a quarter of the
gap: the gap lies between the model that was there when the concept changed, and the models whose whole window is of
the new concept, each by its mean error after the change. Steps to recovery are those from the change to the first step
that such a model serves. Where none ever does, it is all steps that are left.
"""

import numpy as np

from evals.worlds.catalogue import Entry
from evals.worlds.changes import begins
from evals.worlds.schedules import Schedule
from evals.worlds.streams import WINDOW, Stream

WITHIN = 0.25
LEAST = 0.02
"""A gap below this is no loss of accuracy that anyone could see."""


def recovering(entry: Entry, stream: Stream) -> tuple[int, frozenset[int]] | None:
    """Return the step of the change and the models that have the new concept; None where no abrupt change hurts."""
    change = begins(entry)
    if entry.variant.course != "abrupt" or change is None or change + WINDOW >= stream.horizon:
        return None
    means = {model: float(np.mean(stream.errors[model, model:])) for model in range(change + 1, stream.horizon)}
    settled = float(np.mean([stream.errors[model, model:].mean() for model in range(change + WINDOW, stream.horizon)]))
    stale = float(stream.errors[change, change:].mean())
    if stale - settled < LEAST:
        return None
    enough = settled + WITHIN * (stale - settled)
    return change, frozenset(model for model, mean in means.items() if mean <= enough)


def steps(change: int, able: frozenset[int], schedule: Schedule, horizon: int) -> int:
    """Return the steps to recovery of one schedule."""
    return min((model - change for model in schedule if model in able), default=horizon - change)
