"""DBOS, embedded in this process on the ledger's own database: how it is run, asked, watched and kept quiet.

DBOS is one for the whole process: of two that want to run it, one waits for the other to stop. Nothing is replayed by
it: a workflow has no steps, it only says which decision to look at.
"""

import json
import logging
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

from filelock import FileLock, Timeout
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.orm import Session

from aurora.ledger import Ledger

if TYPE_CHECKING:
    from dbos import DBOSClient, EnqueueOptions, Serializer

APPLICATION, QUEUE, CLOCK = "aurora", "wakeups", "clock"
VERSION = "1"
"""Pinned: the wake-ups that another version of AURORA left are for this one too."""
SLOTS = 8
"""How many wake-ups are delivered at once."""
POLL_SECONDS = 0.25
CONNECTIONS = 6
LATE_TICKS, LATE_SECONDS = 5, 10.0
"""How late the clock may be before it is taken for broken."""
TICKS_KEPT, WAKEUPS_KEPT = timedelta(minutes=10), timedelta(days=1)
"""For how long it can be seen what was delivered."""
QUIET_SECONDS = 60.0
"""For how long DBOS may not say the same again."""
BATCH = 200
"""How many of those are deleted at once."""
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


@contextmanager
def running(served: Served, home: Path, seconds: float, ended: threading.Event) -> "Iterator[DBOSClient]":
    """Run DBOS over the block, which delivers to `served` and ticks about every `seconds`; give what takes wake-ups.

    Raises `LookupError` where another server of this process has it, and stops waiting for that one once `ended`.
    """
    with (
        _only_one(ended),
        _engine(served.ledger.store.url) as engine,
        claimed(home) as executor,
        _launched(engine, executor, served, cron(seconds)) as client,
    ):
        yield client


def enqueue(client: "DBOSClient", session: Session, id: str, decision_id: str, delay: timedelta | None) -> None:
    """Take a wake-up under `id`, once, in the transaction of `session`."""
    options: EnqueueOptions = {
        "workflow_name": "wake",
        "queue_name": QUEUE,
        "workflow_id": id,
        "app_version": VERSION,
    }
    if delay is not None:
        options["delay_seconds"] = delay.total_seconds()
    client.enqueue_in_transaction(session, options, decision_id)


def probe(client: "DBOSClient", since: datetime, seconds: float) -> None:
    """Raise where wake-ups cannot be delivered any more; the clock should have struck every `seconds` from `since`."""
    patience = timedelta(seconds=max(seconds, 1) * LATE_TICKS + LATE_SECONDS)
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


# --- running it ------------------------------------------------------------------------------------------------------


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


# --- keeping it quiet ------------------------------------------------------------------------------------------------


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
        record.msg, record.args, record.exc_info = first_line(record.getMessage()), (), None
        return True


_hush = _Hush()


def hush() -> None:
    """Let it complain of nothing any more: it is about to end."""
    _hush.open = False


def first_line(said: object) -> str:
    """Return the first line of an error or a complaint, without its traceback."""
    text = str(said).partition("Traceback (most recent call last)")[0].strip()
    return text.splitlines()[0].strip(" :") if text else type(said).__name__
