"""The queue in front of one replica, request by request: one is worked on at a time, the others wait."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TIMEOUT = 5.0
"""Seconds after which a caller gives up; what would wait longer is turned away at the door."""


@dataclass(frozen=True)
class Passed:
    """What the requests of a while met."""

    seconds: NDArray[np.float64]
    """From arrival to answer, for each request in order of arrival; infinite for one that was turned away."""
    backlog: float
    """Seconds of work still waiting at the end."""
    load: float
    """Share of the time that the replica was at work, 0 to 1."""


def passed(
    arrivals: int, seconds: float, service_seconds: float, backlog: float, random: np.random.Generator
) -> Passed:
    """Let `arrivals` requests come at random times within `seconds`, to a replica with a `backlog` of work.

    Service times are exponential with mean `service_seconds`. Waiting times follow Lindley's recursion,
    W[i] = max(0, W[i-1] + S[i-1] - A[i]), solved in one pass by its running minimum; S is 0 for who was turned away.
    """
    if arrivals == 0:
        return Passed(np.empty(0), max(backlog - seconds, 0.0), min(backlog / seconds, 1.0))
    at = np.sort(random.uniform(0, seconds, arrivals))
    work = random.exponential(service_seconds, arrivals)
    steps = np.concatenate([[backlog - at[0]], work[:-1] - np.diff(at)])
    walk = np.cumsum(steps)
    waits = walk - np.minimum(np.minimum.accumulate(walk), 0.0)
    if waits.max() > TIMEOUT:
        waits = _one_by_one(at, work, backlog)
    turned_away = waits > TIMEOUT
    work[turned_away] = 0.0
    left = max(float(waits[-1] + work[-1] - (seconds - at[-1])), 0.0)
    total = backlog + float(work.sum())
    return Passed(
        seconds=np.where(turned_away, np.inf, waits + work),
        backlog=min(left, TIMEOUT),
        load=min((total - left) / seconds, 1.0),
    )


def _one_by_one(at: NDArray[np.float64], work: NDArray[np.float64], backlog: float) -> NDArray[np.float64]:
    """Return the waits where some are turned away: they hold up nobody behind them, so no one pass tells."""
    waits, waiting, before = [], backlog, 0.0
    for moment, needed in zip(at.tolist(), work.tolist(), strict=True):
        waiting = max(waiting - (moment - before), 0.0)
        waits.append(waiting)
        waiting, before = waiting + (needed if waiting <= TIMEOUT else 0.0), moment
    return np.array(waits)
