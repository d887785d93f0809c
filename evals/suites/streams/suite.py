"""The suite: build or read the streams, tune the baselines, let all play, and put what came of it into tables."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from evals.baselines.streams.fits import Fits, Study, fit, study
from evals.pool import pool_of
from evals.suites.result import Options, Result, Tell
from evals.suites.streams.group import Group
from evals.suites.streams.play import Run, entered, play
from evals.suites.streams.tables import PLANNER, report
from evals.worlds.catalogue import FAMILIES, Entry, entries
from evals.worlds.store import load

Done = Callable[[int], None]
"""Told how many worlds are done."""
Answer = TypeVar("Answer")

QUICK_COSTS = (0.3, 1.0)


def run(options: Options, tell: Tell) -> Result:
    """Measure the engine and all baselines on published streams, and on families that no fit has read."""
    worlds = _worlds(options.quick)
    with pool_of(options.processes) as pool:
        studies = _studied(pool, options.folder, worlds, lambda done: tell(done, 2 * len(worlds)))
        fits = _fitted(pool, studies, worlds)
        runs = _played(pool, options.folder, worlds, fits, lambda done: tell(len(worlds) + done, 2 * len(worlds)))
    if options.planner is not None and hasattr(options.planner, "retrain"):
        runs = [_with_planner(options, world) for world in runs]
    published = [world for world in runs if world[0].entry.family.published]
    held_out = [world for world in runs if not world[0].entry.family.published]
    return report(
        Group("published", tuple(map(tuple, published))),
        Group("held out", tuple(map(tuple, held_out))),
        quick=options.quick,
    )


def _worlds(quick: bool) -> list[list[Entry]]:
    """Return the entries of each key."""
    worlds: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries():
        if not quick or _is_quick(entry):
            worlds[entry.key].append(entry)
    return list(worlds.values())


def _is_quick(entry: Entry) -> bool:
    """Say whether a stream is played when in a hurry: one of each family, in turn one to leave and one to act on."""
    few = entry.family.variants[:2]
    variant = few[FAMILIES.index(entry.family) % len(few)]
    return (entry.variant, entry.seed) == (variant, 1) and entry.cost in QUICK_COSTS


def _studied(pool: ProcessPoolExecutor, folder: Path, worlds: Sequence[list[Entry]], done: Done) -> list[Study]:
    """Return studies of what is published, in the order of the list; what is held out is built only."""
    futures = [pool.submit(_study, folder, alike) for alike in worlds]
    return [one for studies in _awaited(futures, done) for one in studies]


def _study(folder: Path, alike: list[Entry]) -> list[Study]:
    stream = load(folder, alike[0])
    return [study(entry, replace(stream, cost=entry.cost)) for entry in alike if entry.family.published]


def _fitted(pool: ProcessPoolExecutor, studies: list[Study], worlds: Sequence[list[Entry]]) -> dict[str | None, Fits]:
    """Return what was tuned without each published family, and for those that are held out on all of them."""
    left_out = dict.fromkeys(_left_out(alike[0]) for alike in worlds)
    fitting = {family: pool.submit(fit, studies, family) for family in left_out}
    return {family: future.result() for family, future in fitting.items()}


def _played(
    pool: ProcessPoolExecutor, folder: Path, worlds: Sequence[list[Entry]], fits: dict[str | None, Fits], done: Done
) -> list[list[Run]]:
    futures = [pool.submit(play, folder, alike, fits[_left_out(alike[0])]) for alike in worlds]
    return _awaited(futures, done)


def _left_out(entry: Entry) -> str | None:
    return entry.family.name if entry.family.published else None


def _awaited(futures: Sequence[Future[list[Answer]]], done: Done) -> list[list[Answer]]:
    """Return the answers in order, telling of each as it comes."""
    for count, _ in enumerate(as_completed(futures), start=1):
        done(count)
    return [future.result() for future in futures]


def _with_planner(options: Options, world: list[Run]) -> list[Run]:
    """Return the runs of a world with those of another planner; it may not be one that other processes can be sent."""
    stream, name = load(options.folder, world[0].entry), getattr(options.planner, "name", PLANNER)
    return [
        replace(
            run, played={**run.played, name: entered(replace(stream, cost=run.entry.cost), options.planner.retrain)}
        )
        for run in world
    ]
