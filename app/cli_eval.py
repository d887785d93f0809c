"""`aurora eval`: measure this installation. Only here do the commands load the evals, and only when one runs."""

import os
import signal
import sys
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from app.cli_calls import WRONG_USE, AsJson, examples, fail

evaluations = typer.Typer()


class Suite(StrEnum):
    """What can be evaluated; an enumeration, as Typer takes no list of literals."""

    STREAMS = "streams"
    SERVICES = "services"
    SCALE = "scale"
    LOOP = "loop"
    MEMORY = "memory"
    ALL = "all"


@evaluations.callback(
    invoke_without_command=True,
    epilog=examples(
        "aurora eval --quick",
        "aurora eval --suite streams --suite services --html report.html",
        "aurora eval --planner my_module:MyPolicy --json",
        "aurora eval bench",
    ),
)
def evaluate(
    context: typer.Context,
    *,
    suites: Annotated[
        list[Suite] | None,
        typer.Option("--suite", metavar="NAME", help="streams, services, scale, loop, memory, all; may be repeated."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A part of the worlds: under two minutes.")] = False,
    planner: Annotated[
        str | None, typer.Option(metavar="MODULE:NAME", help="Put this policy into the same tables.")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report with plots here too.")] = None,
    processes: Annotated[int | None, typer.Option(min=1, max=256, help="Default: one for each processor.")] = None,
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where built worlds are kept. Default: AURORA_HOME/worlds.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Take what an interrupted run had finished.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Put tables and plots into docs/ and README, in a clone.")] = (
        False
    ),
    accept: Annotated[bool, typer.Option("--accept", help="Accept these figures as the ones to hold, in a clone.")] = (
        False
    ),
    as_json: AsJson = False,
) -> None:
    """Prove the decision engine offline, beside rules, detectors and the best possible; under 20 minutes.

    Ends with 1 where the engine is not surely better than the rule table, is worse than the figures accepted last, or
    where a suite breaks off. A target that is missed is shown as plainly as one that is met, and does not fail by
    itself. The report is kept in AURORA_HOME/evals, as JSON (GET /api/evals/latest) and as HTML.
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return
    from app.client import ClientSettings
    from app.ending import leave
    from evals.suites import NAMES
    from evals.suites.run import Request
    from evals.suites.run import evaluate as run

    asked = [suite.value for suite in suites or [Suite.ALL]]
    interrupter = _Interrupter()
    signal.signal(signal.SIGINT, interrupter)
    request = Request(
        home=ClientSettings().home.expanduser(),
        suites=NAMES if Suite.ALL in asked else tuple(asked),
        quick=quick,
        processes=processes or os.cpu_count() or 1,
        folder=folder,
        planner=planner,
        html=html,
        json=as_json,
        write=write,
        accept=accept,
        resume=resume,
    )
    leave(run(request, lambda: interrupter.came))


def _refuse_options(context: typer.Context) -> None:
    """Refuse options before a command: nobody would heed them."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    if given := [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]:
        fail(f"Options of {context.invoked_subcommand} come after it; before it stands: {', '.join(given)}.", WRONG_USE)


class _Interrupter:
    """What Ctrl-C does: end the processes that worlds are run in, which would first finish all their work."""

    def __init__(self) -> None:
        self._main = os.getpid()
        self.came = False

    def __call__(self, _signal: int, _frame: FrameType | None) -> None:
        if os.getpid() != self._main:
            os._exit(130)
        import threading

        import psutil

        self.came = True
        # Threads that wait for these processes would tell at length of their end.
        threading.excepthook = lambda _arguments: None
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.kill()
        raise KeyboardInterrupt


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


@evaluations.command(
    "backtest",
    epilog=examples(
        "aurora eval backtest --setting accuracy_floor=0.75 --setting costs.retrain=1.0",
        "aurora eval backtest --setting confidence_band=0.8 --model fraud-scorer --since 2026-11-01",
        "aurora eval backtest --priors other-priors.json --json",
        "aurora eval backtest --planner my_module:MyPolicy",
    ),
)
def backtest(
    *,
    setting: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A model's setting, such as thresholds.drift_score; may be repeated."),
    ] = None,
    priors: Annotated[Path | None, typer.Option(metavar="FILE", help="Other numbers for the engine.")] = None,
    planner: Annotated[
        str | None, typer.Option(metavar="MODULE:NAME", help="Another policy, a model behind a prompt among them.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Only this model's decisions.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Only those from then on, in UTC.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Only so many, the newest.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """Replay the ledger's decisions with something changed: which would flip, and at what regret. Writes nothing.

    What was seen and recalled comes from the record; plan, critique and ruling are made anew. Regret is what the new
    choice costs more by the pricing without the change, saving what it costs less by the pricing with it, in hours of
    wrong answers. With nothing to change, the present engine replays what an earlier one decided.
    """
    from app.ending import leave
    from app.preflight import read_settings
    from evals.backtest.run import Request, run

    try:
        leave(run(Request(setting or (), priors, planner, model, since, limit, as_json), read_settings()))
    except KeyboardInterrupt:
        leave(130)
