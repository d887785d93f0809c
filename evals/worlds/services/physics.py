"""How a served model answers, at any time and after any deed: loads, delays, failures, memory, right answers.

Every bucket of time is taken to be in its steady state: a queue forgets within minutes what came before, and buckets
are minutes. The mean wait is Sakasegawa's approximation for a queue with several workers; the time in the service is an
exponential number above a least one, so that its tail, and that of several replicas and a cache together, is known in
closed form. What cannot be carried is shed. Times are in hours from the look, negative before it.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

NEVER = math.inf
TAIL = 0.05
"""The 95th percentile is where the tail is this."""
LEAST_TIME, SPREAD_TIME = 0.6, 0.4
"""Which part of the service time is the same for every request, and which is an exponential number."""
TIMEOUT = 6.0
"""Callers give up after so many latency targets."""
HIT_MS = 5.0
FULL = 0.985
"""From this memory on, replicas are killed and start again."""
KILLED = 0.15
"""Share of requests that fail meanwhile."""
KEPT_LOAD = 0.65
"""Added replicas are given back once the load without them stays under this."""
WINDOW = 2.0
"""Hours until it is looked at whether a deed helped."""
BISECTIONS = 13
MOST_REPLICAS = 20


@dataclass(frozen=True, slots=True)
class Surge:
    """More traffic than usual, from `start` to `end`."""

    start: float = NEVER
    end: float = NEVER
    factor: float = 1.0
    ramp: float = 0.0
    """Hours until it is there in full."""
    period: float = 0.0
    """Hours from one wave to the next; 0 where it stays."""
    repeats: float = 0.0
    """Share of what is added that repeats itself."""

    def share(self, t: Numbers) -> Numbers:
        """Return how much of it is there, from 0 to 1."""
        on = (t >= self.start) & (t < self.end)
        rising = np.clip((t - self.start) / self.ramp, 0, 1) if self.ramp else 1.0
        waving = ((t - self.start) % self.period < self.period / 2) if self.period else 1.0
        return np.asarray(on * rising * waving, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Drift:
    """What the inputs mean changes."""

    start: float = NEVER
    hours: float = 0.0
    """Until it is complete."""
    end: float = NEVER
    """When it goes back."""
    loss: float = 0.0
    """What the model loses that has not learnt it."""
    by_inputs: float = 0.3
    """Which part of that comes from inputs that moved, which a training can weigh without new labels."""
    moved: float = 0.0
    """By how much the inputs move, as a mean population stability index, once it is complete."""

    def progress(self, t: Numbers | float) -> Numbers:
        """Return how complete it is, from 0 to 1."""
        t = np.asarray(t, dtype=np.float64)
        done = np.clip((t - self.start) / self.hours, 0, 1) if self.hours else (t >= self.start).astype(float)
        return np.asarray(np.where(t < self.end, done, 0.0), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Version:
    """What is particular about a version."""

    loss: float = 0.0
    """Of accuracy."""
    by_training: bool = False
    """Whether training it anew mends that."""
    slower: float = 1.0
    slower_when_busy: float = 0.0
    """By how much slower at full load."""
    errors: float = 0.0
    leak: float = 0.0
    """Share of the memory lost by the hour."""


@dataclass(frozen=True, slots=True)
class Bad:
    """A replica that is not like the others."""

    slower: float = 1.0
    weight: float | None = None
    """Its share of the traffic; None for the same as the others'."""
    errors: float = 0.0
    start: float = NEVER

    def __bool__(self) -> bool:
        """Whether there is one."""
        return self.start < NEVER


