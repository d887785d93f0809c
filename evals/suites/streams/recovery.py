"""How long a stream errs after its concept changed at once.

A model has the new concept when its mean error from its first step to the end of the stream is within a quarter of the
gap: the gap lies between the model that was there when the concept changed, and the models whose whole window is of
the new concept, each by its mean error after the change. Steps to recovery are those from the change to the first step
that such a model serves. Where none ever does, it is all steps that are left.
"""

from dataclasses import dataclass
from statistics import fmean

from evals.worlds.catalogue import Entry
from evals.worlds.changes import begins
from evals.worlds.schedules import Schedule
from evals.worlds.streams import WINDOW, Stream

WITHIN = 0.25
LEAST = 0.02
"""A gap below this is no loss of accuracy that anyone could see."""


@dataclass(frozen=True, slots=True)
class Change:
    """An abrupt change of a concept that hurts."""

    step: int
    """The first of the new concept."""
    horizon: int
    able: frozenset[int]
    """Models that have the new concept."""

    def recovery(self, schedule: Schedule) -> int:
        """Return the steps to recovery."""
        return min((model - self.step for model in schedule if model in self.able), default=self.horizon - self.step)


def change(entry: Entry, stream: Stream) -> Change | None:
    """Return the change of a stream; None where there is no abrupt one that hurts."""
    step, horizon = begins(entry), stream.horizon
    if entry.variant.course != "abrupt" or step is None or step + WINDOW >= horizon:
        return None
    means = {model: float(stream.errors[model, model:].mean()) for model in range(step + 1, horizon)}
    settled = fmean(means[model] for model in range(step + WINDOW, horizon))
    stale = float(stream.errors[step, step:].mean())
    if stale - settled < LEAST:
        return None
    enough = settled + WITHIN * (stale - settled)
    return Change(step, horizon, frozenset(model for model, mean in means.items() if mean <= enough))
