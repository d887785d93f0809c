"""The sandbox's own SQLite file: services, and effects under their keys.

Safe for threads (one connection, one lock) and for processes (WAL, BEGIN IMMEDIATE): whoever holds a transaction is the
only one to change the world.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aurora.errors import Unavailable
from aurora.sandbox.effects import Effect, State
from aurora.sandbox.service import Service

VERSION = 2
PATIENCE_SECONDS = 20.0
"""How long a transaction waits for another process."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS services (name TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS effects (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, state TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS open_effects ON effects (state) WHERE state IN ('running', 'rollout');
CREATE TABLE IF NOT EXISTS fleet (number INTEGER PRIMARY KEY CHECK (number = 1), tick INTEGER NOT NULL);
"""


class Store:
    """Opens, or makes, `sandbox.db` in `folder`. Raises `Unavailable` where that cannot be done."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        self._closed = False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = _connect(folder / "sandbox.db")
        except (OSError, sqlite3.Error) as error:
            raise Unavailable(f"The sandbox in {folder} cannot be opened: {error}") from error

    @contextmanager
    def read(self) -> Iterator["Books"]:
        """Look at the newest committed state."""
        with self._lock:
            yield self._books()

    @contextmanager
    def write(self) -> Iterator["Books"]:
        """Change the world: all of the block, or nothing. Blocks do not nest. Raises `Unavailable`."""
        with self._lock:
            books = self._books()
            books.run("BEGIN IMMEDIATE")
            try:
                yield books
                books.run("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Let go of the file. Closing twice is fine."""
        with self._lock:
            self._closed = True
            self._connection.close()

    def _books(self) -> "Books":
        if self._closed:
            raise Unavailable("The sandbox was closed.")
        return Books(self._connection)


class Books:
    """What is written in the file, as values. Lives as long as the block that it came from."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, statement: str, *values: str | int) -> list[tuple[str, ...]]:
        """Execute one statement and return its rows."""
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise Unavailable(f"The sandbox's file did not answer: {error}") from error

    def service(self, name: str) -> Service | None:
        """Return the service of that name."""
        rows = self.run("SELECT body FROM services WHERE name = ?", name)
        return self._present(rows[0][0]) if rows else None

    def services(self) -> list[Service]:
        """Return every service, by name."""
        return [self._present(row[0]) for row in self.run("SELECT body FROM services ORDER BY name")]

    def tick(self) -> int:
        """Return the present tick of the fleet; 0 before it first ran."""
        rows = self.run("SELECT tick FROM fleet")
        return int(rows[0][0]) if rows else 0

    def put_tick(self, tick: int) -> None:
        """Let it be that tick."""
        self.run("INSERT INTO fleet VALUES (1, ?) ON CONFLICT (number) DO UPDATE SET tick = excluded.tick", tick)

    def put_service(self, service: Service) -> None:
        """Write a service, new or not."""
        self.run(
            "INSERT INTO services VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body",
            service.name,
            service.model_dump_json(),
        )

    def effect(self, key: str) -> Effect | None:
        """Return what was done under `key`."""
        rows = self.run("SELECT body FROM effects WHERE key = ?", key)
        return Effect.model_validate_json(rows[0][0]) if rows else None

    def put_effect(self, effect: Effect) -> None:
        """Write an effect, new or not."""
        self.run(
            "INSERT INTO effects (key, state, body) VALUES (?, ?, ?)"
            " ON CONFLICT (key) DO UPDATE SET state = excluded.state, body = excluded.body",
            effect.key,
            effect.state,
            effect.model_dump_json(),
        )

    def running(self) -> list[Effect]:
        """Return the effects that the training process still has to finish, oldest first."""
        return self._in_state("running")

    def rolling_out(self) -> list[Effect]:
        """Return the effects that the fleet still has to finish, oldest first."""
        return self._in_state("rollout")

    def promoted(self, since: int) -> list[Effect]:
        """Return the effects whose version was given the whole traffic at tick `since` or later, oldest first."""
        this = "state = 'done' AND json_extract(body, '$.phase') = 'promoted'"
        statement = (
            f"SELECT body FROM effects WHERE {this} AND json_extract(body, '$.promoted_at') >= ? ORDER BY number"
        )
        return [Effect.model_validate_json(row[0]) for row in self.run(statement, since)]

    def _in_state(self, state: State) -> list[Effect]:
        rows = self.run("SELECT body FROM effects WHERE state = ? ORDER BY number", state)
        return [Effect.model_validate_json(row[0]) for row in rows]

    def _present(self, body: str) -> Service:
        service = Service.model_validate_json(body)
        return service if service.live is None else service.evolve(live=service.live.evolve(now=self.tick()))


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=PATIENCE_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    # Turning WAL on does not wait for other processes that do the same, whatever the timeout says.
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
    connection.execute("PRAGMA synchronous = FULL")
    written = connection.execute("PRAGMA user_version").fetchone()[0]
    if written < VERSION:
        # Everything that an older format lacks is made; of what it has only the index changed.
        connection.executescript(
            f"BEGIN IMMEDIATE; DROP INDEX IF EXISTS open_effects; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;"
        )
    elif written > VERSION:
        raise sqlite3.DatabaseError(f"sandbox.db has format {written}, not {VERSION}; delete the folder to start anew")
