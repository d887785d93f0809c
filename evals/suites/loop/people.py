"""The person on call: what he would do about each incident, and after how long.

He is a strong one: once he looks he knows the cause, picks the right cure, comes back to see whether it took hold, and
gives back what he added when it is not needed any more. What he lacks is time.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import fmean

from aurora.domain import Action, Step
from aurora.sandbox.fleet.incidents import RAMP
from aurora.sandbox.service import Drift, IncidentKind, Service
from aurora.sandbox.traffic import lived
from evals.living import START
from evals.suites.loop.stage import HOURS, TICK_SECONDS, Point, Scene, Stage

WORKDAY = range(9, 17)
"""Hours, from Monday to Friday."""
DELAY_HOURS, DELAY_HOURS_AT_NIGHT = 1.0, 3.0
"""How long it takes until he has looked, found the cause and acts: in the working hours, and outside of them."""
AGAIN_HOURS = 1.2
"""After how long he looks again whether what he did was enough."""
IN_A_ROW = 3
"""How many points in a row must breach before he is paged: a moment's excursion wakes up nobody."""
MEMORY_LIMIT = 0.9
FULL = 0.60
"""The usage that he scales to."""
INACCURATE = 0.05
"""How far under the healthy level a model has to be for him to train it."""
RECENT = 5
"""Ticks that an accuracy is taken over."""
CACHE_SECONDS = 300.0
BURST = 2.7
"""How much traffic a surge or a burst brings, as a multiple of the usual."""
ENOUGH_ROWS = 7
"""Ticks after which a whole training window is of the new concept, and labelled."""


def delay(tick: int) -> int:
    """Return after how many ticks somebody who is called at `tick` acts."""
    moment = START + timedelta(seconds=tick * TICK_SECONDS)
    at_work = moment.weekday() < 5 and moment.hour in WORKDAY
    return round((DELAY_HOURS if at_work else DELAY_HOURS_AT_NIGHT) / HOURS)


# --- what is right ---------------------------------------------------------------------------------------------------


def cures(service: Service, scene: Scene, *, lent: bool = True) -> list[Step]:
    """Return everything that is right to do to a service now, most urgent first; nothing where nothing is.

    `lent`: also give back the replicas and the traffic that an incident took, when it is over.
    """
    found = [_back(service), _cache(service), _grow(service), _away(service), _train(service, scene)]
    if lent:
        found += [_shrink(service, scene.born), _even(service)]
    return [step for step in found if step is not None]


def has_bug(service: Service) -> bool:
    """Whether somebody upstream has to mend the data."""
    return "data_bug" in _on(service)


def _on(service: Service) -> set[IncidentKind]:
    live = lived(service)
    return {one.kind for one in live.incidents if one.on(live.now)}


def _back(service: Service) -> Step | None:
    """Send the traffic back to a version that is neither broken nor leaking."""
    if not _is_bad(service, service.version):
        return None
    good = [
        name for name in service.versions if not _is_bad(service, name) and service.versions[name].origin != "previous"
    ]
    return _route(service, {"to_version": good[-1]}) if good else None


def _is_bad(service: Service, version: str) -> bool:
    made = service.versions[version]
    return made.origin == "deployed" and (made.target is not None or made.leaks > 0)


def _cache(service: Service) -> Step | None:
    if "repeating_burst" not in _on(service) or service.cache_enabled:
        return None
    return _step(service, Action.CACHE, {"enabled": True, "ttl_seconds": CACHE_SECONDS})


def _grow(service: Service) -> Step | None:
    if "surge" not in _on(service):
        return None
    needed = _needed(service, BURST)
    return _scale(service, needed) if needed > len(service.replicas) else None


def _shrink(service: Service, born: Service) -> Step | None:
    if _on(service) & {"surge", "repeating_burst"} or len(service.replicas) <= len(born.replicas):
        return None
    return _scale(service, len(born.replicas))


def _needed(service: Service, traffic: float) -> int:
    work = service.arrivals_rps * traffic * lived(service).service_ms / 1000
    return math.ceil(work / FULL)


def _away(service: Service) -> Step | None:
    first = service.replicas[0]
    if "hot_replica" not in _on(service) or first.weight == 0:
        return None
    others = len(service.replicas) - 1
    return _route(service, {"weights": {one.name: 0.0 if one is first else 100 / others for one in service.replicas}})


def _even(service: Service) -> Step | None:
    weights = {one.weight for one in service.replicas}
    if "hot_replica" in _on(service) or max(weights) - min(weights) < 1:
        return None
    return _route(service, {"weights": {one.name: 100 / len(service.replicas) for one in service.replicas}})


def _train(service: Service, scene: Scene) -> Step | None:
    """Train where the model is inaccurate and has not seen rows of the newest concept."""
    usual = scene.settings.baseline.accuracy if scene.settings.baseline else None
    recent = [sight.rightly for sight in scene.sights[-RECENT:]]
    if usual is None or not recent or fmean(recent) > usual - INACCURATE or has_bug(service):
        return None
    now, trained_at = lived(service).now, service.versions[service.version].trained_at
    ripe = [moment for drift in service.drifts for moment in _moments(drift) if moment <= now]
    if not any(trained_at < moment for moment in ripe):
        return None
    return _step(service, Action.RETRAIN, {"window": "newest"})


