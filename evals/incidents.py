"""What AURORA does about each kind of incident: many lives of the fleet, a virtual clock, and a twin without AURORA.

    python -m evals.incidents                     20 seeds, the table
    python -m evals.incidents --seeds 3 --json    another size, as JSON
    python -m evals.incidents --write             put the table into docs/INCIDENTS.md too

A run is right if every change that AURORA made was of a right kind and, where something had to be done, one was done
("right, done") or, failing that, a person was asked for it ("right, asked"), which the table tells apart.
It is harmful if, at any time after the incident began, the service was worse for a stretch than its twin, which lives
the same life without AURORA. Every change and every alert is an action; on a service with nothing to cure it is idle.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.progress import Progress

from aurora.domain import CHANGING
from aurora.sandbox.fleet.catalogue import entry_for, made
from aurora.sandbox.fleet.incidents import LENGTHS
from aurora.sandbox.service import Incident, IncidentKind, Service
from evals.document import put
from evals.living import START, TICK_SECONDS, Living, Seen, alone

SEEDS = 20
FIRST, APART = 15, 9
"""Ticks until the first incident, and between the first ticks of two of them: a fleet is not hit all at once."""
AFTERWARDS = 70
"""Ticks for which each incident is followed."""
LAST = 12
"""Ticks at the end that say how a run ended."""
STRETCH = 30
"""Ticks of a stretch before: longer, as it is the worst of a hundred that is compared with the twin's."""
NOISE = 0.04
"""How much less accuracy than its twin's is noise: twice the standard error over `LAST`, thrice over `STRETCH`."""

Point = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """What is right about one kind of incident."""

    right: tuple[str, ...]
    """Actions that are right; none of them is a change where nothing is to be done."""
    also: tuple[str, ...] = ()
    """Changes that do no wrong beside a right one."""


KINDS: dict[IncidentKind, Kind] = {
    "abrupt_drift": Kind(("retrain", "fine_tune")),
    "gradual_drift": Kind(("retrain", "fine_tune")),
    "covariate_drift": Kind(()),
    "data_bug": Kind(("alert",)),
    "bad_deployment": Kind(("route",)),
    "repeating_burst": Kind(("cache",), also=("scale",)),
    "surge": Kind(("scale",), also=("cache",)),
    "hot_replica": Kind(("route",), also=("scale",)),
    "memory_leak": Kind(("alert", "route", "scale")),
    "blip": Kind(()),
    "healthy": Kind(()),
}
"""What an on-call engineer would do about each."""


@dataclass(frozen=True)
class Run:
    """One service through one incident."""

    kind: str
    seed: int
    actions: tuple[str, ...]
    """What AURORA did, in order: action, outcome and the tick after the incident began."""
    right: bool
    by_asking: bool
    """Whether it is right only because a person was asked for what was not done."""
    harmful: bool
    recovered: bool
    changes: int
    alerts: int
    asked: int
    """How often a person was asked."""
    first_tick: int | None
    """Ticks from the beginning to the first thing done."""


def life(seed: int, kinds: Iterable[IncidentKind] = KINDS) -> list[tuple[IncidentKind, Service]]:
    """Return one service for each kind, each with its one incident."""
    lives = []
    for number, kind in enumerate(kinds):
        begins = FIRST + APART * number
        incident = Incident(kind=kind, begins=begins, lasts=LENGTHS[kind])
        service = made(entry_for(kind), seed * 100 + number, (incident,))
        lives.append((kind, service.evolve(name=f"{service.name}-{kind.replace('_', '-')}")))
    return lives


def run(seed: int, kinds: Sequence[IncidentKind] = tuple(KINDS)) -> list[Run]:
    """Let all kinds happen in one fleet; return what came of each."""
    lives = life(seed, kinds)
    ticks = FIRST + APART * len(lives) + AFTERWARDS
    with tempfile.TemporaryDirectory() as folder:
        twins = alone(Path(folder) / "twin", [service for _, service in lives], ticks)
        with Living(Path(folder) / "home", [service for _, service in lives]) as living:
            for _ in range(ticks):
                living.tick()
            return [_judged((kind, seed), service, living, twins[service.name]) for kind, service in lives]


