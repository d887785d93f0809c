"""The monitor's clock and the wake-ups of the serving process.

A round lets the monitor judge what is due and sweeps; DBOS's clock asks for one at a steady pace, new metrics ask for
a look of the monitor in between, and without either the worker goes by its own, slower clock. All rounds run in one
thread, so no two run at once, and however often one is asked for meanwhile, one follows.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from threading import Event, Thread
from typing import TYPE_CHECKING

from app.wakeups import DurableWakeUps
from aurora.domain import Health
from aurora.errors import NotFound

if TYPE_CHECKING:
    from aurora import Aurora
    from aurora.ledger import Ledger

log = logging.getLogger(__name__)

PAUSE_SECONDS = 0.1
"""How long nothing is looked at after a look, at least, so that metrics that pour in are looked at together."""
LONGEST_PAUSE_SECONDS = 1.0
"""However long a look takes, the next comes after this."""
PAUSES = 4
"""How many times longer than a short look the pause after it is: whoever sends metrics shares a process with it."""
OWN_CLOCK = 2
"""How many times slower than DBOS's clock the worker's own one is: it only steps in."""


class SweepWorker:
    """Calls `look` and `sweep` every `seconds`, or sooner when asked to, from `start()` until `stop()`."""

    def __init__(self, sweep: Callable[[], object], seconds: float, look: Callable[[], object] | None = None) -> None:
        self._round = {"monitor": look, "sweep": sweep} if look else {"sweep": sweep}
        self._look = {"monitor": look} if look else {}
        self._seconds = seconds
        self._stopped, self._called, self._ticked = Event(), Event(), Event()
        self._thread = Thread(target=self._run, name="aurora-sweep", daemon=True)
        self._troubles: dict[str, str] = {}

    def start(self) -> None:
        """Begin; the first round is due at once, so that what a restart interrupted goes on."""
        self._thread.start()

    def tick(self) -> None:
        """Ask for a round, soon."""
        self._ticked.set()
        self._called.set()

    def nudge(self) -> None:
        """Ask for a look, soon."""
        self._called.set()

    def end(self) -> None:
        """Ask it to end, without waiting."""
        self._stopped.set()
        self._called.set()

    def stop(self, seconds: float = 2.0) -> bool:
        """Ask it to end and wait at most `seconds`; return whether it has ended."""
        self.end()
        if self._thread.is_alive():
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def health(self) -> Health:
        """Say what failed in its newest try; nothing that goes on by itself goes on meanwhile."""
        failed = [f"The {name} failed and is tried again: {trouble}" for name, trouble in dict(self._troubles).items()]
        return Health(word="degraded" if failed else "operational", detail=" ".join(failed))

    def _run(self) -> None:
        due_at = time.monotonic()
        while not self._stopped.is_set():
            began = time.monotonic()
            if self._ticked.is_set() or time.monotonic() >= due_at:
                self._ticked.clear()
                self._do(self._round)
                due_at = time.monotonic() + self._seconds
            else:
                self._do(self._look)
            self._stopped.wait(min(pause_after(time.monotonic() - began), self._seconds))
            self._called.wait(max(0.0, due_at - time.monotonic()))
            self._called.clear()

    def _do(self, parts: dict[str, Callable[[], object]]) -> None:
        for name, part in parts.items():
            if not self._stopped.is_set():
                self._once(name, part)

    def _once(self, name: str, part: Callable[[], object]) -> None:
        try:
            part()
        except Exception as error:  # noqa: BLE001  # nothing may end the monitor; what goes wrong is in the log
            self._complain(name, error)
        else:
            if self._troubles.pop(name, ""):
                log.warning("The %s works again.", name)

    def _complain(self, name: str, error: Exception) -> None:
        """Log the first of a row of equal failures with its trace; a broken database must not fill the disk too."""
        trouble = repr(error)
        if trouble != self._troubles.get(name) and not self._stopped.is_set():
            log.error("The %s failed and will be tried again: %s", name, trouble, exc_info=error)
        self._troubles[name] = trouble


def pause_after(took: float) -> float:
    """Return for how many seconds nothing is looked at after a look that took `took`."""
    return max(PAUSE_SECONDS, min(PAUSES * took, LONGEST_PAUSE_SECONDS))


class Worker:
    """All that goes on in the serving process without being asked for. Start it once, with the AURORA it is for."""

    def __init__(self, seconds: float) -> None:
        """`seconds`: how often a round is due."""
        self.wakeups = DurableWakeUps()
        self._seconds = seconds
        self._served: _Served | None = None

    def start(self, aurora: "Aurora") -> None:
        """Begin with rounds at once, and with wake-ups as soon as DBOS is there."""
        rounds = SweepWorker(aurora.sweep, OWN_CLOCK * self._seconds, aurora.watch)
        self._served = _Served(aurora, rounds)
        aurora.on_metrics = self.nudge
        rounds.start()
        self.wakeups.start(self._served, aurora.parts.home, self._seconds)

    def health(self) -> Health:
        """Say whether the rounds do their work."""
        return Health(word="operational") if self._served is None else self._served.rounds.health()

    def nudge(self) -> None:
        """Let the monitor look soon: there are new metrics."""
        if self._served is not None:
            self._served.rounds.nudge()

    def end(self) -> None:
        """Ask everything to end, without waiting."""
        self.wakeups.end()
        if self._served is not None:
            self._served.rounds.end()

    def stop(self, seconds: float = 2.0) -> bool:
        """Ask everything to end and wait at most `seconds`; return whether it has ended."""
        self.end()
        if self._served is None:
            return True
        until = time.monotonic() + seconds
        ended = [stop(max(0.0, until - time.monotonic())) for stop in (self._served.rounds.stop, self.wakeups.stop)]
        return all(ended)


class _Served:
    """What wake-ups and ticks reach."""

    def __init__(self, aurora: "Aurora", rounds: SweepWorker) -> None:
        self._aurora = aurora
        self.rounds = rounds

    @property
    def ledger(self) -> "Ledger":
        return self._aurora.ledger

    def deliver(self, decision_id: str) -> None:
        try:
            self._aurora.submit_wake(decision_id).result()
        except NotFound:
            log.warning("A wake-up was for decision %s, which the ledger does not hold.", decision_id)

    def tick(self) -> None:
        self.rounds.tick()

    def now(self) -> datetime:
        return self._aurora.parts.deps.clock()
