"""Kills: which there are, how one is made on a fresh folder, and what came of it."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from aurora.crashes import Crash
from evals.crashes.forks import ONE_THREAD
from evals.crashes.guards import CONTROLS, Guard
from evals.crashes.process import Order

SHOWN_FAULTS = 5


@dataclass(frozen=True)
class Kill:
    """One kill."""

    seed: int
    point: Crash
    nth: int
    cold: bool = False
    """Whether both processes begin anew, and none is forked."""
    guard: Guard | None = None

    @property
    def id(self) -> str:
        """Names it among all kills of a database."""
        return f"{self.guard or ('cold' if self.cold else 'forked')}-{self.seed}"


@dataclass(frozen=True)
class Came:
    """What came of a kill."""

    id: str
    point: Crash
    nth: int
    cold: bool
    guard: Guard | None
    killed: bool
    """Whether the process was killed there: it is not if it passed there less often than it was to."""
    faults: tuple[str, ...]
    promises: int = 0
    effects: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """Return what an earlier run wrote."""
        return cls(**{**told, "point": Crash(told["point"]), "faults": tuple(told["faults"])})


def planned(kills: int, cold: int, passes: Mapping[Crash, int]) -> list[Kill]:
    """Spread `kills` evenly over the points; which passing of one is drawn from as many as there are."""
    apart = max(1, kills // cold) if cold else kills + 1
    # Apart by a number that shares nothing with that of the points, so that the cold ones meet all of them.
    cold_seeds = set(sorted(range(kills), key=lambda seed: (seed % apart, seed))[:cold])
    points = list(Crash)
    return [
        Kill(seed, point, _drawn(seed, passes[point]), cold=seed in cold_seeds)
        for seed in range(kills)
        for point in [points[seed % len(points)]]
    ]


def control(times: int, passes: Mapping[Crash, int], points: Collection[Crash]) -> list[Kill]:
    """Return the kills of the control: `times` at each of `points`, from its second passing on."""
    return [
        Kill(number, point, min(passes[point], 2 + number // len(points)), guard=CONTROLS[point])
        for number, point in enumerate([*points] * times)
    ]


def _drawn(seed: int, passes: int) -> int:
    return random.Random(seed).randint(1, max(1, passes))


class Hand:
    """Makes kills, one after the other: it has a fork-server of its own, and copies of what a first start leaves."""

    def __init__(self, template: Path, database: "Database") -> None:
        self._template = template
        self._database = database
        self._server = _started()
        self._said()

    def kill(self, kill: Kill) -> Came:
        """Play, kill, go on and check; where the point is not passed so often, once more at its first passing."""
        came = self._killed(kill)
        return came if came.killed or kill.nth == 1 else self._killed(replace(kill, nth=1))

    def prepare(self, order: Order) -> None:
        """Make what the folders of all kills are copied from."""
        if (status := self._run(order, cold=False)) != 0:
            raise RuntimeError(f"the first start ended with {status}: {_log(Path(order.folder), order.role)}")

    def passes(self) -> dict[Crash, int]:
        """Return how often each point is passed when nobody is killed."""
        with self._fresh() as (folder, url):
            self._run(Order("play", str(folder), url), cold=False)
            counted = json.loads((folder / "play.json").read_text())["passes"]
        return {point: counted.get(point.value, 1) for point in Crash}

    def close(self) -> None:
        """End the fork-server and whatever it forked."""
        with suppress(ProcessLookupError):
            os.killpg(self._server.pid, signal.SIGKILL)
        self._server.wait()
        for pipe in (self._server.stdin, self._server.stdout):
            if pipe is not None:
                pipe.close()

    def _killed(self, kill: Kill) -> Came:
        began = time.monotonic()
        with self._fresh() as (folder, url):
            play = Order("play", str(folder), url, kill.point, kill.nth, kill.guard)
            status = self._run(play, cold=kill.cold)
            came = Came(kill.id, kill.point, kill.nth, kill.cold, kill.guard, status == -signal.SIGKILL, ())
            if status not in (0, -signal.SIGKILL):
                return replace(came, faults=(f"it ended with {status} before the kill: {_log(folder, 'play')}",))
            ended = self._run(replace(play, role="resume"), cold=kill.cold)
            if ended != 0:
                return replace(came, faults=(f"the next process ended with {ended}: {_log(folder, 'resume')}",))
            found = json.loads((folder / "resume.json").read_text())
        found["faults"] = tuple(found["faults"][:SHOWN_FAULTS])
        return replace(came, **found, seconds=round(time.monotonic() - began, 2))

    def _run(self, order: Order, *, cold: bool) -> int:
        if cold:
            with (Path(order.folder) / f"{order.role}.log").open("ab") as log:
                command = [sys.executable, "-m", "evals.crashes.process", order.line()]
                return subprocess.run(command, stdout=log, stderr=log, check=False).returncode
        if self._server.stdin is None:
            raise LookupError("the fork-server has no pipe")
        self._server.stdin.write(f"{order.line()}\n")
        self._server.stdin.flush()
        said = self._said()
        if (said["threads"], said["sockets"]) != (1, 0):
            raise RuntimeError(f"the fork-server holds what a fork would break: {said}")
        return int(said["status"])

    def _said(self) -> dict[str, Any]:
        if self._server.stdout is None or not (line := self._server.stdout.readline()):
            raise RuntimeError("the fork-server has ended")
        told: dict[str, Any] = json.loads(line)
        return told

    @contextmanager
    def _fresh(self) -> Iterator[tuple[Path, str]]:
        with tempfile.TemporaryDirectory(prefix="aurora-kill-") as name, self._database.copied() as url:
            shutil.copytree(self._template, name, dirs_exist_ok=True)
            yield Path(name), url


class Database:
    """SQLite inside each folder; on PostgreSQL, at `url`, a database for each kill, copied from a first one."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._name = f"crashes_{os.getpid()}"

    @property
    def name(self) -> str:
        """What the results call it."""
        return "postgresql" if self._url else "sqlite"

    @contextmanager
    def made(self) -> Iterator[str]:
        """Make the database that the others are copied from; drop it in the end."""
        with self._created(self._name, "template0") as url:
            yield url

    @contextmanager
    def copied(self) -> Iterator[str]:
        """Give the URL of a copy, which is dropped afterwards."""
        with self._created(f"{self._name}_{random.getrandbits(64):x}", self._name) as url:
            yield url

    @contextmanager
    def _created(self, name: str, template: str) -> Iterator[str]:
        if not self._url:
            yield ""
            return
        import psycopg

        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
            try:
                yield f"{self._url.rpartition('/')[0]}/{name}"
            finally:
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _started() -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "evals.crashes.forks"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **ONE_THREAD},
        # Ctrl-C is for this process alone; it ends the whole group of that one.
        start_new_session=True,
    )


def _log(folder: Path, role: str) -> str:
    return (folder / f"{role}.log").read_text(encoding="utf-8", errors="replace").strip()[-600:]
