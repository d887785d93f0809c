"""The fleet: lets its services live, tick by tick, and says what other programs would report of them.

It knows nothing of AURORA but the outer contract: settings for `PUT /api/models/{name}`, points for
`POST /api/metrics`.
What AURORA's tools change is read from the world's books at every tick, as a provider's control plane would hand it on.
"""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from aurora.sandbox.fleet.events import begin
from aurora.sandbox.fleet.rollout import moved, shadowed
from aurora.sandbox.fleet.runtime import Point, Runtime
from aurora.sandbox.service import Service, Version
from aurora.sandbox.store import Books, Store
from aurora.sandbox.streams import Rows
from aurora.sandbox.traffic import drawn, lived
from aurora.sandbox.workbench import Workbench

log = logging.getLogger(__name__)

MEASURED_ON = 8
"""Ticks before its life began in which a service's healthy level was measured."""
SLO_MULTIPLE = 4.0
"""The latency target as a multiple of the healthy level."""
LEAST_FLOOR = 0.5
BELOW_USUAL = 0.15
"""How far the accuracy floor lies under the healthy level."""
COOLDOWN, VERIFY, RECENT = 15, 12, 40
"""Ticks until AURORA may act again, until it looks at the outcome, and for which a version counts as new."""

SHADOWED = 3 * VERIFY
"""Ticks for which the forerunner of a promoted version answers in its shadow."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Fleet:
    """Runs live services in the world of `store`. One fleet at a time may run in a world.

    `services` are put into the world where it does not know them yet; those that it knows go on where they were. In an
    `endless` fleet the incidents of a service begin anew when the last one is over.
    """

    def __init__(
        self,
        store: Store,
        services: Iterable[Service],
        clock: Callable[[], datetime] = _utc_now,
        *,
        endless: bool = False,
    ) -> None:
        self._store = store
        self._clock = clock
        self._endless = endless
        self._born: dict[str, Service] = {}
        """Each service as it was before anything befell it."""
        with store.write() as books:
            for service in services:
                self._born[service.name] = service
                known = books.service(service.name)
                if known is None or known.live is None:
                    books.put_service(_placed(service, books.tick()))
            shadowed = [effect.key for effect in books.promoted(books.tick() - SHADOWED)]
        self._benches = {name: Workbench(store, name) for name in self._born}
        self._runtimes = {name: Runtime() for name in self._born}
        self._shadowed = set(shadowed)
        """The keys of promotions whose forerunner still answers in the shadow."""

    def settings(self, tick_seconds: float) -> dict[str, dict[str, Any]]:
        """Return the settings of each service for `PUT /api/models/{name}`, for ticks of so many seconds."""
        return {name: _settings(bench, _load(self._born[name]), tick_seconds) for name, bench in self._benches.items()}

    def tick(self) -> list[Point]:
        """Let one tick pass; return the point of each service."""
        with self._store.write() as books:
            books.put_tick(books.tick() + 1)
        self._begin_incidents()
        self._roll_out()
        self._shadow()
        return [self._runtimes[name].step(self._present(name), bench.model) for name, bench in self._benches.items()]

    def rightly(self, name: str) -> float:
        """Return the share of a service's requests that were answered rightly in this tick; no point ever tells it."""
        return self._runtimes[name].rightly

    # --- inside ------------------------------------------------------------------------------------------------------

    def _present(self, name: str) -> Service:
        with self._store.read() as books:
            service = _known(books, name)
        self._benches[name].look(service)
        return service

    def _begin_incidents(self) -> None:
        for name, bench in self._benches.items():
            service = self._present(name)
            now = lived(service).now
            if self._endless and all(one.begins + one.lasts <= now for one in lived(service).incidents):
                self._plan_anew(name)
                continue
            for incident in lived(service).incidents:
                if incident.begins > now:
                    break
                if incident.begun or not incident.on(now):
                    continue
                if incident.kind != "healthy":
                    log.info("%s: %s begins", name, incident.kind)
                begun = begin(service, incident, bench)
                with self._store.write() as books:
                    books.put_service(_merged(_known(books, name), service, begun))
                service = self._present(name)

    def _roll_out(self) -> None:
        with self._store.read() as books:
            waiting = [effect for effect in books.rolling_out() if effect.target in self._benches]
        for effect in waiting:
            bench, service = self._benches[effect.target], self._present(effect.target)
            after, done = moved(service, effect, bench.model, self._clock)
            with self._store.write() as books:
                if books.effect(effect.key) != effect or not _same(_known(books, effect.target), service):
                    # Somebody changed it while both versions were compared: the next tick looks at it as it is then.
                    continue
                # What is noted of a version, such as that its model had to be made again, stays noted.
                noted = _known(books, effect.target).versions
                books.put_service(after.evolve(versions={**after.versions, **noted}))
                books.put_effect(done)
            self._present(effect.target)
            if done.phase == "promoted":
                self._shadowed.add(done.key)
            if done.state != "rollout":
                self._tidy(bench)

    def _tidy(self, bench: Workbench) -> None:
        """Delete what no version needs any more, unless the training process is at work: it may be writing there."""
        with suppress(Timeout), FileLock(self._store.folder / "training.lock", timeout=0):
            bench.tidy()

    def _plan_anew(self, name: str) -> None:
        with self._store.write() as books:
            service = _known(books, name)
            live = lived(service)
            planned = lived(_placed(self._born[name], live.now)).incidents
            books.put_service(service.evolve(live=live.evolve(incidents=planned)))

    def _shadow(self) -> None:
        """Go on comparing what was promoted with what it replaced, for as long as that may matter to anybody."""
        for key in sorted(self._shadowed):
            with self._store.read() as books:
                effect = books.effect(key)
            if effect is None or effect.undone or effect.target not in self._benches:
                self._shadowed.remove(key)
                continue
            service, models = self._present(effect.target), self._benches[effect.target].model
            seen = shadowed(service, effect, models)
            with self._store.write() as books:
                present = books.effect(key)
                if present is not None and not present.undone:
                    books.put_effect(present.evolve(result=seen.result))
            if lived(service).now >= effect.promoted_at + SHADOWED:
                self._shadowed.remove(key)


