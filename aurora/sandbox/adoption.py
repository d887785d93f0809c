"""How an unknown name becomes a service, and how an adopted one follows what the telemetry says next.

The telemetry is all that is known of the outside: what it names and the service lacks, the service gets; what AURORA
changed since stays changed.
"""

import hashlib
import re

from aurora.domain import Replica as ToldReplica
from aurora.domain import Telemetry
from aurora.sandbox import queueing
from aurora.sandbox.service import Drift, Replica, Service, Version, spread

UNKNOWN_RPS = 50.0
UNKNOWN_MS = 100.0
HEALTHY_ACCURACY = 0.92
"""About what the models of the sandbox reach where nothing is wrong with them."""
DRIFTED_ACCURACY = 0.72
"""What a drift of unknown effect makes of it."""
NOTICEABLE = 0.03
"""A smaller loss of accuracy is taken for noise, not for a new drift."""
SLOW = 1.3
"""From this multiple of the baseline on, latency right after a deployment is blamed on the new version."""
SLOWEST = 1e3
RECENT_MINUTES = 240.0
BUSY = 0.85
"""From this load on, latency is blamed on the load."""


def born(telemetry: Telemetry) -> Service:
    """Return the service that an unknown name becomes; the same name always gets the same data and the same models."""
    digest = hashlib.sha256(telemetry.model_name.encode()).digest()
    version = telemetry.model_version or "1"
    previous = _previous(telemetry) or ("0" if version != "0" else "previous")
    service = Service(
        name=telemetry.model_name,
        seed=int.from_bytes(digest[:4], "big"),
        dataset="digits" if digest[4] % 2 else "breast_cancer",
        family="sgd" if digest[5] % 2 else "forest",
        version=version,
        previous_version=previous,
        versions={previous: Version(origin="previous", concept=0), version: _deployed(telemetry, concept=0)},
        replicas=_replicas(telemetry) or _equal(("r1", "r2")),
        arrivals_rps=_arrivals(telemetry),
    )
    return queueing.fitted(_drifted(service, telemetry, noticeable=0.0), telemetry)


def renewed(service: Service, telemetry: Telemetry) -> Service:
    """Return an adopted service as the newest telemetry shows it; the same telemetry twice changes nothing more."""
    told = _replicas(telemetry)
    if {replica.name for replica in told} - {replica.name for replica in service.replicas}:
        service = service.evolve(replicas=told)
    service = _drifted(_redeployed(service, telemetry), telemetry, noticeable=NOTICEABLE)
    return queueing.fitted(service, telemetry)


def next_version(service: Service, version: str) -> str:
    """Return a new version's name: the last number in `version` counted up until no version has it."""
    while version in service.versions:
        numbers = list(re.finditer(r"[0-9]{1,18}", version))
        if not numbers:
            version = f"{version}.1"
            continue
        start, end = numbers[-1].span()
        version = f"{version[:start]}{int(version[start:end]) + 1}{version[end:]}"
    return version


def _redeployed(service: Service, telemetry: Telemetry) -> Service:
    concept = len(service.drifts)
    version, previous = telemetry.model_version, _previous(telemetry)
    if version is not None and version not in service.versions:
        service = service.with_version(version, _deployed(telemetry, concept))
        service = service.evolve(version=version, previous_version=service.version)
    if previous is not None and previous not in service.versions:
        service = service.with_version(previous, Version(origin="previous", concept=concept))
        service = service.evolve(previous_version=previous)
    return service


def _deployed(telemetry: Telemetry, concept: int) -> Version:
    broken = telemetry.model_metrics.accuracy if _broken(telemetry) else None
    return Version(origin="initial", concept=concept, target=broken, slowness=_slowness(telemetry))


def _drifted(service: Service, telemetry: Telemetry, *, noticeable: float) -> Service:
    """Return the service with one more drift, if nothing else explains the accuracy that the telemetry shows."""
    told, believed = telemetry.model_metrics.accuracy, service.believed_accuracy()
    if told is None and believed is None and telemetry.data_drift is not None and telemetry.data_drift.detected:
        told = DRIFTED_ACCURACY
    if told is None or told > (HEALTHY_ACCURACY if believed is None else believed) - noticeable:
        return service
    return service.evolve(drifts=(*service.drifts, Drift(target=told, against=service.version)))


def _broken(telemetry: Telemetry) -> bool:
    """Whether the version before was better, without a drift that would explain it."""
    accuracy, deployment, drift = telemetry.model_metrics.accuracy, telemetry.deployment, telemetry.data_drift
    if accuracy is None or deployment is None or deployment.previous_accuracy is None:
        return False
    return deployment.previous_accuracy > accuracy + 0.03 and not (drift is not None and drift.detected)


def _slowness(telemetry: Telemetry) -> float:
    """Return how much slower the serving version is than its predecessor, where nothing but it explains the latency."""
    latency, deployment, load = telemetry.model_metrics.latency_ms, telemetry.deployment, telemetry.system_load
    healthy = telemetry.baseline.latency_ms if telemetry.baseline else None
    age = deployment.minutes_since_deploy if deployment else None
    busy = load is not None and max(load.cpu_usage or 0.0, load.gpu_usage or 0.0) >= BUSY
    if not latency or not healthy or age is None or age > RECENT_MINUTES or busy or latency < SLOW * healthy:
        return 1.0
    return min(latency / healthy, SLOWEST)


def _previous(telemetry: Telemetry) -> str | None:
    told = telemetry.deployment.previous_version if telemetry.deployment else None
    return told if told != (telemetry.model_version or "1") else None


def _replicas(telemetry: Telemetry) -> tuple[Replica, ...]:
    told: tuple[ToldReplica, ...] = telemetry.system_load.replicas if telemetry.system_load else ()
    return _equal(tuple(replica.name for replica in told))


def _equal(names: tuple[str, ...]) -> tuple[Replica, ...]:
    made = (Replica(name=name, weight=0, capacity_rps=UNKNOWN_RPS, idle_ms=UNKNOWN_MS) for name in names)
    return spread(tuple(made))


def _arrivals(telemetry: Telemetry) -> float:
    """Return the requests per second, as far as the telemetry says or lets guess."""
    baseline = telemetry.baseline.throughput_rps if telemetry.baseline else None
    usual = telemetry.traffic.rps_baseline if telemetry.traffic else None
    return next(
        (rps for rps in (telemetry.model_metrics.throughput_rps, baseline, usual) if rps is not None), UNKNOWN_RPS
    )
