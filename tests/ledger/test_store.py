"""The database: transactions that hold, and failures that say what to do."""

import resource
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from aurora.domain import Mode
from aurora.errors import AuroraError, Misconfigured, Unavailable
from aurora.ledger import Ledger, Store
from aurora.ledger import store as store_module
from tests.ledger.story import RUNNING, Story, Watch, report


def opened(url: str) -> None:
    store = Store(url)
    try:
        store.migrate()
    finally:
        store.close()


def test_a_transaction_holds_wholly_or_not_at_all(ledger: Ledger, store: Store) -> None:
    def stop() -> None:
        with store.write() as session:
            session.execute(text("UPDATE installation SET mode = 'stopped'"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()

    assert ledger.installation.mode() == Mode.AUTONOMOUS


def test_readers_do_not_see_what_is_not_committed(url: str, ledger: Ledger, store: Store) -> None:
    with store.write() as session:
        session.execute(text("UPDATE installation SET mode = 'stopped'"))
        assert ledger.installation.mode() == Mode.AUTONOMOUS

    assert ledger.installation.mode() == Mode.STOPPED


def test_a_reader_sees_one_moment_whatever_is_committed_meanwhile(ledger: Ledger, store: Store) -> None:
    mode = text("SELECT mode FROM installation")
    with store.read() as session:
        before = session.scalar(mode)
        ledger.installation.set_mode(Mode.STOPPED, "She looks for herself.", "ada")
        assert session.scalar(mode) == before

    assert ledger.installation.mode() == Mode.STOPPED


def test_what_was_written_outlives_the_process(url: str, story: Story, store: Store) -> None:
    id = story.opened()
    store.close()

    later = Store(url)
    assert Ledger(later).decisions.get(id).id == id
    later.close()


def test_a_file_is_kept_in_the_way_that_loses_nothing(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'ledger.db'}")
    with store.read() as session:
        pragmas = {name: session.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous")}
        keys = session.scalar(text("PRAGMA foreign_keys"))
    store.close()

    assert pragmas == {"journal_mode": "wal", "synchronous": 2}
    assert keys == 1


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense", "is not one"),
        ("", "is not one"),
        ("mysql://root:hunter2@localhost/db", "SQLite or PostgreSQL, not in mysql"),
        ("sqlite://", "outlive the process"),
        ("sqlite:///:memory:", "outlive the process"),
        ("sqlite+aiosqlite:///x.db", "not in sqlite\\+aiosqlite"),
    ],
)
def test_a_url_that_cannot_work_is_refused(url: str, why: str) -> None:
    with pytest.raises(Misconfigured, match=why) as refused:
        Store(url)

    assert "hunter2" not in str(refused.value)


def test_a_postgres_url_needs_no_driver_in_it() -> None:
    stores = [Store(f"{scheme}://ada@127.0.0.1/db") for scheme in ("postgresql", "postgres", "postgresql+psycopg")]

    assert {store.place for store in stores} == {"postgresql+psycopg://ada@127.0.0.1/db"}


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes, not a database\n" * 100, encoding="utf-8")

    with pytest.raises(Misconfigured, match=r"no ledger, or is damaged.*notes\.txt"):
        opened(f"sqlite:///{path}")

    assert path.read_text(encoding="utf-8").startswith("these are my notes")


def test_a_damaged_ledger_is_refused(migrated_file: Path, tmp_path: Path) -> None:
    whole, path = migrated_file.read_bytes(), tmp_path / "ledger.db"
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))

    with pytest.raises(Misconfigured, match="damaged"):
        opened(f"sqlite:///{path}")


@pytest.mark.parametrize("place", ["", "missing/ledger.db", "/proc/ledger.db"])
def test_a_place_where_no_file_can_be_is_refused(place: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be opened"):
        opened(f"sqlite:///{tmp_path / place}")


def test_the_database_of_another_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE models (id INTEGER)")
    connection.close()

    with pytest.raises(Misconfigured, match="does not hold the ledger"):
        opened(f"sqlite:///{path}")

    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("models",)]
    connection.close()


def test_a_ledger_that_was_never_migrated_says_so(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'new.db'}")

    with pytest.raises(Misconfigured, match="does not hold the ledger"):
        Ledger(store).installation.mode()
    store.close()


