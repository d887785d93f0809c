"""The services of the built-in fleet: real models on real data, each with what befalls it."""

import hashlib
from dataclasses import dataclass

from aurora.sandbox.fleet.incidents import schedule
from aurora.sandbox.service import Dataset, Family, Incident, IncidentKind, Live, Replica, Service, Version, spread

LOAD = 0.42
"""Share of the time that a replica is at work in normal traffic."""
PLANNED = 200
"""How many incidents of each service are planned: weeks of its life."""


@dataclass(frozen=True)
class Entry:
    """One service: what it does, how much it is asked, and what befalls it, in turn."""

    name: str
    dataset: Dataset
    family: Family
    arrivals_rps: float
    replicas: int
    kinds: tuple[IncidentKind, ...]
    first: int
    """The tick of its first incident."""


CATALOGUE = (
    Entry("fraud-scorer", "breast_cancer", "sgd", 60, 3, ("abrupt_drift", "blip", "gradual_drift"), 12),
    Entry("wine-grader", "wine", "forest", 24, 3, ("covariate_drift", "blip", "data_bug"), 30),
    Entry("search-ranker", "wine", "bayes", 90, 3, ("repeating_burst", "surge", "blip"), 55),
    Entry("cheque-reader", "parity", "forest", 40, 3, ("bad_deployment", "covariate_drift"), 85),
    Entry("parcel-sorter", "digits", "sgd", 50, 3, ("data_bug", "abrupt_drift", "surge"), 120),
    Entry("digit-reader", "digits", "net", 45, 3, ("gradual_drift", "bad_deployment", "blip"), 150),
    Entry("risk-ranker", "diabetes", "bayes", 30, 3, ("hot_replica", "surge", "repeating_burst"), 185),
    Entry("triage-model", "breast_cancer", "forest", 35, 4, ("memory_leak", "hot_replica", "blip"), 215),
    Entry("menu-tagger", "digits", "bayes", 55, 3, ("blip", "covariate_drift"), 40),
    Entry("quiet-scorer", "parity", "net", 40, 3, ("healthy",), 0),
)
"""The fleet that `aurora serve --sandbox` runs."""

HOSTS: dict[IncidentKind, str] = {
    "abrupt_drift": "fraud-scorer",
    "gradual_drift": "digit-reader",
    "covariate_drift": "wine-grader",
    "data_bug": "parcel-sorter",
    "bad_deployment": "cheque-reader",
    "repeating_burst": "search-ranker",
    "surge": "risk-ranker",
    "hot_replica": "risk-ranker",
    "memory_leak": "triage-model",
    "blip": "menu-tagger",
    "healthy": "quiet-scorer",
}
"""Where each incident is shown by itself."""


def entry_for(kind: IncidentKind) -> Entry:
    """Return the service that an incident is shown on."""
    return next(entry for entry in CATALOGUE if entry.name == HOSTS[kind])


def made(entry: Entry, seed: int, incidents: tuple[Incident, ...] | None = None) -> Service:
    """Return the service of an entry at tick 0, by default with its planned incidents; each seed is another life."""
    seed = int.from_bytes(hashlib.sha256(f"{seed}:{entry.name}".encode()).digest()[:4], "big")
    planned = schedule(seed, entry.kinds, entry.first, PLANNED) if incidents is None else incidents
    names = tuple(f"r{number + 1}" for number in range(entry.replicas))
    work_ms = 1000 * LOAD * entry.replicas / entry.arrivals_rps
    replicas = spread(
        tuple(Replica(name=name, weight=0, capacity_rps=1000 / work_ms, idle_ms=3 * work_ms) for name in names)
    )
    return Service(
        name=entry.name,
        seed=seed,
        dataset=entry.dataset,
        family=entry.family,
        version="1.1",
        previous_version="1.0",
        versions={"1.0": Version(origin="previous", concept=0), "1.1": Version(origin="initial", concept=0)},
        replicas=replicas,
        arrivals_rps=entry.arrivals_rps,
        repeat_ratio=0.08,
        live=Live(seed=seed, service_ms=work_ms, incidents=planned),
    )
