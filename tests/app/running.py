"""A real `aurora` in a process of its own: a server for the length of a block, and commands that talk to it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

AURORA = Path(sys.executable).with_name("aurora")
START_SECONDS, STOP_SECONDS = 60, 10


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    process: subprocess.Popen[str]
    home: Path
    url: str
    ui_url: str | None

    def family(self) -> list[psutil.Process]:
        """Return its process and all that come from it."""
        server = psutil.Process(self.process.pid)
        return [server, *server.children(recursive=True)]

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(how)
        return self.process.wait(STOP_SECONDS)

    def aurora(self, *arguments: str, stdin: str = "", code: int = 0) -> str:
        """Run a command against it; return its stdout."""
        done = command(self.home, *arguments, stdin=stdin)
        assert done.returncode == code, done.stderr
        return done.stdout

    def answer(self, *arguments: str, stdin: str = "") -> Any:
        """Run a command with --json against it; return its answer."""
        return json.loads(self.aurora(*arguments, "--json", stdin=stdin))


def environment(home: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with another home and `settings`."""
    return {**os.environ, "AURORA_HOME": str(home), "COLUMNS": "120", **settings}


def command(
    home: Path, *arguments: str, stdin: str = "", settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `aurora` with `arguments` to its end."""
    return subprocess.run(
        [AURORA, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        env=environment(home, settings or {}),
        timeout=180,
        check=False,
    )


@contextmanager
def started(
    home: Path, *options: str, settings: Mapping[str, str] | None = None, as_json: bool = True
) -> Iterator[subprocess.Popen[str]]:
    """Start `aurora serve` and see to it that nothing of it outlives the block."""
    process = subprocess.Popen(
        [AURORA, "serve", "--port", "0", "--ui-port", "0", *(["--json"] if as_json else []), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(home, settings or {}),
    )
    family: list[psutil.Process] = []
    try:
        yield process
        if process.poll() is None:
            family = psutil.Process(process.pid).children(recursive=True)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        process.communicate()
        for child in family:
            if child.is_running():
                child.kill()


@contextmanager
def running(home: Path, *options: str, settings: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Run a server on free ports over the block, from the moment on that it answers."""
    with started(home, *options, settings=settings) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"aurora serve did not start:\n{process.communicate()[1]}")
        said = json.loads(line)
        assert said["pid"] == process.pid
        yield Running(process, home, said["url"], said["ui_url"])
