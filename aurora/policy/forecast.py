"""What load comes within the hour, minute by minute: a point and how far off it may be.

The forecast is a regression on what is known of a load now: its newest value, how it went over the last minutes and
hours, its trend, and how it went at this time on the days before. It starts from what loads are like in general, and
each minute whose outcome is known moves it towards what this load is like (Bayesian least squares). How far off it
was is how far off it may be: the errors are counted, since loads rise faster than they fall and surge at times.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from aurora.policy.curves import sigmoid
from aurora.policy.priors import ScalingPriors

DAY = 1440
BIN = 15
"""Minutes of a day that are remembered as one."""
FILLED = 10
"""Minutes of silence that are taken for more of the same; after more, what the load does now is not known."""
BELIEVED = 3
"""So many points in a row that lie before the newest one show that it was the newest one's time that was wrong."""
PARTS = 5
"""What a forecast rests on, beside the level."""
TREND_MINUTES = 10
LOGISTIC = math.sqrt(3) / math.pi
"""From a standard deviation to the scale of a logistic distribution."""
MOST = 1e12
"""More than that is taken for that much: no load is as high, and its square would be beyond all numbers."""
LEARNS_EVERY = 3
"""Minutes from one lesson to the next: neighbours teach the same."""

Vector = tuple[float, float, float, float, float]


STEP = 0.04
"""Width of the bins in which relative errors are counted."""
BINS = 126
"""From nothing coming at all to five times what was foreseen."""
COUNTED_EVERY = 5
"""Minutes from one sum over the bins to the next."""


class Errors:
    """How far off forecasts of one lead were, relative to the forecast: newer ones count more.

    Starts as a logistic distribution of a usual spread that is worth so many minutes.
    """

    __slots__ = ("_counts", "_growth", "_sums", "_weight", "_written")

    def __init__(self, spread: float, worth: float, memory: float) -> None:
        borders = [sigmoid((STEP * (place + 1) - 1) / (LOGISTIC * spread)) for place in range(BINS)]
        self._counts = [worth * (high - low) for low, high in pairwise([0.0, *borders])]
        self._growth, self._weight, self._written = 1 + 1 / memory, 1.0, 0
        self._sums = self._summed()

    def add(self, error: float) -> None:
        """Count one more error."""
        self._weight *= self._growth
        self._counts[int(min((error + 1) / STEP, BINS - 1))] += self._weight
        self._written += 1
        if self._written % COUNTED_EVERY == 0:
            self._sums = self._summed()

    def under(self, error: float) -> float:
        """Return the share of errors up to this one."""
        place = (error + 1) / STEP
        if place <= 0:
            return 0.0
        if place >= BINS:
            return 1.0
        whole = int(place)
        low = self._sums[whole]
        return low + (place - whole) * (self._sums[whole + 1] - low)

    def _summed(self) -> list[float]:
        """Return the share of errors under each border of a bin, and keep the counts in numbers of a handy size."""
        if self._weight > 1e6:
            self._counts = [count / self._weight for count in self._counts]
            self._weight = 1.0
        sums = list(accumulate(self._counts, initial=0.0))
        return [part / sums[-1] for part in sums]


@dataclass(frozen=True, slots=True)
class Outlook:
    """The load at one moment ahead."""

    load: float
    errors: Errors

    def under(self, load: float) -> float:
        """Return the chance that no more than `load` comes."""
        return self.errors.under(load / max(self.load, 1e-9) - 1)

    def most(self, chance: float) -> float:
        """Return the load that is exceeded with this chance."""
        found = next((n for n in range(BINS) if self.errors.under(STEP * (n + 1) - 1) >= 1 - chance), BINS)
        return self.load * STEP * (found + 1)


@dataclass(slots=True)
class _Lead:
    """The regression for one lead."""

    minutes: int
    weights: list[float]
    spreads: list[list[float]]
    """Covariance of the weights."""
    variance: float
    """Mean squared relative error."""
    errors: Errors
    waiting: deque[tuple[Vector, float, float, float]] = field(default_factory=deque)
    """Of each minute whose outcome is not known yet: what was known, the level, its scale and the forecast."""


