"""What may befall a live service, and when: a seeded schedule, and what each kind does to traffic and replicas.

What an incident does to the rows stands in `aurora.sandbox.traffic`, what it does once (a deployment, a new concept) in
`aurora.sandbox.fleet.events`.

- `abrupt_drift`, `gradual_drift`: the inputs mean something else, from one tick to the next or over many.
- `covariate_drift`: the population is another one, and the model knows it well. Harmless.
- `data_bug`: upstream empties a part of the features.
- `bad_deployment`: a team puts a broken version live.
- `repeating_burst`: much more traffic, most of it the same few requests.
- `surge`: much more traffic.
- `hot_replica`: one replica becomes several times slower.
- `memory_leak`: a version goes live that loses memory with every request, until its replicas are killed.
- `blip`: a moment of slow answers that ends by itself.
- `healthy`: nothing at all.
- `corrupt_labels`: the labels to train on are wrong, those that accuracy is measured on are right.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aurora.sandbox.service import Incident, IncidentKind, Service

LENGTHS: dict[IncidentKind, int] = {
    "abrupt_drift": 60,
    "gradual_drift": 90,
    "covariate_drift": 50,
    "data_bug": 45,
    "bad_deployment": 60,
    "repeating_burst": 60,
    "surge": 60,
    "hot_replica": 60,
    "memory_leak": 60,
    "blip": 1,
    "healthy": 60,
    "corrupt_labels": 60,
}
"""Ticks. A drift, a version and its leak stay until somebody does something; for these it is the time to do it in."""
RAMP = 30
"""Over how many ticks a gradual drift comes."""
QUIET = (40, 160)
"""Between how many ticks and how many nothing befalls a service after an incident."""
DAY = 240
"""Ticks of a day: traffic comes and goes with it."""
TIDE = 0.12


@dataclass(frozen=True)
class Weather:
    """What the traffic and the replicas of a service are like at a tick."""

    arrivals: float
    """Requests per second as a multiple of the usual."""
    repeats: float
    """Share of requests that repeat a recent one."""
    slowness: float
    """Work per request as a multiple of the usual."""
    hot: float
    """The same, for the first replica alone."""


def weather(service: Service, tick: int) -> Weather:
    """Return the weather of a live service."""
    kinds = {incident.kind for incident in _incidents(service) if incident.on(tick)}
    tide = 1 + TIDE * math.sin(2 * math.pi * (tick + service.seed % DAY) / DAY)
    burst, surge = "repeating_burst" in kinds, "surge" in kinds
    return Weather(
        arrivals=tide * (2.7 if burst or surge else 1.0),
        repeats=0.75 if burst else service.repeat_ratio,
        slowness=3.2 if "blip" in kinds else 1.0,
        hot=4.0 if "hot_replica" in kinds else 1.0,
    )


def schedule(seed: int, kinds: Sequence[IncidentKind], first: int, count: int) -> tuple[Incident, ...]:
    """Return `count` incidents, the first at tick `first`, the kinds in turn, with quiet times between them."""
    random, at, planned = np.random.default_rng([seed, 5]), first, []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        planned.append(Incident(kind=kind, begins=at, lasts=LENGTHS[kind]))
        at += LENGTHS[kind] + int(random.integers(*QUIET))
    return tuple(planned)


def _incidents(service: Service) -> tuple[Incident, ...]:
    return service.live.incidents if service.live else ()
