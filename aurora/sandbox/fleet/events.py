"""What an incident does once, when it begins: a new concept, another population, a version that a team puts live."""

import numpy as np

from aurora.sandbox.adoption import next_version
from aurora.sandbox.fleet.incidents import RAMP
from aurora.sandbox.models import Model
from aurora.sandbox.service import Drift, Incident, Service, Version
from aurora.sandbox.streams import Rows
from aurora.sandbox.traffic import lived
from aurora.sandbox.workbench import Workbench

DRIFTED = (0.50, 0.65)
"""Between which accuracies a drift leaves the version that serves."""
BROKEN = (0.50, 0.68)
"""Between which accuracies a broken version lies."""
LEAK = 0.02
"""Share of a replica's memory that a leaking version loses in a tick of normal traffic."""


def begin(service: Service, incident: Incident, bench: Workbench) -> Service:
    """Return the service with what `incident` does once; `bench` has its models."""
    random = np.random.default_rng([lived(service).seed, 31, incident.begins])
    match incident.kind:
        case "abrupt_drift" | "gradual_drift":
            service = _drifted(service, incident, bench, random.uniform(*DRIFTED))
        case "covariate_drift":
            incident = incident.evolve(population=_population(service, bench))
        case "bad_deployment":
            service = _deployed(service, target=random.uniform(*BROKEN))
        case "memory_leak":
            service = _deployed(service, leaks=LEAK)
    return _marked(service, incident.evolve(begun=True))


def _drifted(service: Service, incident: Incident, bench: Workbench, target: float) -> Service:
    """Turn the inputs as far as it takes the serving version to fall to `target`; turned ones turn back.

    Turned twice, inputs would hardly look other than turned once: nobody could see that they moved.
    """
    if service.drifts and service.drifts[-1].ends is None:
        fade = RAMP if incident.kind == "gradual_drift" else 0
        back = service.drifts[-1].evolve(ends=incident.begins, fade=fade)
        return service.evolve(drifts=(*service.drifts[:-1], back))
    model, rows, number = bench.model(service.version), bench.sample(incident.begins), len(service.drifts)
    angle = bench.angle(model, rows, number, target)
    ramp = RAMP if incident.kind == "gradual_drift" else 0
    drift = Drift(target=target, against=service.version, angle=angle, begins=incident.begins, ramp=ramp)
    return service.evolve(drifts=(*service.drifts, drift))


def _population(service: Service, bench: Workbench) -> tuple[int, ...]:
    """Return a few classes that the serving version knows as well as all of them."""
    model, rows = bench.model(service.version), bench.sample(lived(service).now)
    classes = np.random.default_rng([service.seed, 7]).permutation(int(rows.y.max()) + 1).tolist()
    size = max(1, len(classes) // 4)
    groups = [tuple(classes[start : start + size]) for start in range(0, len(classes), size)]
    usual = model.accuracy(rows)
    return min(groups, key=lambda group: abs(_accuracy_on(model, rows, group) - usual))


def _accuracy_on(model: Model, rows: Rows, classes: tuple[int, ...]) -> float:
    among = np.isin(rows.y, classes)
    return model.accuracy(Rows(rows.x[among], rows.y[among])) if among.any() else 0.0


def _deployed(service: Service, *, target: float | None = None, leaks: float = 0.0) -> Service:
    """Put a new version live, all at once, as a team does that tests in production."""
    name, now = next_version(service, service.version), lived(service).now
    version = Version(origin="deployed", concept=len(service.drifts), trained_at=now, target=target, leaks=leaks)
    service = service.with_version(name, version)
    return service.evolve(version=name, previous_version=service.version, canary=None)


def _marked(service: Service, incident: Incident) -> Service:
    live = lived(service)
    others = tuple(incident if one.begins == incident.begins else one for one in live.incidents)
    return service.evolve(live=live.evolve(incidents=others))
