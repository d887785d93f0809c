"""The queue in front of a replica, request by request."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from aurora.sandbox.fleet.queue import TIMEOUT, Passed, passed

CASES = [
    pytest.param(1, 60.0, 0.02, 0.0, id="one request"),
    pytest.param(250, 10.0, 0.02, 0.0, id="half loaded"),
    pytest.param(250, 10.0, 0.02, 1.5, id="half loaded, with a backlog"),
    pytest.param(400, 10.0, 0.02, 0.0, id="a little under its capacity"),
    pytest.param(900, 10.0, 0.02, 0.0, id="overloaded"),
    pytest.param(900, 10.0, 0.02, 5.0, id="overloaded, with a backlog"),
    pytest.param(3, 0.5, 0.1, 30.0, id="more waits than there is time"),
]


@dataclass(frozen=True)
class Plain:
    """What a loop over the requests finds, one after the other."""

    seconds: list[float]
    left: float


def by_loop(arrivals: int, seconds: float, service_seconds: float, backlog: float, seed: int) -> Plain:
    random = np.random.default_rng(seed)
    at = sorted(random.uniform(0, seconds, arrivals).tolist())
    work = random.exponential(service_seconds, arrivals).tolist()
    waiting, before, took = backlog, 0.0, []
    for moment, needed in zip(at, work, strict=True):
        wait = max(waiting - (moment - before), 0.0)
        let_in = wait <= TIMEOUT
        took.append(wait + needed if let_in else math.inf)
        waiting, before = wait + (needed if let_in else 0.0), moment
    return Plain(took, max(waiting - (seconds - before), 0.0))


def met(arrivals: int, seconds: float, service_seconds: float, backlog: float = 0.0, seed: int = 3) -> Passed:
    return passed(arrivals, seconds, service_seconds, backlog, np.random.default_rng(seed))


@pytest.mark.parametrize(("arrivals", "seconds", "service_seconds", "backlog"), CASES)
def test_every_request_waits_as_long_as_a_plain_loop_over_them_says(
    arrivals: int, seconds: float, service_seconds: float, backlog: float
) -> None:
    found = met(arrivals, seconds, service_seconds, backlog)
    assert len(found.seconds) == arrivals
    plain = by_loop(arrivals, seconds, service_seconds, backlog, seed=3)
    np.testing.assert_allclose(found.seconds, plain.seconds, rtol=1e-9, atol=1e-9)
    assert found.backlog == pytest.approx(min(plain.left, TIMEOUT))


def test_without_arrivals_only_the_backlog_is_worked_off() -> None:
    idle = met(0, 60.0, 0.02)
    assert (idle.seconds.tolist(), idle.backlog, idle.load) == ([], 0.0, 0.0)
    rest = met(0, 4.0, 0.02, backlog=1.0)
    assert (rest.seconds.tolist(), rest.backlog, rest.load) == ([], 0.0, 0.25)
    busy = met(0, 4.0, 0.02, backlog=4.5)
    assert (busy.seconds.tolist(), busy.backlog, busy.load) == ([], 0.5, 1.0)


@pytest.mark.parametrize("load", [1.1, 1.5, 3.0])
def test_overload_turns_away_what_is_too_much_and_nobody_else(load: float) -> None:
    seconds, service_seconds = 200.0, 0.02
    found = met(round(load * seconds / service_seconds), seconds, service_seconds, backlog=TIMEOUT)
    turned_away = np.isinf(found.seconds)
    assert turned_away.mean() == pytest.approx(1 - 1 / load, abs=0.03)
    assert found.load == pytest.approx(1.0, abs=0.01)
    assert 0.9 * TIMEOUT < found.backlog <= TIMEOUT
    assert found.seconds[~turned_away].max() < TIMEOUT + 10 * service_seconds


def test_nobody_is_turned_away_before_the_wait_is_too_long() -> None:
    found = met(3000, 20.0, 0.02)
    first = int(np.argmax(np.isinf(found.seconds)))
    assert first > 300
    assert found.seconds[first - 1] > 0.95 * TIMEOUT


def test_what_is_left_of_one_while_is_waited_for_in_the_next() -> None:
    crowded = met(850, 10.0, 0.015)
    assert 1.0 < crowded.backlog < TIMEOUT
    after, fresh = met(50, 10.0, 0.015, crowded.backlog, seed=4), met(50, 10.0, 0.015, seed=4)
    assert after.seconds[0] > fresh.seconds[0]
    assert (after.seconds >= fresh.seconds).all()
    assert after.load == pytest.approx(fresh.load + crowded.backlog / 10.0, abs=0.05)


@pytest.mark.parametrize("seed", range(20))
def test_the_load_is_a_share_of_the_time(seed: int) -> None:
    random = np.random.default_rng(seed)
    arrivals, service_seconds = int(random.integers(1, 400)), float(random.uniform(0.001, 0.2))
    found = met(arrivals, 10.0, service_seconds, float(random.uniform(0, 6)), seed)
    assert 0.0 < found.load <= 1.0
    assert 0.0 <= found.backlog <= TIMEOUT


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_in_the_long_run_it_is_as_slow_and_as_busy_as_theory_says_of_such_a_queue(load: float) -> None:
    seconds, service_seconds = 20_000.0, 0.02
    found = met(round(load * seconds / service_seconds), seconds, service_seconds)
    mean = service_seconds / (1 - load)
    assert found.seconds.mean() == pytest.approx(mean, rel=0.05)
    assert np.quantile(found.seconds, 0.95) == pytest.approx(math.log(20) * mean, rel=0.08)
    assert found.load == pytest.approx(load, rel=0.02)
