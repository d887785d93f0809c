"""The hidden side of an episode: a service drawn from its profile, and what each shape of incident does to it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from evals.worlds.services.catalogue import Entry, Profile
from evals.worlds.services.physics import (
    LEAST_TIME,
    NEVER,
    SPREAD_TIME,
    TAIL,
    Bad,
    Drift,
    Fault,
    Inputs,
    Labels,
    Surge,
    Version,
    World,
)

Draw = np.random.Generator
BUSIEST, ONE_FEWER = 0.82, 0.93
"""Usage in the busiest hour: at most, and at least where a replica is missing. Nothing is wrong with a service that has
no replica to spare."""
Befall = Callable[[Draw, World, Profile], World]


def world_of(entry: Entry, random: Draw) -> World:
    """Return the world of an episode: its service, and in turn what each of its shapes does."""
    world = service(entry.profile, random)
    for shape in entry.shapes:
        world = SHAPED[shape.name](random, world, entry.profile)
    return world


def service(profile: Profile, random: Draw) -> World:
    """Return a service of this profile with which nothing is wrong."""
    service_ms = profile.service_ms * random.uniform(0.85, 1.15)
    one = profile.workers * 1000 / service_ms
    replicas = int(random.integers(profile.replicas[0], profile.replicas[1] + 1))
    day = profile.day * random.uniform(0.7, 1.0)
    peak = _peak_load(random, replicas)
    rps = peak * one * replicas / (1 + day)
    healthy_ms = usual_latency(service_ms, profile.workers, rps / (one * replicas))
    peak_ms = usual_latency(service_ms, profile.workers, peak)
    tuned = random.random() < profile.tuned_nightly
    rest = random.uniform(0.25, 0.55)
    return World(
        rps=rps,
        service_ms=service_ms,
        workers=profile.workers,
        replicas=replicas,
        needed=replicas,
        accuracy=random.uniform(*profile.accuracy),
        slo_ms=max(healthy_ms * random.uniform(*profile.patience), 1.3 * peak_ms),
        day=day,
        peak_at=random.uniform(-12, 12),
        repeats=random.uniform(*profile.repeats),
        stale=profile.stale * random.uniform(0.3, 1.5),
        memory=(rest, random.uniform(0.05, 0.25)),
        errors=random.uniform(0.0005, 0.004),
        labels=Labels(
            count=int(math.exp(random.uniform(*np.log(profile.labels)))),
            delay=random.uniform(*profile.delay_hours),
            window=random.uniform(1, 4),
            tuned_at=random.uniform(1, 23) if tuned else NEVER,
        ),
        boot=random.uniform(0.05, 0.3),
        training=profile.training_hours * random.uniform(0.7, 1.3),
        deployed=-random.exponential(240) - 8,
        learns=random.uniform(0.92, 1.0),
        tuned_learns=(random.uniform(0.85, 0.98), random.uniform(0.06, 0.10)),
        previous_loss=random.uniform(-0.004, 0.02),
    )


def _peak_load(random: Draw, replicas: int) -> float:
    """Return the usage in the busiest hour: with one replica fewer it would be more than they can carry in time."""
    return float(random.uniform(max(0.55, ONE_FEWER * (replicas - 1) / replicas), BUSIEST))


def usual_latency(service_ms: float, workers: int, load: float) -> float:
    """Return the 95th percentile in ms of replicas that are all alike, at a load under 1."""
    wait = service_ms * float(load ** (math.sqrt(2 * (workers + 1)) - 1)) / (workers * (1 - load))
    return LEAST_TIME * service_ms + (SPREAD_TIME * service_ms + wait) * math.log(1 / TAIL)


def _peak_latency(world: World) -> float:
    load = world.rps * (1 + world.day) / float(world.capacity(float(world.replicas)))
    return usual_latency(world.service_ms, world.workers, min(load, 0.98))


def _age(random: Draw, least: float, most: float) -> float:
    """Return when something began: as often within the hour as within the day."""
    return -math.exp(random.uniform(math.log(least), math.log(most)))


def _new_version(random: Draw, world: World, version: Version) -> World:
    return replace(world, deployed=_age(random, 0.1, 3.5), newest=version, previous_loss=random.uniform(-0.004, 0.012))


# --- nothing is wrong ------------------------------------------------------------------------------------------------


def _calm(_: Draw, world: World, __: Profile) -> World:
    return world


def _calm_new_version(random: Draw, world: World, _: Profile) -> World:
    """A good version went live lately."""
    return replace(world, deployed=_age(random, 0.1, 5), previous_loss=random.uniform(0.0, 0.025))


def _busy_hour(random: Draw, world: World, _: Profile) -> World:
    """The busiest hour of a service without much room, which ends by itself before it hurts."""
    rps = random.uniform(0.80, 0.87) * float(world.capacity(float(world.replicas))) / (1 + world.day)
    world = replace(world, rps=rps, peak_at=random.uniform(-1.5, 0.5))
    return replace(world, slo_ms=max(world.slo_ms, 1.6 * _peak_latency(world)))


def _quiet_hour(random: Draw, world: World, _: Profile) -> World:
    """The small hours of a service that is busy by day."""
    day = random.uniform(0.75, 0.92)
    rps = world.rps * (1 + world.day) / (1 + day)
    return replace(world, rps=rps, day=day, peak_at=12 + random.uniform(-1.5, 1.5))


def _edge_latency(random: Draw, world: World, _: Profile) -> World:
    """A target that is hardly above what is normal."""
    return replace(world, slo_ms=_peak_latency(world) * random.uniform(1.3, 1.5), peak_at=random.uniform(-2, 2))


def _edge_accuracy(random: Draw, world: World, _: Profile) -> World:
    """Accuracy on few labels, which may look lower than it is; or a model that was always near its floor."""
    count = int(random.uniform(150, 500))
    return replace(world, labels=replace(world.labels, count=count), accuracy=world.accuracy - random.uniform(0, 0.012))


def _edge_inputs(random: Draw, world: World, _: Profile) -> World:
    """A field that is often empty, and always was."""
    return replace(
        world, inputs=Inputs(start=-1e4, nulls=random.uniform(0.025, 0.055), invalid=random.uniform(0.0, 0.03))
    )


def _edge_errors(random: Draw, world: World, _: Profile) -> World:
    """Callers that send what cannot be answered, as ever."""
    return replace(world, errors=random.uniform(0.02, 0.05))


def _repeating_calmly(random: Draw, world: World, _: Profile) -> World:
    return replace(world, repeats=random.uniform(0.35, 0.7))


def _edge_memory(random: Draw, world: World, _: Profile) -> World:
    """A model that fills its memory from the start, and stays there."""
    return replace(world, memory=(random.uniform(0.82, 0.88), random.uniform(0.01, 0.04)))


def _uneven_replicas(random: Draw, world: World, _: Profile) -> World:
    """One replica on an older host, which nobody feels."""
    return replace(world, bad=Bad(slower=random.uniform(1.03, 1.1), start=-1e4))


# --- the answers are wrong -------------------------------------------------------------------------------------------


def _loss(random: Draw, middle: float, spread: float, least: float, most: float) -> float:
    return float(np.clip(middle * random.lognormal(0, spread), least, most))


def _moved(random: Draw, middle: float) -> float:
    return _loss(random, middle, 0.45, 0.15, 3.0)


def _abrupt(random: Draw, world: World, _: Profile) -> World:
    drift = Drift(
        start=_age(random, 1.5, 90) - world.labels.delay * random.choice([0.0, 1.0], p=[0.3, 0.7]),
        loss=_loss(random, 0.13, 0.45, 0.05, 0.4),
        by_inputs=random.uniform(0.3, 0.6),
        moved=_moved(random, 0.6),
    )
    return replace(world, drift=drift)


def _gradual(random: Draw, world: World, _: Profile) -> World:
    hours = random.uniform(12, 90)
    start = -random.uniform(0.4, 1.3) * hours - world.labels.delay
    loss = _loss(random, 0.11, 0.45, 0.04, 0.35)
    drift = Drift(start, hours, loss=loss, by_inputs=random.uniform(0.3, 0.6), moved=_moved(random, 0.6))
    return replace(world, drift=drift)


def _slight(random: Draw, world: World, _: Profile) -> World:
    drift = Drift(
        start=_age(random, 3, 120) - world.labels.delay * random.choice([0.0, 1.0], p=[0.3, 0.7]),
        loss=_loss(random, 0.035, 0.3, 0.018, 0.06),
        by_inputs=random.uniform(0.4, 0.8),
        moved=_moved(random, 0.45),
    )
    return replace(world, drift=drift)


def _unannounced(random: Draw, world: World, _: Profile) -> World:
    """What the inputs mean changes, and they look the same."""
    start = _age(random, 6, 90) - world.labels.delay
    return replace(world, drift=Drift(start=start, loss=_loss(random, 0.12, 0.4, 0.05, 0.3), by_inputs=0.0))


def _returning(random: Draw, world: World, _: Profile) -> World:
    """A season that ends again."""
    start = _age(random, 4, 60) - world.labels.delay
    loss = _loss(random, 0.12, 0.4, 0.05, 0.3)
    end, part = random.uniform(2, 20), random.uniform(0.3, 0.6)
    return replace(world, drift=Drift(start, 0.0, end, loss, part, _moved(random, 0.6)))


def _moved_inputs(random: Draw, world: World, _: Profile) -> World:
    """The inputs move where the model knows its way."""
    start = _age(random, 2, 200)
    loss = random.uniform(0.0, 0.006)
    return replace(world, drift=Drift(start=start, loss=loss, by_inputs=1.0, moved=_moved(random, 0.45)))


def _new_segment(random: Draw, world: World, _: Profile) -> World:
    """New customers, who are answered nearly as well."""
    loss = random.uniform(0.0, 0.008)
    begun, hours = _age(random, 12, 200), random.uniform(10, 80)
    return replace(world, drift=Drift(begun, hours, loss=loss, by_inputs=1.0, moved=_moved(random, 0.5)))


def _inputs_loss(random: Draw) -> float:
    return _loss(random, 0.09, 0.6, 0.02, 0.35)


def _nulls(random: Draw, world: World, _: Profile) -> World:
    nulls = random.uniform(0.07, 0.5)
    loss = nulls * random.uniform(0.2, 0.6)
    return replace(world, inputs=Inputs(start=_age(random, 0.3, 20), nulls=nulls, loss=loss, suspect=_suspects(random)))


def _garbled(random: Draw, world: World, _: Profile) -> World:
    invalid = random.uniform(0.07, 0.4)
    loss = invalid * random.uniform(0.3, 0.7)
    begun = _age(random, 0.3, 20)
    return replace(world, inputs=Inputs(start=begun, invalid=invalid, loss=loss, suspect=_suspects(random)))


def _suspects(random: Draw) -> int:
    return int(random.integers(1, 3)) if random.random() < 0.4 else 0


def _stale(random: Draw, world: World, _: Profile) -> World:
    return replace(world, inputs=Inputs(start=_age(random, 3.5, 40), stale=True, loss=_inputs_loss(random)))


def _rejected(random: Draw, world: World, _: Profile) -> World:
    """The service refuses what is broken."""
    invalid = random.uniform(0.1, 0.5)
    return replace(world, inputs=Inputs(start=_age(random, 0.3, 8), invalid=invalid, errors=invalid * 0.8))


def _worse_answers(random: Draw, world: World, _: Profile) -> World:
    loss = _loss(random, 0.12, 0.5, 0.04, 0.4)
    world = _new_version(random, world, Version(loss=loss))
    # A version is judged by the labels of its own answers; where those take days, nobody can tell yet.
    early = replace(world.labels, delay=min(world.labels.delay, 0.3 * abs(world.deployed)), window=0.5)
    return replace(world, labels=early, newest=replace(world.newest, by_training=bool(random.random() < 0.25)))


def _subtly_worse(random: Draw, world: World, profile: Profile) -> World:
    world = _worse_answers(random, world, profile)
    return replace(world, newest=replace(world.newest, loss=random.uniform(0.025, 0.05)))


def _failing(random: Draw, world: World, _: Profile) -> World:
    return _new_version(random, world, Version(errors=_loss(random, 0.18, 0.6, 0.06, 0.8)))


def _leaking(random: Draw, world: World, _: Profile) -> World:
    world = _new_version(random, world, Version())
    age, free = abs(world.deployed), 1 - world.memory[0] - world.memory[1] * 0.5
    return replace(world, newest=Version(leak=free * random.uniform(0.8, 1.2) / max(age, 0.5)))


def _few_labels(random: Draw, world: World, _: Profile) -> World:
    """The labels of nearly all answers went missing, and those that came are a sample of the odd ones."""
    labels = replace(
        world.labels,
        count=int(random.uniform(5, 140)),
        flipped=random.uniform(0.0, 0.25),
        tuned_at=random.uniform(3, 20),
        mistuned=_loss(random, 0.10, 0.4, 0.03, 0.25) if random.random() < 0.75 else 0.0,
    )
    return replace(world, labels=labels)


def _flipped_labels(random: Draw, world: World, _: Profile) -> World:
    flipped = random.uniform(0.06, 0.3)
    labels = replace(
        world.labels, flipped=flipped, tuned_at=random.uniform(3, 20), mistuned=flipped * random.uniform(0.4, 0.9)
    )
    return replace(world, labels=labels)


def _silent_loss(random: Draw, world: World, _: Profile) -> World:
    """Something outside of the model spoils its answers: a unit that changed, a join that lost rows."""
    start = _age(random, 2, 60) - world.labels.delay
    return replace(world, fault=replace(world.fault, start=start, loss=_loss(random, 0.12, 0.5, 0.04, 0.4)))


# --- giving them is wrong --------------------------------------------------------------------------------------------


def _towards(random: Draw, world: World, usage: tuple[float, float]) -> float:
    """Return the factor by which traffic must rise to bring usage here at the look."""
    now = float(world.demand(np.zeros(1))[0]) / float(world.capacity(float(world.replicas)))
    return max(random.uniform(*usage) / now, 1.15)


def _surge(random: Draw, world: World, _: Profile) -> World:
    factor = _towards(random, world, (0.86, 1.2))
    surge = Surge(_age(random, 0.2, 4), random.uniform(2, 10), factor, random.uniform(0.1, 1.0))
    return replace(world, surge=surge)


def _ramp(random: Draw, world: World, _: Profile) -> World:
    """It has been growing and goes on."""
    now = _towards(random, world, (0.80, 0.95))
    begun, ahead = random.uniform(3, 8), random.uniform(0.5, 3)
    factor = 1 + (now - 1) * (begun + ahead) / begun
    return replace(world, surge=Surge(-begun, random.uniform(4, 10), factor, begun + ahead))


def _crowd(random: Draw, world: World, _: Profile) -> World:
    """More users at a time fill the memory before the processors."""
    factor = _towards(random, world, (0.62, 0.85))
    surge = Surge(_age(random, 0.5, 4), random.uniform(3, 12), factor, random.uniform(0.3, 1.5))
    rest = random.uniform(0.25, 0.4)
    load = float(replace(world, surge=replace(surge, ramp=0.0)).demand(np.zeros(1))[0])
    load /= float(world.capacity(float(world.replicas)))
    return replace(world, surge=surge, memory=(rest, (random.uniform(0.95, 1.03) - rest) / load))


def _waves(random: Draw, world: World, _: Profile) -> World:
    factor = _towards(random, world, (0.92, 1.25))
    surge = Surge(_age(random, 1, 6), random.uniform(3, 12), factor, 0.0, random.uniform(0.7, 2.5))
    return replace(world, surge=surge)


def _repeated(random: Draw, world: World, _: Profile) -> World:
    """Everybody asks the same."""
    factor = _towards(random, world, (0.88, 1.25))
    surge = Surge(
        _age(random, 0.2, 4), random.uniform(2, 10), factor, random.uniform(0.1, 0.8), 0.0, random.uniform(0.75, 0.98)
    )
    return replace(world, surge=surge)


def _bots(random: Draw, world: World, profile: Profile) -> World:
    """A few clients ask the same again and again, in waves."""
    world = _repeated(random, world, profile)
    return replace(world, surge=replace(world.surge, period=random.uniform(0.8, 2.0), start=_age(random, 1, 6)))


def _roomy(random: Draw, world: World) -> World:
    """Return the service with room for the failure of one replica, as those have that must not fail."""
    replicas = max(world.replicas, 3)
    rps = random.uniform(0.55, 0.80) * float(world.capacity(float(replicas - 1))) / (1 + world.day)
    return replace(world, rps=rps, replicas=replicas, needed=replicas)


def _slow_host(random: Draw, world: World, _: Profile) -> World:
    world = _roomy(random, world)
    return replace(world, bad=Bad(slower=random.uniform(1.8, 4.5), start=_age(random, 0.2, 10)))


def _skewed(random: Draw, world: World, _: Profile) -> World:
    """The balancer sends one replica far more than its share."""
    world = _roomy(random, world)
    now = float(world.demand(np.zeros(1))[0]) / float(world.capacity(1.0))
    weight = min(max(random.uniform(0.85, 1.4) / now, 1.6 / world.replicas), 0.9)
    return replace(world, bad=Bad(weight=weight, start=_age(random, 0.2, 10)))


def _ill_host(random: Draw, world: World, _: Profile) -> World:
    bad = Bad(slower=random.uniform(1, 2), errors=random.uniform(0.3, 1.0), start=_age(random, 0.1, 6))
    return replace(_roomy(random, world), bad=bad)


def _slow(random: Draw, world: World, _: Profile) -> World:
    return _new_version(random, world, Version(slower=random.uniform(1.35, 3.5)))


def _slow_when_busy(random: Draw, world: World, _: Profile) -> World:
    slower = Version(slower=random.uniform(1.1, 1.4), slower_when_busy=random.uniform(0.4, 1.6))
    return _new_version(random, world, slower)


def _spike(random: Draw, world: World, _: Profile) -> World:
    """A neighbour on the hosts, for minutes."""
    delay = world.slo_ms * random.uniform(0.6, 2.0)
    fault = Fault(_age(random, 0.02, 0.3), random.uniform(0.1, 0.9), delay_ms=delay)
    return replace(world, fault=fault)


def _error_burst(random: Draw, world: World, _: Profile) -> World:
    fault = Fault(_age(random, 0.02, 0.3), random.uniform(0.1, 0.9), errors=random.uniform(0.05, 0.3))
    return replace(world, fault=fault)


def _idle(random: Draw, world: World, _: Profile) -> World:
    """Replicas from a time of more traffic that nobody gave back."""
    needed = int(random.integers(1, 3))
    traffic = world.rps * needed / world.replicas
    return replace(world, rps=traffic, replicas=math.ceil(needed * random.uniform(4, 7)), needed=needed)


def _faded(random: Draw, world: World, _: Profile) -> World:
    """The traffic went elsewhere, weeks ago or lately."""
    left = random.uniform(0.08, 0.25)
    enough = max(math.ceil(world.replicas * left), 1)
    return replace(world, traffic=left, replicas=max(world.replicas, 3), needed=enough)


def _dependency(random: Draw, world: World, _: Profile) -> World:
    """What the service calls itself answers late."""
    start, delay = _age(random, 0.2, 8), world.slo_ms * random.uniform(0.8, 3.0)
    return replace(world, fault=Fault(start, delay_ms=delay, errors=random.choice([0.0, random.uniform(0.01, 0.1)])))


def _faults(random: Draw, world: World, _: Profile) -> World:
    return replace(world, fault=Fault(_age(random, 0.1, 6), errors=_loss(random, 0.15, 0.7, 0.05, 0.9)))


def _leak(random: Draw, world: World, _: Profile) -> World:
    start, free = _age(random, 2, 60), 1 - world.memory[0] - world.memory[1] * 0.5
    return replace(world, fault=Fault(start, leak=free * random.uniform(0.8, 1.15) / abs(start)))


def _outage(random: Draw, world: World, _: Profile) -> World:
    return replace(world, fault=Fault(_age(random, 0.1, 3), gone=random.uniform(0.9, 1.0)))


SHAPED: Mapping[str, Befall] = {
    "calm": _calm,
    "calm_new_version": _calm_new_version,
    "busy_hour": _busy_hour,
    "quiet_hour": _quiet_hour,
    "edge_latency": _edge_latency,
    "edge_accuracy": _edge_accuracy,
    "edge_inputs": _edge_inputs,
    "edge_errors": _edge_errors,
    "repeating_calmly": _repeating_calmly,
    "edge_memory": _edge_memory,
    "uneven_replicas": _uneven_replicas,
    "abrupt": _abrupt,
    "gradual": _gradual,
    "slight": _slight,
    "unannounced": _unannounced,
    "returning": _returning,
    "moved_inputs": _moved_inputs,
    "new_segment": _new_segment,
    "nulls": _nulls,
    "garbled": _garbled,
    "stale": _stale,
    "rejected": _rejected,
    "worse_answers": _worse_answers,
    "failing": _failing,
    "leaking": _leaking,
    "subtly_worse": _subtly_worse,
    "few_labels": _few_labels,
    "flipped_labels": _flipped_labels,
    "silent_loss": _silent_loss,
    "surge": _surge,
    "ramp": _ramp,
    "crowd": _crowd,
    "waves": _waves,
    "repeated": _repeated,
    "bots": _bots,
    "slow_host": _slow_host,
    "skewed": _skewed,
    "ill_host": _ill_host,
    "slow": _slow,
    "slow_when_busy": _slow_when_busy,
    "spike": _spike,
    "error_burst": _error_burst,
    "idle": _idle,
    "faded": _faded,
    "dependency": _dependency,
    "faults": _faults,
    "leak": _leak,
    "outage": _outage,
}
"""What each shape of the catalogue does."""
