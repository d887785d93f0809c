"""Two processes that do the same thing at the same moment, round after round."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from typing import Generic, TypeVar

What = TypeVar("What")
Said = TypeVar("Said")

PATIENCE_SECONDS = 120
"""How long one waits for the other, who may still be at the round before."""


@dataclass(frozen=True)
class Went(Generic[Said]):
    """One round of one process: from when to when, by the machine's clock, and what came of it."""

    began: float
    ended: float
    said: Said


@dataclass(frozen=True)
class Race(Generic[Said]):
    """What both processes made of every round."""

    rounds: list[tuple[Went[Said], Went[Said]]]

    @property
    def said(self) -> list[tuple[Said, Said]]:
        """What came of every round, for the one and the other."""
        return [(one.said, other.said) for one, other in self.rounds]

    @property
    def apart(self) -> list[float]:
        """By how many seconds one began before the other, the closest round first."""
        return sorted(abs(one.began - other.began) for one, other in self.rounds)

    @property
    def overlapping(self) -> int:
        """In how many rounds each began before the other had ended."""
        return sum(one.began < other.ended and other.began < one.ended for one, other in self.rounds)


_start: list[Barrier] = []


def race(
    enter: Callable[[str, str], Callable[[What], Said]], where: str, rounds: Sequence[tuple[What, What]]
) -> Race[Said]:
    """Let two processes do `enter(where, name)`, as "ada" and as "bo", and then each its part of every round at once.

    What crosses over to them is pickled by name: `enter` stands at the top of its module.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, context, _take, (context.Barrier(2, timeout=PATIENCE_SECONDS),)) as pool:
        parts = [[ones for ones, _ in rounds], [others for _, others in rounds]]
        ran = [pool.submit(_run, enter, where, name, part) for name, part in zip(("ada", "bo"), parts, strict=True)]
        ada, bo = (one.result() for one in ran)
    return Race(list(zip(ada, bo, strict=True)))


def _take(start: Barrier) -> None:
    _start.append(start)


def _run(
    enter: Callable[[str, str], Callable[[What], Said]], where: str, name: str, part: Sequence[What]
) -> list[Went[Said]]:
    try:
        do = enter(where, name)
        return [_go(do, what) for what in part]
    except BaseException:
        _start[0].abort()
        raise


def _go(do: Callable[[What], Said], what: What) -> Went[Said]:
    _start[0].wait()
    began = time.monotonic()
    said = do(what)
    return Went(began, time.monotonic(), said)
