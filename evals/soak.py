"""The whole service with its fleet for an hour, at speed: does it stay well, and as small as it was?

    python -m evals.soak                      an hour at four times the usual pace, the table
    python -m evals.soak --minutes 5          another length
    python -m evals.soak --write              put the table into docs/INCIDENTS.md too

Starts `aurora serve --sandbox` in a folder of its own and looks from outside: whether all its processes are there,
their memory, open files and threads, what they log (the training process in a file of its own), whether the API
answers, and at the end whether there were decisions and every one has ended.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import httpx
import psutil
from rich.console import Console
from rich.progress import Progress

from evals.document import put

MINUTES, PACE = 60.0, 0.25
LOOK_SECONDS = 15.0
WARM_UP = 0.25
"""Share of the time at the beginning that growth is not measured from: caches fill, histories reach their limit."""
MEMORY_GROWTH = 0.10
"""How much more memory at the end than after the warm-up is no growth yet."""
FILES_GROWTH = 10
"""How many more open files or threads are none."""
PROCESSES_GROWTH = 1
"""How many more processes are none: the training process comes with the first training."""
BESIDE = ("app.ui", "aurora.sandbox.fleet")
"""The modules that run beside the server, each in a process of its own."""
SETTLING_SECONDS = 90
"""How long decisions that are under way at the end may take; the fleet's own windows are seconds."""
TROUBLE = re.compile(r"Traceback| ERROR |ended by itself")


@dataclass(frozen=True)
class Look:
    """The processes together at one moment."""

    seconds: float
    memory_mb: float
    files: int
    threads: int
    processes: int
    missing: tuple[str, ...]
    """The modules that should run and do not."""
    answered: bool


@contextmanager
def serving(home: Path, pace: float) -> Iterator[tuple[psutil.Process, str]]:
    """Run the service; yield its process and the address of its API."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AURORA_")}
    environment |= {"AURORA_HOME": str(home), "AURORA_SANDBOX_TICK_SECONDS": str(pace)}
    aurora = "from app.cli import main; main()"
    command = [sys.executable, "-c", aurora, "serve", "--sandbox", "--port", "0", "--ui-port", "0", "--json"]
    with (
        (home / "log").open("w") as log,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            yield psutil.Process(process.pid), json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()
            process.wait(30)


def look(process: psutil.Process, http: httpx.Client, since: float) -> Look:
    """Look at the process and its children once."""
    family = [process, *process.children(recursive=True)]
    memory = files = threads = 0
    modules = set[str]()
    for one in family:
        try:
            modules |= set(BESIDE) & set(one.cmdline())
            memory, files, threads = memory + one.memory_info().rss, files + one.num_fds(), threads + one.num_threads()
        except psutil.NoSuchProcess:
            continue
    return Look(
        seconds=round(time.monotonic() - since, 1),
        memory_mb=round(memory / 1e6, 1),
        files=files,
        threads=threads,
        processes=len(family),
        missing=tuple(module for module in BESIDE if module not in modules),
        answered=_answers(http),
    )


def _answers(http: httpx.Client) -> bool:
    try:
        return bool(http.get("/health").json()["status"] == "healthy")
    except (httpx.HTTPError, ValueError):
        return False


def run(minutes: float, pace: float) -> dict[str, Any]:
    """Let it run; return what was seen."""
    with tempfile.TemporaryDirectory() as folder, Progress(console=Console(stderr=True)) as progress:
        home = Path(folder)
        with serving(home, pace) as (process, url), _client(url) as http:
            since, looks = time.monotonic(), []
            task = progress.add_task("Running", total=minutes * 60)
            while time.monotonic() < since + minutes * 60:
                time.sleep(min(LOOK_SECONDS, minutes * 6))
                looks.append(look(process, http, since))
                progress.update(task, completed=time.monotonic() - since)
            decisions, open_ones = _ended(http)
        logs = {name: home / name for name in ("log", "sandbox/training.log")}
        trouble = [f"{name}: {line}" for name, path in logs.items() for line in troubles(path)]
    return {
        "minutes": minutes,
        "pace": pace,
        "decisions": decisions,
        "open_at_the_end": open_ones,
        "unanswered": sum(not one.answered for one in looks[1:]),
        "missing": {module: sum(module in one.missing for one in looks) for module in BESIDE},
        "trouble": trouble[:20],
        "growth": _growth(looks),
        "looks": [asdict(one) for one in looks],
    }


def _client(url: str) -> httpx.Client:
    # No proxy stands between this machine and itself.
    return httpx.Client(base_url=url, timeout=20, trust_env=False)


def troubles(log: Path) -> list[str]:
    """Return the lines of a log that tell of trouble; one that nobody wrote tells of none."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return [line for line in lines if TROUBLE.search(line)]


