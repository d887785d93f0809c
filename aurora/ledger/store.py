"""The database: one writer at a time on SQLite, as many as it likes on PostgreSQL.

A writer on SQLite takes the write lock as it begins (`BEGIN IMMEDIATE`): a transaction that reads first and asks for
the lock later would fail where it should have waited. Whatever the driver says goes out as `Unavailable` or
`Misconfigured`.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any, cast

from sqlalchemy import (
    URL,
    Connection,
    CursorResult,
    Dialect,
    Engine,
    TypeDecorator,
    UpdateBase,
    create_engine,
    event,
    literal,
    make_url,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, InternalError, OperationalError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.dml import ReturningInsert

from aurora.errors import AuroraError, Misconfigured, Unavailable
from aurora.ledger.tables import Row

BUSY_SECONDS = 10
"""How long SQLite itself waits for another process's write."""
BUSY_TRIES = 3
TURN_SECONDS = 60
"""How long a thread waits for its turn to write. Reached only if a writer hangs, or opens a second transaction."""

_SNAPSHOT: dict[str, dict[str, Any]] = {
    "sqlite": {},
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}
"""What makes all statements of one transaction see the same moment; SQLite's journal does so by itself."""

_POOL = {"pool_size": 8, "max_overflow": 32, "pool_timeout": 30}
_SETUP = (
    f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
)


class Store:
    """A database that holds the ledger, by its SQLAlchemy URL."""

    def __init__(self, url: str) -> None:
        """Look at `url` only: nothing is opened yet. Raises `Misconfigured` for a URL that cannot work."""
        self.url = _understood(url)
        self.place = self.url.render_as_string(hide_password=True)
        self._engine = _engine(self.url)
        self._reader = self._engine.execution_options(**_SNAPSHOT[self.url.get_backend_name()])
        self._writer = self._engine.execution_options(immediate=True)
        self._turn = threading.Lock() if self.url.get_backend_name() == "sqlite" else None

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Read one moment of the ledger. Raises `Unavailable` or `Misconfigured` where the database fails."""
        with in_words(self.place), _begun(self._reader) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Write in one transaction: committed at the end, undone by any error."""
        with self._my_turn(), in_words(self.place), _begun(self._writer) as session:
            yield session
            session.commit()

    def migrate(self) -> None:
        """Bring the database to the newest schema, wholly or not at all; several processes may try at once."""
        from aurora.ledger.schema import upgrade

        with self._my_turn(), in_words(self.place), self.bare() as connection:
            upgrade(connection)

    @contextmanager
    def bare(self) -> Iterator[Connection]:
        """Give a connection for a migration: it may rebuild a table on SQLite without the foreign keys noticing."""
        engine = _engine(self.url, foreign_keys=False)
        try:
            with engine.execution_options(immediate=True).begin() as connection:
                yield connection
        finally:
            engine.dispose()

    def close(self) -> None:
        """Close every connection that nobody uses."""
        self._engine.dispose()

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        """Queue the writing threads of this process: SQLite would let them poll for the lock and starve some."""
        if self._turn is None:
            yield
            return
        if not self._turn.acquire(timeout=TURN_SECONDS):
            raise Unavailable(f"Another thread has been writing to {self.place} for {TURN_SECONDS} s.")
        try:
            yield
        finally:
            self._turn.release()


