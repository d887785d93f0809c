"""Kills AURORA at every named crash point and lets a new process go on: is anything lost, or done twice?

    python -m evals.crashes                                   300 kills and the control on SQLite
    python -m evals.crashes --kills 100 --database postgresql://user@host/name
    python -m evals.crashes --folder runs --processes 4       goes on where an earlier run was broken off
    python -m evals.crashes --write                           put the table into docs/CRASHES.md too

A kill takes some three seconds of a processor; 300 of them and the control some 20 minutes on two idle ones.

Every kill has a folder of its own. One process plays until it passes the chosen point for the nth time, and is killed
there with SIGKILL; a second one opens the folder and goes on until nothing is left to do. What the first was promised
is then held against the ledger, and what its tools did against what they were told. The control does the same with a
guard taken out of AURORA, and must fail.
"""

import argparse
import json
import os
import queue
import sys
import tempfile
import threading
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import fmean

import psycopg
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from aurora.crashes import Crash
from evals.crashes.guards import CONTROLS
from evals.crashes.kills import Came, Database, Hand, Kill, control, planned
from evals.crashes.process import Order
from evals.crashes.target import read, write
from evals.document import put

KILLS, COLD, CONTROL_KILLS = 300, 50, 2
LEAST_FAILING = 4
"""At how many points the control has to fail at least."""


