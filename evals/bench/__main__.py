"""`python -m evals.bench`, and what `aurora eval bench` calls: run the benchmarks and say what they saw.

    aurora eval bench                               all of them: table on stdout, progress on stderr
    aurora eval bench decision recall --json        some of them, as JSON
    aurora eval bench --write                       put table and plot into docs/ too

Ends with 1 where a target is missed. With fewer cases it is a trial run: the targets are for the sizes of the default.
"""

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from evals.bench.measure import Result, Tell
from evals.bench.report import as_json, plot, reached, table, word
from evals.document import DOCS, put
from evals.quiet import quiet

NAMES = ("startup", "decision", "ingest", "recall")
CASES, MANY = 10_000, 100_000


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    cases: int = CASES
    """In memory while one decision is made."""
    many: int = MANY
    """In memory while recall is measured."""
    share: float = 1.0
    """Of the usual number of turns."""

    def turns(self, usual: int) -> int:
        """Return how many turns there are instead of `usual`."""
        return max(2, round(usual * self.share))


def measure(names: Sequence[str], size: Size, tell: Callable[[str], Tell]) -> Iterator[Result]:
    """Run the benchmarks called `names`, whatever their order, in that of `NAMES`."""
    for name in NAMES:
        if name in names:
            yield from _one(name, size, tell(name))


def _one(name: str, size: Size, tell: Tell) -> list[Result]:
    # Each is loaded when it runs: the first measures a process in which nothing of the others is loaded yet.
    match name:
        case "startup":
            from evals.bench import startup

            return startup.run(size.turns(startup.TURNS), tell)
        case "decision":
            from evals.bench import decision

            return decision.run(size.cases, size.turns(decision.TURNS), tell)
        case "ingest":
            from evals.bench import ingest

            return ingest.run(size.turns(ingest.TURNS), tell)
        case _:
            from evals.bench import recall

            return recall.run(size.many, size.turns(recall.TURNS), tell)


def bench(names: Sequence[str], size: Size, *, json_too: bool, plot_file: Path | None, write: bool) -> int:
    """Run the benchmarks called `names` (all of them where none is), print what they saw; return the exit code.

    That is 0 where all targets are met, 1 where one is missed, 2 where nothing was measured.
    """
    if wrong := _unwritable(names, size, plot_file, write=write):
        print(wrong, file=sys.stderr)
        return 2
    begun = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with quiet(logging.ERROR, "aurora"), Progress(*columns, console=Console(stderr=True)) as progress:
        results = []
        for result in measure(names or NAMES, size, lambda name: _teller(progress, name)):
            results.append(result)
            progress.console.print(f"{result.name}: {result.ratio:.2f} {word(result)}", highlight=False)
    seconds = time.monotonic() - begun
    if plot_file is not None:
        plot_file.write_text(plot(results), encoding="utf-8")
    if write:
        (DOCS / "performance.svg").write_text(plot(results), encoding="utf-8")
        put("PERFORMANCE.md", "bench", f"{table(results)}\n{_told(seconds)}")
    print(json.dumps(as_json(results, seconds), indent=1) if json_too else f"{table(results)}\n{_told(seconds)}")
    return 0 if reached(results) else 1


def _unwritable(names: Sequence[str], size: Size, plot_file: Path | None, *, write: bool) -> str:
    """Say before anything is measured what could not be written afterwards."""
    if write and (size != Size() or set(names or NAMES) != set(NAMES)):
        return "--write is for a whole run: the docs hold all benchmarks in their usual size."
    if plot_file is not None and (plot_file.is_dir() or not os.access(plot_file.absolute().parent, os.W_OK)):
        return f"--plot: no file can be written at {plot_file}."
    return ""


def _told(seconds: float) -> str:
    return f"The whole run took {seconds:.0f} s."


def _teller(progress: Progress, name: str) -> Tell:
    task = progress.add_task(name, total=1)
    return lambda done, total: progress.update(task, completed=done, total=total)


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m evals.bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="which; all where none is named")
    parser.add_argument("--cases", type=int, default=CASES, help="in memory while one decision is made")
    parser.add_argument("--many", type=int, default=MANY, help="in memory while recall is measured")
    parser.add_argument("--share", type=float, default=1.0, help="of the usual number of turns")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--plot", type=Path, help="write the plot to this file, as SVG")
    parser.add_argument("--write", action="store_true", help="put table and plot into the docs")
    options = parser.parse_args()
    size = Size(options.cases, options.many, options.share)
    sys.exit(bench(options.names, size, json_too=options.json, plot_file=options.plot, write=options.write))


if __name__ == "__main__":
    main()
