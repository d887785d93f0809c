"""A whole AURORA per test: real ledger, real Chroma, real embedding, the real sandbox."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aurora import Aurora
from aurora.answers import AnalyzeAnswer
from aurora.bootstrap import Tools
from aurora.crashes import Crash, install
from aurora.domain import ModelSettings
from aurora.settings import Settings

FAILING: dict[str, Any] = {
    "model_metrics": {"accuracy": 0.72, "latency_ms": 650},
    "data_drift": {"detected": True, "score": 0.65},
}


@dataclass
class ShiftedClock:
    """The real time plus a shift, so that a test can let hours pass."""

    shift: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.shift

    def pass_hours(self, hours: float) -> None:
        self.shift += timedelta(hours=hours)


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
def open_aurora(tmp_path: Path, clock: ShiftedClock) -> Iterator[Callable[..., Aurora]]:
    """Open AURORA on this test's folder; opening again is a restart."""
    opened: list[Aurora] = []

    def open_(refit: Callable[[Tools], Tools] = lambda tools: tools, **settings: Any) -> Aurora:
        while opened:
            opened.pop().close()
        opened.append(Aurora.open(Settings(home=tmp_path / "home", **settings), clock, refit))
        return opened[-1]

    yield open_
    for one in opened:
        one.close()


@pytest.fixture
def aurora(open_aurora: Callable[..., Aurora]) -> Aurora:
    return open_aurora()


class Died(Exception):
    """The process is gone."""


DiesAt = Callable[[Crash], AbstractContextManager[None]]


@pytest.fixture
def dies_at() -> DiesAt:
    """Break off whatever passes a point while the block lasts, as a process that dies there would."""

    @contextmanager
    def dying(point: Crash) -> Iterator[None]:
        def die(passed: Crash) -> None:
            if passed is point:
                raise Died(point)

        install(die)
        try:
            yield
        finally:
            install(None)

    return dying


@pytest.fixture
def waiting(aurora: Aurora) -> AnalyzeAnswer:
    """A decision that waits for a person, because this model's retrains always ask."""
    aurora.put_settings("default", ModelSettings.model_validate({"autonomy": {"retrain": "ask"}}), "ada")
    answer = aurora.analyze(FAILING)
    assert answer.status == "awaiting_approval"
    return answer
