"""Wake-ups by DBOS, embedded in the serving process, on the ledger's own database.

DBOS keeps what is to be woken in tables beside the ledger's, so that a wake-up is committed together with what it is
for, outlives the process, and is delivered at least once. Nothing is replayed but by LangGraph and the ledger: a
workflow has no steps, it only says which decision to look at. What DBOS loses or never gets costs time, since the
sweep finds it; so it may be missing, ill or emptied at any moment, and is started again as often as need be.

DBOS is one for the whole process: of two `DurableWakeUps` that were started, one waits for the other to stop.
"""

import json
import logging
import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import uuid4

from filelock import FileLock, Timeout
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.orm import Session

from aurora.domain import Health
from aurora.ledger import Ledger

if TYPE_CHECKING:
    from dbos import DBOSClient, EnqueueOptions, Serializer

log = logging.getLogger(__name__)

T = TypeVar("T")

APPLICATION, QUEUE, CLOCK = "aurora", "wakeups", "clock"
VERSION = "1"
"""Pinned: the wake-ups that another version of AURORA left are for this one too."""
SLOTS = 8
"""How many wake-ups are delivered at once."""
POLL_SECONDS = 0.25
CONNECTIONS = 6
PROBE_SECONDS = 5.0
"""How often DBOS is looked after."""
PAUSES = (1.0, 2.0, 5.0, 15.0, 60.0)
"""How long an ill DBOS is left alone before it is started again."""
LATE_TICKS, LATE_SECONDS = 5, 10.0
"""How late the clock may be before it is taken for broken."""
TICKS_KEPT, WAKEUPS_KEPT = timedelta(minutes=10), timedelta(days=1)
"""For how long it can be seen what was delivered."""
TIDY_SECONDS, QUIET_SECONDS = 60.0, 60.0
"""How often old rows are deleted, and for how long DBOS may not say the same again."""
BATCH = 200
MARGIN = timedelta(milliseconds=50)
"""A look at an outcome comes a little after it is due, never before."""
AHEAD = timedelta(days=3650)
DELIVERED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]

WAIT_SECONDS = 5.0
_alone = threading.Lock()


class Served(Protocol):
    """What is woken."""

    @property
    def ledger(self) -> Ledger:
        """The ledger whose database is shared."""

    def deliver(self, decision_id: str) -> None:
        """Look at a decision; return when that is done."""

    def tick(self) -> None:
        """Take note that it is time for a round; return at once."""

    def now(self) -> datetime:
        """Tell the time by which the ledger goes."""


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
        options: EnqueueOptions = {
            "workflow_name": "wake",
            "queue_name": QUEUE,
            "workflow_id": id,
            "app_version": VERSION,
        }
        if delay is not None:
            options["delay_seconds"] = delay.total_seconds()
        try:
            with session.begin_nested():
                client.enqueue_in_transaction(session, options, decision_id)
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
        _hush.open = False

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
        with ExitStack() as stack:
            stack.enter_context(_only_one(self._ended))
            engine = stack.enter_context(_engine(served.ledger.store.url))
            executor = stack.enter_context(claimed(home))
            client = stack.enter_context(_launched(engine, executor, served, cron(seconds)))
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
        patience = timedelta(seconds=max(seconds, 1) * LATE_TICKS + LATE_SECONDS)
        while not self._ended.is_set():
            _probe(client, since, patience)
            if time.monotonic() >= tidy_at:
                tidy(client)
                tidy_at = time.monotonic() + TIDY_SECONDS
            self._ended.wait(PROBE_SECONDS)

    def _complain(self, error: Exception) -> None:
        """Log the first of a row of equal failures, in one line."""
        trouble = f"Wake-ups do not run ({_first_line(error)})."
        if trouble != self._trouble and not self._ended.is_set():
            log.warning("%s Decisions go on by the sweep, only later.", trouble)
        self._trouble = trouble

    def _recover(self) -> None:
        if self._trouble:
            log.warning("Wake-ups run again.")
        self._trouble = ""


# --- DBOS ------------------------------------------------------------------------------------------------------------


@contextmanager
def _only_one(ended: threading.Event) -> Iterator[None]:
    """Wait for whoever has DBOS in this process, though not for ever."""
    until = time.monotonic() + WAIT_SECONDS
    while not _alone.acquire(timeout=0.1):
        if ended.is_set() or time.monotonic() > until:
            raise LookupError("another server of this process has DBOS")
    try:
        yield
    finally:
        _alone.release()


@contextmanager
def _launched(engine: Engine, executor: str, served: Served, schedule: str) -> "Iterator[DBOSClient]":
    """Run DBOS over the block; give what takes wake-ups."""
    _hush.attach()
    from dbos import DBOS, DBOSClient

    @DBOS.workflow(name="wake")
    def wake(decision_id: str) -> None:
        served.deliver(decision_id)

    @DBOS.workflow(name="tick")
    def tick(_due: object, _context: object) -> None:
        served.tick()

    serializer = _plain_json()
    try:
        DBOS(
            config={
                "name": APPLICATION,
                "system_database_engine": engine,
                "serializer": serializer,
                "executor_id": executor,
                "application_version": VERSION,
                "max_executor_threads": 2 * SLOTS,
                "use_listen_notify": False,
                "notification_listener_polling_interval_sec": POLL_SECONDS,
                "log_level": "WARNING",
                "enable_otlp": False,
            }
        )
        DBOS.launch()
        DBOS.register_queue(
            QUEUE, worker_concurrency=SLOTS, polling_interval_sec=POLL_SECONDS, on_conflict="always_update"
        )
        DBOS.apply_schedules([{"schedule_name": CLOCK, "workflow_fn": tick, "schedule": schedule, "queue_name": QUEUE}])
        client = DBOSClient(
            system_database_engine=engine,
            serializer=serializer,
            application_name=APPLICATION,
            retry_connection_errors=False,
        )
        _hush.open = True
        yield client
    finally:
        _hush.open = False
        DBOS.destroy(destroy_registry=True)


