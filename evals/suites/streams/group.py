"""What all policies did on a group of streams, as figures. A world is one built stream, at all its costs together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evals.suites.figures import Figure, drawn, mean, ratio, share
from evals.suites.streams.play import ORACLE, UNDEPLOYABLE, Run


@dataclass(frozen=True)
class Group:
    """Streams that are reported together."""

    name: str
    worlds: tuple[tuple[Run, ...], ...]
    """Of each world the runs at its costs."""

    @cached_property
    def policies(self) -> tuple[str, ...]:
        """All that played, the cheapest first."""
        return tuple(sorted(self.worlds[0][0].played, key=lambda name: sum(self.costs(name))))

    def best_of(self, names: Sequence[str]) -> str:
        """Return the cheapest of some policies on these very streams."""
        return next(name for name in self.policies if name in names and name not in UNDEPLOYABLE)

    def costs(self, policy: str) -> list[float]:
        """Return what a policy cost in each world."""
        return self._sums(lambda run: run.played[policy].cost)

    def over_oracle(self, policy: str) -> Figure:
        """Return all costs over the least possible."""
        return ratio(self.costs(policy), self.costs(ORACLE))

    def mean_ratio(self, policy: str) -> Figure:
        """Return the mean over streams of the cost over the least possible; 1 where nothing costs anything."""
        ratios = [[_ratio(run, policy) for run in world] for world in self.worlds]
        return mean([float(np.mean(world)) for world in ratios])

    def retrains(self, policy: str) -> Figure:
        """Return retrains in 100 steps."""
        return share(
            self._sums(lambda run: 100 * len(run.played[policy].schedule)), self._sums(lambda run: run.horizon)
        )

    def wrong(self, policy: str) -> Figure:
        """Return retrains in 100 steps of streams that the oracle never retrains."""
        return share(
            self._sums(lambda run: 100 * len(run.played[policy].schedule) if _control(run) else 0),
            self._sums(lambda run: run.horizon if _control(run) else 0),
        )

    def controls(self) -> int:
        """Return how many streams are never to be retrained."""
        return sum(_control(run) for world in self.worlds for run in world)

    def recovery(self, policy: str) -> Figure | None:
        """Return the median of steps to recovery; None where there is no stream to recover on."""
        worlds = [
            [run.change.recovery(run.played[policy].schedule) for run in world if run.change is not None]
            for world in self.worlds
        ]
        longest = max(map(len, worlds))
        if not longest:
            return None
        filled = np.array([[*world, *[np.nan] * (longest - len(world))] for world in worlds if world], dtype=float)
        return drawn(lambda world: np.nanmedian(world, axis=(-2, -1)), filled)

    def recoveries(self) -> int:
        """Return how many streams there are to recover on."""
        return sum(run.change is not None for world in self.worlds for run in world)

    def right(self, policy: str) -> float:
        """Return the share of steps at which a policy chose what was cheaper."""
        return float(np.mean([run.right[policy] for world in self.worlds for run in world]))

    def by_family(self) -> dict[str, "Group"]:
        """Return the streams of each family."""
        return self._parts(lambda run: run.entry.family.name)

    def by_cost(self) -> dict[str, "Group"]:
        """Return the streams at each cost."""
        return self._parts(lambda run: f"{run.entry.cost:g}")

    def _parts(self, name_of: Callable[[Run], str]) -> dict[str, "Group"]:
        names = dict.fromkeys(name_of(run) for world in self.worlds for run in world)
        return {name: self._part(name, name_of) for name in names}

    def _part(self, name: str, name_of: Callable[[Run], str]) -> "Group":
        parts = (tuple(run for run in world if name_of(run) == name) for world in self.worlds)
        return Group(name, tuple(part for part in parts if part))

    def _sums(self, measure: Callable[[Run], float]) -> list[float]:
        return [float(sum(measure(run) for run in world)) for world in self.worlds]


def _control(run: Run) -> bool:
    return not run.played[ORACLE].schedule


def _ratio(run: Run, policy: str) -> float:
    least = run.played[ORACLE].cost
    return run.played[policy].cost / least if least else 1.0