def _known(books: Books, name: str) -> Service:
    service = books.service(name)
    if service is None:
        raise LookupError(f"there is no service {name!r} any more")
    return service


def _same(present: Service, seen: Service) -> bool:
    """Whether nothing that matters to a rollout was changed: what is noted of models that were made again does not."""
    return present.evolve(versions={}) == seen.evolve(versions={}) and present.versions.keys() == seen.versions.keys()


def _placed(service: Service, tick: int) -> Service:
    """Return a service whose incidents begin so long after `tick` as they would have after tick 0."""
    live = lived(service)
    incidents = tuple(one.evolve(begins=one.begins + tick) for one in live.incidents)
    return service.evolve(live=live.evolve(incidents=incidents, now=tick))


def _merged(present: Service, before: Service, after: Service) -> Service:
    """Return the service as it is now with what an incident changed of it, whatever AURORA changed meanwhile."""
    changes = {field: value for field, value in after if value != getattr(before, field)}
    if "versions" in changes:
        changes["versions"] = {**present.versions, **after.versions}
    return present.evolve(**changes)


def _settings(bench: Workbench, load: float, tick_seconds: float) -> dict[str, Any]:
    """Return what AURORA may expect of a service: its level before anything befell it, and its windows."""
    service = bench.service
    usual = _usual(bench)
    # What one M/M/1 queue shows at this load: its 95th percentile is ln 20 times its mean sojourn time.
    latency = np.log(20) * lived(service).service_ms / (1 - load)
    minutes = tick_seconds / 60
    return {
        "baseline": {
            "accuracy": round(usual, 4),
            "latency_ms": round(float(latency), 1),
            "throughput_rps": service.arrivals_rps,
            "error_rate": 0.0,
        },
        "accuracy_floor": round(max(LEAST_FLOOR, usual - BELOW_USUAL), 2),
        "latency_slo_ms": round(float(SLO_MULTIPLE * latency), 0),
        "cooldown_minutes": COOLDOWN * minutes,
        "verify_minutes": VERIFY * minutes,
        "thresholds": {"recent_deploy_minutes": RECENT * minutes},
        "limits": {"actions_per_day": 10_000, "spend_per_day": 10_000.0},
    }


def _load(service: Service) -> float:
    return service.arrivals_rps / len(service.replicas) * lived(service).service_ms / 1000


def _usual(bench: Workbench) -> float:
    service = bench.service
    serving, first = service.versions[service.version], Version(origin="initial", concept=0)
    # What serves now may know another concept or be broken: the fleet may have been started again.
    model = bench.model(service.version) if serving.origin == "initial" else bench.made(first)
    born = service.evolve(drifts=())
    rows = [drawn(born, -tick, "unseen", lived(service).rows).rows for tick in range(1, MEASURED_ON + 1)]
    return model.accuracy(Rows(np.concatenate([one.x for one in rows]), np.concatenate([one.y for one in rows])))
