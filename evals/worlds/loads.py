"""Load traces for SCALE: how much work comes in minute by minute, and what serving it with so many replicas costs.

Load is in the work that one replica can carry within its latency target; what is over that is late. A replica that is
ordered costs from then on and serves after its boot; one that is given back is gone at once. What a trace draws by
chance comes from the entry's own name. The list of families is frozen before anything is fitted, and a family that is
held out is never read by a fit.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

import numpy as np
from numpy.typing import NDArray

WEIGHTS = (3.0, 10.0)
"""What a replica's worth of late work costs, in what the replica would have cost."""
DAYS = 4
DAY = 24 * 60
MOST = 60
"""The limit on replicas, which no trace needs."""

Loads = list[float]
Shape = Callable[[Random, int], Loads]
"""Draws so many minutes of load, in any unit."""


@dataclass(frozen=True, slots=True)
class Family:
    """Traces of one shape."""

    name: str
    about: str
    published: bool
    shape: Shape
    seeds: tuple[int, ...] = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class Entry:
    """One trace of the list, at one weight of what is late."""

    family: Family
    seed: int
    weight: float

    @property
    def key(self) -> str:
        """What is built: the same at every weight."""
        return f"{self.family.name}-{self.seed}"


@dataclass(frozen=True, slots=True)
class Trace:
    """One trace, built."""

    loads: tuple[float, ...]
    """Work of each minute, in replicas."""
    boot: int
    """Minutes from an order until the replica serves."""
    start: int
    """Replicas that serve the first minute."""
    patience: float
    """The latency target, in the time that one request takes alone."""
    begins: int
    """Minute of the week, from Monday at midnight, at which it begins."""


@dataclass(frozen=True, slots=True)
class Sight:
    """All that a policy is shown of one minute, after it was served."""

    minute: int
    """Minutes since Monday at midnight of the first week."""
    load: float
    serving: int
    booting: int
    late: float
    """Share of the requests that were answered after the latency target."""


Policy = Callable[[Sight], int]
"""Says after each minute how many replicas there are to be, those that boot included; may remember."""


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a policy on one trace. Costs are in hours of the trace's own mean load."""

    replicas: float
    """What all replicas cost, booting ones included."""
    late: float
    """Work that was late."""
    late_share: float
    """The same as a share of all work."""
    changes: float
    """Orders and returns a day."""

    def cost(self, weight: float) -> float:
        """Return what it cost in all."""
        return self.replicas + weight * self.late


# --- shapes ----------------------------------------------------------------------------------------------------------


def _hour(minute: int) -> float:
    return minute % DAY / 60


def _noisy(random: Random, loads: Sequence[float], most: float = 0.32) -> Loads:
    """Return loads under noise of a relative size drawn up to `most`, each minute of which keeps some of the last."""
    size, keeps = random.uniform(0.03, most), random.uniform(0.5, 0.95)
    drawn, state, fresh = [], 0.0, math.sqrt(1 - keeps**2)
    for load in loads:
        state = keeps * state + fresh * random.gauss(0, size)
        drawn.append(load * math.exp(state - size**2 / 2))
    return drawn


