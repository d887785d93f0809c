"""Rounds go on whatever they run into, never two at once, and end when they are told to."""

import logging
import time
from collections.abc import Callable
from threading import Event

import pytest

from app.worker import SweepWorker, pause_after
from aurora.domain import Health


class Sweeps:
    """Counts sweeps, fails in those that are to fail, and tells when enough were made."""

    def __init__(self, enough: int, *, failing: range = range(0)) -> None:
        self.made = 0
        self.done = Event()
        self._enough = enough
        self._failing = failing

    def __call__(self) -> None:
        self.made += 1
        if self.made >= self._enough:
            self.done.set()
        if self.made in self._failing:
            raise OSError("the disk is gone")


def test_it_sweeps_at_once_and_again_and_again() -> None:
    sweeps = Sweeps(3)
    worker = SweepWorker(sweeps, 0.01)
    worker.start()
    assert sweeps.done.wait(5)
    assert worker.stop()


def test_it_goes_on_after_a_failure_and_logs_a_row_of_equal_ones_once(caplog: pytest.LogCaptureFixture) -> None:
    sweeps = Sweeps(6, failing=range(1, 5))
    worker = SweepWorker(sweeps, 0.01)
    with caplog.at_level(logging.WARNING):
        worker.start()
        assert sweeps.done.wait(5)
        worker.stop()
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert "the disk is gone" in caplog.records[0].getMessage()
    assert "works again" in caplog.records[1].getMessage()
    assert worker.health() == Health(word="operational")


def test_it_tells_what_fails_for_as_long_as_it_does() -> None:
    sweeps = Sweeps(3, failing=range(1, 1000))
    worker = SweepWorker(sweeps, 0.01)
    worker.start()
    assert sweeps.done.wait(5)
    worker.stop()
    assert worker.health().word == "degraded"
    assert "The sweep failed and is tried again: OSError('the disk is gone')" in worker.health().detail


def test_it_stops_promptly_between_two_sweeps() -> None:
    sweeps = Sweeps(1)
    worker = SweepWorker(sweeps, 3600)
    worker.start()
    assert sweeps.done.wait(5)
    assert worker.stop(1)


def test_it_says_when_a_sweep_does_not_end() -> None:
    begun, release = Event(), Event()

    def hang() -> None:
        begun.set()
        release.wait(10)

    worker = SweepWorker(hang, 0.01)
    worker.start()
    assert begun.wait(5)
    assert not worker.stop(0.01)
    release.set()
    assert worker.stop(5)


class Looks:
    """Counts looks and sweeps, lets one of them wait, and notes whether two were ever under way at once."""

    def __init__(self) -> None:
        self.looks = self.sweeps = self.under_way = self.most = 0
        self.open, self.busy = Event(), Event()
        self.open.set()

    def look(self) -> None:
        self.looks += 1

    def sweep(self) -> None:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.sweeps += 1
        self.busy.set()
        self.open.wait(10)
        self.under_way -= 1


def started(looks: Looks, seconds: float = 3600) -> SweepWorker:
    """Start, and let the first round pass."""
    worker = SweepWorker(looks.sweep, seconds, looks.look)
    worker.start()
    assert looks.busy.wait(5)
    return worker


def eventually(true: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    return true()


def test_new_metrics_are_looked_at_within_a_fifth_of_a_second_without_a_sweep() -> None:
    looks = Looks()
    worker = started(looks)
    assert eventually(lambda: looks.looks == 1, 1)
    worker.nudge()
    assert eventually(lambda: looks.looks == 2, 0.2)
    assert looks.sweeps == 1
    assert worker.stop(1)


def test_metrics_that_pour_in_are_looked_at_together() -> None:
    looks = Looks()
    worker = started(looks)
    until = time.monotonic() + 1
    while time.monotonic() < until:
        worker.nudge()
        time.sleep(0.001)
    assert 4 <= looks.looks <= 13
    assert looks.sweeps == 1
    assert worker.stop(1)


def test_a_tick_is_a_round_and_those_that_come_during_a_slow_one_are_one() -> None:
    looks = Looks()
    worker = started(looks)
    looks.busy.clear()
    looks.open.clear()
    worker.tick()
    assert looks.busy.wait(5)
    for _ in range(50):
        worker.tick()
        worker.nudge()
    looks.open.set()
    assert eventually(lambda: looks.sweeps == 3, 2)
    time.sleep(0.4)
    worker.nudge()
    time.sleep(0.4)
    assert (looks.sweeps, looks.most) == (3, 1)
    assert worker.stop(1)


def test_a_monitor_that_fails_does_not_hold_up_the_sweep(caplog: pytest.LogCaptureFixture) -> None:
    sweeps = Sweeps(3)

    def blind() -> None:
        raise OSError("cannot see")

    worker = SweepWorker(sweeps, 0.01, blind)
    worker.start()
    assert sweeps.done.wait(5)
    assert worker.stop()
    assert [record.getMessage() for record in caplog.records] == [
        "The monitor failed and will be tried again: OSError('cannot see')"
    ]


@pytest.mark.parametrize(("took", "pause"), [(0.0, 0.1), (0.01, 0.1), (0.1, 0.4), (0.5, 1.0), (60.0, 1.0)])
def test_a_look_is_followed_by_a_pause_that_leaves_the_process_to_others(took: float, pause: float) -> None:
    assert pause_after(took) == pytest.approx(pause)
