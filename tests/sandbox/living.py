"""Live services to try things on: entries of the built-in fleet, each with the incidents that a test wants."""

from aurora.sandbox.fleet.catalogue import CATALOGUE, made
from aurora.sandbox.service import Drift, Incident, IncidentKind, Service
from aurora.sandbox.traffic import lived

LASTS = 40


def hosted(name: str, *incidents: Incident, seed: int = 3, **live: float) -> Service:
    """Return a service of the built-in fleet with these incidents only, and `live` of how it lives set otherwise."""
    service = made(next(entry for entry in CATALOGUE if entry.name == name), seed, incidents)
    return service.evolve(live=lived(service).evolve(**live))


def befalls(kind: IncidentKind, begins: int, lasts: int = LASTS) -> Incident:
    """Return an incident that lasts from one tick to another."""
    return Incident(kind=kind, begins=begins, lasts=lasts)


def drifted(service: Service, begins: int, *, ramp: int = 0, ends: int | None = None) -> Service:
    """Return the service with its inputs turned by a right angle from a tick on."""
    drift = Drift(target=0.5, against=service.version, angle=1.5, begins=begins, ramp=ramp, ends=ends)
    return service.evolve(drifts=(*service.drifts, drift))
