"""Policies that look at nothing: always, at random, and every so many steps."""

from random import Random

import numpy as np
from numpy.typing import NDArray

from evals.worlds.schedules import Policy, Schedule, Start
from evals.worlds.streams import Stream


def always(_cost: float) -> Policy:
    """Retrain after every step."""
    return lambda _sight: True


def at_random(seed: str, every: int = 15) -> Start:
    """Return a policy that retrains once in so many steps by chance, the same for the same seed."""

    def start(_cost: float) -> Policy:
        random = Random(f"{seed} at random")
        return lambda _sight: random.random() * every < 1

    return start


def periodic(period: int | None) -> Start:
    """Return a policy that retrains every `period` steps; with None never."""

    def start(_cost: float) -> Policy:
        seen = 0

        def decide(_sight: object) -> bool:
            nonlocal seen
            seen += 1
            return period is not None and seen % period == 0

        return decide

    return start


def every(period: int, horizon: int) -> Schedule:
    """Return the schedule of a period."""
    return tuple(range(period, horizon, period))


def period_costs(stream: Stream) -> NDArray[np.float64]:
    """Return what every period from 1 to the horizon costs, in order; that of the horizon is never to retrain."""
    steps = np.arange(stream.horizon)
    return np.array(
        [
            stream.errors[steps // period * period, steps].sum() + stream.cost * ((stream.horizon - 1) // period)
            for period in range(1, stream.horizon + 1)
        ]
    )
