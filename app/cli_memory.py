"""Rebuilds the memory's index from the database, inside this process."""

import time
from collections.abc import Callable

from app.client import client_settings, running_server
from app.failure import CallFailed

SECONDS_BETWEEN_NEWS = 2.0

Say = Callable[[str], None]


def rebuild(say: Say) -> int:
    """Index every entry anew and return how many there are. Raises `CallFailed` while a server uses the index."""
    settings = client_settings()
    server = running_server(settings.home)
    if server is not None:
        raise CallFailed(
            f"The server at {server.url} (process {server.pid}) uses the memory, and its index is for one process: "
            "stop it, run this again, and start it anew. A damaged index is also rebuilt by itself at every start."
        )
    if settings.url:
        raise CallFailed(
            f"The memory of {settings.url} is rebuilt where that server runs; unset AURORA_URL for this one."
        )
    from aurora import Aurora
    from aurora.errors import AuroraError

    say("Rebuilding the memory's index from the database …")
    try:
        with Aurora.open() as aurora:
            return aurora.memory.rebuild(_telling(say))
    except (AuroraError, ValueError) as error:
        raise CallFailed(str(error)) from error


def _telling(say: Say) -> Callable[[int, int], None]:
    last = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_NEWS:
            say(f"  {done} of {total} entries")
            last = time.monotonic()

    return progress
