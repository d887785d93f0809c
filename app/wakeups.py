"""The ledger's wake-ups by DBOS: taken with the transaction that wants them, delivered at least once, never relied on.

A wake-up is committed together with what it is for and outlives the process. What DBOS loses or never gets costs time,
since the sweep finds it; so it may be missing, ill or emptied at any moment, and is started again as often as need be.
How DBOS itself is run is told in `app/embedded_dbos.py`.
"""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.orm import Session

from app.embedded_dbos import Served, enqueue, first_line, hush, probe, running, tidy
from aurora.domain import Health

if TYPE_CHECKING:
    from dbos import DBOSClient

log = logging.getLogger(__name__)

T = TypeVar("T")

PROBE_SECONDS = 5.0
"""How often DBOS is looked after."""
TIDY_SECONDS = 60.0
"""How often what was delivered long ago is deleted."""
PAUSES = (1.0, 2.0, 5.0, 15.0, 60.0)
"""How long an ill DBOS is left alone before it is started again."""
MARGIN = timedelta(milliseconds=50)
"""A look at an outcome comes a little after it is due, never before."""
AHEAD = timedelta(days=3650)
BATCH = 200
"""How many are taken in one transaction when all that is waited for is taken again."""


class DurableWakeUps:
    """The wake-ups of one serving process, from `start()` until `stop()`; before and after, none is taken."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._client: DBOSClient | None = None
        self._trouble = ""
        self._keeper: threading.Thread | None = None

    # --- what the ledger calls ---------------------------------------------------------------------------------------

    def resume(self, session: Session, decision_id: str, approval_id: str) -> None:
        """Wake the decision soon: its question is settled."""
        self._take(session, f"resume:{approval_id}", decision_id)

    def verify(self, session: Session, decision_id: str, due_at: datetime, now: datetime) -> None:
        """Wake the decision at `due_at`; said again for the same moment it stays one wake-up."""
        moment = int(due_at.timestamp() * 1000)
        self._take(session, f"verify:{decision_id}:{moment}", decision_id, max(due_at - now, timedelta()) + MARGIN)

    def health(self) -> Health:
        """Say whether wake-ups run."""
        if not self._trouble:
            return Health(word="operational")
        return Health(word="degraded", detail=f"{self._trouble} Decisions go on by the sweep, only later.")

    @property
    def taken(self) -> bool:
        """Whether wake-ups are taken at this moment."""
        return self._client is not None

    def _take(self, session: Session, id: str, decision_id: str, delay: timedelta | None = None) -> None:
        client = self._client
        if client is None:
            return
        try:
            with session.begin_nested():
                enqueue(client, session, id, decision_id, delay)
        except Exception as error:  # noqa: BLE001  # whatever it is, it must not undo what the wake-up is for
            self._complain(error)

    # --- running -----------------------------------------------------------------------------------------------------

    def start(self, served: Served, home: Path, seconds: float) -> None:
        """Begin to deliver to `served`, and to tick about every `seconds`. Returns at once."""
        self._keeper = threading.Thread(
            target=self._keep, args=(served, home, seconds), name="aurora-wakeups", daemon=True
        )
        self._keeper.start()

    def end(self) -> None:
        """Ask it to end, without waiting."""
        self._client = None
        self._ended.set()
        hush()

    def stop(self, seconds: float = 2.0) -> bool:
        """Ask it to end and wait at most `seconds`; return whether it has ended."""
        self.end()
        if self._keeper is not None:
            self._keeper.join(seconds)
        return self._keeper is None or not self._keeper.is_alive()

    def _keep(self, served: Served, home: Path, seconds: float) -> None:
        """Run DBOS, and start it again whenever it is ill."""
        failures = 0
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                self._run(served, home, seconds)
            except Exception as error:  # noqa: BLE001  # DBOS may fail in any way; AURORA goes on without it
                self._client = None
                self._complain(error)
                failures = 0 if time.monotonic() - began > PAUSES[-1] else failures + 1
                self._ended.wait(PAUSES[min(failures, len(PAUSES)) - 1])

    def _run(self, served: Served, home: Path, seconds: float) -> None:
        with running(served, home, seconds, self._ended) as client:
            self._client = client
            self._arm(served)
            self._recover()
            self._look_after(client, seconds)

    def _arm(self, served: Served) -> None:
        """Take again what is waited for: most of it is there, the rest was lost or came while nobody took it."""
        ledger, now = served.ledger, served.now()
        for some in _batches(ledger.decisions.due(now + AHEAD)):
            with ledger.store.write() as session:
                for decision in some:
                    if decision.verify_at is not None:
                        self.verify(session, decision.id, decision.verify_at, now)
        for heard in _batches(ledger.approvals.unheard()):
            with ledger.store.write() as session:
                for approval in heard:
                    self.resume(session, approval.decision_id, approval.id)

    def _look_after(self, client: "DBOSClient", seconds: float) -> None:
        """Return when asked to end; raise as soon as DBOS is ill."""
        since, tidy_at = datetime.now(UTC), time.monotonic()
        while not self._ended.is_set():
            probe(client, since, seconds)
            if time.monotonic() >= tidy_at:
                tidy(client)
                tidy_at = time.monotonic() + TIDY_SECONDS
            self._ended.wait(PROBE_SECONDS)

    def _complain(self, error: Exception) -> None:
        """Log the first of a row of equal failures, in one line."""
        trouble = f"Wake-ups do not run ({first_line(error)})."
        if trouble != self._trouble and not self._ended.is_set():
            log.warning("%s Decisions go on by the sweep, only later.", trouble)
        self._trouble = trouble

    def _recover(self) -> None:
        if self._trouble:
            log.warning("Wake-ups run again.")
        self._trouble = ""


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