class Forecaster:
    """Forecasts one load, given in any unit. `leads` are minutes ahead, at least 1, rising."""

    def __init__(self, leads: Sequence[int], priors: ScalingPriors) -> None:
        self._priors = priors
        self._leads = [_lead(lead, priors) for lead in leads]
        self._day: list[float | None] = [None] * (DAY // BIN)
        self._today = (-1, 0.0, 0)
        self._newest: float | None = None
        self._older: list[float] = []
        self._restart()

    @property
    def points(self) -> int:
        """How many minutes in a row are known."""
        return self._points

    @property
    def newest(self) -> float | None:
        """The minute of the newest point."""
        return self._newest

    def update(self, minute: float, load: float) -> bool:
        """Take in the load of one minute; say whether it told anything.

        What is no number, below 0, of a minute that is known, or from before the newest one, tells nothing.
        """
        if not (math.isfinite(minute) and math.isfinite(load)) or load < 0:
            return False
        load = min(load, MOST)
        passed = 1 if self._newest is None else math.floor(minute) - math.floor(self._newest)
        if passed == 0:
            return False
        if passed < 0:
            return self._is_older(minute, load)
        self._older.clear()
        if passed > FILLED:
            self._restart()
            passed = 1
        for missing in range(passed - 1, -1, -1):
            self._take(math.floor(minute) - missing, load if missing == 0 else self._last)
        self._newest = minute
        return True

    def outlooks(self) -> tuple[Outlook, ...]:
        """Return what is to be expected at each lead. Nothing may be asked before the first point."""
        return tuple(self._outlook(lead) for lead in self._leads)

    def known(self) -> tuple[tuple[Vector, float, float], ...]:
        """Return for each lead what its forecast rests on, relative to the level, and the level and its scale."""
        return tuple(lead.waiting[-1][:3] for lead in self._leads)

    # --- points ------------------------------------------------------------------------------------------------------

    def _is_older(self, minute: float, load: float) -> bool:
        """Leave out a point that lies before the newest one, or if enough of them do, believe them instead of it."""
        if self._older and minute <= self._older[-1]:
            return False
        self._older.append(minute)
        if len(self._older) < BELIEVED:
            return False
        self._older.clear()
        self._restart()
        self._newest = None
        return self.update(minute, load)

    def _restart(self) -> None:
        """Forget what the load does now, and keep what it is like."""
        self._points = 0
        self._last = self._fast = self._middle = self._slow = 0.0
        self._middles: deque[float] = deque(maxlen=TREND_MINUTES)
        for lead in self._leads:
            lead.waiting.clear()

    def _take(self, minute: int, load: float) -> None:
        self._remember(minute, load)
        if self._points == 0:
            self._fast = self._middle = self._slow = load
        self._points += 1
        memory = self._priors.memory
        # Young averages are plain ones.
        self._last = load
        self._fast += max(1 / memory[0], 1 / self._points) * (load - self._fast)
        self._middle += max(1 / memory[1], 1 / self._points) * (load - self._middle)
        self._slow += max(1 / memory[2], 1 / self._points) * (load - self._slow)
        self._middles.append(self._middle)
        for lead in self._leads:
            self._learn(lead, load, minute)
            known, level, scale = self._known(lead.minutes, minute)
            lead.waiting.append((known, level, scale, _forecast(lead.weights, known, level, scale)))

    def _remember(self, minute: int, load: float) -> None:
        """Add to what the load is at this time of day."""
        place, total, count = self._today
        now = minute % DAY // BIN
        if place != now and count:
            before = self._day[place]
            mean = total / count
            self._day[place] = mean if before is None else before + self._priors.daily * (mean - before)
        if place != now:
            total, count = 0.0, 0
        self._today = (now, total + load, count + 1)

    def _known(self, lead: int, minute: int) -> tuple[Vector, float, float]:
        """Return what a regression rests on, relative to the level, and the level and its scale."""
        level = self._slow
        scale = max(level, 1e-9)
        then, now = self._day[(minute + lead) % DAY // BIN], self._usual_now(minute)
        season = 0.0 if then is None or now is None else then - now
        trend = self._middle - self._middles[0]
        parts = (self._last - level, self._fast - level, self._middle - level, trend, season)
        return tuple(part / scale for part in parts), level, scale  # type: ignore[return-value]

    def _usual_now(self, minute: int) -> float | None:
        # What is remembered of this moment is from the days before: today's is added when its bin is over.
        return self._day[minute % DAY // BIN]

    # --- regressions -------------------------------------------------------------------------------------------------

    def _outlook(self, lead: _Lead) -> Outlook:
        *_, forecast = lead.waiting[-1]
        return Outlook(forecast, lead.errors)

    def _learn(self, lead: _Lead, load: float, minute: int) -> None:
        """Hold the forecast for this minute against what came."""
        if len(lead.waiting) < lead.minutes:
            return
        known, level, scale, forecast = lead.waiting.popleft()
        error = (load - forecast) / max(forecast, 0.1 * scale, 1e-9)
        lead.errors.add(error)
        lead.variance += (min(error * error, 25.0) - lead.variance) / self._priors.error_memory
        if minute % LEARNS_EVERY == 0:
            noise = max(lead.variance, 1e-4) * lead.minutes / LEARNS_EVERY
            _regress(lead, known, (load - level) / scale, noise)


def _lead(minutes: int, priors: ScalingPriors) -> _Lead:
    weights = priors.weights_at(minutes)
    spread = priors.openness**2
    spreads = [[spread if row == column else 0.0 for column in range(PARTS)] for row in range(PARTS)]
    usual = priors.spread_at(minutes)
    errors = Errors(usual, priors.error_worth, priors.error_memory)
    return _Lead(minutes, list(weights), spreads, usual**2, errors)


def _forecast(weights: Sequence[float], known: Vector, level: float, scale: float) -> float:
    moved = sum(weight * part for weight, part in zip(weights, known, strict=True))
    return max(level + scale * moved, 0.0)


def _regress(lead: _Lead, known: Vector, outcome: float, noise: float) -> None:
    """Move the weights by one outcome (recursive least squares)."""
    pulls = [sum(spread * part for spread, part in zip(row, known, strict=True)) for row in lead.spreads]
    sure = noise + sum(pull * part for pull, part in zip(pulls, known, strict=True))
    error = outcome - sum(weight * part for weight, part in zip(lead.weights, known, strict=True))
    # One outcome that is far off is no lesson about what is usual.
    error = min(max(error, -3 * math.sqrt(sure)), 3 * math.sqrt(sure))
    gains = [pull / sure for pull in pulls]
    lead.weights = [weight + gain * error for weight, gain in zip(lead.weights, gains, strict=True)]
    for row, gain in zip(lead.spreads, gains, strict=True):
        for column, pull in enumerate(pulls):
            row[column] -= gain * pull