class Results:
    """What came of kills, one a line of a file: what stands there is not done again."""

    def __init__(self, folder: Path, database: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{database}.jsonl"
        self._lock = threading.Lock()
        self.came = {came.id: came for came in map(Came.of, read(self._path))}

    def add(self, came: Came) -> None:
        """Keep it."""
        with self._lock:
            self.came[came.id] = came
            write(self._path, asdict(came))


def run(
    database: Database,
    results: Results,
    *,
    kills: int,
    cold: int,
    control_kills: int,
    processes: int,
    console: Console,
    points: Collection[Crash] = tuple(CONTROLS),
) -> tuple[list[Came], list[Came]]:
    """Make all kills that `results` lacks; return what came of all, and of the control at `points`."""
    with ExitStack() as stack:
        template = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aurora-kills-")))
        hands = Hands(template, database, processes)
        stack.callback(hands.close)
        console.print("A first start, which all others are copied from: about half a minute …")
        order = Order("prepare", str(template), stack.enter_context(database.made()))
        hands.prepare(order)
        passes = hands.passes()
        whole, without = planned(kills, cold, passes), control(control_kills, passes, points)
        missing = [kill for kill in (*whole, *without) if kill.id not in results.came]
        progress = stack.enter_context(
            Progress(*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn(), console=console)
        )
        task = progress.add_task(f"Kills on {database.name}", total=len(whole) + len(without))
        progress.advance(task, len(whole) + len(without) - len(missing))
        for came in hands.kills(missing):
            results.add(came)
            progress.advance(task)
    return [results.came[kill.id] for kill in whole], [results.came[kill.id] for kill in without]


class Hands:
    """Several hands, each with a fork-server, that share the work."""

    def __init__(self, template: Path, database: Database, processes: int) -> None:
        self._free: queue.SimpleQueue[Hand] = queue.SimpleQueue()
        self._all: list[Hand] = []
        self._pool = ThreadPoolExecutor(processes)
        for hand in self._pool.map(lambda _: Hand(template, database), range(processes)):
            self._all.append(hand)
            self._free.put(hand)

    def prepare(self, order: Order) -> None:
        """Carry out what comes before all kills."""
        self._all[0].prepare(order)

    def passes(self) -> dict[Crash, int]:
        """Return how often each point is passed."""
        return self._all[0].passes()

    def kills(self, kills: Sequence[Kill]) -> Iterator[Came]:
        """Make `kills`; give what came of them as they end."""
        for future in as_completed([self._pool.submit(self._kill, kill) for kill in kills]):
            yield future.result()

    def close(self) -> None:
        """End everything that was started, at once."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for hand in self._all:
            hand.close()
        self._pool.shutdown()

    def _kill(self, kill: Kill) -> Came:
        hand = self._free.get()
        try:
            return hand.kill(kill)
        finally:
            self._free.put(hand)


# --- the table -------------------------------------------------------------------------------------------------------


def table(whole: Sequence[Came], without: Sequence[Came]) -> str:
    """Return the table in Markdown."""
    lines = [
        "| where it died | kills | killed there | faults | guard removed | kills | failed |",
        "|---|---|---|---|---|---|---|",
    ]
    for point in Crash:
        mine, theirs = ([one for one in some if one.point is point] for some in (whole, without))
        counts = (len(mine), sum(one.killed for one in mine), sum(bool(one.faults) for one in mine))
        guard = CONTROLS[point].replace("_", " ") if point in CONTROLS else "–"
        rest = (guard, len(theirs), sum(bool(one.faults) for one in theirs)) if theirs else ("–", "–", "–")
        lines.append(f"| {' | '.join(map(str, (point.value.replace('_', ' '), *counts, *rest)))} |")
    return "\n".join([*lines, "", *_sums(whole, without), "", "Faults:", "", *_misses(whole)])


def _sums(whole: Sequence[Came], without: Sequence[Came]) -> list[str]:
    cold, seconds = sum(one.cold for one in whole), [one.seconds for one in whole if one.seconds and not one.cold]
    failing = {one.point for one in without if one.faults}
    return [
        f"{len(whole)} kills, {cold} of them with two cold processes; {sum(one.killed for one in whole)} died where "
        f"they were to. {sum(one.promises for one in whole)} promises and {sum(one.effects for one in whole)} effects "
        f"were held against the ledger; {sum(bool(one.faults) for one in whole)} kills came to a fault. A forked kill "
        f"took {fmean(seconds) if seconds else 0:.1f} s on average.",
        "",
        f"The control failed at {len(failing)} of {len({one.point for one in without})} points.",
    ]


def _misses(whole: Sequence[Came]) -> list[str]:
    wrong = [one for one in whole if one.faults or not one.killed]
    told = [f"- {one.point} passed for the {one.nth}. time ({one.id}): {_why(one)}" for one in wrong]
    return told or ["- none"]


def _why(one: Came) -> str:
    return "; ".join(" ".join(fault.split()) for fault in one.faults) or "it was not killed there"


def held(whole: Sequence[Came], without: Sequence[Came]) -> bool:
    """Whether no kill came to a fault, all died where they were to, and the control failed where it must."""
    failing = {one.point for one in without if one.faults}
    return all(one.killed and not one.faults for one in whole) and (not without or len(failing) >= LEAST_FAILING)


def main() -> int:
    """Print the table; return non-zero where something was lost or done twice, or the control did not notice."""
    options, console = _options(), Console(stderr=True)
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aurora-crashes-")))
        database = Database("" if options.database == "sqlite" else options.database)
        try:
            whole, without = run(
                database,
                Results(folder, database.name),
                kills=options.kills,
                cold=min(options.cold, options.kills),
                control_kills=options.control,
                processes=options.processes,
                console=console,
            )
        except KeyboardInterrupt:
            console.print(
                "Broken off." + (f" What was done is in {folder}: say the same again." if options.folder else "")
            )
            return 130
    if options.write:
        put("CRASHES.md", database.name, table(whole, without))
    if options.json:
        print(json.dumps([asdict(one) for one in (*whole, *without)], indent=1))
    else:
        print(table(whole, without))
    return 0 if held(whole, without) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m evals.crashes", description=__doc__, formatter_class=_Help)
    count = partial(_number, 0)
    parser.add_argument("--kills", type=partial(_number, 1), default=KILLS, help="kills over all points")
    parser.add_argument("--cold", type=count, default=COLD, help="how many of them begin both processes anew")
    parser.add_argument(
        "--control",
        type=count,
        default=CONTROL_KILLS,
        help=f"kills at each of the {len(CONTROLS)} points that have a guard to remove; 0 for no control",
    )
    parser.add_argument("--database", type=_database, default="sqlite", help="sqlite, or a PostgreSQL database's URL")
    parser.add_argument("--processes", type=partial(_number, 1), default=os.cpu_count() or 1, help="kills at a time")
    parser.add_argument("--folder", type=_folder, help="where results are kept; what is there is not done again")
    parser.add_argument("--json", action="store_true", help="every kill, as JSON")
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    return parser.parse_args()


class _Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Examples as they are written, and what is taken where nothing is said."""


def _number(least: int, told: str) -> int:
    if not told.isdigit() or int(told) < least:
        raise argparse.ArgumentTypeError(f"{told!r} is no number from {least} on")
    return int(told)


def _folder(told: str) -> Path:
    try:
        Path(told).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=told):
            return Path(told)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"nothing can be written there: {error}") from None


def _database(told: str) -> str:
    if told == "sqlite":
        return told
    if not told.startswith(("postgresql://", "postgres://")):
        raise argparse.ArgumentTypeError("it is sqlite, or postgresql://user@host/name")
    try:
        psycopg.connect(told, connect_timeout=10).close()
    except psycopg.Error as error:
        raise argparse.ArgumentTypeError(f"no database answers there: {' '.join(str(error).split())}") from None
    return told


if __name__ == "__main__":
    sys.exit(main())
