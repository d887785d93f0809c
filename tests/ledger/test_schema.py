"""The migrations build exactly what the tables say, on both databases, from nothing and from halfway."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import inspect, text

from aurora.domain import MetricPoint
from aurora.errors import Misconfigured
from aurora.ledger import Ledger, Store
from aurora.ledger.check import main
from aurora.ledger.schema import configuration, differences
from aurora.ledger.tables import Row
from tests.ledger.conftest import migrate

TABLES = set(Row.metadata.tables)
NOON = "2026-11-22 12:00:00+00:00"


@pytest.fixture
def empty(empty_url: str) -> Iterator[Store]:
    """A database with nothing in it, open."""
    store = Store(empty_url)
    yield store
    store.close()


def tables_of(store: Store) -> set[str]:
    with store.bare() as connection:
        return set(inspect(connection).get_table_names())


def test_the_migrations_build_every_table_from_nothing(empty: Store) -> None:
    empty.migrate()

    assert tables_of(empty) == {*TABLES, "alembic_version"}
    with empty.bare() as connection:
        assert differences(connection) == []


def test_migrating_again_changes_nothing(empty: Store) -> None:
    empty.migrate()
    with empty.write() as session:
        session.execute(text("UPDATE installation SET mode = 'stopped'"))
    empty.migrate()

    with empty.read() as session:
        assert session.scalars(text("SELECT mode FROM installation")).all() == ["stopped"]


def test_the_migrations_can_be_taken_back(empty: Store) -> None:
    empty.migrate()
    with empty.bare() as connection:
        command.downgrade(configuration(connection), "base")
    assert tables_of(empty) == {"alembic_version"}

    empty.migrate()
    assert tables_of(empty) == {*TABLES, "alembic_version"}


def test_a_ledger_of_the_first_schema_moves_on_with_what_is_in_it(empty: Store) -> None:
    with empty.bare() as connection:
        command.upgrade(configuration(connection), "0001")
        columns = "model_name, timestamp, received_at, accuracy"
        connection.execute(text(f"INSERT INTO metric_points ({columns}) VALUES ('m', :at, :at, 0.5)"), {"at": NOON})

    empty.migrate()

    (point,) = Ledger(empty).metrics.recent("m")
    assert point == MetricPoint(model_name="m", timestamp=NOON, accuracy=0.5)


def test_several_processes_may_migrate_at_once(empty_url: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(migrate, empty_url) for _ in range(6)]:
            done.result()

    store = Store(empty_url)
    assert tables_of(store) == {*TABLES, "alembic_version"}
    store.close()


def test_a_ledger_of_a_newer_version_is_refused(empty: Store) -> None:
    empty.migrate()
    with empty.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(Misconfigured, match="another version of AURORA"):
        empty.migrate()


def test_the_check_passes_on_an_empty_database(empty_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([empty_url]) == 0
    assert "0 differences" in capsys.readouterr().out


def test_the_check_finds_what_a_migration_forgot(empty_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(empty_url)
    store.migrate()
    with store.write() as session:
        session.execute(text("ALTER TABLE outcomes DROP COLUMN note"))
        session.execute(text("DROP INDEX ix_intents_finished_at"))
    store.close()

    assert main([empty_url]) == 1
    said = capsys.readouterr().err
    assert "note" in said
    assert "ix_intents_finished_at" in said


def test_the_check_runs_as_a_program_without_a_database(tmp_path: Path) -> None:
    run = [sys.executable, "-m", "aurora.ledger.check"]
    said = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert said.returncode == 0, said
    assert list(tmp_path.iterdir()) == []


def test_every_constraint_and_index_has_a_name() -> None:
    tables = Row.metadata.sorted_tables
    named = [item.name for table in tables for item in table.constraints]
    named += [index.name for table in tables for index in table.indexes]

    assert all(named)
    assert all(len(str(name)) < 64 for name in named)
