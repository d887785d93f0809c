"""One live service at work: requests come, wait, are answered by real models or by the cache, and are measured.

What must outlive the process is in the world's books; what is here (queues, caches, memory in use, answers that still
wait for their labels) is lost with it, as it would be with a real one.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aurora.observe.drift import Reference
from aurora.sandbox.fleet.incidents import Weather, weather
from aurora.sandbox.fleet.queue import TIMEOUT, Passed, passed
from aurora.sandbox.models import Model
from aurora.sandbox.service import Replica, Service
from aurora.sandbox.streams import Matrix, Rows
from aurora.sandbox.traffic import EPOCH, Traffic, drawn, lived, reference

WINDOW = 4
"""Ticks whose inputs are compared with those that the serving version was trained on."""
HOT_KEYS, NEW_KEYS = 12, 3
"""How many requests are asked again, and how many of them are other ones in the next tick."""
LABELLED = 0.6
"""Share of the new requests whose truth becomes known."""
STANDS_FOR = 5
"""How many requests in the queues one that is drawn stands for: a 95th percentile takes many."""
CACHED_SECONDS = 0.002
MEMORY_AT_START = 0.45
"""Share of its memory that a replica uses once it has booted."""
UNEVEN = 0.12
"""How much faster each replica loses memory than the one before it: they are not killed all at once."""
RESTART = 2
"""Ticks that a replica is away after it ran out of memory."""
SECONDS = 60
"""What a tick stands for."""

Models = Callable[[str], Model]
Point = dict[str, Any]
Answers = NDArray[np.bool_]


@dataclass
class Lane:
    """What one replica is at."""

    backlog: float = 0.0
    memory: float = MEMORY_AT_START
    back_at: int = 0
    """The tick from which it answers again, after it was killed."""


@dataclass
class Kept:
    """A request that may be asked again, and the answer the cache holds to it."""

    x: NDArray[np.float64]
    y: int
    right: bool | None = None
    version: str = ""
    until: int = 0
    """The tick up to which the answer may be given again."""


@dataclass
class Asked:
    """The requests of a tick: first the new ones, then those that repeat a recent one."""

    fresh: Traffic
    repeated: list[Kept]
    seconds: float
    """How long they took to arrive."""

    def __len__(self) -> int:
        return len(self.fresh.rows.y) + len(self.repeated)


@dataclass
class Told:
    """Answers of one tick that wait for their labels."""

    tick: int
    version: str
    right: Answers


@dataclass
class Runtime:
    """The service in this process. `step` lets one tick pass and returns what a monitoring agent would report of it."""

    lanes: dict[str, Lane] = field(default_factory=dict)
    kept: deque[Kept] = field(default_factory=lambda: deque(maxlen=HOT_KEYS))
    untold: deque[Told] = field(default_factory=deque)
    inputs: deque[Matrix] = field(default_factory=lambda: deque(maxlen=WINDOW))
    compared_with: tuple[str, Reference] | None = None
    rightly: float = 1.0
    """Share of the newest tick's requests that were answered rightly, by a version or the cache: the world's truth."""

    def step(self, service: Service, models: Models) -> Point:
        """Let the present tick of `service` pass; return its point for `POST /api/metrics`."""
        live, tick = lived(service), lived(service).now
        random = np.random.default_rng([live.seed, 21, EPOCH + tick])
        sky = weather(service, tick)
        asked = self._asked(service, sky, random)
        hits, right, tried = self._answered(service, asked, models, random)
        self.rightly = float(right.mean())
        serving = self._serving(service, tick)
        seconds, loads = self._queued(service, serving, (asked, int(hits.sum())), sky, random)
        self._use_memory(service, serving, sky)
        self.inputs.append(asked.fresh.rows.x)
        # Only of requests that nobody had asked before: a few repeated ones would count as many labels.
        labelled = slice(int(LABELLED * live.rows))
        self.untold.append(Told(tick, service.version, right[labelled][~tried[labelled]]))
        return {
            "model_name": service.name,
            **self._quality(service, tick),
            **_speed(seconds, len(asked) / asked.seconds),
            **self._usage(service, loads),
            "data_drift_score": round(self._drift(service), 4),
            "null_rate": round(asked.fresh.null_rate, 4),
            "invalid_rate": 0.0,
            "repeat_ratio": round(len(asked.repeated) / len(asked), 4),
        }

    # --- answering ---------------------------------------------------------------------------------------------------

    def _asked(self, service: Service, sky: Weather, random: np.random.Generator) -> Asked:
        fresh = drawn(service, lived(service).now, "unseen", lived(service).rows)
        again = round(len(fresh.rows.y) * sky.repeats / (1 - sky.repeats)) if self.kept else 0
        repeated = [self.kept[number] for number in random.integers(len(self.kept) or 1, size=again)]
        self.kept.extend(Kept(x, int(y)) for x, y in zip(fresh.rows.x[:NEW_KEYS], fresh.rows.y, strict=False))
        total = len(fresh.rows.y) + again
        return Asked(fresh, repeated, total / max(service.arrivals_rps * sky.arrivals, 1e-6))

    def _answered(
        self, service: Service, asked: Asked, models: Models, random: np.random.Generator
    ) -> tuple[Answers, Answers, Answers]:
        """Return for each request whether the cache answered it, whether rightly, and whether the canary was asked."""
        new = len(asked.fresh.rows.y)
        hits = np.concatenate([np.zeros(new, dtype=bool), _held(asked.repeated, service)])
        x = np.concatenate([asked.fresh.rows.x, *(kept.x[None] for kept in asked.repeated)])
        y = np.concatenate([asked.fresh.rows.y, np.array([kept.y for kept in asked.repeated], dtype=np.int64)])
        right, tried = np.zeros(len(y), dtype=bool), random.random(len(y)) < _canary_share(service)
        for version, mine in ((service.version, ~hits & ~tried), (_canary(service), ~hits & tried)):
            if mine.any():
                right[mine] = models(version).right(Rows(x[mine], y[mine]))
        for kept, hit, answer in zip(asked.repeated, hits[new:], right[new:], strict=True):
            if not hit:
                _keep(kept, bool(answer), service)
        cached = [bool(kept.right) for kept in asked.repeated]
        right[new:] = np.where(hits[new:], cached, right[new:])
        return hits, right, tried & ~hits

    # --- waiting -----------------------------------------------------------------------------------------------------

    def _serving(self, service: Service, tick: int) -> list[Replica]:
        """Return the replicas that answer now; new ones have an empty queue, and those that went are forgotten."""
        names = {replica.name for replica in service.replicas}
        self.lanes = {name: lane for name, lane in self.lanes.items() if name in names}
        ready = [replica for replica in service.ready() if self._lane(replica).back_at <= tick]
        return [replica for replica in ready if replica.weight > 0]

    def _lane(self, replica: Replica) -> Lane:
        return self.lanes.setdefault(replica.name, Lane())

    def _queued(
        self,
        service: Service,
        serving: list[Replica],
        asked: tuple[Asked, int],
        sky: Weather,
        random: np.random.Generator,
    ) -> tuple[NDArray[np.float64], dict[str, Passed]]:
        """Return how long each request took, and what each replica met; with no replica left all are turned away."""
        (requests, hits), quick = asked, np.full(STANDS_FOR * asked[1], CACHED_SECONDS)
        waiting, span = STANDS_FOR * (len(requests) - hits), STANDS_FOR * requests.seconds
        if not serving:
            return np.concatenate([quick, np.full(waiting, np.inf)]), {}
        weights = np.array([replica.weight for replica in serving])
        shares = random.multinomial(waiting, weights / weights.sum())
        loads = {}
        for replica, arrivals in zip(serving, shares, strict=True):
            lane, work = self._lane(replica), self._work(service, replica, sky)
            loads[replica.name] = passed(int(arrivals), span, work, lane.backlog, random)
            lane.backlog = loads[replica.name].backlog
        return np.concatenate([quick, *(load.seconds for load in loads.values())]), loads

    def _work(self, service: Service, replica: Replica, sky: Weather) -> float:
        """Return the seconds that a replica works on a request."""
        hot = sky.hot if replica.name == service.replicas[0].name else 1.0
        slow = service.versions[service.version].slowness * sky.slowness * hot
        return lived(service).service_ms / 1000 * slow

    def _use_memory(self, service: Service, serving: list[Replica], sky: Weather) -> None:
        """Let memory leak away with the traffic; a replica that runs out of it is killed and starts again."""
        tick, leak = lived(service).now, service.versions[service.version].leaks
        for number, replica in enumerate(serving):
            lane = self._lane(replica)
            if leak == 0:
                lane.memory = MEMORY_AT_START
            uneven = 1 + UNEVEN * number
            lane.memory += leak * uneven * sky.arrivals * replica.weight * len(service.replicas) / 100
            if lane.memory >= 1:
                self.lanes[replica.name] = Lane(back_at=tick + 1 + RESTART)

    # --- measuring ---------------------------------------------------------------------------------------------------

    def _quality(self, service: Service, tick: int) -> Point:
        """Return the accuracy over the labels that came in by now, if the version that serves gave the answers."""
        told = []
        while self.untold and self.untold[0].tick <= tick - lived(service).label_delay:
            told.append(self.untold.popleft())
        right = [one.right for one in told if one.version == service.version]
        labels = sum(len(answers) for answers in right)
        if labels == 0:
            return {"model_version": service.version}
        accuracy = float(np.concatenate(right).mean())
        return {"model_version": service.version, "accuracy": round(accuracy, 4), "labels": labels}

    def _drift(self, service: Service) -> float:
        if self.compared_with is None or self.compared_with[0] != service.version:
            trained_at = service.versions[service.version].trained_at
            self.compared_with = service.version, Reference(reference(service, trained_at, WINDOW))
        return self.compared_with[1].score(np.concatenate(self.inputs))

    def _usage(self, service: Service, loads: dict[str, Passed]) -> Point:
        # One that was taken out of the traffic is idle, and no measure for the others.
        taking = [replica for replica in service.ready() if replica.weight > 0]
        told = [self._replica(service, replica, loads.get(replica.name)) for replica in taking]
        used = [passing.load for passing in loads.values()]
        mean = float(np.mean(used)) if used else 0.0
        memory = max((self._lane(replica).memory for replica in service.ready()), default=0.0)
        usage = {"cpu_usage": round(min(0.03 + 0.95 * mean, 1.0), 4), "memory_usage": round(min(memory, 1.0), 4)}
        if service.family == "net":
            usage["gpu_usage"] = round(min(0.9 * mean, 1.0), 4)
        return {**usage, "replicas": told}

    def _replica(self, service: Service, replica: Replica, passing: Passed | None) -> Point:
        told: Point = {"name": replica.name, "healthy": self._lane(replica).back_at <= lived(service).now}
        if passing is None:
            return {**told, "load": 0.0}
        return {**told, "load": round(passing.load, 4), **_latency(passing.seconds)}


def _speed(seconds: NDArray[np.float64], per_second: float) -> Point:
    failed = float(np.isinf(seconds).mean()) if len(seconds) else 0.0
    return {**_latency(seconds), "error_rate": round(failed, 4), "throughput_rps": round(per_second, 2)}


def _latency(seconds: NDArray[np.float64]) -> Point:
    """Return the 95th percentile as callers see it: who is turned away has waited until the time-out."""
    if len(seconds) == 0:
        return {}
    return {"latency_ms": round(1000 * float(np.quantile(np.minimum(seconds, TIMEOUT), 0.95)), 1)}


def _canary(service: Service) -> str:
    return service.canary.version if service.canary else service.version


def _canary_share(service: Service) -> float:
    return service.canary.share / 100 if service.canary else 0.0


def _held(asked: list[Kept], service: Service) -> Answers:
    """Return for each request in turn whether the cache holds its answer by then: the first miss puts it there."""
    held, put = [], set[int]()
    for kept in asked:
        fresh = kept.version == service.version and kept.until >= lived(service).now
        held.append(service.cache_enabled and (id(kept) in put or (kept.right is not None and fresh)))
        put.add(id(kept))
    return np.array(held, dtype=bool)


def _keep(kept: Kept, right: bool, service: Service) -> None:
    """Put an answer into the cache for its time to live."""
    if service.cache_enabled:
        ticks = int((service.cache_ttl_seconds or 0.0) // SECONDS)
        kept.right, kept.version, kept.until = right, service.version, lived(service).now + ticks
