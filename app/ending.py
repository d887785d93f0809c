"""How this process ends: in a few seconds whatever hangs, and without taking its libraries down in order."""

import contextlib
import logging
import os
import sys
from threading import Timer
from types import FrameType
from typing import NoReturn

HARD_END_SECONDS = 4.5
"""After this long everything ends as it is: the ledger goes on from there at the next start."""

_armed: list[Timer] = []


def stop(_signal: int, _frame: FrameType | None) -> None:
    """Unwind the start, or what the API's own graceful end leaves over; asked again, go on ending."""
    if not _armed:
        arm_hard_end()
        raise KeyboardInterrupt


def is_ending() -> bool:
    """Whether the end was asked for."""
    return bool(_armed)


def leave(code: int = 0) -> NoReturn:
    """End this process once everything is closed: taking the libraries down in order would take Python seconds."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def arm_hard_end(seconds: float = HARD_END_SECONDS) -> None:
    """See to it that this process is gone in `seconds`, whatever hangs."""
    timer = Timer(seconds, _end_hard)
    timer.daemon = True
    _armed.append(timer)
    timer.start()


def _end_hard() -> None:
    import psutil

    print("Something did not stop in time and was ended; the next start goes on from the ledger.", file=sys.stderr)
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    os._exit(0)
