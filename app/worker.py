"""The monitor's thread: sweeps at a steady pace, whatever a sweep runs into."""

import logging
from collections.abc import Callable
from threading import Event, Thread

log = logging.getLogger(__name__)


class SweepWorker:
    """Calls `sweep` every `seconds`, from `start()` until `stop()`."""

    def __init__(self, sweep: Callable[[], object], seconds: float) -> None:
        self._sweep = sweep
        self._seconds = seconds
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="aurora-sweep", daemon=True)
        self._trouble = ""

    def start(self) -> None:
        """Begin; the first sweep is due at once, so that what a restart interrupted goes on."""
        self._thread.start()

    def stop(self, seconds: float = 2.0) -> bool:
        """Ask it to end and wait at most `seconds`; return whether it has ended."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._once()
            self._stopped.wait(self._seconds)

    def _once(self) -> None:
        try:
            self._sweep()
        except Exception as error:  # noqa: BLE001  # nothing may end the monitor; what goes wrong is in the log
            self._complain(error)
        else:
            if self._trouble:
                log.warning("The sweep works again.")
            self._trouble = ""

    def _complain(self, error: Exception) -> None:
        """Log the first of a row of equal failures with its trace; a broken database must not fill the disk too."""
        trouble = repr(error)
        if trouble != self._trouble and not self._stopped.is_set():
            log.error("The sweep failed and will be tried again: %s", trouble, exc_info=error)
        self._trouble = trouble
