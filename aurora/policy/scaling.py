"""How many replicas one service is to have, minute by minute: the same idea as the engine, along time.

A replica that is ordered costs at once and serves after its boot. So it is worth it where what it spares over the time
for which it will be needed exceeds what it costs, its boot included; one that serves is given back where not even
what it would cost to boot it again speaks for it. What a replica spares hangs on the load that comes, of which there is
a forecast with its spread: work is late where more comes than the replicas carry in time, and one more replica
spares what lies between what they carry without it and with it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from aurora.policy.forecast import Forecaster, Outlook
from aurora.policy.given import checked, number, whole
from aurora.policy.priors import ScalingPriors
from aurora.policy.priors import priors as shipped

LEAST_POINTS = 10
"""Minutes that must be known before anything is advised."""
STALE = 10.0
"""Minutes after which the newest point tells nothing any more."""
SOON, LATER, LAST = 10, 15, 35
"""For how many minutes what is expected after the boot stands, and what is expected after that."""
AHEAD = (15, 40)
"""Minutes ahead for which the later forecasts are made, beyond a boot."""


@dataclass(frozen=True, slots=True)
class Sizing:
    """What one replica more or less is worth, and how many there are to be for it. Times in minutes."""

    boot: float
    late_cost: float
    patience: float
    """The latency target in the time of one request alone: the longer, the fuller a replica may be."""
    most: int
    numbers: ScalingPriors

    def wanted(self, now: int, outlooks: Sequence[Outlook]) -> int:
        """Return how many there are to be, where there are `now`, for what is expected after a boot and later twice."""
        if self.late_cost > 0 and not self._suffices(self.most, outlooks[0]):
            # More than all can carry: the work is late whatever is done, and least of it with all there may be.
            return self.most
        more = self._more(now, outlooks)
        return more if more > now else self._fewer(now, outlooks)

    def _more(self, now: int, outlooks: Sequence[Outlook]) -> int:
        """Return the number up to which orders are worth most together: where much is missing, one alone is no help."""
        best, worth, most_worth = min(now, self.most), 0.0, 0.0
        for count in range(now + 1, self.most + 1):
            worth += self._worth_of_order(count, outlooks)
            if worth > most_worth:
                best, most_worth = count, worth
            elif self._suffices(count - 1, outlooks[0]):
                break
        return best

    def _fewer(self, now: int, outlooks: Sequence[Outlook]) -> int:
        """Return the number down to which each is worth no more than what it costs, and is likely not to be missed."""
        count = min(now, self.most)
        while count > 1 and self._suffices(count - 1, outlooks[0]) and not self._is_worth_keeping(count, outlooks):
            count -= 1
        return count

    def _suffices(self, count: int, outlook: Outlook) -> bool:
        return outlook.under(count * self._room) > 0.5

    @property
    def _room(self) -> float:
        """How full a replica may be before most of its work is late."""
        return max(1 - 1 / self.patience, 0.5)

    def _worth_of_order(self, count: int, outlooks: Sequence[Outlook]) -> float:
        """Return what it saves to order the last of so many now, against later or never."""
        soon = self._spared(count, outlooks[0])
        there, waiting = self._after_boot(soon, count, outlooks)
        saved = there - self.boot - waiting - self.numbers.reluctance * self.boot
        # One that is not needed after its boot may as well be ordered later, whatever it will spare then.
        return saved if soon > 0 else min(saved, SOON * soon)

    def _is_worth_keeping(self, count: int, outlooks: Sequence[Outlook]) -> bool:
        soon = self._spared(count, outlooks[0])
        if soon >= 0:
            return True
        there, waiting = self._after_boot(soon, count, outlooks)
        return self.boot * soon + there > max(waiting, there - self.boot) - self.numbers.attachment * self.boot

    def _after_boot(self, soon: float, count: int, outlooks: Sequence[Outlook]) -> tuple[float, float]:
        """Return what is saved from one boot ahead on by a replica that serves then, and by one ordered later or never.

        A replica may be given back at any time, and ordered again for what its boot costs.
        """
        last = max(LAST * self._spared(count, outlooks[2]), 0.0)
        absent = max(last - self.boot, 0.0)
        later = max(LATER * self._spared(count, outlooks[1]) + last, absent)
        absent = max(absent, later - self.boot)
        return max(SOON * soon + later, absent), absent

    def _spared(self, count: int, outlook: Outlook) -> float:
        """Return what the last of so many replicas spares a minute beyond what it costs."""
        carried, without = count * self._room, (count - 1) * self._room
        # Where it makes the difference, all of the work is late without it, and not with it.
        needed = outlook.under(carried) - outlook.under(without)
        return self.late_cost * (carried + without) / 2 * needed - 1


@dataclass(frozen=True, slots=True)
class ScaleAdvice:
    """What `ScaleAdvisor.advise` says."""

    replicas: int
    """How many there are to be, those that boot included."""
    expected: float | None
    """The load that is expected once a replica that is ordered now serves, in replicas; None where none is known."""
    likely_most: float | None
    """The load that is exceeded then with one chance in twenty."""
    reason: str


class ScaleAdvisor:
    """Advises how many replicas one service is to have now.

    `boot_minutes` is how long a new replica takes until it serves, and `late_cost` what a minute of one replica's work
    costs if it is answered too late, in minutes of a replica. `most` is the limit. `priors` stands in for the shipped
    numbers. Not thread-safe: one advisor belongs to one service.
    """

    def __init__(
        self, boot_minutes: float, late_cost: float, *, most: int = 20, priors: ScalingPriors | None = None
    ) -> None:
        self._numbers = shipped().scaling if priors is None else priors
        self._boot = checked("boot_minutes", boot_minutes)
        self._late_cost = checked("late_cost", late_cost)
        self._most = max(int(checked("most", most)), 1)
        self._forecaster = Forecaster(leads(self._boot), self._numbers)
        self._patience = self._numbers.patience
        self._patience_told = 0

    def update(self, minute: float, load: float, *, serving: int | None = None, late: float | None = None) -> None:
        """Take in one minute: the load that came, in what one replica can carry, and if known what was late of it.

        `minute` counts from a Monday's midnight of the place whose days matter, or from any midnight. `late` is the
        share of requests that `serving` replicas answered too late. What is NaN, infinite or negative, is told twice
        or lies before the newest minute tells nothing; a silence of more than ten minutes starts the forecast anew.
        Raises ValueError for what is no number at all.
        """
        minute, load = number("minute", minute), number("load", load)
        there = 0.0 if serving is None else number("serving", serving)
        missed = None if late is None else number("late", late)
        if self._forecaster.update(minute, load) and there and missed is not None:
            self._hear(load / there, missed)

    def advise(self, serving: int, booting: int = 0, minute: float | None = None) -> ScaleAdvice:
        """Return the advice for now, given how many serve and boot. Always defined: without evidence, what there is.

        Raises ValueError for what is no number.
        """
        now = max(whole("serving", serving) + whole("booting", booting), 1)
        minute = None if minute is None else number("minute", minute)
        if unknown := self._unknown(minute):
            return ScaleAdvice(now, None, None, unknown)
        outlooks = self._forecaster.outlooks()
        sizing = Sizing(self._boot, self._late_cost, self._patience, self._most, self._numbers)
        wanted = sizing.wanted(now, outlooks)
        first = outlooks[0]
        most = first.most(UNLIKELY)
        return ScaleAdvice(wanted, first.load, most, self._reason(now, wanted, first.load, most))

    # --- what is known -----------------------------------------------------------------------------------------------

    def _hear(self, used: float, late: float) -> None:
        """Learn how full a replica may be: how much is late at some use tells how soon lateness sets in."""
        if not 0.001 < late < 0.9 or not 0 < used < 0.999:
            return
        told = min(max(-math.log(late) / (1 - used), 3.0), 1000.0)
        self._patience_told += 1
        # A mean of logs, the usual value being worth five points.
        pace = 1 / min(self._patience_told + 5, 200)
        self._patience *= (told / self._patience) ** pace

    def _unknown(self, minute: float | None) -> str | None:
        newest = self._forecaster.newest
        if newest is None or self._forecaster.points < LEAST_POINTS:
            return f"The load of {self._forecaster.points} minutes in a row is known, which is too little to go by."
        if minute is not None and minute - newest > STALE:
            return f"The newest load is {minute - newest:.0f} minutes old."
        return None

    def _reason(self, now: int, wanted: int, expected: float, most: float) -> str:
        ahead = leads(self._boot)[0]
        outlook = f"{expected:.1f} replicas' work is expected in {ahead} minutes, likely at most {most:.1f}"
        if wanted == self._most and expected > wanted:
            return f"{outlook}: more than the {wanted} can carry that there may be."
        if wanted > now:
            return f"{outlook}: {wanted - now} more than the {now} are worth their boot."
        if wanted < now:
            return f"{outlook}: {now - wanted} of {now} cost more than what they spare, and than to boot them again."
        return f"{outlook}: the {now} there are worth what they cost."


def leads(boot: float) -> tuple[int, int, int]:
    """Return for how many minutes ahead forecasts are made."""
    soon = round(boot) + 1
    return soon, soon + AHEAD[0], soon + AHEAD[1]


def growth(loads: Iterable[tuple[float, float]], now: float, ahead: float) -> float | None:
    """Return the load that is exceeded `ahead` minutes from now with one chance in ten, as a multiple of that of now.

    `loads` are minutes and the load at them, in any unit and order; those of one minute are averaged, those after `now`
    left out. None where nothing comes, where too few minutes are known or the newest is long past.
    """
    by_minute: dict[int, list[float]] = {}
    for minute, load in loads:
        if minute <= now and math.isfinite(minute) and math.isfinite(load):
            by_minute.setdefault(math.floor(minute), []).append(load)
    forecaster = Forecaster((max(round(ahead), 1),), shipped().scaling)
    for at in sorted(by_minute)[-KNOWN_MINUTES:]:
        forecaster.update(at, fmean(by_minute[at]))
    newest = forecaster.newest
    if newest is None or forecaster.points < LEAST_POINTS or now - newest > STALE:
        return None
    load = fmean(by_minute[math.floor(newest)])
    return forecaster.outlooks()[0].most(EXCEEDED) / load if load > 0 else None


EXCEEDED = 0.1
"""Where a replica-hour costs a tenth of an hour over the latency target, as by default, so much risk is worth it."""
KNOWN_MINUTES = 180
"""Older minutes tell little of what comes within minutes."""
UNLIKELY = 0.05
"""The chance with which the load that is likely the most is exceeded."""
