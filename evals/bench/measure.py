"""Measures a thing beside its floor: turn by turn, medians, and how far the ratio of single turns strays."""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Literal

Side = Callable[[int], object]
"""Does the thing once; it is told the number of the turn."""
Tell = Callable[[int, int], None]
"""Told now and then: how much is done, and of how much."""

Unit = Literal["ms", "s", "points/s"]


@dataclass(frozen=True)
class Target:
    """What a ratio has to reach."""

    ratio: float
    at_least: bool = False
    """For throughput: more is better."""

    def is_met(self, ratio: float) -> bool:
        """Whether `ratio` reaches it."""
        return ratio >= self.ratio if self.at_least else ratio <= self.ratio

    def used(self, ratio: float) -> float:
        """Return which share of what is allowed `ratio` takes: up to 1 is met."""
        return self.ratio / ratio if self.at_least else ratio / self.ratio

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.ratio:g}"


@dataclass(frozen=True)
class Result:
    """One thing and its floor, as one run saw them."""

    name: str
    floor_name: str
    unit: Unit
    product: float
    floor: float
    ratio: float
    quartiles: tuple[float, float]
    """Between these lie half of the ratios of single turns."""
    turns: int
    target: Target | None = None
    """None for what is told beside the targets."""
    fault: str = ""
    """What went wrong, whatever the ratio."""

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None where there is none."""
        if self.fault:
            return False
        return None if self.target is None else self.target.is_met(self.ratio)


@dataclass(frozen=True)
class Turns:
    """The seconds that each side took, turn by turn."""

    product: tuple[float, ...]
    floor: tuple[float, ...]

    def result(self, name: str, floor_name: str, target: Target | None) -> Result:
        """Return the times in milliseconds, and the product's over the floor's."""
        ratios = [ours / theirs for ours, theirs in zip(self.product, self.floor, strict=True)]
        times = 1e3 * median(self.product), 1e3 * median(self.floor)
        return Result(name, floor_name, "ms", *times, median(ratios), spread(ratios), len(ratios), target)

    def throughput(self, name: str, floor_name: str, target: Target | None, points: int) -> Result:
        """Return the points per second of sides that take `points` a turn, and the product's over the floor's."""
        ratios = [theirs / ours for ours, theirs in zip(self.product, self.floor, strict=True)]
        rates = points / median(self.product), points / median(self.floor)
        return Result(name, floor_name, "points/s", *rates, median(ratios), spread(ratios), len(ratios), target)


def spread(ratios: Sequence[float]) -> tuple[float, float]:
    """Return the lower and the upper quartile."""
    if len(ratios) < 2:
        return ratios[0], ratios[0]
    low, _, high = quantiles(ratios, n=4, method="inclusive")
    return low, high


def by_turns(product: Side, floor: Side, turns: int, tell: Tell, warm_up: int = 3) -> Turns:
    """Let both sides do their thing `turns` times, each of them first in every other turn.

    The ratio that counts is the median of the turns' own: what the machine does beside it lasts longer than a turn.
    """
    seconds: dict[Side, list[float]] = {product: [], floor: []}
    with no_collecting():
        for turn in range(warm_up + turns):
            for side in (product, floor) if turn % 2 else (floor, product):
                took = timed(side, turn)
                if turn >= warm_up:
                    seconds[side].append(took)
            tell(turn + 1, warm_up + turns)
    return Turns(tuple(seconds[product]), tuple(seconds[floor]))


def timed(side: Side, turn: int) -> float:
    """Return the seconds of one turn. What earlier turns left to be collected is collected before it."""
    gc.collect(1)
    begun = time.perf_counter()
    side(turn)
    return time.perf_counter() - begun


@contextmanager
def no_collecting() -> Iterator[None]:
    """Keep the garbage collector from running in the middle of somebody's turn."""
    was_on = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()
