"""Taking in metrics: one point a request and in lists, beside the least that has to be done for either.

One by one, the floor is a bare FastAPI route that checks one point and inserts one row into a table of the same columns
(`bare.py`); both servers are real and are asked by one client over one connection each. For lists, the floor is
SQLAlchemy's bulk insert, without any HTTP: the same points into the same table of a ledger, in one transaction. What
the driver takes for it without SQLAlchemy is measured too.
"""

import http.client
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from aurora.ledger.store import Store
from aurora.ledger.tables import PointRow
from evals.bench.measure import Result, Target, Tell, by_turns

TURNS = 30
ONE_BY_ONE, LISTED = 25, 500
"""Requests of one point in a turn, and points in a list."""
ONE_TARGET, LIST_TARGET = Target(0.6, at_least=True), Target(0.5, at_least=True)
START_SECONDS, STOP_SECONDS = 300.0, 15.0
AURORA = "from app.cli import main; main()"


def run(turns: int, tell: Tell) -> list[Result]:
    """Post to both servers by turns, then lists to the product and rows to a database."""
    with tempfile.TemporaryDirectory(prefix="aurora-bench-") as folder, ExitStack() as stack:
        home = Path(folder)
        product = stack.enter_context(_served(_serve(home / "product", stack), "/api/metrics"))
        floor = stack.enter_context(_served(_bare(home / "bare.db", stack), "/point"))
        one = by_turns(partial(_singly, product), partial(_singly, floor), turns, tell)
        store = stack.enter_context(_database(home / "bulk.db"))
        listed = by_turns(partial(_in_a_list, product), partial(_in_bulk, store), turns, tell)
        by_driver = stack.enter_context(_driven(home / "bulk.db"))
        driven = by_turns(partial(_in_a_list, product), partial(_by_driver, by_driver), turns, tell)
        return [
            one.throughput("Metrics, one point a request", "Bare FastAPI route, one row", ONE_TARGET, ONE_BY_ONE),
            listed.throughput(
                f"Metrics in lists of {LISTED}", "SQLAlchemy's bulk insert, no HTTP", LIST_TARGET, LISTED
            ),
            driven.throughput(
                f"Metrics in lists of {LISTED}, once more", "The driver's own bulk insert, no HTTP", None, LISTED
            ),
        ]


def point(number: int) -> dict[str, Any]:
    """Return one point as a reporter sends it."""
    return {
        "model_name": f"service-{number % 10}",
        "accuracy": 0.9 - number % 17 / 1000,
        "latency_ms": 120.0 + number % 90,
        "error_rate": 0.01,
        "throughput_rps": 80.0,
        "cpu_usage": 0.5,
        "data_drift_score": 0.1,
    }


# --- by HTTP ---------------------------------------------------------------------------------------------------------


class Client:
    """One connection that is kept."""

    def __init__(self, port: int, path: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
        self._path = path

    def post(self, document: object) -> None:
        """Send one document. Raises `RuntimeError` where it is not taken."""
        body = json.dumps(document).encode()
        self._connection.request("POST", self._path, body, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{self._path} answered {answer.status}: {said[:300].decode(errors='replace')}")

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()


def _singly(client: Client, turn: int) -> None:
    for number in range(ONE_BY_ONE):
        client.post(point(turn * ONE_BY_ONE + number))


def _in_a_list(client: Client, turn: int) -> None:
    client.post([point(turn * LISTED + number) for number in range(LISTED)])


@contextmanager
def _served(port: int, path: str) -> Iterator[Client]:
    client = Client(port, path)
    try:
        yield client
    finally:
        client.close()


def _serve(home: Path, stack: ExitStack) -> int:
    """Start the product and return its port once it is as well as it gets."""
    home.mkdir()
    port = free_port()
    command = [sys.executable, "-c", AURORA, "serve", "--no-ui", "--port", str(port), "--json"]
    stack.enter_context(running(command, {"AURORA_HOME": str(home)}, home / "log"))
    until = time.monotonic() + START_SECONDS
    while health(port, until)["components"]["memory_store"] != "operational":
        if time.monotonic() > until:
            raise RuntimeError(f"aurora serve is not well: {health(port, until)}")
        time.sleep(0.2)
    return port


def _bare(database: Path, stack: ExitStack) -> int:
    port = free_port()
    command = [sys.executable, "-m", "evals.bench.bare", str(database), str(port)]
    stack.enter_context(running(command, {}, database.with_suffix(".log")))
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return port
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def free_port() -> int:
    """Return a port of this machine that nobody uses now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def running(command: Sequence[str], settings: Mapping[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server over the block, with nothing of AURORA's in its environment but `settings`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AURORA_")}
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = {**kept, "PYTHONPATH": paths, **settings}
    with log.open("wb") as said:
        # Not in this process's group: Ctrl-C is for the benchmark, which then ends its servers.
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def health(port: int, until: float) -> dict[str, Any]:
    """Return what `/health` says, waiting until `until` for the port to be open."""
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
            connection.request("GET", "/health")
            said: dict[str, Any] = json.loads(connection.getresponse().read())
            connection.close()
            return said
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


# --- the database ----------------------------------------------------------------------------------------------------


@contextmanager
def _database(path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{path}")
    store.migrate()
    try:
        yield store
    finally:
        store.close()


def _in_bulk(store: Store, turn: int) -> None:
    now = datetime.now(UTC)
    stamps = {"timestamp": now, "received_at": now}
    with store.write() as session:
        session.execute(insert(PointRow.__table__), [{**point(turn * LISTED + n), **stamps} for n in range(LISTED)])


@dataclass(frozen=True)
class _Driven:
    """A connection to a ledger's file that knows nothing of SQLAlchemy."""

    connection: sqlite3.Connection
    columns: Sequence[str]
    insert: str


@contextmanager
def _driven(path: Path) -> Iterator[_Driven]:
    columns = [column.name for column in PointRow.__table__.c if column.name != "number"]
    places = ", ".join("?" * len(columns))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        yield _Driven(connection, columns, f"INSERT INTO metric_points ({', '.join(columns)}) VALUES ({places})")


def _by_driver(driven: _Driven, turn: int) -> None:
    now = datetime.now(UTC).isoformat()
    known = {"timestamp": now, "received_at": now, "replicas": "[]"}
    points = [{**point(turn * LISTED + n), **known} for n in range(LISTED)]
    driven.connection.execute("BEGIN IMMEDIATE")
    driven.connection.executemany(driven.insert, [tuple(map(one.get, driven.columns)) for one in points])
    driven.connection.execute("COMMIT")
