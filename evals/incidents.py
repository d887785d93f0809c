"""What AURORA does about each kind of incident: many lives of the fleet, a virtual clock, and a twin without AURORA.

    python -m evals.incidents                     20 seeds, the table
    python -m evals.incidents --seeds 3 --json    another size, as JSON
    python -m evals.incidents --write             put the table into docs/INCIDENTS.md too

A run is right if every change that AURORA made was of a right kind and, where something had to be done, one was done or
a person was asked for it.
It is harmful if the service ends worse than its twin, which lives the same life without AURORA.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
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
"""Ticks at the end by which a run is compared with its twin."""
NOISE = 0.04
"""How much less accuracy than its twin's is still noise; twice the standard error of what is compared."""


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
    wanted, seen = KINDS[kind], living.seen[service.name]
    right = all(action in wanted.right + wanted.also for action in changes)
    right = right and (not wanted.right or any(action in wanted.right for action, _, _ in done + asked))
    return Run(
        kind=kind,
        seed=seed,
        actions=tuple(f"{action} {outcome}".strip() + f" @{tick}" for action, outcome, tick in done + asked),
        right=right,
        harmful=_worse(seen, twin, service, living),
        recovered=_well(seen, service, living),
        changes=len(changes),
        alerts=sum(action == "alert" for action, _, _ in done),
        asked=len(asked),
        first_tick=min((tick for _, _, tick in done + asked), default=None),
    )


def _level(seen: Seen, metric: str) -> float:
    values = [point[metric] for point in seen.points[-LAST:] if metric in point]
    return fmean(values) if values else 0.0


def _worse(seen: Seen, twin: Seen, service: Service, living: Living) -> bool:
    """Whether the service ends less accurate than its twin, or late where its twin is not."""
    slo = living.aurora.ledger.models.settings(service.name).latency_slo_ms
    late, late_twin = _level(seen, "latency_ms") > slo, _level(twin, "latency_ms") > slo
    return _level(seen, "accuracy") < _level(twin, "accuracy") - NOISE or (late and not late_twin)


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
    changes = sum(run_.changes for run_ in runs)
    return {
        "rows": rows,
        "changes_on_healthy_services": sum(run_.changes for run_ in idle),
        "changes": changes,
        "runs_on_healthy_services": len(idle),
    }


def _kind(run_: Run) -> IncidentKind:
    return next(kind for kind in KINDS if kind == run_.kind)


def table(summary: dict[str, Any]) -> str:
    """Return the table in Markdown."""
    lines = [
        "| incident | runs | right | harmful | recovered | changes | alerts | asked | first act after |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in summary["rows"]:
        after = "–" if row["first_after_ticks"] is None else f"{row['first_after_ticks']} ticks"
        counts = (row[name] for name in ("runs", "right", "harmful", "recovered", "changes", "alerts", "asked"))
        lines.append(f"| {' | '.join(map(str, (row['kind'].replace('_', ' '), *counts, after)))} |")
    lines += [
        "",
        f"Of {summary['changes']} changes {summary['changes_on_healthy_services']} were made on the"
        f" {summary['runs_on_healthy_services']} services that had nothing to cure.",
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
    """Whether every kind is met rightly in 80 % of its runs, nothing is harmed, and 5 % of changes at most are idle."""
    rows = summary["rows"]
    well = all(row["right"] >= 0.8 * row["runs"] and row["harmful"] == 0 for row in rows)
    return well and summary["changes_on_healthy_services"] <= 0.05 * max(summary["changes"], 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m evals.incidents", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="lives of the fleet, one run of each kind in each")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true", help="every run, as JSON")
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    return parser.parse_args()


if __name__ == "__main__":
    main()
