"""When to retrain one model, step by step: the same idea as the engine, along time.

A sequential expected-utility rule. After each step it asks what a retrain now would save: the error that it would
take away, times the steps for which that gain is expected to hold, less what it costs. It retrains when the saving
is positive and one more step of waiting is not worth more, that is, when the gain of that step outweighs the loss
that better knowledge might yet spare.

How much of a rise a retrain takes away, and for how long, is learned from cases: those that ship, or those passed
in, and what this model's own retrains showed. Constant, few or contradictory data shrink to them, and give "keep
it".
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real

from aurora.policy.curves import positive_part, ramp, sigmoid
from aurora.policy.priors import AdvisorPriors, RetrainCase
from aurora.policy.priors import priors as shipped

STEEPEST = 6.0
"""Beyond so many standard deviations a saving is no surer."""


@dataclass(frozen=True, slots=True)
class RetrainAdvice:
    """What `RetrainAdvisor.advise` says."""

    retrain: bool
    probability: float
    """Calibrated probability that retraining now costs less than keeping the model."""
    saving: float
    """Expected saving, in the units of `retrain_cost`; below 0 where retraining costs more than it brings."""
    reason: str


@dataclass(slots=True)
class _Cycle:
    """What was seen since the model was trained."""

    age: int = 0
    """Steps with a measured error."""
    fresh_sum: float = 0.0
    fresh_weight: float = 0.0
    level: float | None = None
    """The error now, smoothed."""
    level_labels: float = 0.0
    """How many labelled rows stand behind the level."""
    excess: float = 0.0
    """Sum over steps of the error above its fresh level: what keeping the model has cost so far."""
    drift: float | None = None
    challenger: float | None = None
    handicap: float = 0.0
    """How much worse the challenger was than the model while that was fresh."""


class RetrainAdvisor:
    """Advises whether to retrain one deployed model now.

    `retrain_cost` is in units of one step of 100 % error. `cases` are past retrains to learn from; by default those
    that ship. `priors` stands in for the shipped numbers. Not thread-safe: one advisor belongs to one model.
    """

    def __init__(
        self,
        retrain_cost: float,
        *,
        cases: Iterable[RetrainCase] | None = None,
        priors: AdvisorPriors | None = None,
    ) -> None:
        self._cost = _checked("retrain_cost", retrain_cost, 0.0, math.inf)
        self._numbers = shipped().advisor if priors is None else priors
        self._cases = list(self._numbers.cases if cases is None else _cases(cases))
        self._cycle = _Cycle()
        self._best: float | None = None
        """The lowest error of a fresh model in earlier cycles."""
        self._pending: tuple[float, float] | None = None
        """Rise and fresh level at the last retrain, until its outcome is known."""

    def update(
        self,
        error: float,
        labels: int | None = None,
        drift_mean: float | None = None,
        drift_max: float | None = None,
        challenger_error: float | None = None,
    ) -> None:
        """Take in one step. Errors are rates from 0 to 1, drifts population stability indices of 0 and above.

        A step with 0 labels tells nothing about the error. Raises ValueError for what is no number or out of range.
        """
        error = _checked("error", error, 0.0, 1.0)
        rows = self._numbers.assumed_labels if labels is None else _checked("labels", labels, 0.0, math.inf)
        drifts = [
            _checked(name, value, 0.0, math.inf)
            for name, value in (("drift_mean", drift_mean), ("drift_max", drift_max))
            if value is not None
        ]
        challenger = None if challenger_error is None else _checked("challenger_error", challenger_error, 0.0, 1.0)
        self._cycle.drift = max(drifts, default=None)
        if rows > 0:
            self._measure(error, min(rows, 1e6))
        if challenger is not None and self._cycle.level is not None:
            self._compare(challenger)

    def retrained(self) -> None:
        """Say that the model was retrained after the newest step. What the one before showed is kept as a case."""
        cycle = self._cycle
        if self._pending is not None and cycle.age > 0:
            self._cases.append(self._case(self._pending))
        self._pending = (self._rise(), self._reachable()) if cycle.age > 0 else None
        if cycle.age > 0:
            self._best = self._fresh() if self._best is None else min(self._best, self._fresh())
        self._cycle = _Cycle()

    def advise(self) -> RetrainAdvice:
        """Return the advice for now. Always defined: without evidence it is to keep the model."""
        cycle, numbers = self._cycle, self._numbers
        if cycle.level is None:
            return RetrainAdvice(False, 0.0, -self._cost, "No error has been measured since the model was trained.")
        gain, spread = self._gain()
        saving, deviation = self._saving(gain, spread)
        certainty = min(max(saving / deviation, -STEEPEST), STEEPEST)
        probability = sigmoid(numbers.tilt + numbers.slope * certainty)
        # One more step costs its gain and spares, with some chance, the loss of a retrain that brings nothing.
        spared = numbers.patience * positive_part(-saving, deviation)
        enough = cycle.age >= numbers.least_steps and gain > 0 and probability >= 0.5
        retrain = enough and saving > 0 and gain >= spared
        return RetrainAdvice(retrain, probability, saving, self._reason(retrain, gain, saving))

    # --- what is known -----------------------------------------------------------------------------------------------

    def _measure(self, error: float, rows: float) -> None:
        cycle, keep = self._cycle, self._numbers.forgetting
        cycle.age += 1
        if cycle.age <= self._numbers.fresh_steps:
            cycle.fresh_sum += error * rows
            cycle.fresh_weight += rows
        if cycle.level is None:
            cycle.level, cycle.level_labels = error, rows
        else:
            old = cycle.level_labels * keep
            cycle.level = (cycle.level * old + error * rows) / (old + rows)
            cycle.level_labels = old + rows
        cycle.excess += max(error - self._reachable(), 0.0) if cycle.age > 1 else 0.0

    def _compare(self, challenger: float) -> None:
        """Follow the challenger; while the model is fresh, learn by how much the cheap model is the worse one."""
        cycle, keep = self._cycle, self._numbers.forgetting
        cycle.challenger = challenger if cycle.challenger is None else keep * cycle.challenger + (1 - keep) * challenger
        if cycle.age <= self._numbers.fresh_steps and cycle.level is not None:
            cycle.handicap = max(cycle.challenger - cycle.level, 0.0)

    def _fresh(self) -> float:
        """Return the error of the model as it was new."""
        cycle = self._cycle
        return cycle.fresh_sum / cycle.fresh_weight if cycle.fresh_weight > 0 else 0.0

    def _reachable(self) -> float:
        """Return the error that a retrain may reach: the fresh one, or part of the way to a better one seen before.

        A model that was trained while the concept was still moving is fresh, and not yet good.
        """
        fresh = self._fresh()
        return fresh if self._best is None else fresh - self._numbers.hope * max(fresh - self._best, 0.0)

    def _rise(self) -> float:
        return max((self._cycle.level or 0.0) - self._reachable(), 0.0)

    def _gain(self) -> tuple[float, float]:
        """Return the error per step that a retrain would take away, and its standard deviation."""
        cycle = self._cycle
        level = cycle.level or 0.0
        rise = self._rise()
        gain = rise * self._learned(rise)[0]
        if cycle.challenger is not None:
            gain = (gain + max(level - (cycle.challenger - cycle.handicap), 0.0)) / 2
        noise = max(level * (1 - level), 0.01)
        spread = math.sqrt(noise / max(cycle.level_labels, 1.0) + noise / max(cycle.fresh_weight, 1.0))
        return max(gain - self._caution() * spread, 0.0), spread

    def _caution(self) -> float:
        """Return how many standard errors a rise must exceed: fewer where the inputs moved too."""
        drift, numbers = self._cycle.drift, self._numbers
        moved = 0.5 if drift is None else ramp(drift, numbers.drift_limit, numbers.drift_limit / 4)
        return numbers.caution * (1.5 - moved)

    def _saving(self, gain: float, spread: float) -> tuple[float, float]:
        """Return the expected saving and its standard deviation."""
        holding = self._holding()
        deviation = math.hypot(holding * spread, gain * holding * self._numbers.spread)
        return gain * holding - self._cost, max(deviation, 1e-9)

    def _holding(self) -> float:
        """Return for how many steps a retrain now would keep its gain.

        A sudden rise is taken to stay away until the next one. A slow one comes back as slowly as it came: the best
        time for it is when the error above the fresh level has added up to the price, which is half its age ahead.
        """
        cycle, rise = self._cycle, self._rise()
        linear = rise * cycle.age / 2
        sudden = 1.0 - min(cycle.excess / linear, 1.0) if linear > 0 else 0.0
        return max(sudden * self._learned(rise)[1], cycle.age / 2)

    def _learned(self, rise: float) -> tuple[float, float]:
        """Return the share of a rise that a retrain takes away, and for how many steps, from cases of similar rises."""
        numbers = self._numbers
        weight, recovered, held = 1.0, 1 - numbers.residual, numbers.holding
        for case in self._cases:
            alike = math.exp(-(((rise - case.rise) / numbers.bandwidth) ** 2) / 2)
            weight += alike
            recovered += alike * case.recovered
            held += alike * case.held
        return recovered / weight, held / weight

    def _case(self, before: tuple[float, float]) -> RetrainCase:
        """Return what came of the last retrain: how much of the rise it took away, and for how long."""
        rise, fresh = before
        recovered = 1 - max(self._fresh() - fresh, 0.0) / rise if rise > 0 else 0.0
        return RetrainCase(rise, min(max(recovered, 0.0), 1.0), float(self._cycle.age))

    def _reason(self, retrain: bool, gain: float, saving: float) -> str:
        level, rise, reachable = self._cycle.level or 0.0, self._rise(), self._reachable()
        verdict = f"a {'saving' if saving > 0 else 'loss'} of {abs(saving):.2f}"
        wait = "" if retrain or saving <= 0 else " Waiting one more step is worth more."
        return (
            f"The error is {level:.3f}, {rise:.3f} above the {reachable:.3f} of a fresh model; retraining should "
            f"take away {gain:.3f} a step for {self._holding():.0f} steps at a cost of {self._cost:g}: {verdict}.{wait}"
        )


def _checked(name: str, value: object, low: float, high: float) -> float:
    """Return `value` as a float; ValueError, naming it, for what is no finite number between `low` and `high`."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{name} must be a number, not {type(value).__name__}")
    number = float(value)
    if not math.isfinite(number) or not low <= number <= high:
        limits = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of at least {low:g}"
        raise ValueError(f"{name} must be a finite number {limits}, not {number}")
    return number


def _cases(cases: Iterable[object]) -> list[RetrainCase]:
    checked = []
    for case in cases:
        if not isinstance(case, RetrainCase):
            raise ValueError(f"cases must be RetrainCase values, not {type(case).__name__}")
        checked.append(case)
    return checked
