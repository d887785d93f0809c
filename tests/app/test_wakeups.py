"""What is to be woken is woken: with what it is for or not at all, after a crash, twice without harm; and where DBOS is
ill, AURORA is only slower."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

import app.embedded_dbos
import app.wakeups
from app.embedded_dbos import claimed, cron
from app.wakeups import DurableWakeUps
from aurora.ledger import Ledger, Store
from aurora.ledger.audit import Audit
from aurora.ledger.tables import Row
from tests.ledger.story import Story, Watch

SOON = 10.0
"""Seconds in which whatever is to happen happens, also on a busy machine."""


@dataclass
class Bell:
    """Is woken, and ticked at, without an AURORA behind it."""

    ledger: Ledger
    clock: Watch
    begun: list[str] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)
    ticks: int = 0
    open: threading.Event = field(default_factory=threading.Event)
    """While it is clear, nothing that was begun is delivered."""

    def deliver(self, decision_id: str) -> None:
        self.begun.append(decision_id)
        self.open.wait(30)
        self.delivered.append(decision_id)

    def wait_for(self, *decisions: str) -> None:
        """Return once exactly these were delivered."""
        wait_until(lambda: sorted(self.delivered) == sorted(decisions))

    def tick(self) -> None:
        self.ticks += 1

    def now(self) -> datetime:
        return self.clock()


@dataclass
class House:
    """One ledger, and the wake-ups of the process that serves it; they may be started again and again."""

    home: Path
    store: Store
    clock: Watch
    running: list[tuple[DurableWakeUps, Bell]] = field(default_factory=list)

    def start(self, seconds: float = 3600, *, held: bool = False) -> tuple[Story, Bell]:
        """Start, and return once wake-ups are taken."""
        wakeups, (story, bell) = self.begin(seconds, held=held)
        wait_until(lambda: wakeups.taken)
        return story, bell

    def begin(self, seconds: float = 3600, *, held: bool = False) -> tuple[DurableWakeUps, tuple[Story, Bell]]:
        wakeups = DurableWakeUps()
        ledger = Ledger(self.store, self.clock, wakeups=wakeups)
        bell = Bell(ledger, self.clock)
        if not held:
            bell.open.set()
        wakeups.start(bell, self.home, seconds)
        self.running.append((wakeups, bell))
        return wakeups, (Story(ledger, self.clock), bell)

    @property
    def wakeups(self) -> DurableWakeUps:
        return self.running[-1][0]

    def stop(self) -> None:
        while self.running:
            wakeups, bell = self.running.pop()
            assert wakeups.stop(10)
            bell.open.set()

    def rows(self) -> dict[str, str]:
        """Return the state of every wake-up that DBOS holds; ticks left out."""
        with self.store.read() as session:
            found = session.execute(text(f"SELECT workflow_uuid, status FROM {self._in_dbos('workflow_status')}"))
            return {row.workflow_uuid: row.status for row in found if not row.workflow_uuid.startswith("sched-")}

    def forget(self) -> None:
        """Take DBOS's tables away, under its feet."""
        with self.store.bare() as connection:
            if self.store.url.get_backend_name() == "postgresql":
                connection.execute(text("DROP SCHEMA dbos CASCADE"))
                return
            names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
            for name in {*names} - {*Row.metadata.tables} - {"alembic_version"}:
                if not name.startswith("sqlite_"):
                    connection.execute(text(f"DROP TABLE {name}"))

    def _in_dbos(self, table: str) -> str:
        return f"dbos.{table}" if self.store.url.get_backend_name() == "postgresql" else table


def wait_until(true: Callable[[], object], seconds: float = SOON) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def house(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(app.wakeups, "PROBE_SECONDS", 0.5)
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'aurora.db'}" if sqlite else request.getfixturevalue("fresh_postgres_url")
    store = Store(url)
    store.migrate()
    one = House(tmp_path, store, Watch())
    yield one
    with suppress(IndexError):
        one.stop()
    store.close()


# --- with what it is for, or not at all ------------------------------------------------------------------------------