def _day(random: Random, minutes: int, low: tuple[float, float] = (0.25, 0.5)) -> Loads:
    """Return a day that swells and ebbs, each day by a little more or less than the one before."""
    least, top, skew = random.uniform(*low), random.uniform(12, 20), random.uniform(-0.35, 0.35)
    sizes = [random.gauss(1, 0.06) for _ in range(minutes // DAY + 1)]
    loads = []
    for minute in range(minutes):
        turn = (_hour(minute) - top) / 24 * 2 * math.pi
        wave = (1 + math.cos(turn + skew * math.sin(turn))) / 2
        loads.append((least + (1 - least) * wave) * sizes[minute // DAY])
    return loads


def _times(random: Random, minutes: int, a_day: float) -> list[int]:
    """Return moments that come by chance, so many a day."""
    times, at = [], 0.0
    while (at := at + random.expovariate(a_day / DAY)) < minutes:
        times.append(int(at))
    return times


def _surges(random: Random, minutes: int, times: Sequence[int], high: tuple[float, float], long: float) -> Loads:
    """Return surges that rise within minutes and fade over about `long` minutes, to be added to a load around 1."""
    loads = [0.0] * minutes
    for start in times:
        height, rise, fade = random.uniform(*high), random.randint(4, 20), random.uniform(0.5, 1.5) * long
        for minute in range(start, min(start + rise + int(6 * fade), minutes)):
            age = minute - start
            loads[minute] += height * (age + 1) / rise if age < rise else height * math.exp(-(age - rise) / fade)
    return loads


def _levels(random: Random, minutes: int, a_day: float, far: float) -> Loads:
    """Return a level that jumps to another at moments that come by chance."""
    level, loads, turns = 1.0, [], set(_times(random, minutes, a_day))
    for minute in range(minutes):
        if minute in turns:
            level = min(max(level * math.exp(random.gauss(0, far)), 0.3), 3.0)
        loads.append(level)
    return loads


def _sum(*parts: Sequence[float]) -> Loads:
    return [sum(values) for values in zip(*parts, strict=True)]


def diurnal(random: Random, minutes: int) -> Loads:
    """A day that swells and ebbs."""
    return _noisy(random, _day(random, minutes))


def ramps(random: Random, minutes: int) -> Loads:
    """Plateaus, and slopes of minutes to an hour between them."""
    points, at = [(0, random.uniform(0.4, 1.6))], 0
    while at < minutes:
        rest, slope = random.randint(10, 90), random.randint(5, 60)
        points += [(at + rest, points[-1][1]), (at + rest + slope, random.uniform(0.4, 1.6))]
        at = points[-1][0]
    loads = np.interp(range(minutes), [x for x, _ in points], [y for _, y in points])
    return _noisy(random, loads.tolist())


def bursts(random: Random, minutes: int) -> Loads:
    """A level that surges several times a day."""
    times = _times(random, minutes, random.uniform(3, 12))
    return _noisy(random, _sum([1.0] * minutes, _surges(random, minutes, times, (0.3, 2.0), 20)))


def steps(random: Random, minutes: int) -> Loads:
    """A level that jumps and stays."""
    return _noisy(random, _levels(random, minutes, random.uniform(6, 24), 0.5))


def noise(random: Random, minutes: int) -> Loads:
    """One level, and nothing but noise, some of which lasts."""
    return _noisy(random, _noisy(random, [1.0] * minutes))


def surging_days(random: Random, minutes: int) -> Loads:
    """A day that swells and ebbs, with surges."""
    times = _times(random, minutes, random.uniform(2, 8))
    surges = _surges(random, minutes, times, (0.3, 1.5), 20)
    return _noisy(random, _sum(_day(random, minutes), surges))


def working_weeks(random: Random, minutes: int) -> Loads:
    """Days that swell and ebb, and a weekend that is quiet."""
    quiet, begins = random.uniform(0.35, 0.6), random.randint(1, 3)
    days = _day(random, minutes, (0.15, 0.35))
    rests = [quiet if begins <= minute // DAY <= begins + 1 else 1.0 for minute in range(minutes)]
    return _noisy(random, [load * rest for load, rest in zip(days, rests, strict=True)])


def office(random: Random, minutes: int) -> Loads:
    """Hours of work that begin and end sharply, with a dip at noon."""
    opens, closes, dip = random.uniform(7, 9.5), random.uniform(16, 19), random.uniform(0.1, 0.4)
    night, pace = random.uniform(0.1, 0.3), random.uniform(10, 40)
    loads = []
    for minute in range(minutes):
        hour = _hour(minute)
        there = 1 / (1 + math.exp(-pace * (hour - opens))) - 1 / (1 + math.exp(-pace * (hour - closes)))
        noon = dip * math.exp(-(((hour - 12.5) / 0.6) ** 2))
        loads.append(night + (1 - night) * there * (1 - noon))
    return _noisy(random, loads)


def crowds(random: Random, minutes: int) -> Loads:
    """A mild day, and a few times a crowd that comes at once."""
    times = _times(random, minutes, random.uniform(1.5, 4))
    crowd = _surges(random, minutes, times, (1.0, 3.0), 25)
    return _noisy(random, _sum(_day(random, minutes, (0.5, 0.8)), crowd))


def commuters(random: Random, minutes: int) -> Loads:
    """Two peaks a day."""
    peaks = [(random.uniform(7, 9), random.uniform(0.7, 1.3)), (random.uniform(17, 20), random.uniform(0.7, 1.3))]
    low, wide = random.uniform(0.2, 0.4), random.uniform(1.0, 2.2)

    def load(hour: float) -> float:
        return low + sum(high * math.exp(-(((hour - top) / wide) ** 2) / 2) for top, high in peaks)

    sizes = [random.gauss(1, 0.08) for _ in range(minutes // DAY + 1)]
    loads = [load(_hour(minute)) * sizes[minute // DAY] for minute in range(minutes)]
    return _noisy(random, loads)


def batches(random: Random, minutes: int) -> Loads:
    """Jobs that start at their hour, all at once, and run out."""
    every, long, high = random.choice((60, 120, 180)), random.uniform(0.3, 0.9), random.uniform(0.3, 0.8)
    late = random.uniform(0, 2)
    loads, start, size = [], 0.0, 1.0
    for minute in range(minutes):
        if minute % every == 0:
            start, size = minute + abs(random.gauss(0, late)), random.uniform(0.8, 1.2)
        left = 1 - (minute - start) / (long * every)
        loads.append(0.5 + (high * size * left if minute >= start and left > 0 else 0.0))
    return _noisy(random, loads)


def walk(random: Random, minutes: int) -> Loads:
    """A level that wanders by chance, under noise."""
    place, pace, loads = 0.0, random.uniform(0.03, 0.1), []
    for _ in range(minutes):
        place = 0.99 * place + random.gauss(0, pace)
        loads.append(math.exp(place))
    return _noisy(random, loads)


def news(random: Random, minutes: int) -> Loads:
    """Days with surges that bring on others."""
    times = _times(random, minutes, random.uniform(1, 3.5))
    for start in times:
        # Grows while it is read: one surge follows another within the hour or two.
        if random.random() < 0.55 and (after := start + random.randint(15, 120)) < minutes:
            times.append(after)
    surges = _surges(random, minutes, times, (0.3, 1.3), 15)
    return _noisy(random, _sum(_day(random, minutes, (0.35, 0.6)), surges))


FAMILIES = (
    Family("diurnal", "A day that swells and ebbs.", True, diurnal),
    Family("ramps", "Plateaus with slopes between them.", True, ramps),
    Family("bursts", "A level that surges several times a day.", True, bursts),
    Family("steps", "A level that jumps and stays.", True, steps),
    Family("noise", "One level, and nothing but noise.", True, noise),
    Family("surging days", "Days with surges.", True, surging_days),
    Family("working weeks", "Days, and a quiet weekend.", True, working_weeks),
    Family("office", "Hours of work that begin and end sharply.", True, office),
    Family("crowds", "A mild day, and a crowd that comes at once.", False, crowds),
    Family("commuters", "Two peaks a day.", False, commuters),
    Family("batches", "Jobs that start at their hour and run out.", False, batches),
    Family("walk", "A level that wanders, under noise.", False, walk),
    Family("news", "Days with surges that bring on others.", False, news),
)


def entries() -> Iterator[Entry]:
    """Yield the whole list, those of one key together."""
    for family in FAMILIES:
        for seed in family.seeds:
            for weight in WEIGHTS:
                yield Entry(family, seed, weight)


def published() -> Iterator[Entry]:
    """Yield what a fit may read."""
    return (entry for entry in entries() if entry.family.published)


def held_out() -> Iterator[Entry]:
    """Yield what no fit may read."""
    return (entry for entry in entries() if not entry.family.published)


def build(entry: Entry, days: int = DAYS) -> Trace:
    """Build the trace of an entry."""
    random = Random(entry.key)
    boot, size = random.randint(2, 6), math.exp(random.uniform(math.log(1.5), math.log(10)))
    begins, patience = random.randrange(7) * DAY, math.exp(random.uniform(math.log(40), math.log(160)))
    shape = entry.family.shape(random, days * DAY)
    scale = size * len(shape) / sum(shape)
    loads = tuple(scale * load for load in shape)
    return Trace(loads, boot, max(math.ceil(loads[0] / 0.8), 1), patience, begins)


# --- what it costs ---------------------------------------------------------------------------------------------------


def late(load: float, serving: float, patience: float) -> float:
    """Return the share of requests that are answered after the latency target.

    Each replica is a queue of its own, M/M/1: with use u, a request takes longer than `patience` times the time of one
    alone with chance exp(-patience * (1 - u)). Where more comes in than can be served, all wait.
    """
    return math.exp(-patience * (1 - load / serving)) if load < serving else 1.0


class Service:
    """The replicas of one trace, minute by minute: `serve`, then `order`."""

    def __init__(self, trace: Trace) -> None:
        self.serving = trace.start
        self._trace = trace
        self._coming: list[int] = []
        self._minute = self._paid = self._changes = 0
        self._late = 0.0

    @property
    def booting(self) -> int:
        """How many are ordered and do not serve yet."""
        return len(self._coming)

    def serve(self) -> Sight:
        """Serve the next minute; return what is seen of it."""
        minute, load = self._minute, self._trace.loads[self._minute]
        while self._coming and self._coming[0] <= minute:
            self._coming.pop(0)
            self.serving += 1
        missed = late(load, self.serving, self._trace.patience)
        self._paid += self.serving + self.booting
        self._late += load * missed
        self._minute += 1
        return Sight(self._trace.begins + minute, load, self.serving, self.booting, missed)

    def order(self, wanted: int) -> None:
        """Have so many from the next minute on, within the limits; what boots is given back first."""
        wanted, now = min(max(wanted, 1), MOST), self.serving + self.booting
        self._changes += wanted != now
        if wanted >= now:
            self._coming += [self._minute + self._trace.boot] * (wanted - now)
        else:
            self.serving = min(self.serving, wanted)
            del self._coming[wanted - self.serving :]

    def result(self) -> Run:
        """Return what came of it until now."""
        work = sum(self._trace.loads[: self._minute])
        hours = self._minute / 60 / work
        changes = self._changes * DAY / self._minute
        return Run(self._paid * hours, self._late * hours, self._late / work, changes)


def run(trace: Trace, policy: Policy) -> Run:
    """Return what comes of a policy."""
    service = Service(trace)
    for _ in trace.loads:
        service.order(policy(service.serve()))
    return service.result()


Plan = NDArray[np.int64]
"""How many replicas there are to be after each minute, those that boot included; shape (minutes,)."""


def followed(plan: Sequence[int]) -> Policy:
    """Return the policy that does what a plan says."""
    rest = iter(plan)
    return lambda _sight: next(rest)


def oracle(trace: Trace, weight: float) -> Plan:
    """Return the cheapest plan there is for one who knows the whole trace.

    Dynamic programming backwards over the number that serves: who knows what comes orders each replica just so much
    earlier than it is to serve, so that one more costs its boot, and one less nothing.
    """
    minutes, most = len(trace.loads), min(MOST, max(trace.start, math.ceil(3 * max(trace.loads)), 1))
    counts, best = np.arange(1, most + 1), np.zeros(most)
    after = np.empty((minutes, most), dtype=np.int64)
    for minute in range(minutes - 1, -1, -1):
        # Nothing that is ordered after the first minute serves any earlier.
        after[minute], reached = _next(best, trace.boot if minute >= trace.boot else math.inf)
        best = counts + weight * trace.loads[minute] * _lates(trace.loads[minute], counts, trace.patience) + reached
    return _planned(trace, after)


def _lates(load: float, counts: NDArray[np.int64], patience: float) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = np.exp(-patience * np.maximum(1 - load / counts, 0))
    return shares


def _next(best: NDArray[np.float64], boot: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return for each number that serves the best one for the minute after, and the cost from there with its boots.

    Where it costs the same, nothing is given back: a replica that is missed for no longer than its boot is kept.
    """
    places = np.arange(len(best))
    # The largest of the cheapest among those up to each place, and of those above it.
    lowest = np.minimum.accumulate(best)
    down = np.maximum.accumulate(np.where(best <= lowest, places, 0))
    if math.isinf(boot):
        return down, best[down]
    raised = best + boot * places
    least = np.minimum.accumulate(raised[::-1])[::-1]
    up = np.minimum.accumulate(np.where(raised <= least, places, len(best))[::-1])[::-1]
    rise = raised[up] - boot * places
    return np.where(rise <= best[down], up, down), np.minimum(rise, best[down])


def _planned(trace: Trace, after: NDArray[np.int64]) -> Plan:
    """Return the plan in which just so many serve each minute."""
    serving = [trace.start]
    for row in after[:-1]:
        serving.append(int(row[serving[-1] - 1]) + 1)
    plan = np.array(serving[1:] + serving[-1:])
    for minute, (now, then) in enumerate(pairwise(serving), 1):
        if then > now:
            plan[minute - trace.boot - 1 : minute - 1] += then - now
    return plan


def brute_force(trace: Trace, weight: float, most: int) -> float:
    """Return the least cost of all plans of up to `most` replicas, by trying each; for a handful of minutes."""

    def least(plan: tuple[int, ...]) -> float:
        if len(plan) == len(trace.loads):
            return run(trace, followed(plan)).cost(weight)
        return min(least((*plan, wanted)) for wanted in range(1, most + 1))

    return least(())
