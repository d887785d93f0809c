"""`aurora eval`: measure this installation. Only here do the commands load the evals, and only when one runs."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from app.cli_calls import AsJson, examples

evaluations = typer.Typer(help="Measure AURORA itself.", no_args_is_help=True)


class Benchmark(StrEnum):
    """What can be measured; an enumeration, as Typer takes no list of literals."""

    STARTUP = "startup"
    DECISION = "decision"
    INGEST = "ingest"
    RECALL = "recall"


@evaluations.command("bench", epilog=examples("aurora eval bench", "aurora eval bench decision recall --json"))
def bench(
    *,
    benchmarks: Annotated[
        list[Benchmark] | None, typer.Argument(metavar="[BENCHMARK]...", help="startup, decision, ingest, recall.")
    ] = None,
    cases: Annotated[int, typer.Option(min=100, help="Cases in memory while one decision is made.")] = 10_000,
    many: Annotated[int, typer.Option(min=100, help="Cases in memory while recall is measured.")] = 100_000,
    share: Annotated[float, typer.Option(min=0.01, max=10, help="Share of the usual number of turns.")] = 1.0,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the plot to this file, as SVG.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Put table and plot into docs/, in a clone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure decision, recall, ingest and start beside their floors; under 5 minutes. Ends with 1 if one misses.

    With fewer cases or turns it is a trial: most of its time goes into filling the memory, and it says little.
    """
    from app.ending import leave
    from evals.bench.__main__ import Size
    from evals.bench.__main__ import bench as run

    names = [one.value for one in benchmarks or ()]
    try:
        leave(run(names, Size(cases, many, share), json_too=as_json, plot_file=plot, write=write))
    except KeyboardInterrupt:
        print("Broken off; nothing was kept.", file=sys.stderr)
        leave(130)
