"""When to retrain one model, step by step: the same idea as the engine, along time.

A sequential expected-utility rule. After each step it asks what a retrain now would save: the error that it would take
away, times the steps for which that gain is expected to hold, less what it costs. It retrains when the saving is
positive and one more step of waiting is not worth more. Waiting is worth something for two reasons: a retrain soon
after the concept moved learns mostly from what came before, and a rise that is only a moment old may pass by itself.

How much of a rise a retrain takes away, and for how long, is learned from cases: those that ship, or those passed in,
and what this model's own retrains showed. Constant, few or contradictory data shrink to them, and give "keep it".
"""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import mul
from typing import NamedTuple

from aurora.policy.curves import interpolated, ramp
from aurora.policy.given import checked
from aurora.policy.onset import Turn, newest_turn
from aurora.policy.priors import AdvisorPriors, RetrainCase
from aurora.policy.priors import priors as shipped

STEEPEST = 6.0
"""Beyond so many standard deviations a saving is no surer."""
REMEMBERED = 40
"""Steps of one model that are looked at for a turn."""
LONG_AGO = 1_000
"""Steps since a turn where there was none."""


@dataclass(frozen=True, slots=True)
class RetrainAdvice:
    """What `RetrainAdvisor.advise` says."""

    retrain: bool
    probability: float
    """Calibrated probability that retraining now costs less than keeping the model."""
    saving: float
    """Expected saving, in the units of `retrain_cost`; below 0 where retraining costs more than it brings."""
    reason: str
    waiting: float = 0.0
    """What one more step is worth beyond what it costs, in those units: above 0 where waiting is better."""


@dataclass(slots=True)
class _Cycle:
    """What was seen since the model was trained."""

    age: int = 0
    """Steps with a measured error."""
    wrong: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    rows: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """Wrong and labelled rows of the newest steps, oldest first."""
    fresh_wrong: float = 0.0
    fresh_rows: float = 0.0
    level: float | None = None
    """The error now, smoothed."""
    level_rows: float = 0.0
    """How many labelled rows stand behind the level."""
    excess: float = 0.0
    """Sum over steps of the error above its fresh level: what keeping the model has cost so far."""
    turn: Turn | None = None
    drift: float | None = None
    handicap: float = 0.0
    """How much worse the challenger was than the model while that was fresh."""