def _probe(client: "DBOSClient", since: datetime, patience: timedelta) -> None:
    """Raise where wake-ups cannot be delivered any more."""
    client.list_workflows(limit=1, load_input=False, load_output=False)
    clock = client.get_schedule(CLOCK)
    if clock is None or client.retrieve_queue(QUEUE) is None:
        raise LookupError("its tables were emptied")
    struck = clock["last_fired_at"]
    latest = since if struck is None else max(since, datetime.fromisoformat(struck))
    if latest + patience < datetime.now(UTC):
        raise LookupError("its clock stands still")


def tidy(client: "DBOSClient") -> None:
    """Delete what was delivered long enough ago; DBOS itself would keep it for ever."""
    now = datetime.now(UTC)
    for name, kept in (("tick", TICKS_KEPT), ("wake", WAKEUPS_KEPT)):
        while old := _delivered(client, name, now - kept):
            client.delete_workflows(old)


def _delivered(client: "DBOSClient", name: str, before: datetime) -> list[str]:
    found = client.list_workflows(
        name=name,
        status=DELIVERED,
        completed_before=before.isoformat(),
        limit=BATCH,
        load_input=False,
        load_output=False,
    )
    return [one.workflow_id for one in found]


def cron(seconds: float) -> str:
    """Return the schedule that ticks about every `seconds`, with a period that divides a minute or an hour evenly."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"*/{_divisor(whole)} * * * * *"
    return f"0 */{_divisor(min(whole // 60, 30))} * * * *"


def _divisor(largest: int) -> int:
    return max(number for number in range(1, largest + 1) if 60 % number == 0)


@contextmanager
def claimed(home: Path) -> Iterator[str]:
    """Give the name under which this process takes wake-ups.

    The next process of the same home has it again and goes on at once with what this one leaves; of two at the same
    time each has its own.
    """
    home.mkdir(parents=True, exist_ok=True)
    path = home / "worker.id"
    try:
        with path.open("x") as new:
            new.write(uuid4().hex)
    except FileExistsError:
        pass
    for number in count(1):
        lock = FileLock(home / f"worker-{number}.lock", thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        try:
            yield f"{path.read_text()}-{number}"
        finally:
            lock.release()
        return


@contextmanager
def _engine(url: URL) -> Iterator[Engine]:
    """Open DBOS's own few connections to the ledger's database; after the block there is no way back to it.

    DBOS does not wait for deliveries under way, and one that ends later would try to note that for ever.
    """
    closed = threading.Event()

    def refuse(*_: object) -> None:
        if closed.is_set():
            raise LookupError("its connections are closed")

    if url.get_backend_name() == "postgresql":
        options = {"connect_timeout": 10, "application_name": "aurora-wakeups"}
        pool = {"pool_size": CONNECTIONS, "max_overflow": 0, "pool_timeout": 30, "pool_pre_ping": True}
        engine = create_engine(url, connect_args=options, **pool)
    else:
        engine = create_engine(url, connect_args={"check_same_thread": False}, pool_size=CONNECTIONS, max_overflow=0)
        event.listen(engine, "connect", _prepare)
    event.listen(engine, "do_connect", refuse)
    try:
        yield engine
    finally:
        closed.set()
        engine.dispose()


def _prepare(connection: Any, _: object) -> None:
    """Let DBOS write as it needs to: at once or waiting for its turn, and without a wait for the disk.

    A wake-up that a power failure takes away is one that the sweep finds; those that the ledger commits are its own.
    """
    connection.isolation_level = "IMMEDIATE"
    for pragma in ("busy_timeout = 10000", "journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _plain_json() -> "Serializer":
    """Return what turns the little that DBOS is told into JSON: what it reads back must not be able to be code."""
    from dbos import Serializer

    class PlainJson(Serializer):
        def serialize(self, data: Any) -> str:
            return json.dumps(data, default=str)

        def deserialize(self, serialized_data: str) -> Any:
            return json.loads(serialized_data)

        def name(self) -> str:
            return "json"

    return PlainJson()


# --- words -----------------------------------------------------------------------------------------------------------


class _Hush(logging.Filter):
    """Lets DBOS complain of one thing at most once a minute, in one line, and of nothing while it starts or ends."""

    def __init__(self) -> None:
        super().__init__()
        self.open = False
        self._said: dict[tuple[str, int], float] = {}

    def attach(self) -> None:
        """Stand before DBOS's log, and keep DBOS from printing by itself."""
        theirs = logging.getLogger("dbos")
        if self not in theirs.filters:
            theirs.addHandler(logging.NullHandler())
            theirs.addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        place, now = (record.pathname, record.lineno), time.monotonic()
        if not self.open or record.levelno < logging.WARNING or now < self._said.get(place, -math.inf) + QUIET_SECONDS:
            return False
        self._said[place] = now
        record.msg, record.args, record.exc_info = _first_line(record.getMessage()), (), None
        return True


_hush = _Hush()


def _first_line(said: object) -> str:
    text = str(said).partition("Traceback (most recent call last)")[0].strip()
    return text.splitlines()[0].strip(" :") if text else type(said).__name__


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
