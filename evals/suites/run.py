"""What `aurora eval` does: run the suites, tell what they found, keep it, and say by the exit code how it stands.

0: the engine is better than the rule table and not behind the accepted figures. 1: it is not, or a suite broke off.
2: nothing was measured, because of how it was called. 130: it was interrupted. A target that is missed is told and is
no failure.
"""

import importlib
import importlib.util
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from aurora import __version__
from evals import document
from evals.quiet import quiet
from evals.suites import LATEST, NAMES, accepted, markdown, terminal
from evals.suites.html import page
from evals.suites.kept import Shelf, replace_file, shelf
from evals.suites.planners import NotAPlanner, Planner, load
from evals.suites.plots import svg
from evals.suites.report import Finished, Report, as_json
from evals.suites.result import Options, Result, Tell

INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Request:
    """What the command was asked for."""

    home: Path
    """AURORA_HOME."""
    suites: tuple[str, ...] = NAMES
    quick: bool = False
    processes: int = 1
    folder: Path | None = None
    """Where built worlds are kept; within the home where it is not said."""
    planner: str | None = None
    html: Path | None = None
    json: bool = False
    write: bool = False
    accept: bool = False
    resume: bool = False
    figures: Path = accepted.FILE
    """The accepted figures."""

    @property
    def worlds(self) -> Path:
        """The folder of built worlds."""
        return self.folder or self.home / "worlds"

    @property
    def size(self) -> accepted.Size:
        """Which of the accepted figures it is compared with."""
        return "quick" if self.quick else "full"


def evaluate(request: Request, interrupted: Callable[[], bool] = lambda: False) -> int:
    """Run the suites that are asked for and return the exit code.

    `interrupted` says whether Ctrl-C came: what a suite then raises is no fault of its own.
    """
    with quiet(logging.ERROR, "aurora", "matplotlib"):
        return _evaluate(request, interrupted)


def _evaluate(request: Request, interrupted: Callable[[], bool]) -> int:
    if (wrong := next(_wrong(request), None)) is not None:
        return _refuse(wrong)
    try:
        with _told_aside():
            planner = None if request.planner is None else load(request.planner)
    except NotAPlanner as error:
        return _refuse(f"--planner: {error}")
    if planner is not None and (unasked := planner.unasked(request.suites)):
        what = f"--planner: {planner.source} has nothing that {' and '.join(unasked)} would ask it for"
        if set(unasked) == set(request.suites):
            return _refuse(f"{what}: it would stand in no table.")
        print(f"{what}; it stands in the tables of the others.", file=sys.stderr)
    done = shelf(request.home / LATEST.parent / "finished", quick=request.quick, planner=planner)
    if not request.resume:
        done.clear()
    try:
        with _told_aside():
            report = _measured(request, planner, done, interrupted)
    except KeyboardInterrupt:
        print(_broken_off(request, done), file=sys.stderr)
        return INTERRUPTED
    if not report.finished and not report.broken:
        return _refuse(f"This installation does not have the suite {', '.join(report.absent)}.")
    if not report.broken:
        done.clear()
    _keep(report, request)
    _tell(report, request)
    return 0 if report.passed else 1


def _refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 2


def _wrong(request: Request) -> Iterator[str]:
    """Say before anything is measured what could not be written afterwards."""
    if request.write and (request.quick or request.planner or set(request.suites) != set(NAMES)):
        yield "--write is for a full run of all suites without --planner: that is what the docs hold."
    if request.write and not os.access(document.DOCS / "EVALS.md", os.W_OK):
        yield f"--write needs a clone: {document.DOCS / 'EVALS.md'} cannot be written."
    if request.accept and not os.access(request.figures.parent, os.W_OK):
        yield f"--accept needs a clone: {request.figures} cannot be written."
    try:
        accepted.read(request.size, request.figures)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        yield f"The accepted figures cannot be read: {request.figures}: {error}"
    if not _writable(request.home):
        yield f"Nothing can be kept in {request.home}: set AURORA_HOME to a folder that can be written."
    file = request.html
    if file is not None and (file.is_dir() or not os.access(file.absolute().parent, os.W_OK)):
        yield f"--html: no file can be written at {file}."


def _writable(folder: Path) -> bool:
    """Try it: what the system says of rights is not always what it does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


@contextmanager
def _told_aside() -> Iterator[None]:
    """Lead what another policy prints, in whichever process, to stderr: stdout is for the report."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _broken_off(request: Request, done: Shelf) -> str:
    names = ", ".join(done.names())
    kept = f"Finished and kept: {names}; --resume goes on from there." if names else "No suite was finished."
    return f"Broken off. {kept} Worlds that were built stay in {request.worlds}."


