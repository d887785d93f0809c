"""The processes that `aurora serve` runs beside itself: the pages, and the built-in fleet.

Each ends when its stdin does, so also when this process is killed. None of them hears the terminal's Ctrl-C: this
process decides when they end. One that ends by itself is started again, after a pause that grows while it keeps dying.
"""

import contextlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event, RLock, Thread
from typing import Self

from aurora.domain import Health

log = logging.getLogger(__name__)

Child = subprocess.Popen[bytes]
PATIENCE_SECONDS = 2
LOOK_SECONDS = 0.25
"""How often it is looked whether a child still lives."""
PAUSES = (1.0, 2.0, 5.0, 15.0, 60.0)
"""How long is waited before a child that died is started again."""
SETTLED_SECONDS = 5.0
"""How long a child that was started again must live to count as running."""
STEADY_SECONDS = 60.0
"""After so long a life, a death counts as the first one."""


class Kept:
    """A child that runs over the block and is started again, by `start`, whenever it ended by itself."""

    def __init__(self, name: str, start: Callable[[], Child]) -> None:
        self.name = name
        self._start = start
        self._child: Child | None = None
        self._born = 0.0
        self._trouble = ""
        self._ended = Event()
        # Reentrant: a signal that ends everything may come in the very thread that holds it.
        self._lock = RLock()
        self._keeper = Thread(target=self._keep, name=f"aurora-{name}", daemon=True)

    def __enter__(self) -> Self:
        self._child, self._born = self._start(), time.monotonic()
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.terminate()
        if self._child is not None:
            _bury(self._child)

    def terminate(self) -> None:
        """Ask it to end, for good, without waiting."""
        self._ended.set()
        with self._lock:
            if self._child is not None:
                self._child.terminate()

    def health(self) -> Health:
        """Say whether it runs."""
        return Health(word="degraded" if self._trouble else "operational", detail=self._trouble)

    def _keep(self) -> None:
        failures = 0
        while not self._ended.wait(LOOK_SECONDS):
            code = self._child.poll() if self._child is not None else None
            lived = time.monotonic() - self._born
            if self._child is not None and code is None:
                self._recover(lived)
                continue
            failures = 1 if self._child is not None and lived > STEADY_SECONDS else failures + 1
            pause = PAUSES[min(failures, len(PAUSES)) - 1]
            if self._child is not None:
                self._complain(f"The {self.name} ended by itself (exit code {code}) and is started again.")
            if not self._ended.wait(pause):
                self._again()

    def _again(self) -> None:
        with self._lock:
            if self._ended.is_set():
                return
            if self._child is not None:
                _bury(self._child)
            self._child = None
            try:
                self._child, self._born = self._start(), time.monotonic()
            except Exception as error:  # noqa: BLE001  # whatever keeps it from starting, it is tried again
                self._complain(f"The {self.name} could not be started again: {error}")

    def _complain(self, trouble: str) -> None:
        """Log the first of a row of equal troubles."""
        if trouble != self._trouble and not self._ended.is_set():
            log.warning("%s", trouble)
        self._trouble = trouble

    def _recover(self, lived: float) -> None:
        if self._trouble and lived > SETTLED_SECONDS:
            log.warning("The %s runs again.", self.name)
            self._trouble = ""


def pages(fd: int, api_url: str, *, keys_required: bool) -> Child:
    """Run the UI on the listening socket `fd`, acting on the API at `api_url`."""
    command = ["-m", "app.ui", "--api-url", api_url, "--fd", str(fd), *(["--keys-required"] if keys_required else [])]
    return _child(command, handed_down=[fd])


def fleet(folder: Path, api_url: str, key: str, *, tick_seconds: float, log_level: str) -> Child:
    """Run the built-in fleet in the sandbox's `folder`; it reports to the API at `api_url` with `key`, if not empty."""
    command = ["-m", "aurora.sandbox.fleet", "--child", "--folder", str(folder), "--url", api_url]
    child = _child([*command, "--tick-seconds", str(tick_seconds), "--log-level", log_level])
    if child.stdin is not None:
        # Not on the command line and not in the environment, where other programs could read it.
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(f"{key}\n".encode())
            child.stdin.flush()
    return child


def _child(arguments: Sequence[str], handed_down: Sequence[int] = ()) -> Child:
    return subprocess.Popen(
        # -P: the folder that the caller happens to be in is no place to import from.
        [sys.executable, "-P", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        pass_fds=handed_down,
        # They act with keys that are given to them, and need no secret of ours.
        env={name: value for name, value in os.environ.items() if not name.startswith(("AURORA_", "OPENAI_"))},
        start_new_session=True,
    )


def _bury(child: Child) -> None:
    """See to it that nothing is left of it."""
    child.terminate()
    try:
        child.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    if child.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()
