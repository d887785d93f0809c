"""Progress to look at: numbered steps with their time. A live line on a terminal, a line now and then elsewhere."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic

LIVE_SECONDS, PLAIN_SECONDS, LAST_WORDS_SECONDS = 0.5, 20.0, 20.0


class Progress:
    """Tells on stdout what is being done, and for how long."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._step = 0
        self._began = monotonic()
        self._told = self._began
        self._live = sys.stdout.isatty()

    def step(self, what: str) -> None:
        """Begin the next step."""
        self._step += 1
        self.say(what, mark=f"[{self._step}/{self._steps}]")

    def say(self, what: str, mark: str = "     ") -> None:
        """Print a line that stays."""
        self._told = monotonic()
        print(f"{self._wipe()}{mark} {self._elapsed()}  {what}", flush=True)

    def pulse(self, what: str) -> None:
        """Show what is going on at this moment."""
        if self._live:
            print(f"{self._wipe()}      {self._elapsed()}    {what[:80]}", end="", flush=True)
        elif monotonic() - self._told >= PLAIN_SECONDS:
            self.say(f"  {what[:80]}")

    def done(self, what: str) -> None:
        """Print the last line."""
        self.say(what, mark="  ok ")

    def _wipe(self) -> str:
        return "\r\x1b[K" if self._live else ""

    def _elapsed(self) -> str:
        minutes, seconds = divmod(int(monotonic() - self._began), 60)
        return f"{minutes}:{seconds:02d}"


def run(command: Sequence[str], log: Path, lock: int, pulse: Callable[[], None]) -> int:
    """Run `command` to its end and return its exit code: output goes to `log`, `pulse` is called meanwhile.

    It inherits `lock`, so that the lock lives as long as it does. It stands in a process group of its own and is told
    once, by us, when we are interrupted: a second Ctrl-C would break its tidying up.
    """
    with log.open("ab") as sink:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, pass_fds=[lock], process_group=0
        )
    try:
        while True:
            try:
                return process.wait(timeout=LIVE_SECONDS)
            except subprocess.TimeoutExpired:
                pulse()
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(timeout=LAST_WORDS_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