class _Outlook(NamedTuple):
    """What a retrain is expected to do."""

    level: float
    rise: float
    gain: float
    """Error per step that a retrain now would take away."""
    ripening: float
    """By how much that grows if it is made one step later."""
    spread: float
    """Standard error of the gain."""
    passing: float
    """Chance that the rise passes by itself."""
    holding: float
    """For how many steps the gain lasts."""

    @property
    def lasting_gain(self) -> float:
        """The gain, less for the chance that the rise passes by itself."""
        return self.gain * (1 - self.passing)


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
        self._cost = checked("retrain_cost", retrain_cost)
        self._numbers = shipped().advisor if priors is None else priors
        self._cases = list(self._numbers.cases if cases is None else _cases(cases))
        self._cycle = _Cycle()
        self._challenger: float | None = None
        """Error of the challenger, smoothed; it goes on learning whatever happens to the model."""
        self._best: float | None = None
        """The lowest error of a fresh model in earlier cycles."""
        self._hope = 0.0
        """How far a retrain is taken to come from this model's fresh error towards the best one."""
        self._moved_ago = LONG_AGO
        """Steps since the concept moved, when that was before this model was trained."""
        self._pending: tuple[float, float] | None = None
        """Rise and reachable error at the last retrain, until its outcome is known."""

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
        error = checked("error", error, 0.0, 1.0)
        rows = self._numbers.assumed_labels if labels is None else checked("labels", labels)
        drifts = [
            checked(name, value)
            for name, value in (("drift_mean", drift_mean), ("drift_max", drift_max))
            if value is not None
        ]
        challenger = None if challenger_error is None else checked("challenger_error", challenger_error, 0.0, 1.0)
        self._cycle.drift = max(drifts, default=None)
        if rows > 0:
            self._measure(error, min(rows, 1e6))
        if challenger is not None and self._cycle.level is not None:
            self._compare(challenger, self._cycle.level)

    def retrained(self) -> None:
        """Say that the model was retrained after the newest step. What the one before showed is kept as a case."""
        cycle = self._cycle
        if self._pending is not None and cycle.age > 0:
            self._cases.append(self._case(self._pending))
        self._pending = (self._outlook(cycle.level).rise, self._reachable()) if cycle.level is not None else None
        if cycle.age > 0:
            self._moved_ago = self._since_moved()
            self._best = self._fresh() if self._best is None else min(self._best, self._fresh())
            # A model that was trained while its window still held the old concept is fresh, and not yet good.
            self._hope = self._numbers.hope if self._moved_ago < self._numbers.settled_steps else 0.0
        self._cycle = _Cycle()

    def advise(self) -> RetrainAdvice:
        """Return the advice for now. Always defined: without evidence it is to keep the model."""
        cycle, numbers = self._cycle, self._numbers
        if cycle.level is None:
            return RetrainAdvice(False, 0.0, -self._cost, "No error has been measured since the model was trained.")
        ahead = self._outlook(cycle.level)
        saving, signs = self._weighed(ahead)
        probability = interpolated(numbers.curve, sum(map(mul, numbers.weights, signs)))
        waiting = self._worth_of_waiting(ahead)
        retrain = cycle.age >= numbers.least_steps and ahead.gain > 0 and saving > 0 and waiting <= 0
        return RetrainAdvice(retrain, probability, saving, self._reason(retrain, ahead, saving), waiting)

    def evidence(self) -> tuple[float, float, float] | None:
        """Return what the probability is made of, for its calibration: None where no error has been measured.

        The saving in its standard deviations, and, in prices, on a scale that flattens out, what a retrain would gain
        and the rise of the error over ten steps.
        """
        return None if self._cycle.level is None else self._weighed(self._outlook(self._cycle.level))[1]

    # --- what is known -----------------------------------------------------------------------------------------------

    def _measure(self, error: float, rows: float) -> None:
        cycle, keep = self._cycle, self._numbers.forgetting
        cycle.age += 1
        self._moved_ago += 1
        cycle.wrong.append(error * rows)
        cycle.rows.append(rows)
        if cycle.age <= self._numbers.fresh_steps:
            cycle.fresh_wrong += error * rows
            cycle.fresh_rows += rows
        old = cycle.level_rows * keep
        cycle.level = (old * (cycle.level or 0.0) + error * rows) / (old + rows)
        cycle.level_rows = old + rows
        cycle.turn = newest_turn(cycle.wrong, cycle.rows)
        cycle.excess += max(error - self._reachable(), 0.0) if cycle.age > 1 else 0.0

    def _compare(self, challenger: float, level: float) -> None:
        """Follow the challenger; while the model is fresh, learn by how much the cheap model is the worse one."""
        keep = self._numbers.challenger_forgetting
        old = self._challenger
        self._challenger = challenger if old is None else keep * old + (1 - keep) * challenger
        if self._cycle.age <= self._numbers.fresh_steps:
            self._cycle.handicap = self._numbers.handicap * max(self._challenger - level, 0.0)

    def _fresh(self) -> float:
        """Return the error of the model as it was new."""
        cycle = self._cycle
        return cycle.fresh_wrong / cycle.fresh_rows if cycle.fresh_rows > 0 else 0.0

    def _reachable(self) -> float:
        """Return the error that a retrain may reach: the fresh one, or part of the way to a better one seen before."""
        fresh = self._fresh()
        return fresh if self._best is None else fresh - self._hope * max(fresh - self._best, 0.0)

    def _turned(self) -> tuple[float, int]:
        """Return how sure it is that the error took a turn, from 0 to 1, and how many steps ago."""
        turn, numbers = self._cycle.turn, self._numbers
        return (0.0, LONG_AGO) if turn is None else (turn.surety(numbers.sure_score, numbers.sharpness), turn.steps)

    def _risen(self) -> tuple[float, int]:
        """Return the same of a turn for the worse."""
        turn = self._cycle.turn
        return self._turned() if turn is not None and turn.rising else (0.0, LONG_AGO)

    def _since_moved(self) -> int:
        surety, steps = self._risen()
        return min(steps, self._moved_ago) if surety > 0.5 else self._moved_ago

    # --- what a retrain would do -------------------------------------------------------------------------------------

    def _weighed(self, ahead: _Outlook) -> tuple[float, tuple[float, float, float]]:
        """Return the expected saving, and what its probability is made of; see `evidence`."""
        worth = ahead.lasting_gain * ahead.holding
        saving = worth - self._cost - self._wasted(ahead)
        deviation = max(math.hypot(ahead.holding * ahead.spread, worth * self._numbers.spread), 1e-9)
        certainty = min(max(saving / deviation, -STEEPEST), STEEPEST)
        price = max(self._cost, 1e-6)
        return saving, (certainty, math.asinh(worth / price), math.asinh(10 * ahead.rise / price))

    def _worth_of_waiting(self, ahead: _Outlook) -> float:
        """Return what one more step is worth, less the gain that it costs.

        It brings a better model, a surer level, or shows that the rise passes; none is worth more than a retrain costs.
        """
        numbers = self._numbers
        better = numbers.patience * min(ahead.ripening * ahead.holding, self._cost)
        surer = numbers.doubt * min(ahead.spread * numbers.holding, self._cost)
        return better + surer + self._wasted(ahead) - ahead.lasting_gain

    def _wasted(self, ahead: _Outlook) -> float:
        """Return what a retrain is expected to cost beyond its price because the rise may pass by itself."""
        return ahead.passing * self._numbers.setback * self._cost

    def _outlook(self, smoothed: float) -> _Outlook:
        cycle, numbers = self._cycle, self._numbers
        surety, steps = self._turned()
        risen = self._risen()[0]
        level = smoothed if cycle.turn is None else surety * cycle.turn.after + (1 - surety) * smoothed
        rise = max(level - self._reachable(), 0.0)
        recovered, held = self._learned(rise)
        now, later = self._filled(risen)
        gain = rise * recovered * now
        if self._challenger is not None:
            shown = max(level - (self._challenger - cycle.handicap), 0.0)
            gain = (1 - numbers.challenger_trust) * gain + numbers.challenger_trust * shown
        rows = cycle.turn.rows if cycle.turn is not None and surety >= 0.5 else cycle.level_rows
        noise = max(level * (1 - level), 0.01)
        spread = math.sqrt(noise / max(rows, 1.0) + noise / max(cycle.fresh_rows, 1.0))
        gain = max(gain - self._caution() * spread, 0.0)
        passing = risen * numbers.passing * numbers.lasting ** (steps - 1) if risen > 0.5 else 0.0
        holding = self._holding(rise, held, risen)
        return _Outlook(level, rise, gain, rise * recovered * (later - now), spread, passing, holding)

    def _filled(self, risen: float) -> tuple[float, float]:
        """Return how much of its gain a retrain would have now, and one step later, from 0 to 1.

        The rows to train on fill with the new concept step by step, and with them the gain.
        """
        ago = self._since_moved()
        weight = risen if risen > 0.5 else 1.0
        old = weight * math.exp(-ago / self._numbers.fill_steps)
        return 1 - old, 1 - old * math.exp(-1 / self._numbers.fill_steps)

    def _caution(self) -> float:
        """Return how many standard errors a rise must exceed: fewer where the inputs moved too."""
        drift, numbers = self._cycle.drift, self._numbers
        moved = 0.5 if drift is None else ramp(drift, numbers.drift_limit, numbers.drift_limit / 4)
        return numbers.caution * (1 + numbers.drift_weight * (1 - 2 * moved))

    def _holding(self, rise: float, held: float, risen: float) -> float:
        """Return for how many steps a retrain now would keep its gain.

        A sudden rise is taken to stay away until the next one. A slow one comes back as slowly as it came: the best
        time for it is when the error above the fresh level has added up to the price.
        """
        cycle = self._cycle
        linear = rise * cycle.age / 2
        sudden = 1.0 - min(cycle.excess / linear, 1.0) if linear > 0 else 0.0
        return max(max(sudden, risen) * held, self._numbers.slow_share * cycle.age)

    def _learned(self, rise: float) -> tuple[float, float]:
        """Return the share of a rise that a retrain takes away, and for how many steps, from cases of similar rises."""
        numbers = self._numbers
        weight = numbers.case_strength
        recovered, held = weight * (1 - numbers.residual), weight * numbers.holding
        for case in self._cases:
            alike = math.exp(-(((rise - case.rise) / numbers.bandwidth) ** 2) / 2)
            weight += alike
            recovered += alike * case.recovered
            held += alike * case.held
        return recovered / weight, held / weight

    def _case(self, before: tuple[float, float]) -> RetrainCase:
        """Return what came of the last retrain: how much of the rise it took away, and for how long."""
        rise, reachable = before
        recovered = 1 - max(self._fresh() - reachable, 0.0) / rise if rise > 0 else 0.0
        return RetrainCase(rise, min(max(recovered, 0.0), 1.0), float(self._cycle.age))

    def _reason(self, retrain: bool, ahead: _Outlook, saving: float) -> str:
        verdict = f"a {'saving' if saving > 0 else 'loss'} of {abs(saving):.2f}"
        words = (
            f"The error is {ahead.level:.3f}, {ahead.rise:.3f} above the {self._reachable():.3f} of a fresh model; "
            f"retraining should take away {ahead.gain:.3f} a step for {ahead.holding:.0f} steps at a cost of "
            f"{self._cost:g}: {verdict}."
        )
        if retrain or saving <= 0:
            return words
        why = "it may pass by itself" if ahead.passing > 0.1 else "a retrain will learn more from what comes"
        return f"{words} Waiting one more step is worth more: {why}."


def _cases(cases: Iterable[object]) -> list[RetrainCase]:
    checked = []
    for case in cases:
        if not isinstance(case, RetrainCase):
            raise ValueError(f"cases must be RetrainCase values, not {type(case).__name__}")
        checked.append(case)
    return checked