def _growth(looks: list[Look]) -> dict[str, dict[str, float]]:
    """Return each measure after the warm-up and at the end, as means over a tenth of the looks."""
    begun, few = looks[int(WARM_UP * len(looks)) :], max(len(looks) // 10, 1)
    return {
        name: {
            "after_warm_up": round(fmean(getattr(one, name) for one in begun[:few]), 1),
            "at_the_end": round(fmean(getattr(one, name) for one in looks[-few:]), 1),
        }
        for name in ("memory_mb", "files", "threads", "processes")
    }


def _ended(http: httpx.Client) -> tuple[dict[str, int], list[str]]:
    """Stop anything new, wait for what is under way, and return counts by status and what never ended."""
    http.put("/api/mode", json={"mode": "observe", "reason": "The soak is over."})
    until = time.monotonic() + SETTLING_SECONDS
    while (left := [one for one in _decisions(http) if _is_open(one)]) and time.monotonic() < until:
        time.sleep(2)
    counts: dict[str, int] = {}
    for one in _decisions(http):
        word = one["outcome"] or one["status"]
        counts[word] = counts.get(word, 0) + 1
    return counts, [one["decision_id"] for one in left]


def _is_open(decision: dict[str, Any]) -> bool:
    # What waits for a person has not been forgotten: it waits, and expires.
    return bool(decision["status"] == "running" or decision["outcome"] == "pending")


def _decisions(http: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    before = None
    while True:
        query = {"limit": 500, **({"before": before} if before else {})}
        page = http.get("/api/decisions", params=query).json()
        found += page["items"]
        before = page["next"]
        if before is None:
            return found


def well(seen: dict[str, Any]) -> list[str]:
    """Return what was not well, in sentences; empty where all was."""
    said = []
    for name, levels in seen["growth"].items():
        more = levels["at_the_end"] - levels["after_warm_up"]
        if more > _bearable(name, levels["after_warm_up"]):
            said.append(f"{name} grew from {levels['after_warm_up']:g} to {levels['at_the_end']:g}.")
    for module, times in seen["missing"].items():
        if times:
            said.append(f"{module} did not run at {times} of {len(seen['looks'])} looks.")
    if not sum(seen["decisions"].values()):
        said.append("There was not one decision.")
    if seen["open_at_the_end"]:
        said.append(f"{len(seen['open_at_the_end'])} decisions never ended: {', '.join(seen['open_at_the_end'][:5])}.")
    if seen["unanswered"]:
        said.append(f"/health was not healthy at {seen['unanswered']} of {len(seen['looks'])} looks.")
    return [*said, *(f"The log says: {line}" for line in seen["trouble"][:5])]


def _bearable(name: str, level: float) -> float:
    """Return by how much a measure may grow."""
    allowed = {"memory_mb": MEMORY_GROWTH * level, "processes": PROCESSES_GROWTH}
    return allowed.get(name, FILES_GROWTH)


def table(seen: dict[str, Any], trouble: list[str]) -> str:
    """Return what was seen, in Markdown."""
    # `pace` seconds are a minute of the fleet, so that as many minutes are an hour of it.
    hours = seen["minutes"] / seen["pace"]
    decisions = ", ".join(f"{count} {word.replace('_', ' ')}" for word, count in sorted(seen["decisions"].items()))
    lines = [
        f"{seen['minutes']:g} minutes, in which the fleet lived {hours:g} hours. Decisions: {decisions}.",
        "",
        "| of all processes together | after the warm-up | at the end |",
        "|---|---|---|",
    ]
    for name, levels in seen["growth"].items():
        lines.append(f"| {name.replace('_mb', ' (MB)')} | {levels['after_warm_up']:g} | {levels['at_the_end']:g} |")
    said = [f"- {line}" for line in trouble] or ["- All was well: nothing grew, nothing raised, every decision ended."]
    return "\n".join([*lines, "", *said])


def main() -> None:
    """Print what was seen; end non-zero where it was not well."""
    parser = argparse.ArgumentParser(prog="python -m evals.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--pace", type=float, default=PACE, help="real seconds for a minute of the fleet")
    parser.add_argument("--json", action="store_true", help="every look, as JSON")
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    options = parser.parse_args()
    seen = run(options.minutes, options.pace)
    trouble = well(seen)
    if options.write:
        put("INCIDENTS.md", "soak", table(seen, trouble))
    print(json.dumps({**seen, "not_well": trouble}, indent=1) if options.json else table(seen, trouble))
    sys.exit(1 if trouble else 0)


if __name__ == "__main__":
    main()