def insertion(session: Session, row: type[Row]) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT into the table of `row` that may say what to do ON CONFLICT."""
    return insertion_in(dialect_of(session), row)


def insertion_in(dialect: str, row: type[Row]) -> sqlite.Insert | postgresql.Insert:
    """Return what `insertion` does, for a statement that is built once and kept."""
    return postgresql.insert(row.__table__) if dialect == "postgresql" else sqlite.insert(row.__table__)


def dialect_of(session: Session) -> str:
    """Return `sqlite` or `postgresql`."""
    return session.get_bind().dialect.name


def insert_new(session: Session, row: type[Row], **values: Any) -> bool:
    """Insert a row unless one with its key is there; say whether it was."""
    return session.execute(_insert_new(dialect_of(session), row), values).first() is not None


@cache
def _insert_new(dialect: str, row: type[Row]) -> ReturningInsert[int]:
    """Build the statement once: it is run several times for every noun, and building takes as long as running it."""
    return insertion_in(dialect, row).on_conflict_do_nothing().returning(literal(1))


def insert_columns(session: Session, row: type[Row], columns: Mapping[str, Sequence[Hashable]]) -> None:
    """Insert rows that come in bulk, given as columns of equal length; what is left out becomes null.

    They go to the driver directly: SQLAlchemy looks at every value of every row, which takes longer than the database
    does. Here only the columns of our own types are prepared, and in them every value once, however often it occurs.
    Raises `Invalid` for a name or an id that cannot be stored.
    """
    statement, prepares = _insertion_of(session.get_bind().dialect, row, tuple(columns))
    prepared = [
        values if prepare is None else _each_once(prepare, values)
        for prepare, values in zip(prepares, columns.values(), strict=True)
    ]
    session.connection().exec_driver_sql(statement, list(zip(*prepared, strict=True)))


Prepare = Callable[[Any], Any]
"""Turns a value into what the driver takes for it."""


@lru_cache(maxsize=16)
def _insertion_of(dialect: Dialect, row: type[Row], names: tuple[str, ...]) -> tuple[str, Sequence[Prepare | None]]:
    types = [row.__table__.c[name].type for name in names]
    prepares = [
        kind.dialect_impl(dialect).bind_processor(dialect) if isinstance(kind, TypeDecorator) else None
        for kind in types
    ]
    places = ", ".join(["%s" if dialect.name == "postgresql" else "?"] * len(names))
    return f"INSERT INTO {row.__table__.name} ({', '.join(names)}) VALUES ({places})", prepares


def _each_once(prepare: Prepare, values: Sequence[Hashable]) -> list[Any]:
    prepared = {value: prepare(value) for value in set(values)}
    return [prepared[value] for value in values]


def changed(session: Session, statement: UpdateBase) -> int:
    """Run `statement` and return how many rows it wrote."""
    return cast("CursorResult[*tuple[Any, ...]]", session.execute(statement)).rowcount


def _understood(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise Misconfigured("The database URL is not one, such as sqlite:////var/lib/aurora.db.") from None
    if parsed.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise Misconfigured(f"The ledger is kept in SQLite or PostgreSQL, not in {parsed.drivername}.")
    if parsed.database in (None, "", ":memory:"):
        raise Misconfigured("The ledger must outlive the process: give the SQLite URL a file.")
    return parsed


def _engine(url: URL, *, foreign_keys: bool = True) -> Engine:
    if url.get_backend_name() == "postgresql":
        options = {"connect_timeout": 10, "options": "-c timezone=UTC"}
        return create_engine(url, pool_pre_ping=True, connect_args=options, **_POOL)
    engine = create_engine(url, connect_args={"check_same_thread": False}, **_POOL)
    setup = (*_SETUP, f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")

    def prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # The driver would otherwise begin by itself, and too late.
        for pragma in setup:
            _patiently(connection, pragma)

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _patiently(connection: sqlite3.Connection, pragma: str) -> None:
    """Wait for the lock here: SQLite does not wait itself while a file is switched to its journal, or leaves it."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute(pragma)
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _begun(engine: Engine) -> Session:
    """Return a session whose transaction has begun; a lock that another process holds is waited for, not for ever."""
    for tries_left in reversed(range(BUSY_TRIES)):
        session = Session(engine, expire_on_commit=False)
        try:
            session.connection()
            return session
        except OperationalError as error:
            session.close()
            if not (tries_left and _is(error, "SQLITE_BUSY")):
                raise
            time.sleep(0.05)
    raise AssertionError("the last try returns or raises")


# --- what the drivers say, in words -----------------------------------------------------------------------------------


@contextmanager
def in_words(place: str) -> Iterator[None]:
    """Let errors of the database out as errors of AURORA that name the `place` and what to do."""
    try:
        yield
    except PoolTimeout:
        raise Unavailable(f"Every connection to {place} is busy.") from None
    except StatementError as error:
        if isinstance(error.orig, AuroraError):
            raise error.orig from None
        if isinstance(error, OperationalError | InternalError) or _is(error, "SQLITE_NOTADB", "SQLITE_CORRUPT"):
            raise _told(error, place) from error
        raise


def _told(error: StatementError, place: str) -> AuroraError:
    said = " ".join(str(error.orig).split())
    for names, kind, words in _SQLITE:
        if _is(error, *names):
            return kind(f"{words} ({place}: {said})")
    if _state(error).startswith("53"):
        return Unavailable(f"The database server is out of disk, memory or connections ({place}: {said})")
    if any(mark in said for mark in _REFUSALS):
        return Misconfigured(f"The database server refuses this URL ({place}: {said})")
    return Unavailable(f"The database does not answer ({place}: {said})")


_SQLITE = (
    (("SQLITE_FULL",), Unavailable, "The disk that holds the ledger is full."),
    (("SQLITE_IOERR",), Unavailable, "The disk that holds the ledger fails or is full."),
    (("SQLITE_BUSY", "SQLITE_LOCKED"), Unavailable, "Another process keeps the ledger locked."),
    (("SQLITE_NOTADB", "SQLITE_CORRUPT"), Misconfigured, "This file is no ledger, or is damaged: restore a copy."),
    (("SQLITE_CANTOPEN",), Misconfigured, "The ledger's file cannot be opened: check folder and rights."),
    (("SQLITE_READONLY", "SQLITE_PERM"), Misconfigured, "The ledger's file cannot be written: check its rights."),
    (("SQLITE_ERROR",), Misconfigured, "This database does not hold the ledger that this version expects."),
)

_REFUSALS = ("authentication failed", "no pg_hba.conf entry", "does not exist", "no password supplied")


def _is(error: StatementError, *names: str) -> bool:
    name = getattr(error.orig, "sqlite_errorname", "") or ""
    return name.startswith(names)


def _state(error: StatementError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""
