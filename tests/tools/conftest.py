"""A world for a whole module, so that its training process starts once; each test takes a service of its own in it."""

import itertools
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aurora.domain import Telemetry, ToolResult
from aurora.ports import Tool
from aurora.sandbox import World

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("home") / "sandbox", lambda: NOON) as opened:
        yield opened


@pytest.fixture(scope="module")
def home(world: World) -> Path:
    return world.folder.parent


_numbers = itertools.count()


@pytest.fixture
def telemetry() -> Telemetry:
    """One look at a service nobody else uses: two replicas, versions 1.3 and 1.4, drifted, traffic that repeats."""
    return Telemetry.model_validate(
        {
            "model_name": f"service-{next(_numbers)}",
            "model_version": "1.4",
            "model_metrics": {"accuracy": 0.72, "latency_ms": 650, "throughput_rps": 120},
            "data_drift": {"detected": True, "score": 0.65},
            "deployment": {"previous_version": "1.3"},
            "system_load": {"cpu_usage": 0.7, "replicas": [{"name": "r1"}, {"name": "r2"}]},
            "traffic": {"repeat_ratio": 0.5},
        }
    )


@pytest.fixture
def target(world: World, telemetry: Telemetry) -> str:
    """The name of that service, adopted."""
    world.adopt(telemetry)
    return telemetry.model_name


@pytest.fixture(scope="session")
def ended() -> Callable[[Tool, str], ToolResult]:
    """Wait until what was done under a key no longer runs."""

    def wait(tool: Tool, key: str) -> ToolResult:
        until = time.monotonic() + 60
        while (found := tool.look_up(key)).answer.get("state") == "running":
            assert time.monotonic() < until, f"{key} still runs after a minute"
            time.sleep(0.02)
        return found

    return wait