# --- measuring -------------------------------------------------------------------------------------------------------


def _measured(request: Request, planner: Planner | None, done: Shelf, interrupted: Callable[[], bool]) -> Report:
    names = [name for name in NAMES if name in request.suites]
    there = [name for name in names if importlib.util.find_spec(f"evals.suites.{name}") is not None]
    options = Options(request.worlds, request.quick, request.processes, planner)
    finished: list[Finished] = []
    broken: dict[str, str] = {}
    with _progress() as progress:
        for name, task in [(name, progress.add_task(name, total=1, start=False)) for name in there]:
            progress.start_task(task)
            try:
                finished.append(_one(name, options, done, _teller(progress, task)))
                if not progress.console.is_terminal:
                    progress.console.print(f"{name}: measured in {finished[-1].seconds:.0f} s")
            # What the other suites found took minutes; it is not lost. And a planner that exits has measured nothing.
            except (Exception, SystemExit) as error:
                if interrupted():
                    raise KeyboardInterrupt from error
                broken[name] = f"{type(error).__name__}: {error}"
                progress.console.print(traceback.format_exc(), markup=False)
            progress.stop_task(task)
    figures = accepted.read(request.size, request.figures)
    return Report(
        version=__version__,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        quick=request.quick,
        finished=tuple(_standing(one, figures) for one in finished),
        planner=planner.name if planner else None,
        broken=broken,
        absent=tuple(name for name in names if name not in there),
        accepts=request.accept,
    )


def _one(name: str, options: Options, done: Shelf, tell: Tell) -> Finished:
    if (kept := done.take(name)) is not None:
        tell(1, 1)
        return kept
    begun = time.monotonic()
    # A suite is loaded when it runs, so that one of them is there without the others.
    result: Result = importlib.import_module(f"evals.suites.{name}").run(options, tell)
    _check(result, name)
    one = Finished(result, time.monotonic() - begun)
    done.put(one)
    tell(1, 1)
    return one


def _check(result: Result, name: str) -> None:
    keys = [target.key for target in result.targets]
    if result.suite != name or len(keys) != len(set(keys)):
        raise ValueError(f"the result of {name} says it is {result.suite}'s, or has a key twice: {keys}")


def _standing(one: Finished, figures: accepted.Accepted) -> Finished:
    return replace(one, standings=accepted.standings(one.result.targets, figures.get(one.result.suite, {})))


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))


def _teller(progress: Progress, task: TaskID) -> Tell:
    return lambda done, total: progress.update(task, completed=done, total=total)


# --- telling ---------------------------------------------------------------------------------------------------------


def _keep(report: Report, request: Request) -> None:
    """Keep the report as JSON and HTML, and put figures into the repository where that is asked for."""
    latest = request.home / LATEST
    replace_file(latest, _json(report))
    whole = page(report)
    replace_file(latest.with_suffix(".html"), whole)
    if request.html is not None:
        request.html.write_text(whole, encoding="utf-8")
    if request.accept:
        accepted.write(request.size, [one.result for one in report.finished], request.figures)
    if request.write:
        _write(report)


def _write(report: Report) -> None:
    pictures = {one.result.suite: _picture(one.result) for one in report.finished if one.result.plots}
    document.put("EVALS.md", "evals", markdown.document(report, pictures))
    document.put("../README.md", "quality", f"{markdown.overview(report)}{_first(report, pictures)}")


def _picture(result: Result) -> str:
    name = f"evals-{result.suite}.svg"
    (document.DOCS / name).write_text(svg(result.plots[0], "white"), encoding="utf-8")
    return name


def _first(report: Report, pictures: Mapping[str, str]) -> str:
    for one in report.finished:
        if one.result.suite in pictures:
            return f"\n\n![{one.result.plots[0].title}](docs/{pictures[one.result.suite]})"
    return ""


def _tell(report: Report, request: Request) -> None:
    if request.json:
        print(_json(report))
        return
    terminal.show(report, terminal.stdout())
    print(f"Kept, with plots: {request.html or (request.home / LATEST).with_suffix('.html')}", file=sys.stderr)


def _json(report: Report) -> str:
    return json.dumps(as_json(report), indent=1, allow_nan=False)