FILL = """
import resource, sys
from aurora.errors import AuroraError
from aurora.ledger import Store
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    Store(sys.argv[1]).migrate()
except AuroraError as error:
    print(type(error).__name__, error)
"""


def test_a_disk_that_is_full_at_the_start_is_told(tmp_path: Path) -> None:
    """The limit on the size of files makes the disk end early, in a process of its own."""
    command = [sys.executable, "-c", FILL, f"sqlite:///{tmp_path / 'ledger.db'}"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert said.stdout.startswith("Unavailable A part that is needed for this is not available. The disk"), said
    assert "ledger.db" in said.stdout


def test_a_disk_that_fills_up_later_is_told_and_nothing_is_half_written(migrated_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(migrated_file.read_bytes())
    store = Store(f"sqlite:///{path}")
    story = Story(Ledger(store, Watch()), Watch())
    id = story.opened()
    with store.write() as session:
        pages = session.scalar(text("PRAGMA page_count"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    store.close()
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(pages or 0) * 4096, hard))
    try:
        with pytest.raises(Unavailable, match="The disk that holds the ledger"):
            story.ledger.decisions.record(id, 0, "report", report("x" * 1_000_000), RUNNING)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert story.ledger.decisions.nouns(id) == []
    assert story.ledger.audit.verify() == []
    store.close()


def test_a_lock_that_another_process_keeps_is_told(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_SETUP", ("PRAGMA busy_timeout = 10",))
    path = tmp_path / "ledger.db"
    path.write_bytes(migrated_file.read_bytes())
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store = Store(f"sqlite:///{path}")

    with pytest.raises(Unavailable, match="Another process keeps the ledger locked"):
        Ledger(store).installation.set_mode(Mode.STOPPED, "", "ada")

    other.execute("ROLLBACK")
    assert Ledger(store).installation.set_mode(Mode.STOPPED, "", "ada").mode == Mode.STOPPED
    other.close()
    store.close()


def test_a_thread_that_cannot_get_its_turn_is_told(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "TURN_SECONDS", 0.05)
    path = tmp_path / "ledger.db"
    path.write_bytes(migrated_file.read_bytes())
    store = Store(f"sqlite:///{path}")
    raised: list[AuroraError] = []

    def stop() -> None:
        try:
            Ledger(store).installation.set_mode(Mode.STOPPED, "", "ada")
        except AuroraError as error:
            raised.append(error)

    with store.write():
        thread = threading.Thread(target=stop)
        thread.start()
        thread.join()
    store.close()

    assert [type(error) for error in raised] == [Unavailable]
    assert "Another thread" in str(raised[0])


def test_running_out_of_connections_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_POOL", {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.05})
    store = Store(f"sqlite:///{tmp_path / 'ledger.db'}")

    with store.read(), pytest.raises(Unavailable, match="is busy"):
        Ledger(store).installation.mode()
    store.close()


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    with pytest.raises(Unavailable, match="does not answer") as refused:
        opened("postgresql://ada:hunter2@127.0.0.1:1/db")

    assert "127.0.0.1:1" in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.postgres
@pytest.mark.parametrize("change", ["/nowhere", "?user=nobody"])
def test_a_server_that_refuses_the_url_is_told(change: str, postgres_url: str) -> None:
    base, _, database = postgres_url.rpartition("/")
    with pytest.raises(Misconfigured, match="refuses this URL"):
        opened(base + change if change.startswith("/") else f"{base}/{database}{change}")


@pytest.mark.postgres
def test_a_connection_that_the_server_dropped_is_replaced(migrated_postgres_url: str) -> None:
    store = Store(migrated_postgres_url)
    ledger = Ledger(store)
    ledger.installation.mode()

    def read() -> None:
        with store.read() as session, psycopg.connect(migrated_postgres_url) as other:
            pid = session.scalar(text("SELECT pg_backend_pid()"))
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            session.scalar(text("SELECT 1"))

    with pytest.raises(Unavailable, match="does not answer"):
        read()

    assert ledger.installation.mode() == Mode.AUTONOMOUS
    store.close()