def test_a_settled_question_wakes_its_decision_at_once(house: House) -> None:
    story, bell = house.start()
    decision = story.asked("apr_1")
    story.ledger.approvals.settle("apr_1", "approved", "ada")
    wait_until(lambda: bell.delivered == [decision])
    wait_until(lambda: house.rows() == {"resume:apr_1": "SUCCESS"})


def test_an_outcome_is_looked_at_when_it_is_due_and_not_before(house: House) -> None:
    story, bell = house.start()
    decision = story.executed()  # due in two hours
    began = time.monotonic()
    story.ledger.decisions.postpone(decision, story.clock.now + timedelta(seconds=1.5))
    wait_until(lambda: bell.delivered)
    assert bell.delivered == [decision]
    assert time.monotonic() - began >= 1.5
    wait_until(lambda: sorted(house.rows().values()) == ["DELAYED", "SUCCESS"])


def test_the_same_moment_is_one_wake_up(house: House) -> None:
    story, _ = house.start()
    decision = story.executed()
    due_at = story.ledger.decisions.get(decision).verify_at
    assert due_at is not None
    story.ledger.decisions.postpone(decision, due_at)
    assert len(house.rows()) == 1


def test_what_is_rolled_back_wakes_nobody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    story, bell = house.start()
    story.asked("apr_1")
    decision = story.executed("another")
    before = house.rows()

    def full(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Audit, "append", full)
        with pytest.raises(OSError, match="full"):
            story.ledger.approvals.settle("apr_1", "approved", "ada")
        with pytest.raises(OSError, match="full"):
            story.ledger.decisions.postpone(decision, story.clock.now)
    assert house.rows() == before
    story.ledger.approvals.settle("apr_1", "approved", "ada")
    wait_until(lambda: bell.delivered)
    assert len(bell.delivered) == 1


# --- over restarts ---------------------------------------------------------------------------------------------------


def test_what_was_under_way_or_not_begun_is_delivered_after_a_restart(house: House) -> None:
    story, bell = house.start(held=True)
    decision = story.asked("apr_1")
    story.ledger.approvals.settle("apr_1", "approved", "ada")
    wait_until(lambda: bell.begun == [decision])
    assert house.wakeups.stop(10)  # in the middle of the delivery
    assert house.rows() == {"resume:apr_1": "PENDING"}
    late = story.asked("apr_2", "another")
    story.ledger.approvals.settle("apr_2", "approved", "ada")  # nobody takes its wake-up

    _, second = house.start()
    wait_until(lambda: sorted(second.delivered) == sorted([decision, late]))


def test_servers_one_after_another_in_one_process_leave_no_thread_behind(house: House) -> None:
    before = {*threading.enumerate()}
    for turn in range(3):
        story, bell = house.start()
        decision = story.asked(f"apr_{turn}", f"model {turn}")
        story.ledger.approvals.settle(f"apr_{turn}", "approved", "ada")
        bell.wait_for(decision)
        house.stop()
    wait_until(lambda: {*threading.enumerate()} <= before)


def test_a_second_server_in_one_process_says_that_it_goes_without(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.embedded_dbos, "WAIT_SECONDS", 0.1)
    house.start()
    second, (story, _) = house.begin()
    wait_until(lambda: second.health().word == "degraded")
    assert "another server of this process" in second.health().detail
    story.asked("apr_1")
    assert story.ledger.approvals.settle("apr_1", "approved", "ada").status == "approved"


def test_two_processes_of_one_home_have_different_names_and_the_next_has_the_first_again(tmp_path: Path) -> None:
    with claimed(tmp_path) as first:
        with claimed(tmp_path) as second:
            assert first != second
        with claimed(tmp_path) as third:
            assert third == second
    with claimed(tmp_path) as again:
        assert again == first
    with claimed(tmp_path / "another home") as other:
        assert other not in {first, second}


# --- when DBOS is ill ------------------------------------------------------------------------------------------------