@dataclass(frozen=True, slots=True)
class Fault:
    """Something from outside that nothing in the service itself can cure, from `start` to `end`."""

    start: float = NEVER
    end: float = NEVER
    delay_ms: float = 0.0
    errors: float = 0.0
    loss: float = 0.0
    """Of accuracy."""
    gone: float = 0.0
    """Share of the traffic that does not arrive."""
    leak: float = 0.0
    """Share of the memory lost by the hour."""

    def on(self, t: Numbers) -> Numbers:
        """Return where it is on, as 0 and 1."""
        return ((t >= self.start) & (t < self.end)).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What comes in broken, from `start` on."""

    start: float = NEVER
    nulls: float = 0.0
    invalid: float = 0.0
    stale: bool = False
    loss: float = 0.0
    """Of accuracy; of stale ones after a day."""
    errors: float = 0.0
    suspect: int = 0

    def on(self, t: Numbers) -> Numbers:
        """Return how much of it there is: stale inputs grow staler."""
        begun = (t >= self.start).astype(np.float64)
        return begun * np.clip((t - self.start) / 24, 0, 1.5) if self.stale else begun


@dataclass(frozen=True, slots=True)
class Labels:
    """What truth comes back about the answers."""

    count: int
    delay: float
    window: float
    """Hours of traffic behind a reported accuracy."""
    flipped: float = 0.0
    """Share of them that are wrong."""
    tuned_at: float = NEVER
    """When a decision threshold is tuned on them next."""
    mistuned: float = 0.0
    """What accuracy loses then, if they are wrong or too few."""


@dataclass(frozen=True, slots=True)
class World:
    """One service and what happens to it. All that is hidden."""

    rps: float
    service_ms: float
    workers: int
    replicas: int
    needed: int
    """Replicas that its normal peak needs."""
    accuracy: float
    """Of a model that has learnt all there is."""
    slo_ms: float
    day: float
    peak_at: float
    """Hours until the busiest time of the day."""
    repeats: float
    stale: float
    memory: tuple[float, float]
    """Usage at rest, and what full load adds."""
    errors: float
    labels: Labels
    boot: float
    """Hours until an added replica serves."""
    training: float
    """Hours that a full training takes."""
    deployed: float
    """When the serving version went live."""
    learns: float
    """What a retrain makes good of what its data shows."""
    tuned_learns: tuple[float, float]
    """The same of incremental training: at most, and the loss at which it is half as much."""
    previous_loss: float = 0.0
    """By how much the version before is less accurate than this one would be if well."""
    newest: Version = Version()
    surge: Surge = Surge()
    drift: Drift = Drift()
    bad: Bad = Bad()
    fault: Fault = Fault()
    inputs: Inputs = Inputs()
    traffic: float = 1.0
    """Lasting change of its traffic."""

    def demand(self, t: Numbers) -> Numbers:
        """Return what is asked for, in requests a second."""
        daily = 1 + self.day * np.cos(2 * math.pi * (t - self.peak_at) / 24)
        surge = 1 + (self.surge.factor - 1) * self.surge.share(t)
        return np.asarray(self.rps * self.traffic * daily * surge)

    def repeating(self, t: Numbers) -> Numbers:
        """Return which share of that repeats a recent request."""
        share = self.surge.share(t)
        added = 1 - 1 / (1 + (self.surge.factor - 1) * share)
        return np.asarray(self.repeats * (1 - added) + self.surge.repeats * added)

    def capacity(self, replicas: Numbers | float) -> Numbers:
        """Return how many requests a second so many good replicas can answer."""
        return np.asarray(replicas * self.workers * 1000 / self.service_ms, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done at the look, and when it has its effect."""

    at: float = 0.0
    learns: float = 0.0
    """Share that a training makes good of what its data shows; 0 where nothing was trained."""
    harm: float = 0.0
    """What a training loses by itself: few or wrong labels, broken inputs."""
    cached: bool = False
    weights: tuple[float, int] | None = None
    """Share of the traffic of the bad replica, and how many of the others serve."""
    back: bool = False
    replicas: int | None = None
    undone: float = NEVER
    """When it was taken back."""

    def on(self, t: Numbers) -> Flags:
        """Return when it holds."""
        return np.asarray((t >= self.at) & (t < self.undone))


NOTHING = Deed()


@dataclass(frozen=True, slots=True)
class Served:
    """How it went, bucket by bucket."""

    t: Numbers
    demand: Numbers
    """Requests a second, as a multiple of the normal traffic."""
    accuracy: Numbers
    """Of what was answered."""
    latency_ms: Numbers
    """95th percentile."""
    errors: Numbers
    """Share of requests that failed or were never heard."""
    usage: Numbers
    """Mean load of the replicas."""
    load_good: Numbers
    load_bad: Numbers
    latency_good: Numbers
    latency_bad: Numbers
    memory: Numbers
    replicas: Numbers
    arrived: Numbers
    """Requests a second, as a multiple of the normal traffic, that reached the service."""


@dataclass(frozen=True, slots=True)
class Luck:
    """Noise for each bucket, the same whatever is done."""

    t: Numbers
    traffic: Numbers
    latency: Numbers
    memory: Numbers = field(default_factory=lambda: np.zeros(0))


def luck(random: np.random.Generator, t: Numbers) -> Luck:
    """Draw the noise of buckets at `t`."""
    return Luck(
        t,
        np.exp(random.normal(0, 0.05, len(t))),
        np.exp(random.normal(0, 0.06, len(t))),
        random.normal(0, 0.006, len(t)),
    )


# --- how it serves ---------------------------------------------------------------------------------------------------


