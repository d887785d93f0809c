"""What every test relies on: a closed door to the world, an empty environment, its own servers, and counted skips."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from aurora.settings import Settings

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 80)])
def test_no_connection_leaves_this_machine(address: tuple[str, int]) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as line, pytest.raises(RuntimeError, match="nothing but this machine"):
        line.connect(address)


def test_no_datagram_leaves_this_machine() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as line, pytest.raises(RuntimeError, match="nothing but this machine"):
        line.sendto(b"?", ("192.0.2.1", 53))


def test_no_name_is_looked_up_in_the_world() -> None:
    with pytest.raises(RuntimeError, match="nothing but this machine"):
        socket.create_connection(("example.org", 80))


def test_servers_on_this_machine_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as here, socket.create_connection(here.getsockname()) as line:
        assert line.getpeername() == here.getsockname()


def test_the_developers_settings_stay_outside() -> None:
    assert Settings() == Settings(_env_file=None)
    assert [name for name in os.environ if name.startswith(("AURORA_", "OPENAI_"))] == []
    assert Path("~/.aurora").expanduser().parent == Path.cwd()


def test_aurora_home_is_where_a_test_says(aurora_home: Path) -> None:
    assert Settings().home == aurora_home
    assert not aurora_home.exists()


@pytest.mark.postgres
def test_a_fresh_postgres_database_is_empty(fresh_postgres_url: str) -> None:
    with psycopg.connect(fresh_postgres_url) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()

    assert tables == (0,)


def test_redis_answers(redis_url: str) -> None:
    port = int(redis_url.rpartition(":")[2].removesuffix("/0"))
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(b"PING\r\n")

        assert line.recv(7) == b"+PONG\r\n"


@pytest.mark.browser
def test_chromium_runs(chromium_path: str) -> None:
    answer = subprocess.run([chromium_path, "--version"], capture_output=True, text=True, check=True)

    assert "Chrom" in answer.stdout


A_SKIP = (
    "import pytest\n\n@pytest.mark.skip(reason={reason!r})\ndef test_a() -> None: ...\n\ndef test_b() -> None: ...\n"
)


@pytest.mark.parametrize(
    ("reason", "workers", "ends"),
    [("no such program", "2", 1), ("wants a real n8n", "0", 0)],
    ids=["a skip in a worker", "the one that may be"],
)
def test_a_strict_run_fails_on_a_skip(reason: str, workers: str, ends: int, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(A_SKIP.format(reason=reason), encoding="utf-8")

    answer = pytest_on(tmp_path, "--strict-skips", f"--numprocesses={workers}")

    assert answer.returncode == ends, answer.stdout + answer.stderr
    assert f"1 × {reason}" in answer.stdout
    assert "1 passed, 1 skipped" in answer.stdout.splitlines()[-1]


def test_a_run_that_is_not_strict_tells_of_skips_and_passes(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("import pytest\npytest.skip('no such program', allow_module_level=True)\n")
    (tmp_path / "test_other.py").write_text("def test_b() -> None: ...\n", encoding="utf-8")

    answer = pytest_on(tmp_path)

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "1 × no such program" in answer.stdout


def pytest_on(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on `folder` with the plugin that counts skips, and without those that are slow to import."""
    plugins = ("tests.skips", "no:cacheprovider", "no:hypothesispytest", "no:asyncio", "no:anyio")
    command = [sys.executable, "-m", "pytest", f"--rootdir={folder}", *(f"-p{plugin}" for plugin in plugins)]
    return subprocess.run(
        [*command, *options, str(folder)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
