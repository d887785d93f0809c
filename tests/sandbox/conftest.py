"""Worlds to try things in, and telemetry to adopt services from."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from aurora.domain import Action, Step, Telemetry
from aurora.sandbox import World
from aurora.sandbox.effects import Effect
from aurora.tools.training.sandbox import SandboxTrainer

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
Told = Callable[..., Telemetry]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "sandbox"


@pytest.fixture
def world(folder: Path) -> Iterator[World]:
    with World(folder, lambda: NOON) as opened:
        yield opened


@pytest.fixture(scope="module")
def old_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One world for a whole module, so that its training process starts once."""
    with World(tmp_path_factory.mktemp("home") / "sandbox", lambda: NOON) as opened:
        yield opened


@pytest.fixture(scope="session")
def told() -> Told:
    """Telemetry in short: `told("name", accuracy=0.7, system_load={...})`."""
    metrics = ("accuracy", "latency_ms", "error_rate", "throughput_rps")

    def telemetry(name: str = "scorer", **what: Any) -> Telemetry:
        measured = {metric: what.pop(metric) for metric in metrics if metric in what}
        return Telemetry.model_validate({"model_name": name, "model_metrics": measured or {"error_rate": 0.0}, **what})

    return telemetry


@pytest.fixture(scope="session")
def train() -> Callable[[World, str, str], Effect]:
    """Order a training under a key without waiting for it."""

    def order(world: World, name: str, key: str, action: Action = Action.RETRAIN, **parameters: Any) -> Effect:
        result = SandboxTrainer(world).apply(Step(action=action, target=name, parameters=parameters), key)
        assert result.status == "ok", result.detail
        effect = world.look_up(key)
        assert effect is not None
        return effect

    return order


@pytest.fixture(scope="session")
def ended() -> Callable[[World, str], Effect]:
    """Wait until what was done under a key no longer runs."""

    def wait(world: World, key: str) -> Effect:
        until = time.monotonic() + 60
        while (effect := world.look_up(key)) is None or effect.state == "running":
            assert time.monotonic() < until, f"{key} still runs after a minute"
            time.sleep(0.02)
        return effect

    return wait


@pytest.fixture
def training_held_up(folder: Path) -> Iterator[Callable[[], None]]:
    """Hold up every training in the folder, at least until this is called."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "training.lock")
    lock.acquire()
    yield lock.release
    lock.release()
