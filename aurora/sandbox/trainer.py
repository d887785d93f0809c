"""The training process as seen from the process that wants something trained.

A plain child with a pipe, not `multiprocessing`: that would import the caller's main module again, and fork is not
safe beside threads. The child ends when the pipe does, so it never outlives its parent, not even after a kill -9.
"""

import logging
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""A training takes one core at most: the service beside it must stay quick."""


class Trainer:
    """At most one training process, started when it is first wanted; `lost(pid)` is told when it died by itself."""

    def __init__(self, folder: Path, lost: Callable[[int], None]) -> None:
        self._folder = folder
        self._lost = lost
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._end: weakref.finalize[[subprocess.Popen[bytes]], Trainer] | None = None
        self._closed = False

    def wake(self) -> None:
        """Say that there is new work; start the process if there is none. Does not wait for it."""
        self._see_to_it(new_work=True)

    def ensure(self) -> None:
        """See to it that somebody is at the work that there is."""
        self._see_to_it(new_work=False)

    def close(self) -> None:
        """End the process, whatever it is at. Closing twice is fine."""
        with self._lock:
            self._closed = True
            if self._end is not None:
                self._end()

    def _see_to_it(self, *, new_work: bool) -> None:
        with self._lock:
            if self._closed:
                return
            try:
                if not self._started() and new_work:
                    self._ring()
            except OSError:
                # The work is in the books and not lost: whoever next asks for it tries again.
                log.warning("the training process could not be started", exc_info=True)

    def _started(self) -> bool:
        """Start and wake the process if none is alive; return whether that was so."""
        if self._process is not None and self._process.poll() is not None:
            self._bury(self._process)
        if self._process is not None:
            return False
        self._start()
        self._ring()
        return True

    def _ring(self) -> None:
        # A child that died this very moment is noticed by the next call.
        if self._process is not None and self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.write(b"\n")

    def _start(self) -> None:
        with (self._folder / "training.log").open("ab") as output:
            self._process = subprocess.Popen(
                # -P: the folder that the caller happens to be in is no place to import from.
                [sys.executable, "-P", "-m", "aurora.sandbox.worker", str(self._folder), str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env={**os.environ, **THREADS},
                bufsize=0,
                # Ctrl-C in a terminal goes to the whole group: the parent alone decides when this one ends.
                start_new_session=True,
            )
        self._end = weakref.finalize(self, _end, self._process)

    def _bury(self, process: subprocess.Popen[bytes]) -> None:
        if self._end is not None:
            self._end()
        self._process = None
        self._lost(process.pid)


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()
    process.kill()
    process.wait()
