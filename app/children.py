"""The processes that `aurora serve` runs beside itself: the pages, and the built-in fleet.

Each ends when its stdin does, so also when this process is killed. None of them hears the terminal's Ctrl-C: this
process decides when they end.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

Child = subprocess.Popen[bytes]
PATIENCE_SECONDS = 2


@contextmanager
def pages(fd: int, api_url: str, *, keys_required: bool) -> Iterator[Child]:
    """Run the UI on the listening socket `fd`, acting on the API at `api_url`."""
    command = ["-m", "app.ui", "--api-url", api_url, "--fd", str(fd), *(["--keys-required"] if keys_required else [])]
    with _child(command, handed_down=[fd]) as child:
        yield child


@contextmanager
def fleet(folder: Path, api_url: str, key: str, *, tick_seconds: float, log_level: str) -> Iterator[Child]:
    """Run the built-in fleet in the sandbox's `folder`; it reports to the API at `api_url` with `key`, if not empty."""
    command = ["-m", "aurora.sandbox.fleet", "--child", "--folder", str(folder), "--url", api_url]
    with _child([*command, "--tick-seconds", str(tick_seconds), "--log-level", log_level]) as child:
        if child.stdin is not None:
            # Not on the command line and not in the environment, where other programs could read it.
            child.stdin.write(f"{key}\n".encode())
            child.stdin.flush()
        yield child


@contextmanager
def _child(arguments: Sequence[str], handed_down: Sequence[int] = ()) -> Iterator[Child]:
    child = subprocess.Popen(
        # -P: the folder that the caller happens to be in is no place to import from.
        [sys.executable, "-P", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        pass_fds=handed_down,
        # They act with keys that are given to them, and need no secret of ours.
        env={name: value for name, value in os.environ.items() if not name.startswith(("AURORA_", "OPENAI_"))},
        start_new_session=True,
    )
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if child.stdin is not None:
            child.stdin.close()
