"""The smallest change of one number that would have led to another action, found by asking the engine itself.

Each known field is searched in both directions by bisection towards the ends of its range; a field that cannot be
nearer than the best one so far costs a single look. An answer that flips and flips back within a field may be
missed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log

from aurora.domain import Action
from aurora.policy.choice import Choice
from aurora.policy.view import View

Decide = Callable[[View], Choice]

BISECTIONS = 5


@dataclass(frozen=True, slots=True)
class Field:
    """One number of the telemetry that a flip may change."""

    path: str
    words: str
    low: float
    high: float
    digits: int
    """Decimals that it is told with."""
    log: bool = False
    """Whether equal ratios are equal steps."""

    def part(self, start: float, end: float) -> float:
        """Return what part of the field's range lies between two values, from 0 to 1."""
        if self.log:
            return abs(log(end / max(start, self.low))) / log(self.high / self.low)
        return abs(end - start) / (self.high - self.low)

    def at(self, start: float, end: float, share: float) -> float:
        """Return the value `share` of the way from `start` to `end`."""
        if self.log:
            start = max(start, self.low)
            return round(start * exp(share * log(end / start)), self.digits)
        return round(start + (end - start) * share, self.digits)


FIELDS = (
    Field("model_metrics.accuracy", "accuracy", 0.0, 1.0, 2),
    Field("model_metrics.latency_ms", "latency in ms", 10.0, 20_000.0, 0, log=True),
    Field("model_metrics.error_rate", "error rate", 0.0, 1.0, 2),
    Field("data_drift.score", "drift score", 0.0, 1.0, 2),
    Field("data_drift.detected", "drift detected (1 yes, 0 no)", 0.0, 1.0, 0),
    Field("system_load.cpu_usage", "cpu usage", 0.0, 1.0, 2),
    Field("system_load.gpu_usage", "gpu usage", 0.0, 1.0, 2),
    Field("system_load.memory_usage", "memory usage", 0.0, 1.0, 2),
    Field("data_quality.null_rate", "null rate", 0.0, 1.0, 2),
    Field("data_quality.invalid_rate", "out-of-range rate", 0.0, 1.0, 2),
    Field("deployment.minutes_since_deploy", "minutes since the deployment", 1.0, 100_000.0, 0, log=True),
    Field("traffic.repeat_ratio", "repeat ratio", 0.0, 1.0, 2),
    Field("labels.count", "number of labels", 1.0, 100_000.0, 0, log=True),
)


@dataclass(frozen=True, slots=True)
class Flip:
    """One changed number, and the action that it would have led to."""

    field: Field
    before: float
    after: float
    part: float
    """How much of the field's range the change takes."""
    action: Action

    def __str__(self) -> str:
        """Say it in a sentence."""
        digits, words = self.field.digits, self.field.words
        return f"With {words} at {self.after:.{digits}f} instead of {self.before:.{digits}f} it would be {self.action}."


def smallest_flip(choice: Choice, decide: Decide) -> Flip | None:
    """Return the flip that takes the smallest part of its field's range, or None where no single number flips it."""
    best: Flip | None = None
    for field in FIELDS:
        before = choice.assessment.seen.get(field.path)
        if before is not None:
            for end in (field.low, field.high):
                best = _Search(field, before, end, choice, decide).nearer(best)
    return best


@dataclass(frozen=True, slots=True)
class _Search:
    """One field in one direction."""

    field: Field
    before: float
    end: float
    choice: Choice
    decide: Decide

    def nearer(self, best: Flip | None) -> Flip | None:
        """Return the nearest flip of this search if it is nearer than `best`, else `best`."""
        way = self.field.part(self.before, self.end)
        if way <= 0:
            return best
        reach = 1.0 if best is None else min(best.part / way, 1.0)
        found = self._flipped(reach)
        if found is None:
            return best
        near = 0.0
        for _ in range(BISECTIONS):
            middle = (near + reach) / 2
            flipped = self._flipped(middle)
            if flipped is None:
                near = middle
            else:
                reach, found = middle, flipped
        return found if best is None or found.part < best.part else best

    def _flipped(self, share: float) -> Flip | None:
        after = self.field.at(self.before, self.end, share)
        if after == self.before:
            return None
        action = self.decide(self.choice.assessment.seen.changed(self.field.path, after)).move.action
        if action is self.choice.move.action:
            return None
        return Flip(self.field, self.before, after, self.field.part(self.before, after), action)
