"""The sweep goes on whatever it runs into, and ends when it is told to."""

import logging
from threading import Event

import pytest

from app.worker import SweepWorker


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
