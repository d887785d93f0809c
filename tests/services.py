"""Servers and programs that tests ask for as fixtures: each test process starts its own on a free port of 127.0.0.1.

`postgres_url` and `fresh_postgres_url` (an empty database of its own), `redis_url`, `chromium_path`. Where the program
is missing the test is skipped with the reason. Every server ends with the process that started it, however that one
ends: it stands behind a shell that waits for a pipe to close.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

UNTIL_PIPE_CLOSES = '"$@" & read -r _; kill -INT $!; wait $!'
START_SECONDS, STOP_SECONDS = 30.0, 15.0


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(command: Sequence[str], *, ready: Callable[[], bool], log: Path, user: str | None = None) -> Iterator[None]:
    """Run `command` (as `user`) over the block; begin once `ready` says so, else fail with what it wrote to `log`."""
    with log.open("ab") as sink:
        process = subprocess.Popen(
            ["sh", "-c", UNTIL_PIPE_CLOSES, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=sink,
            cwd=log.parent,
            user=user,
            group=user,
            extra_groups=[] if user else None,
        )
    try:
        _wait_until(ready, process, log)
        yield
    finally:
        _stop(process)


def _wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text(encoding='utf-8', errors='replace')}")
        time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def scratch(name: str, user: str | None = None) -> Iterator[Path]:
    """Make a short-lived folder that belongs to `user`; pytest's own are closed to other users."""
    folder = Path(tempfile.mkdtemp(prefix=f"aurora-{name}-"))
    try:
        if user:
            shutil.chown(folder, user, user)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# --- PostgreSQL ----------------------------------------------------------------------------------------------------


def _postgres_programs() -> Path:
    found = [path.parent for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)]
    on_path = shutil.which("initdb")
    folders = [*([Path(on_path).parent] if on_path else []), *found]
    if not folders:
        pytest.skip("PostgreSQL is not installed (Debian package postgresql)")
    return folders[0]


def _postgres_user() -> str | None:
    """Return whom PostgreSQL runs as: it refuses to run as root, its Debian package brings a user for it."""
    if os.geteuid() != 0:
        return None
    import pwd

    if "postgres" not in {entry.pw_name for entry in pwd.getpwall()}:
        pytest.skip("PostgreSQL does not run as root, and there is no user `postgres`")
    return "postgres"


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a database on a PostgreSQL server of this test process's own; it trusts whoever is on this machine."""
    programs, user, port = _postgres_programs(), _postgres_user(), free_port()
    with scratch("postgres", user) as folder:
        data, log = folder / "data", folder / "log"
        make = [str(programs / "initdb"), "-D", str(data), "-U", "aurora", "-A", "trust", "-E", "UTF8", "--locale=C"]
        groups: list[str] | None = [] if user else None
        subprocess.run(
            [*make, "--no-sync"],
            check=True,
            capture_output=True,
            cwd=folder,
            user=user,
            group=user,
            extra_groups=groups,
        )
        run = [str(programs / "postgres"), "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", ""]
        quick = ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off"]
        url = f"postgresql://aurora@127.0.0.1:{port}/postgres"
        with server([*run, *quick], ready=lambda: _answers(url), log=log, user=user):
            yield url


@pytest.fixture
def fresh_postgres_url(postgres_url: str) -> Iterator[str]:
    """The URL of an empty database for one test."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        yield f"{postgres_url.rpartition('/')[0]}/{name}"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


# --- Redis ---------------------------------------------------------------------------------------------------------


def _pongs(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as line:
            line.sendall(b"PING\r\n")
            return line.recv(7) == b"+PONG\r\n"
    except OSError:
        return False


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a Redis server of this test process's own, which keeps nothing on disk."""
    program, port = shutil.which("redis-server"), free_port()
    if program is None:
        pytest.skip("Redis is not installed (Debian package redis-server)")
    with scratch("redis") as folder:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        with server([*command, "--dir", str(folder)], ready=lambda: _pongs(port), log=folder / "log"):
            yield f"redis://127.0.0.1:{port}/0"


# --- Chromium ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The path of a Chromium to drive, headless; Playwright takes it as `executable_path`."""
    found = [path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))]
    if not found:
        pytest.skip("Chromium is not installed (Debian package chromium)")
    return found[0]