def _judged(case: tuple[IncidentKind, int], service: Service, living: Living, twin: Seen) -> Run:
    (kind, seed), began = case, service.live.incidents[0].begins if service.live else 0
    done, asked = [], []
    for record in living.decisions(service.name):
        opened = datetime.fromisoformat(record["created_at"])
        tick = round((opened - START).total_seconds() / TICK_SECONDS) - began
        if record["execution_result"] is not None:
            done.append((record["execution_result"]["decision_type"], record["outcome"] or "", tick))
        elif record["approvals"]:
            asked.append((record["planner_decision"]["decision_type"], "asked", tick))
    changes = [action for action, _, _ in done if action in CHANGING]
    slo = living.aurora.ledger.models.settings(service.name).latency_slo_ms
    wanted, seen = KINDS[kind], living.seen[service.name]
    acted, told = (any(action in wanted.right for action, _, _ in some) for some in (done, asked))
    no_wrong = all(action in wanted.right + wanted.also for action in changes)
    return Run(
        kind=kind,
        seed=seed,
        actions=tuple(f"{action} {outcome}".strip() + f" @{tick}" for action, outcome, tick in done + asked),
        right=no_wrong and (not wanted.right or acted or told),
        by_asking=no_wrong and bool(wanted.right) and told and not acted,
        harmful=worse(seen.points[began - 1 :], twin.points[began - 1 :], slo),
        recovered=_well(seen, service, living),
        changes=len(changes),
        alerts=sum(action == "alert" for action, _, _ in done),
        asked=len(asked),
        first_tick=min((tick for _, _, tick in done + asked), default=None),
    )


def _level(seen: Seen, metric: str) -> float:
    values = [point[metric] for point in seen.points[-LAST:] if metric in point]
    return fmean(values) if values else 0.0


def worse(points: Sequence[Point], twins: Sequence[Point], slo_ms: float) -> bool:
    """Whether in a stretch or in the end a service was less accurate than its twin, or late where its twin was not."""
    inaccurate = any(ours < theirs - NOISE for ours, theirs in _stretches(points, twins, "accuracy"))
    late = any(ours > slo_ms >= theirs for ours, theirs in _stretches(points, twins, "latency_ms"))
    return inaccurate or late


def _stretches(points: Sequence[Point], twins: Sequence[Point], metric: str) -> Iterator[tuple[float, float]]:
    """Yield the means of both over every stretch and the end; ticks at which either does not tell are left out."""
    known = [(one[metric], two[metric]) for one, two in zip(points, twins, strict=True) if metric in one.keys() & two]
    stretches = [known[start : start + STRETCH] for start in range(len(known) - STRETCH + 1)]
    for stretch in filter(None, (*stretches, known[-LAST:])):
        ours, theirs = zip(*stretch, strict=True)
        yield fmean(ours), fmean(theirs)


def _well(seen: Seen, service: Service, living: Living) -> bool:
    """Whether the service ends near its healthy level."""
    settings = living.aurora.ledger.models.settings(service.name)
    healthy = (settings.baseline.accuracy if settings.baseline else None) or 0.0
    quick = _level(seen, "latency_ms") <= settings.latency_slo_ms
    return quick and _level(seen, "accuracy") >= healthy - NOISE and _level(seen, "error_rate") < 0.05


# --- the table -------------------------------------------------------------------------------------------------------


