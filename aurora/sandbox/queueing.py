"""Latency and resource usage of a service, computed from its queue. Small, honest, and not a measurement.

Each replica is an M/M/c queue with `SLOTS` request slots that gets its share of what the cache does not answer. The
95th percentile is taken to stretch with load as the mean sojourn time of that queue does. `fitted` chooses the few
constants so that the present state shows what the telemetry says; what a change then does follows from the formula.
Not covered: start-up time of replicas, time-outs, requests that are turned away.
"""

import math
from collections.abc import Callable

from aurora.domain import Replica as ToldReplica
from aurora.domain import SystemLoad, Telemetry
from aurora.sandbox.service import Replica, Service

SLOTS = 8
"""Requests that one replica works on at a time."""
FULLEST = 0.99
"""Above this share of taken slots a real service sheds load; the queue is not computed beyond."""
NORMAL = 0.6
"""Share of taken slots where nothing else is known."""
CACHED_MS = 2.0
"""What an answer from the cache takes."""
REPEAT_SECONDS = 30.0
"""Mean time between a request and its repetition: what a time to live competes with."""
HEALTHY_MS = 300.0
"""Latency that needs no explanation where no baseline is known."""
ELEVATED = 1.3
"""From this multiple of its healthy level on, latency needs an explanation."""
SHORTEST_MS = 1.0
LEAST = 1e-6
SAMPLED_SECONDS = 300
"""The numbers stand for this much traffic."""


def metrics(before: Service, after: Service) -> dict[str, dict[str, float]]:
    """Return `latency_ms` and `usage`, each with before, after and the number of requests they stand for.

    `samples` is 0 for a service without traffic, of which nothing can be told.
    """
    samples = int(before.arrivals_rps * SAMPLED_SECONDS)
    return {
        name: {"before": round(read(before), 4), "after": round(read(after), 4), "samples": samples}
        for name, read in (("latency_ms", latency_ms), ("usage", usage))
    }


def latency_ms(service: Service) -> float:
    """Return the 95th percentile over all requests, in milliseconds."""
    hits, slowness = hit_share(service), service.versions[service.version].slowness
    tails = [(r.weight / 100, r.idle_ms * slowness * stretch(taken(service, r))) for r in service.replicas]

    def answered(within: float) -> float:
        missed = sum(share * -math.expm1(-math.log(20) * within / tail) for share, tail in tails)
        return (hits if within >= CACHED_MS else 0.0) + (1 - hits) * missed

    return _smallest(answered, 0.95, max(tail for _, tail in tails) + CACHED_MS)


def usage(service: Service) -> float:
    """Return the resource usage of the busiest replica, 0 to 1."""
    return min(1.0, service.usage_when_full * max(taken(service, replica) for replica in service.replicas))


def hit_share(service: Service) -> float:
    """Return the share of requests that the cache answers."""
    if not service.cache_enabled or service.cache_ttl_seconds is None:
        return 0.0
    return service.repeat_ratio * -math.expm1(-service.cache_ttl_seconds / REPEAT_SECONDS)


def taken(service: Service, replica: Replica) -> float:
    """Return the share of a replica's slots that is taken, 0 to `FULLEST`."""
    slowness = service.versions[service.version].slowness
    return min(FULLEST, _reaching(service, replica) * slowness / replica.capacity_rps)


def stretch(share: float) -> float:
    """Return how many times its idle value the latency has when this share of the slots is taken (Erlang C)."""
    share = min(share, FULLEST)
    blocked = 1.0
    for slot in range(1, SLOTS + 1):
        blocked = SLOTS * share * blocked / (slot + SLOTS * share * blocked)
    waiting = blocked / (1 - share * (1 - blocked))
    return 1 + waiting / (SLOTS * (1 - share))


def fitted(service: Service, telemetry: Telemetry) -> Service:
    """Return the service with the traffic and the replicas that show what the telemetry says of them."""
    seen, load, traffic = telemetry.model_metrics, telemetry.system_load, telemetry.traffic
    if seen.throughput_rps is not None:
        service = service.evolve(arrivals_rps=seen.throughput_rps)
    if traffic is not None and traffic.repeat_ratio is not None:
        service = service.evolve(repeat_ratio=traffic.repeat_ratio)
    if load is not None or seen.latency_ms is not None:
        service = _with_load(service, telemetry)
    return service if seen.latency_ms is None else _with_latency(service, seen.latency_ms)


def _with_load(service: Service, telemetry: Telemetry) -> Service:
    load = telemetry.system_load or SystemLoad()
    told, overall = {replica.name: replica for replica in load.replicas}, _overall(load)
    usual = max(NORMAL if overall is None else overall, _share_by_latency(service, telemetry))
    latency = telemetry.model_metrics.latency_ms
    service = service.evolve(
        replicas=tuple(
            _as_told(service, replica, told.get(replica.name, ToldReplica(name=replica.name)), usual, latency)
            for replica in service.replicas
        )
    )
    fullest = max(taken(service, replica) for replica in service.replicas)
    if overall is None or fullest < LEAST:
        return service
    return service.evolve(usage_when_full=max(overall, 0.01) / fullest)


def _as_told(service: Service, replica: Replica, told: ToldReplica, usual: float, latency: float | None) -> Replica:
    """Return a replica that is as loaded and as slow as it was told to be, else as the whole service is."""
    unwell = FULLEST if told.healthy is False else usual
    share = min(max(unwell if told.load is None else told.load, 0.01), FULLEST)
    demand = _reaching(service, replica) * service.versions[service.version].slowness
    capacity = demand / share if demand > LEAST else replica.capacity_rps
    shown = latency if told.latency_ms is None else told.latency_ms
    idle = replica.idle_ms if shown is None else max(shown, SHORTEST_MS) / stretch(share)
    return replica.evolve(capacity_rps=capacity, idle_ms=idle)


def _with_latency(service: Service, wanted: float) -> Service:
    """Scale what a request takes until the whole service shows `wanted` milliseconds."""
    if hit_share(service) >= 0.95:
        return service
    for _ in range(20):
        factor = max(wanted, SHORTEST_MS) / latency_ms(service)
        if abs(factor - 1) < 1e-6:
            break
        service = service.evolve(
            replicas=tuple(r.evolve(idle_ms=min(max(r.idle_ms * factor, LEAST), 1e12)) for r in service.replicas)
        )
    return service


def _overall(load: SystemLoad) -> float | None:
    return max((value for value in (load.cpu_usage, load.gpu_usage) if value is not None), default=None)


def _share_by_latency(service: Service, telemetry: Telemetry) -> float:
    """Return the share of taken slots that explains a latency well above its healthy level; 0 where it is not.

    Slots may all wait for something else while the processor idles, so this counts beside the load that is reported.
    """
    latency = telemetry.model_metrics.latency_ms or 0.0
    healthy = telemetry.baseline.latency_ms if telemetry.baseline else None
    excess = latency / max(healthy or HEALTHY_MS, LEAST)
    if excess < ELEVATED or service.versions[service.version].slowness > 1:
        return 0.0
    return _smallest(stretch, stretch(NORMAL) * excess, 0.97)


def _reaching(service: Service, replica: Replica) -> float:
    return service.arrivals_rps * (1 - hit_share(service)) * replica.weight / 100


def _smallest(rising: Callable[[float], float], wanted: float, highest: float) -> float:
    """Return the smallest argument up to `highest` at which a rising function reaches `wanted`."""
    low, high = 0.0, highest
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) >= wanted else (middle, high)
    return high
