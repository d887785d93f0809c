"""Starting: `aurora --help` in bare Python starts, and a server's first `/health` within the seconds it may take."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from evals.bench.ingest import AURORA, START_SECONDS, free_port, health, running
from evals.bench.measure import Result, Target, Tell, by_turns

TURNS = 7
STARTS = 2
"""Servers started; each takes as long as its embedding model."""
HELP_TARGET = Target(12)
HEALTH_SECONDS = 5.0
HEALTH_TARGET = Target(1.0)
READY_SECONDS = 300.0

Word = str
Heard = tuple[float, list[Word]]
"""Seconds until the first answer, and the words that `/health` said until it was healthy, without repetition."""


def run(turns: int, tell: Tell) -> list[Result]:
    """Start what there is to start, by turns."""
    took = by_turns(lambda _: _python(AURORA, "--help"), lambda _: _python("pass"), turns, tell, warm_up=1)
    heard = []
    for start in range(STARTS):
        heard.append(first_health())
        tell(start + 1, STARTS)
    return [
        took.result("`aurora --help`", "A bare Python start (`python -c pass`)", HELP_TARGET),
        answered(heard),
    ]


def answered(heard: list[Heard]) -> Result:
    """Return how long the slowest start was silent, as a share of what it may be, and whether it said the truth.

    Beside it stand the shares of the quickest and the slowest start: there are too few for quartiles.
    """
    seconds = [first for first, _ in heard]
    shares = [one / HEALTH_SECONDS for one in seconds]
    wrong = [words for _, words in heard if words != ["degraded", "healthy"]]
    return Result(
        name="First answer of `/health` after the start",
        floor_name=f"The {HEALTH_SECONDS:g} s that it may take",
        unit="s",
        product=max(seconds),
        floor=HEALTH_SECONDS,
        ratio=max(shares),
        quartiles=(min(shares), max(shares)),
        turns=len(heard),
        target=HEALTH_TARGET,
        fault=f"It said {', '.join(wrong[0])} instead of degraded, healthy." if wrong else "",
    )


def first_health() -> Heard:
    """Start a server in an empty home; return when it answered first, and what it said until all was well."""
    with tempfile.TemporaryDirectory(prefix="aurora-bench-") as folder:
        port, home = free_port(), Path(folder)
        command = [sys.executable, "-c", AURORA, "serve", "--no-ui", "--port", str(port), "--json"]
        begun = time.monotonic()
        with running(command, {"AURORA_HOME": str(home)}, home / "log"):
            said = health(port, begun + START_SECONDS)
            first = time.monotonic() - begun
            words = [_word(said)]
            while words[-1] != "healthy" and time.monotonic() < begun + READY_SECONDS:
                time.sleep(0.2)
                if (word := _word(health(port, begun + READY_SECONDS))) != words[-1]:
                    words.append(word)
            return first, words


def _word(said: dict[str, Any]) -> Word:
    return str(said["status"])


def _python(*arguments: str) -> None:
    subprocess.run([sys.executable, "-c", *arguments], stdout=subprocess.DEVNULL, check=True)
