"""The stage of every life: the sandbox fleet under a virtual clock, and what is seen of it tick by tick.

A tick stands for six minutes: the fleet's own day, by which its traffic comes and goes, has 240 of them. AURORA's clock
runs by it too, so that the prices of the contract, which are per hour, mean in the fleet what they say.
"""

import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from aurora import Aurora
from aurora.domain import Action, ModelSettings, Step, ToolResult
from aurora.ports import Tool
from aurora.sandbox import World
from aurora.sandbox.effects import Effect
from aurora.sandbox.fleet.fleet import Fleet
from aurora.sandbox.fleet.incidents import DAY
from aurora.sandbox.service import Service
from aurora.sandbox.store import Store
from aurora.sandbox.world import UNDO
from aurora.tools import build
from evals.living import PATIENCE_SECONDS, START, Living, VirtualClock, is_training

HOURS = 24 / DAY
"""What a tick stands for."""
TICK_SECONDS = 3600 * HOURS
KINDS_OF_TOOLS = ("training", "caching", "routing", "scaling", "alerting")

Point = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sight:
    """One service at one tick, as only the world knows it."""

    rightly: float
    """Share of the requests that were let in and answered rightly."""
    latency_ms: float
    traffic: float
    """As a multiple of the normal."""
    error_rate: float
    replicas: int


@dataclass
class Scene:
    """What is known of one service beforehand, and what was seen of it since."""

    born: Service
    settings: ModelSettings
    sights: list[Sight] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)


class Stage:
    """A fleet in the folder `home`, alone or with an AURORA beside it; `scenes` tells of its services by name."""

    def __init__(self, home: Path, services: Iterable[Service], *, with_aurora: bool = False) -> None:
        born = list(services)
        with ExitStack() as stack:
            self._living = stack.enter_context(Living(home, born, tick_seconds=TICK_SECONDS)) if with_aurora else None
            if self._living is not None:
                self.world, self.store, self._fleet = (
                    self._living.aurora.parts.world,
                    self._living.store,
                    self._living.fleet,
                )
                self.tools: Mapping[Action, Tool] = self._living.aurora.tools
            else:
                self._clock = VirtualClock()
                self.world = stack.enter_context(World(home, self._clock))
                self.store = Store(home)
                stack.callback(self.store.close)
                self._fleet = Fleet(self.store, born, self._clock)
                self.tools = _sandbox_tools(self.world)
            told = self._fleet.settings(TICK_SECONDS)
            self.scenes = {one.name: Scene(one, ModelSettings.model_validate(told[one.name])) for one in born}
            self.now = 0
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def aurora(self) -> Aurora | None:
        """The AURORA beside the fleet."""
        return self._living.aurora if self._living else None

    def tick(self) -> None:
        """Let one tick pass, and AURORA, if there is one, do what it thinks is right."""
        self.now += 1
        for point in self._points():
            name = point["model_name"]
            scene, errors = self.scenes[name], point["error_rate"]
            scene.points.append(point)
            scene.sights.append(
                Sight(
                    rightly=self._fleet.rightly(name) * (1 - errors),
                    latency_ms=point.get("latency_ms", 0.0),
                    traffic=point["throughput_rps"] / scene.born.arrivals_rps,
                    error_rate=errors,
                    replicas=len(self.service(name).replicas),
                )
            )

    def service(self, name: str) -> Service:
        """Return a service as it is now."""
        return self.world.service(name)

    def repair_upstream(self, name: str) -> None:
        """Let whoever sends the inputs of a service mend them: a bug in the data is over from now on."""
        with self.store.write() as books:
            service = books.service(name)
            if service is None or service.live is None:
                return
            mended = tuple(
                one.evolve(lasts=max(self.now - one.begins, 1)) if one.kind == "data_bug" and one.on(self.now) else one
                for one in service.live.incidents
            )
            books.put_service(service.evolve(live=service.live.evolve(incidents=mended)))

    def act(self, step: Step, key: str) -> ToolResult:
        """Do one step through its tool, as AURORA would."""
        result = self.tools[step.action].apply(step, key)
        self.wait()
        return result

    def effects(self, after: int = 0) -> list[tuple[int, Effect]]:
        """Return with its number every effect since number `after`, oldest first, but what took another one back."""
        with self.store.read() as books:
            rows = books.run("SELECT number, body FROM effects WHERE number > ? ORDER BY number", after)
        found = [(int(number), Effect.model_validate_json(body)) for number, body in rows]
        return [(number, effect) for number, effect in found if not effect.key.endswith(UNDO)]

    def is_changing(self, name: str) -> bool:
        """Whether something that was done to a service has not taken hold yet."""
        with self.store.read() as books:
            waiting = (*books.running(), *books.rolling_out())
        return any(effect.target == name for effect in waiting)

    def _points(self) -> list[Point]:
        if self._living is None:
            self._clock.advance(TICK_SECONDS)
            return self._fleet.tick()
        self._living.tick()
        return [seen.points[-1] for seen in self._living.seen.values()]

    def wait(self) -> None:
        """Let no training and no decision go on in real time while the clock stands still."""
        if self._living is not None:
            self._living.wait()
            return
        until = time.monotonic() + PATIENCE_SECONDS
        while is_training(self.store, self.world):
            if time.monotonic() > until:
                raise TimeoutError(f"a training took more than {PATIENCE_SECONDS} seconds")
            time.sleep(0.01)


def tick_of(effect: Effect) -> int:
    """Return the tick in which something was done."""
    return round((datetime.fromisoformat(effect.done_at) - START).total_seconds() / TICK_SECONDS)


def _sandbox_tools(world: World) -> dict[Action, Tool]:
    tools = [build(kind, "sandbox", world=world) for kind in KINDS_OF_TOOLS]
    return {action: tool for tool in tools for action in tool.actions}
