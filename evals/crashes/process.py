"""One process of a kill: it makes the first folder, plays until it is killed, or goes on after that.

    python -m evals.crashes.process '{"role": "play", …}'      in a process of its own (a cold start)

The fork-server (`forks.py`) does the same in a child of its own. All parts are the real ones: ledger, checkpoints,
Chroma, the packaged weights. Only the clock is moved by the eval, and what is trained goes to the recording `Target`,
but for the one point that is about the sandbox's own trainer.
"""

import json
import logging
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Self

from aurora import Aurora
from aurora.bootstrap import Tools
from aurora.crashes import Crash, install
from aurora.settings import Settings
from evals.crashes.checks import faults, open_ends
from evals.crashes.client import LATER, STORIES, TRAINED, Client
from evals.crashes.guards import Guard, remove
from evals.crashes.target import Target, read, refit
from evals.living import START, VirtualClock

PATIENCE_SECONDS = 400
"""How long, in real seconds, a process may take before it is ended as hanging: a busy machine starts slowly."""
INDEX_SECONDS = 180
STEP_SECONDS, STEPS = 10.0, 120
"""How far the clock moves between two sweeps of the process that goes on, and how often at most."""
WATCHED_STEPS = 3
"""In how many of these the monitor looks as well."""
TRAINING_SECONDS = 60.0
"""How long, in real seconds, a training of the sandbox is waited for."""


@dataclass(frozen=True)
class Order:
    """What a process is to do."""

    role: Literal["prepare", "play", "resume"]
    folder: str
    """Where home, promises, the target's lines and the result are."""
    database_url: str = ""
    point: Crash | None = None
    """Where to die; None: nowhere, and the passes are counted."""
    nth: int = 1
    """At which passing of the point."""
    guard: Guard | None = None
    """What to take out of AURORA first."""

    @classmethod
    def read(cls, line: str) -> Self:
        """Return the order as another process wrote it."""
        told = json.loads(line)
        return cls(**told | {"point": Crash(told["point"]) if told["point"] else None})

    def line(self) -> str:
        """Return it as another process reads it."""
        return json.dumps(asdict(self))


def carry_out(order: Order) -> None:
    """Do what is ordered, in this process."""
    signal.alarm(PATIENCE_SECONDS)
    # What goes wrong is found by the checks; the log goes to the folder.
    logging.basicConfig(level=logging.WARNING)
    if order.guard is not None:
        remove(order.guard)
    {"prepare": _prepare, "play": play, "resume": _resume}[order.role](order)


def _prepare(order: Order) -> None:
    """Make a folder (and a database) as it is after a first start: the same for all kills, so that it is copied."""
    with _opened(order, VirtualClock()):
        pass


def play(order: Order) -> None:
    """Let AURORA do all that it does, until it is killed or, without a point, all points are counted."""
    clock, passes = VirtualClock(), Counter[Crash]()
    with _opened(order, clock) as aurora:
        install(_Killing(order.point, order.nth) if order.point else _Counting(passes))
        Client(aurora, clock, Path(order.folder)).play(stories(order.point))
        install(None)
    _result(order, {"passes": passes})


def stories(point: Crash | None) -> tuple[str, ...]:
    """Return what is played before a kill at `point`."""
    return tuple(TRAINED) if point is Crash.EFFECT_BOOKED else tuple(STORIES)


def _resume(order: Order) -> None:
    clock, folder = VirtualClock(START + LATER), Path(order.folder)
    left: list[str] = []
    with _opened(order, clock) as aurora:
        client = Client(aurora, clock, folder)
        client.ask_again()
        _go_on(aurora, client, clock)
        if order.point is Crash.EFFECT_BOOKED:
            left = _wait_for_training(aurora)
            _go_on(aurora, client, clock)
        promises = client.promises()
        found = [*left, *faults(aurora, folder, promises)]
    effects = len(read(folder / "target.jsonl")) + len(read(folder / "home" / "alerts.jsonl"))
    _result(order, {"faults": found, "promises": len(promises), "effects": effects})


def _go_on(aurora: Aurora, client: Client, clock: VirtualClock) -> None:
    """Sweep as a server does, until nothing is left."""
    for step in range(STEPS):
        clock.advance(STEP_SECONDS)
        if step < WATCHED_STEPS:
            aurora.watch()
        aurora.sweep()
        if client.answer_questions() == 0 and step >= WATCHED_STEPS and not open_ends(aurora):
            return


def _wait_for_training(aurora: Aurora) -> list[str]:
    """Let the sandbox's training end, which works in real time; return what did not."""
    until = time.monotonic() + TRAINING_SECONDS
    keys = [one.key for one in aurora.ledger.intents.of_decision(aurora.ledger.decisions.list(1).items[0].id)]
    while running := [key for key in keys if _is_running(aurora, key)]:
        if time.monotonic() > until:
            return [f"the training {key} was begun and never went on" for key in running]
        time.sleep(0.05)
    return []


def _is_running(aurora: Aurora, key: str) -> bool:
    effect = aurora.parts.world.look_up(key)
    return effect is not None and effect.state == "running"


@contextmanager
def _opened(order: Order, clock: VirtualClock) -> Iterator[Aurora]:
    folder = Path(order.folder)
    home = folder / "home"
    settings = Settings.model_construct(home=home, database_url=order.database_url, tool_timeout_seconds=5.0)

    def recording(tools: Tools) -> Tools:
        return tools if order.point is Crash.EFFECT_BOOKED else refit(tools, Target(folder, clock))

    with Aurora.open(settings, clock, recording) as aurora:
        if not aurora.memory.wait_ready(INDEX_SECONDS):
            raise TimeoutError(f"the index was not level within {INDEX_SECONDS} seconds")
        yield aurora


class _Killing:
    """Kills this process at the nth passing of a point, as nothing can catch."""

    def __init__(self, point: Crash, nth: int) -> None:
        self._point = point
        self._left = nth
        self._lock = threading.Lock()

    def __call__(self, passed: Crash) -> None:
        if passed is not self._point:
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class _Counting:
    """Counts how often each point is passed."""

    def __init__(self, passes: Counter[Crash]) -> None:
        self._passes = passes
        self._lock = threading.Lock()

    def __call__(self, passed: Crash) -> None:
        with self._lock:
            self._passes[passed] += 1


def _result(order: Order, found: dict[str, object]) -> None:
    path = Path(order.folder) / f"{order.role}.json"
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(found), encoding="utf-8")
    partial.replace(path)


if __name__ == "__main__":
    carry_out(Order.read(sys.argv[1]))