def serve(world: World, deed: Deed, chance: Luck) -> Served:
    """Return how the service goes in every bucket of `chance` under a deed."""
    t = chance.t
    on = deed.on(t)
    replicas = _replicas(world, deed, chance)
    back = on & deed.back
    demand = world.demand(t) * chance.traffic
    fault = world.fault.on(t)
    arrived = demand * (1 - world.fault.gone * fault)
    hits = np.where(on & deed.cached, 0.95 * world.repeating(t), 0.0)
    weight, good, slower, bad_errors = _spread(world, deed, on, replicas, t)
    newest = (t >= world.deployed) & ~back
    version = np.where(newest, world.newest.slower, 1.0)
    busy = arrived * (1 - hits) / world.capacity(replicas)
    version = version + np.where(newest, world.newest.slower_when_busy, 0.0) * np.clip(busy, 0, 1.2)
    per_good = arrived * (1 - hits) * (1 - weight) * version / world.capacity(np.maximum(good, 1e-9))
    per_bad = arrived * (1 - hits) * weight * version * slower / world.capacity(1.0)
    d_good, m_good = _times(world, per_good, version)
    d_bad, m_bad = _times(world, per_bad, version * slower)
    delay = world.fault.delay_ms * fault
    timeout = TIMEOUT * world.slo_ms
    if world.bad:
        each = ((1 - weight, d_good + delay, m_good), (weight, d_bad + delay, m_bad))
        latency = _percentile_of_two(1 - hits, *each)
    else:
        latency = _percentile(1 - hits, d_good + delay, m_good)
    memory = _memory(world, chance, newest, busy, replicas)
    killed = KILLED * (memory >= FULL)
    late = (1 - weight) * _tail(timeout, d_good + delay, m_good) + weight * _tail(timeout, d_bad + delay, m_bad)
    shed = (1 - weight) * _shed(per_good) + weight * np.maximum(_shed(per_bad), bad_errors)
    failed = (
        world.errors
        + np.where(newest, world.newest.errors, 0.0)
        + world.fault.errors * fault
        + world.inputs.errors * world.inputs.on(t)
        + killed
    )
    errors = 1 - (1 - np.clip(failed, 0, 1)) * (1 - np.clip((1 - hits) * (late + shed), 0, 1))
    unheard = world.fault.gone * fault
    return Served(
        t=t,
        demand=demand / world.rps,
        accuracy=answers(world, t, deed, on & (deed.learns > 0), back) - hits * world.stale,
        latency_ms=np.minimum(latency * chance.latency * (1 + 2 * killed), timeout),
        errors=unheard + (1 - unheard) * errors,
        usage=np.minimum((per_good * good + per_bad * (weight > 0)) / np.maximum(good + (weight > 0), 1), 1.0),
        load_good=np.minimum(per_good, 1.0),
        load_bad=np.minimum(per_bad, 1.0),
        latency_good=np.minimum(d_good + delay + m_good * math.log(1 / TAIL), timeout),
        latency_bad=np.minimum(d_bad + delay + m_bad * math.log(1 / TAIL), timeout),
        memory=memory,
        replicas=replicas,
        arrived=arrived / world.rps,
    )


def _replicas(world: World, deed: Deed, chance: Luck) -> Numbers:
    """Return how many replicas serve: added ones from their boot on, until the load no longer needs them."""
    t = chance.t
    now = np.full(len(t), float(world.replicas))
    if deed.replicas is None:
        return now
    then = deed.on(t)
    if deed.replicas > world.replicas:
        load = world.demand(t) * chance.traffic * world.newest.slower / world.capacity(float(world.replicas))
        if world.bad and world.bad.slower > 1:
            load = load * (world.replicas - 1 + world.bad.slower) / world.replicas
        settled = then & (t >= deed.at + WINDOW) & (_highest_of_hour(load, t) < KEPT_LOAD)
        if settled.any() and not _holds_memory(world):
            then = then & (t < t[settled.argmax()])
    return np.where(then, float(deed.replicas), now)


def _holds_memory(world: World) -> bool:
    return world.memory[1] > 0.3


def _highest_of_hour(load: Numbers, t: Numbers) -> Numbers:
    """Return the highest load of the hour before each bucket."""
    buckets = max(round(1 / (t[1] - t[0])), 1) if len(t) > 1 else 1
    padded = np.concatenate([np.full(buckets - 1, load[0]), load])
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, buckets).max(axis=1))


def _spread(
    world: World, deed: Deed, on: Flags, replicas: Numbers, t: Numbers
) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Return the bad replica's share of the traffic, how many others serve, how slow it is, and what it fails."""
    begun = (t >= world.bad.start).astype(np.float64)
    usual = 1 / replicas
    skew = usual if world.bad.weight is None else np.minimum(world.bad.weight * world.replicas / replicas, 0.95)
    weight = np.where(begun > 0, skew, usual)
    good = replicas - 1
    if deed.weights is not None:
        weight = np.where(on, deed.weights[0], weight)
        good = np.where(on, float(deed.weights[1]), good)
    # With a single replica there are no others: all of the traffic is the odd one's.
    weight = np.where(replicas <= 1, 1.0, weight)
    slower = np.where(begun > 0, world.bad.slower, 1.0)
    return weight, good, slower, begun * world.bad.errors