def summed(runs: Sequence[Run]) -> dict[str, Any]:
    """Return a row for each kind, and what holds over all of them."""
    rows = []
    for kind in dict.fromkeys(run_.kind for run_ in runs):
        mine = [run_ for run_ in runs if run_.kind == kind]
        first = [run_.first_tick for run_ in mine if run_.first_tick is not None]
        rows.append(
            {
                "kind": kind,
                "runs": len(mine),
                "right": sum(run_.right for run_ in mine),
                "right_done": sum(run_.right and not run_.by_asking for run_ in mine),
                "right_asked": sum(run_.right and run_.by_asking for run_ in mine),
                "harmful": sum(run_.harmful for run_ in mine),
                "recovered": sum(run_.recovered for run_ in mine),
                "changes": sum(run_.changes for run_ in mine),
                "alerts": sum(run_.alerts for run_ in mine),
                "asked": sum(run_.asked for run_ in mine),
                "first_after_ticks": round(fmean(first), 1) if first else None,
                "misses": [f"seed {one.seed}: {', '.join(one.actions) or 'nothing'}" for one in mine if not one.right],
            }
        )
    idle = [run_ for run_ in runs if not KINDS[_kind(run_)].right]
    return {
        "rows": rows,
        "actions": sum(run_.changes + run_.alerts for run_ in runs),
        "changes_on_healthy_services": sum(run_.changes for run_ in idle),
        "alerts_on_healthy_services": sum(run_.alerts for run_ in idle),
        "runs_on_healthy_services": len(idle),
    }


def _kind(run_: Run) -> IncidentKind:
    return next(kind for kind in KINDS if kind == run_.kind)


COUNTS = ("runs", "right_done", "right_asked", "harmful", "recovered", "changes", "alerts", "asked")


def table(summary: dict[str, Any]) -> str:
    """Return the table in Markdown."""
    lines = [
        f"| {' | '.join(('incident', *(name.replace('_', ', ') for name in COUNTS), 'first act after'))} |",
        "|---" * (len(COUNTS) + 2) + "|",
    ]
    for row in summary["rows"]:
        after = "–" if row["first_after_ticks"] is None else f"{row['first_after_ticks']} ticks"
        counts = (row[name] for name in COUNTS)
        lines.append(f"| {' | '.join(map(str, (row['kind'].replace('_', ' '), *counts, after)))} |")
    lines += [
        "",
        f"Of {summary['actions']} actions, changes and alerts, {_idle(summary)} were taken on the"
        f" {summary['runs_on_healthy_services']} services that had nothing to cure:"
        f" {summary['changes_on_healthy_services']} changes and {summary['alerts_on_healthy_services']} alerts.",
        "",
        "Misses:",
        "",
    ]
    missed = [f"- {row['kind'].replace('_', ' ')}, {miss}" for row in summary["rows"] for miss in row["misses"]]
    return "\n".join([*lines, *(missed or ["- none"])]) + "\n"


def main() -> None:
    """Print the table; end non-zero where a target is missed."""
    options = _options()
    runs: list[Run] = []
    console = Console(stderr=True)
    with Progress(console=console) as progress, ProcessPoolExecutor(options.processes) as pool:
        task = progress.add_task("Lives", total=options.seeds)
        for future in as_completed([pool.submit(run, seed) for seed in range(1, options.seeds + 1)]):
            runs += future.result()
            progress.advance(task)
    runs.sort(key=lambda run_: (list(KINDS).index(_kind(run_)), run_.seed))
    summary = summed(runs)
    if options.write:
        put("INCIDENTS.md", "incidents", table(summary))
    print(json.dumps({**summary, "all": [asdict(run_) for run_ in runs]}, indent=1) if options.json else table(summary))
    sys.exit(0 if reached(summary) else 1)


def reached(summary: dict[str, Any]) -> bool:
    """Whether every kind is met rightly in 80 % of its runs, nothing is harmed, and 5 % of actions at most are idle."""
    rows = summary["rows"]
    well = all(row["right"] >= 0.8 * row["runs"] and row["harmful"] == 0 for row in rows)
    return well and _idle(summary) <= 0.05 * max(summary["actions"], 1)


def _idle(summary: dict[str, Any]) -> int:
    return int(summary["changes_on_healthy_services"] + summary["alerts_on_healthy_services"])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m evals.incidents", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="lives of the fleet, one run of each kind in each")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true", help="every run, as JSON")
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    return parser.parse_args()


if __name__ == "__main__":
    main()
