"""A live service with its fleet and the world's tools, tick by tick under a clock that only the test moves."""

import time
from datetime import UTC, datetime, timedelta
from statistics import fmean
from typing import Any

from aurora.domain import Action, MetricPoint, ModelSettings, Step, ToolResult
from aurora.ports import Tool
from aurora.sandbox import World
from aurora.sandbox.effects import Effect, parts
from aurora.sandbox.fleet.fleet import Fleet
from aurora.sandbox.fleet.runtime import Point
from aurora.sandbox.service import Service
from aurora.sandbox.store import Store
from aurora.tools import build

KINDS = {
    Action.RETRAIN: "training",
    Action.FINE_TUNE: "training",
    Action.ROUTE: "routing",
    Action.SCALE: "scaling",
    Action.CACHE: "caching",
}
PATIENCE_SECONDS = 60


class Clock:
    """Stands still until a fleet ticks."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 5, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Stage:
    """Runs `services` in the folder of `world`, from tick 0 on; the short methods are about the first of them."""

    def __init__(self, world: World, clock: Clock, *services: Service) -> None:
        self.services = services
        self.name = services[0].name
        self.world = world
        self.clock = clock
        self.store = Store(world.folder)
        with self.store.write() as books:
            books.put_tick(0)
        self.fleet = Fleet(self.store, services, clock)

    def start_again(self) -> None:
        """Let the fleet end and another one go on in its place."""
        self.store.close()
        self.store = Store(self.world.folder)
        self.fleet = Fleet(self.store, self.services, self.clock)

    def close(self) -> None:
        """Let go of the fleet's own connection; the world is the test's."""
        self.store.close()

    # --- looking -----------------------------------------------------------------------------------------------------

    @property
    def service(self) -> Service:
        """The first service as the world knows it."""
        return self.world.service(self.name)

    def effect(self, key: str = "") -> Effect:
        """What was done under the key, as the world knows it."""
        found = self.world.look_up(key or self.name)
        assert found is not None
        return found

    def look_up(self, key: str = "") -> ToolResult:
        """What AURORA is told of what was done under the key."""
        return self._tool(self.effect(key).action).look_up(key or self.name)

    def settings(self) -> ModelSettings:
        return ModelSettings.model_validate(self.fleet.settings(1.0)[self.name])

    def as_served(self) -> tuple[dict[str, Any], object]:
        """What an effect may change of the service, and its canary; a replica may have to boot again."""
        served = parts(self.service)
        replicas = [{**replica, "ready_at": None} for replica in served["replicas"]]
        return {**served, "replicas": replicas}, self.service.canary

    # --- living ------------------------------------------------------------------------------------------------------

    def every(self, ticks: int = 1) -> list[list[Point]]:
        """Let ticks pass; return the points of all services at each, every one of them valid."""
        seen = []
        for _ in range(ticks):
            self.clock.now += timedelta(seconds=1)
            points = self.fleet.tick()
            for point in points:
                MetricPoint.model_validate(point)
            seen.append(points)
        return seen

    def tick(self, ticks: int = 1) -> list[Point]:
        """Let ticks pass; return the points of the first service."""
        return [points[0] for points in self.every(ticks)]

    def order(self, action: Action, key: str = "", **parameters: Any) -> Effect:
        """Do something to the service under a key, by default its name."""
        done = self._tool(action).apply(Step(action=action, target=self.name, parameters=parameters), key or self.name)
        assert done.status == "ok", done.detail
        return self.effect(key)

    def trained(self, key: str = "") -> Effect:
        """Wait, in real time, until no training process works on what was done under the key."""
        until = time.monotonic() + PATIENCE_SECONDS
        while (effect := self.effect(key)).state == "running":
            assert time.monotonic() < until, f"{effect.key} still trains"
            time.sleep(0.01)
        return effect

    def until(self, phase: str, key: str = "", most: int = 30) -> list[Point]:
        """Let ticks pass until what was done under the key is in a phase; return the points."""
        seen: list[Point] = []
        self.trained(key)
        while self.effect(key).phase != phase:
            assert len(seen) < most, f"it is in phase {self.effect(key).phase!r} after {most} ticks"
            seen += self.tick()
        return seen

    def undo(self, key: str = "") -> ToolResult:
        """Take back what was done under the key."""
        effect = self.effect(key)
        step = Step(action=effect.action, target=effect.target, parameters=effect.parameters)
        return self._tool(effect.action).undo(step, effect.key, effect.before)

    def _tool(self, action: Action) -> Tool:
        return build(KINDS[action], "sandbox", self.world)


def mean(points: list[Point], metric: str) -> float:
    """The mean of a metric over the points that tell of it."""
    return fmean(point[metric] for point in points if metric in point)