def _times(world: World, load: Numbers, version: Numbers) -> tuple[Numbers, Numbers]:
    """Return the least time in the service and the mean of what comes on top, in ms."""
    service = world.service_ms * version
    rho = np.minimum(load, 0.995)
    wait = service * rho ** (math.sqrt(2 * (world.workers + 1)) - 1) / (world.workers * (1 - rho))
    return LEAST_TIME * service, SPREAD_TIME * service + wait


def _tail(limit: Numbers | float, least: Numbers, mean: Numbers) -> Numbers:
    """Return the share of requests that take longer than `limit`."""
    return np.asarray(np.exp(-np.maximum(limit - least, 0) / mean))


def _shed(load: Numbers) -> Numbers:
    return np.asarray(np.maximum(1 - 1 / np.maximum(load, 1e-9), 0))


def _percentile(misses: Numbers, least: Numbers, mean: Numbers) -> Numbers:
    """Return where the tail is `TAIL`, the rest being cache hits."""
    return np.where(misses > TAIL, least + mean * np.log(np.maximum(misses / TAIL, 1)), HIT_MS)


Kind = tuple[Numbers, Numbers, Numbers]
"""Share of the requests that reach a replica, their least time, and the mean of what comes on top."""


def _percentile_of_two(misses: Numbers, a: Kind, b: Kind) -> Numbers:
    """Return the same of two kinds of replica, by bisection."""
    low = np.full(len(misses), math.log(HIT_MS))
    high = np.log(np.maximum(a[1], b[1]) + np.maximum(a[2], b[2]) * math.log(1 / TAIL) + HIT_MS)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        limit = np.exp(middle)
        over = misses * (a[0] * _tail(limit, a[1], a[2]) + b[0] * _tail(limit, b[1], b[2])) > TAIL
        low, high = np.where(over, middle, low), np.where(over, high, middle)
    return np.asarray(np.exp(high))


def _memory(world: World, chance: Luck, newest: Flags, busy: Numbers, replicas: Numbers) -> Numbers:
    """Return the memory used: at rest, by load, and what leaked, of which fresh replicas have nothing yet."""
    t = chance.t
    rest, loaded = world.memory
    leaked = np.where(newest, world.newest.leak * (t - world.deployed), 0.0) + world.fault.leak * np.where(
        t >= world.fault.start, t - world.fault.start, 0.0
    )
    old = np.minimum(world.replicas / replicas, 1.0)
    return np.asarray(np.clip(rest + loaded * np.minimum(busy, 1) + leaked * old + chance.memory, 0, 1))


def answers(world: World, t: Numbers, deed: Deed, trained: Flags, back: Flags) -> Numbers:
    """Return the accuracy of the model itself; where `trained`, of what a training at the look made of it."""
    drift, labels, live = world.drift, world.labels, t >= world.deployed
    progress = drift.progress(t)
    # The version before has not learnt it either, and is older.
    missing = np.where(back, 1.1 * progress, progress)
    missing = np.where(trained, np.abs(progress - deed.learns * learnable(world)), missing)
    broken = world.inputs.on(t)
    version = np.where(back | ~live, world.previous_loss, world.newest.loss)
    if world.newest.by_training:
        version = np.where(trained, 0.0, version)
    mistuned = np.where(t >= labels.tuned_at, labels.mistuned, 0.0)
    lost = (
        drift.loss * missing
        + version
        + world.inputs.loss * broken
        + world.fault.loss * world.fault.on(t)
        + mistuned
        + np.where(trained, deed.harm, 0.0)
    )
    return np.asarray(np.clip(world.accuracy - lost, 0.02, 1.0))


def learnable(world: World) -> float:
    """Return how much of the drift the data of a training at the look shows: old labels show an old world.

    The first labels come in half the time of the usual ones.
    """
    drift, labels = world.drift, world.labels
    if drift.start == NEVER:
        return 0.0
    fresh = float(drift.progress(-labels.delay / 2))
    return drift.by_inputs * float(drift.progress(0.0)) + (1 - drift.by_inputs) * fresh


def mended(world: World) -> World:
    """Return the world once a person has put right whatever was wrong. Nobody comes for replicas that idle."""
    needed = world.replicas
    if world.surge.start < NEVER:
        load = float(world.demand(np.arange(0, 24, 0.25)).max())
        needed = max(needed, min(math.ceil(load / float(world.capacity(1.0)) / 0.7), MOST_REPLICAS))
    return replace(
        world,
        replicas=needed,
        newest=Version(),
        drift=Drift(),
        bad=Bad(),
        fault=Fault(),
        inputs=Inputs(),
        labels=replace(world.labels, mistuned=0.0, flipped=0.0),
    )
