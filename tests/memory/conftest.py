"""Real parts: the packaged model, loaded once; real Chroma, in a folder and as a server; the ledger on SQLite."""

import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from aurora.ledger import Ledger, Store
from aurora.memory import Embedder, Memory
from tests.memory.bench import Bench
from tests.services import free_port, scratch, server

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """The packaged model, loaded."""
    loaded = Embedder()
    loaded.load()
    return loaded


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("ledger") / "migrated.db"
    store = Store(f"sqlite:///{path}")
    store.migrate()
    store.close()
    return path


@pytest.fixture
def ledger(migrated_file: Path, tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger."""
    shutil.copy(migrated_file, tmp_path / "ledger.db")
    store = Store(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield Ledger(store, lambda: NOON)
    store.close()


@pytest.fixture(scope="session")
def chroma_url() -> Iterator[str]:
    """The URL of a Chroma server of this test process's own."""
    port = free_port()
    with scratch("chroma") as folder:
        command = [str(Path(sys.executable).with_name("chroma")), "run", "--path", str(folder / "data")]
        address = ["--host", "127.0.0.1", "--port", str(port)]
        url = f"http://127.0.0.1:{port}"
        with server([*command, *address], ready=lambda: answers(url), log=folder / "log"):
            yield url


def answers(url: str) -> bool:
    """Whether a Chroma server is there."""
    try:
        return httpx.get(f"{url}/api/v2/heartbeat", timeout=2).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture
def bench(ledger: Ledger, embedder: Embedder, tmp_path: Path) -> Iterator[Bench]:
    """A place to open memories in a folder."""
    bench = Bench(ledger, embedder, tmp_path / "home" / "chroma", "")
    yield bench
    bench.close()


@pytest.fixture(params=["folder", "server"])
def anywhere(request: pytest.FixtureRequest, ledger: Ledger, embedder: Embedder, tmp_path: Path) -> Iterator[Bench]:
    """A place to open memories: in a folder, and then the same on a server."""
    url = str(request.getfixturevalue("chroma_url")) if request.param == "server" else ""
    bench = Bench(ledger, embedder, tmp_path / "home" / "chroma", url)
    yield bench
    bench.close()


@pytest.fixture
def memory(anywhere: Bench) -> Memory:
    """An open memory that has caught up, in a folder and on a server."""
    return anywhere.open()
