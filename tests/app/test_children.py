"""What runs beside the server is started again when it dies, and never once its end was asked for."""

import logging
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest

from app import children
from app.children import Child, Kept


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(children, "PAUSES", (0.02, 0.1, 0.3))
    monkeypatch.setattr(children, "SETTLED_SECONDS", 0.2)


class Births:
    """Starts children that do as they are told, and notes when."""

    def __init__(self, script: str) -> None:
        self.script = script
        self.children: list[Child] = []
        self.at: list[float] = []

    def __call__(self) -> Child:
        child = subprocess.Popen([sys.executable, "-S", "-c", self.script], stdin=subprocess.PIPE)
        self.children.append(child)
        self.at.append(time.monotonic())
        return child


LIVES, DIES = "import sys; sys.stdin.read()", "raise SystemExit(3)"


def eventually(holds: Callable[[], bool], seconds: float = 20.0) -> bool:
    until = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < until:
        time.sleep(0.005)
    return held


def test_one_that_was_killed_is_started_again_and_meanwhile_counts_as_degraded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    births = Births(LIVES)
    with caplog.at_level(logging.WARNING, "app.children"), Kept("fleet", births) as kept:
        assert kept.health().word == "operational"
        births.children[0].kill()
        assert eventually(lambda: kept.health().word == "degraded")
        assert kept.health().detail == "The fleet ended by itself (exit code -9) and is started again."
        assert eventually(lambda: kept.health().word == "operational")
        assert len(births.children) == 2
        assert births.children[1].poll() is None
    assert [child.poll() is None for child in births.children] == [False, False]
    assert caplog.messages == [
        "The fleet ended by itself (exit code -9) and is started again.",
        "The fleet runs again.",
    ]


def test_one_that_keeps_dying_is_given_longer_and_longer_pauses_and_one_complaint(
    caplog: pytest.LogCaptureFixture,
) -> None:
    births = Births(DIES)
    with caplog.at_level(logging.WARNING, "app.children"), Kept("fleet", births) as kept:
        assert eventually(lambda: len(births.at) == 4)
        assert kept.health().word == "degraded"
    pauses = [later - earlier for earlier, later in zip(births.at, births.at[1:], strict=False)]
    assert all(pause >= least for pause, least in zip(pauses, children.PAUSES, strict=True)), pauses
    assert caplog.messages == ["The fleet ended by itself (exit code 3) and is started again."]


def test_one_that_cannot_even_be_started_again_is_tried_again() -> None:
    births, refusals = Births(LIVES), [OSError("the port is taken")]

    def start() -> Child:
        if births.children and refusals:
            raise refusals.pop()
        return births()

    with Kept("pages", start) as kept:
        births.children[0].kill()
        assert eventually(lambda: "the port is taken" in kept.health().detail)
        assert eventually(lambda: kept.health().word == "operational")
        assert len(births.children) == 2


def test_once_its_end_was_asked_for_nothing_is_started_any_more() -> None:
    births = Births(LIVES)
    with Kept("fleet", births) as kept:
        kept.terminate()
        assert births.children[0].wait(5) != 0
        time.sleep(0.3)
        assert (len(births.children), kept.health().word) == (1, "operational")
    assert not psutil.pid_exists(births.children[0].pid)
