"""A whole AURORA and a fleet in one process, tick by tick under a clock that only this moves.

The fleet reaches AURORA through the Python face with the bodies of the HTTP contract; AURORA reaches the fleet through
its tools. A training process works in real time: no tick passes while it does, so that a run is the same each time.
"""

import logging
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from aurora import Aurora
from aurora.bootstrap import Tools
from aurora.domain import MetricPoint, ModelSettings
from aurora.sandbox import World
from aurora.sandbox.fleet.fleet import Fleet
from aurora.sandbox.service import Service
from aurora.sandbox.store import Store
from aurora.settings import Settings

TICK_SECONDS = 1.0
START = datetime(2026, 1, 5, 8, tzinfo=UTC)
PATIENCE_SECONDS = 600
"""How long, in real seconds, a training or a decision may take before the run is given up."""
SWEEPS = 3
"""How often AURORA is asked to go on within a tick: a finished wait may lead to the next step."""


@dataclass
class VirtualClock:
    """Stands still until it is moved."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


@dataclass
class Seen:
    """What was seen of one service."""

    points: list[dict[str, Any]] = field(default_factory=list)
    """Its point at every tick."""
    services: list[Service] = field(default_factory=list)
    """The service itself after every tick, as only the world knows it."""


class Living:
    """Runs `services` beside an AURORA in the folder `home`; `refit` may exchange tools.

    `tick_seconds` is how long a tick lasts by AURORA's clock.
    """

    def __init__(
        self,
        home: Path,
        services: Iterable[Service],
        refit: Callable[[Tools], Tools] = lambda tools: tools,
        *,
        tick_seconds: float = TICK_SECONDS,
    ) -> None:
        # Alerts are on record; the terminal belongs to the progress.
        logging.getLogger("aurora").addHandler(logging.NullHandler())
        self.clock = VirtualClock()
        self._tick_seconds = tick_seconds
        self._stack = ExitStack()
        self.aurora = self._stack.enter_context(Aurora.open(Settings.alone(home), self.clock, refit))
        self.aurora.memory.wait_ready(PATIENCE_SECONDS)
        self.store = Store(home / "sandbox")
        self._stack.callback(self.store.close)
        self.fleet = Fleet(self.store, services, self.clock)
        self.seen: dict[str, Seen] = {}
        for name, told in self.fleet.settings(tick_seconds).items():
            self.aurora.put_settings(name, ModelSettings.model_validate(told), by="fleet")
            self.seen[name] = Seen()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def tick(self) -> None:
        """Let the fleet live one tick, and AURORA do what it thinks is right."""
        self.clock.advance(self._tick_seconds)
        points = self.fleet.tick()
        self.aurora.add_metrics([MetricPoint.model_validate(point) for point in points])
        for point in points:
            seen = self.seen[point["model_name"]]
            seen.points.append(point)
            seen.services.append(self.service(point["model_name"]))
        self.aurora.watch()
        for _ in range(SWEEPS):
            self.wait()
            if self.aurora.sweep() == 0:
                break

    def wait(self) -> None:
        """Let nothing go on in real time while the clock stands still."""
        until = time.monotonic() + PATIENCE_SECONDS
        while self._training() or self.aurora.ledger.decisions.unfinished():
            if time.monotonic() > until:
                raise TimeoutError(f"a training or a decision took more than {PATIENCE_SECONDS} seconds")
            time.sleep(0.01)

    def service(self, name: str) -> Service:
        """Return a service as the world knows it."""
        with self.store.read() as books:
            found = books.service(name)
        if found is None:
            raise LookupError(f"there is no service {name!r}")
        return found

    def change(self, name: str, change: Callable[[Service], Service]) -> None:
        """Let something happen to a service that no incident does."""
        with self.store.write() as books:
            service = books.service(name)
            if service is not None:
                books.put_service(change(service))

    def decisions(self, name: str) -> list[dict[str, Any]]:
        """Return the records of all decisions on a model, oldest first."""
        page = self.aurora.ledger.decisions.list(500, model_name=name)
        return [self.aurora.record(decision.id) for decision in reversed(page.items)]

    def _training(self) -> bool:
        return is_training(self.store, self.aurora.parts.world)


def is_training(store: Store, world: World) -> bool:
    """Whether the training process of a world is at work."""
    with store.read() as books:
        running = books.running()
    for effect in running:
        # Looking it up also starts the training process again, should it have died.
        world.look_up(effect.key)
    return bool(running)


def alone(folder: Path, services: Iterable[Service], ticks: int) -> dict[str, Seen]:
    """Let the same services live without AURORA; return what was seen of them."""
    store = Store(folder)
    fleet = Fleet(store, services, VirtualClock())
    seen: dict[str, Seen] = {}
    for _ in range(ticks):
        for point in fleet.tick():
            seen.setdefault(point["model_name"], Seen()).points.append(point)
    store.close()
    return seen