def _moments(drift: Drift) -> list[int]:
    """Return the ticks from which a training on the newest rows is worth its price, once each."""
    changes = [(drift.begins, drift.ramp)] + ([(drift.ends, drift.fade)] if drift.ends is not None else [])
    whole = [begins + span + ENOUGH_ROWS for begins, span in changes]
    return whole + [begins + RAMP // 2 + ENOUGH_ROWS for begins, span in changes if span]


def _step(service: Service, action: Action, parameters: dict[str, object]) -> Step:
    return Step(action=action, target=service.name, parameters=parameters)


def _route(service: Service, parameters: dict[str, object]) -> Step:
    return _step(service, Action.ROUTE, parameters)


def _scale(service: Service, replicas: int) -> Step:
    return _step(service, Action.SCALE, {"replicas": replicas, "from": len(service.replicas)})


# --- who does it -----------------------------------------------------------------------------------------------------


@dataclass
class Person:
    """Somebody who is called, and who does what is right when he comes to it.

    Called by an alert; with `watches` also by pages of his own, when a limit is breached. Answers every approval that
    AURORA asks for, with yes: nobody's knowledge of the cause is lent to it.
    """

    stage: Stage
    watches: bool = False
    waits: Callable[[int], int] = delay
    calls: list[tuple[int, str]] = field(default_factory=list)
    """Tick and service of every page and approval; alerts stand in the world's books."""
    _visits: dict[str, int] = field(default_factory=dict)
    _heard: int = 0
    _questions: dict[str, int] = field(default_factory=dict)
    _lent: set[str] = field(default_factory=set)

    def work(self) -> None:
        """Hear what came in this tick, and do what is due."""
        self._hear_alerts()
        if self.watches:
            self._look_for_breaches()
        self._answer()
        for name in [name for name, due in self._visits.items() if due <= self.stage.now]:
            self._visit(name)

    def _hear_alerts(self) -> None:
        for number, effect in self.stage.effects(self._heard):
            self._heard = number
            if effect.action is Action.ALERT:
                self._call(effect.target)

    def _look_for_breaches(self) -> None:
        for name, scene in self.stage.scenes.items():
            last = scene.points[-IN_A_ROW:]
            calling = len(last) == IN_A_ROW and all(breaches(point, scene) for point in last)
            if calling and name not in self._visits:
                self.calls.append((self.stage.now, name))
                self._call(name)

    def _call(self, name: str) -> None:
        self._visits.setdefault(name, self.stage.now + self.waits(self.stage.now))

    def _visit(self, name: str) -> None:
        service, scene = self.stage.service(name), self.stage.scenes[name]
        if has_bug(service):
            self.stage.repair_upstream(name)
        steps = [] if self.stage.is_changing(name) else cures(service, scene, lent=name in self._lent)
        for step in steps[:1]:
            if self.stage.act(step, f"person:{name}:{self.stage.now}").status == "ok":
                self._lend(name, step, service)
        still = bool(steps) or name in self._lent or self.stage.is_changing(name)
        if still or breaches(scene.points[-1], scene):
            self._visits[name] = self.stage.now + round(AGAIN_HOURS / HOURS)
        else:
            del self._visits[name]

    def _lend(self, name: str, step: Step, service: Service) -> None:
        """Remember what has to be given back: more replicas, or traffic taken from one of them."""
        weights = step.parameters.get("weights")
        more = step.action is Action.SCALE and step.parameters["replicas"] > len(service.replicas)
        if more or (weights and 0.0 in weights.values()):
            self._lent.add(name)
        elif step.action is Action.SCALE or weights:
            self._lent.discard(name)

    def _answer(self) -> None:
        aurora = self.stage.aurora
        if aurora is None:
            return
        for asked in aurora.ledger.approvals.list("waiting", 500).items:
            if asked.id not in self._questions:
                self.calls.append((self.stage.now, asked.model_name))
                self._questions[asked.id] = self.stage.now + self.waits(self.stage.now)
            elif self._questions[asked.id] <= self.stage.now:
                aurora.settle(asked.id, "approve", by="on-call")
                self.stage.wait()


@dataclass
class AtOnce:
    """Somebody who knows everything and does what is right in the tick in which it is: what could have been."""

    stage: Stage
    calls: list[tuple[int, str]] = field(default_factory=list)
    _again: dict[str, int] = field(default_factory=dict)

    def work(self) -> None:
        """Cure what there is."""
        for name, scene in self.stage.scenes.items():
            service = self.stage.service(name)
            if has_bug(service):
                self.stage.repair_upstream(name)
            if self._again.get(name, 0) > self.stage.now or self.stage.is_changing(name):
                continue
            for step in cures(service, scene)[:1]:
                self.stage.act(step, f"once:{name}:{self.stage.now}")
                if step.action is Action.RETRAIN:
                    self._again[name] = self.stage.now + round(AGAIN_HOURS / HOURS)


def breaches(point: Point, scene: Scene) -> bool:
    """Whether a point is over a limit that people are paged for."""
    settings, limits = scene.settings, scene.settings.thresholds
    over = {
        "latency_ms": settings.latency_slo_ms,
        "error_rate": limits.error_rate,
        "null_rate": limits.null_rate,
        "memory_usage": MEMORY_LIMIT,
    }
    low = bool(point.get("accuracy", 1.0) < settings.accuracy_floor)
    return low or any(point.get(name, 0.0) > limit for name, limit in over.items())