def test_tables_that_are_deleted_cost_no_decision_and_come_back(house: House, caplog: pytest.LogCaptureFixture) -> None:
    story, bell = house.start()
    asked, changed = story.asked("apr_1"), story.executed("another")
    house.forget()

    story.ledger.approvals.settle("apr_1", "approved", "ada")
    story.ledger.decisions.postpone(changed, story.clock.now)
    assert story.ledger.approvals.get("apr_1").status == "approved"
    assert house.wakeups.health().word == "degraded"

    wait_until(lambda: sorted(bell.delivered) == sorted([asked, changed]), 3 * SOON)
    wait_until(lambda: house.wakeups.health().word == "operational")
    assert "Traceback" not in caplog.text
    assert len(caplog.records) < 20


def test_rows_that_are_deleted_are_missed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    story, bell = house.start()
    with house.store.bare() as connection:
        connection.execute(text(f"DELETE FROM {house._in_dbos('queues')}"))
        connection.execute(text(f"DELETE FROM {house._in_dbos('workflow_schedules')}"))
    decision = story.asked("apr_1")
    story.ledger.approvals.settle("apr_1", "approved", "ada")
    wait_until(lambda: bell.delivered == [decision], 3 * SOON)


@pytest.fixture
def spoilt(house: House) -> House:
    """A database in which DBOS cannot start: one of its tables is there, and is something else."""
    with house.store.bare() as connection:
        if house.store.url.get_backend_name() == "postgresql":
            connection.execute(text("CREATE SCHEMA dbos"))
        connection.execute(text(f"CREATE TABLE {house._in_dbos('workflow_status')} (nonsense INTEGER)"))
    return house


def test_where_dbos_cannot_start_everything_else_goes_on(spoilt: House, caplog: pytest.LogCaptureFixture) -> None:
    wakeups, (story, bell) = spoilt.begin()
    wait_until(lambda: wakeups.health().word == "degraded")
    assert "Decisions go on by the sweep" in wakeups.health().detail
    story.asked("apr_1")
    story.ledger.approvals.settle("apr_1", "approved", "ada")
    assert len(story.ledger.approvals.unheard()) == 1
    assert bell.delivered == []
    assert "Traceback" not in caplog.text
    with spoilt.store.bare() as connection:
        connection.execute(text(f"DROP TABLE {spoilt._in_dbos('workflow_status')}"))
    wait_until(lambda: len(bell.delivered) == 1, 3 * SOON)
    assert wakeups.health().word == "operational"


# --- the clock, and what is left of it -------------------------------------------------------------------------------


def test_its_clock_ticks(house: House) -> None:
    _, bell = house.start(seconds=1)
    wait_until(lambda: bell.ticks >= 2)


@pytest.mark.parametrize(
    ("seconds", "schedule"),
    [
        (0.05, "*/1 * * * * *"),
        (2, "*/2 * * * * *"),
        (7, "*/6 * * * * *"),
        (45, "*/30 * * * * *"),
        (60, "0 */1 * * * *"),
        (500, "0 */6 * * * *"),
        (86400, "0 */30 * * * *"),
    ],
)
def test_it_ticks_at_most_as_often_as_wished_and_evenly(seconds: float, schedule: str) -> None:
    assert cron(seconds) == schedule


def test_what_was_delivered_is_deleted_in_time_and_what_waits_stays(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    story, bell = house.start(seconds=1)
    story.executed("another")
    story.asked("apr_1")
    story.ledger.approvals.settle("apr_1", "approved", "ada")
    wait_until(lambda: bell.delivered and bell.ticks)
    wait_until(lambda: house.rows()["resume:apr_1"] == "SUCCESS")
    client = house.wakeups._client
    assert client is not None
    app.embedded_dbos.tidy(client)
    assert len(house.rows()) == 2
    assert payloads(house) >= 3

    monkeypatch.setattr(app.embedded_dbos, "WAKEUPS_KEPT", timedelta(days=-1))
    monkeypatch.setattr(app.embedded_dbos, "TICKS_KEPT", timedelta(days=-1))
    app.embedded_dbos.tidy(client)
    assert list(house.rows().values()) == ["DELAYED"]
    assert payloads(house) <= 3  # that of the one that waits, and of ticks since


def payloads(house: House) -> Any:
    with house.store.read() as session:
        return session.execute(text(f"SELECT count(*) FROM {house._in_dbos('workflow_input')}")).scalar_one()
