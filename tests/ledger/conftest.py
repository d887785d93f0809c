"""Every test of the ledger runs on SQLite and on PostgreSQL, on a database of its own that is already migrated."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from aurora.ledger import Ledger, Store
from aurora.ledger.tables import Row
from tests.ledger.story import Story, Watch


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def backend(request: pytest.FixtureRequest) -> str:
    """Which database this test runs on."""
    return str(request.param)


@pytest.fixture
def empty_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with nothing in it."""
    if backend == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return str(request.getfixturevalue("fresh_postgres_url"))


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("ledger") / "migrated.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgres_url(postgres_url: str) -> str:
    """A migrated PostgreSQL database, to be left as empty as it was found."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE migrated")
    url = f"{postgres_url.rpartition('/')[0]}/migrated"
    migrate(url)
    return url


@pytest.fixture
def url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated database with nothing in it."""
    if backend == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "ledger.db")
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    migrated = str(request.getfixturevalue("migrated_postgres_url"))
    yield migrated
    with psycopg.connect(migrated) as connection:
        for table in reversed(Row.metadata.sorted_tables):
            if table.name != "installation":
                connection.execute(f"DELETE FROM {table.name}")
        connection.execute("UPDATE installation SET mode = 'autonomous', reason = '', by = 'aurora', changed_at = NULL")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """The database, open."""
    opened = Store(url)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Watch:
    """Eight in the morning until a test says otherwise."""
    return Watch()


@pytest.fixture
def ledger(store: Store, clock: Watch) -> Ledger:
    """A ledger with nothing in it."""
    return Ledger(store, clock)


@pytest.fixture
def story(ledger: Ledger, clock: Watch) -> Story:
    """The same ledger, for tests that begin in the middle of something."""
    return Story(ledger, clock)


def migrate(url: str) -> None:
    store = Store(url)
    store.migrate()
    store.close()
