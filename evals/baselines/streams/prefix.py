"""What a policy that is tuned on the stream itself is given of it: the visible errors of its first third.

All that is in it was seen or could have been by the end of that third: every model that could have been trained, on
every visible row until then.
"""

from collections.abc import Callable
from dataclasses import dataclass

from evals.worlds.rows import Matrix
from evals.worlds.schedules import Policy, Sight, Start
from evals.worlds.streams import Stream


@dataclass(frozen=True, slots=True)
class Prefix:
    """The first steps of a stream, as those see them who train a model at every step."""

    seen: Matrix
    """Shape (steps, steps), as in `Stream`."""
    labels: tuple[int, ...]
    cost: float

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return len(self.labels)


def prefix(stream: Stream) -> Prefix:
    """Return the first third of a stream."""
    steps = stream.horizon // 3
    return Prefix(stream.seen[:steps, :steps], tuple(map(int, stream.labels[:steps])), stream.cost)


def after(known: Prefix, tune: Callable[[Prefix], Start]) -> Start:
    """Return a policy that keeps the model until the prefix is over, is tuned on it, and then runs to the end."""

    def start(cost: float) -> Policy:
        policy = tune(known)(cost)
        seen = 0

        def decide(sight: Sight) -> bool:
            nonlocal seen
            seen += 1
            return seen >= known.steps and policy(sight)

        return decide

    return start
