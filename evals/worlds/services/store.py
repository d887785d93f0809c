"""Keeps priced episodes in a folder, named after all that made them: what changed is made anew."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple
from functools import cache
from importlib.metadata import version
from pathlib import Path

from aurora import domain
from aurora.domain import Situation
from aurora.observe import breaches, drift, history, readings, versions
from aurora.policy import effects, sizing, steps, view
from aurora.policy.moves import Move
from aurora.policy.priors import priors
from evals.pool import pool_of
from evals.worlds.services import catalogue, incidents, physics, report, rollout
from evals.worlds.services.catalogue import Entry
from evals.worlds.services.rollout import After, Episode, episode_of

CHUNK = 25
MODULES = (
    catalogue,
    incidents,
    physics,
    report,
    rollout,
    domain,
    breaches,
    drift,
    history,
    readings,
    versions,
    effects,
    sizing,
    steps,
    view,
)
"""Whose code an episode depends on."""


def load(
    folder: Path, name: str, entries: Sequence[Entry], processes: int, tell: Callable[[int], None] = lambda _: None
) -> list[Episode]:
    """Return the episodes of `entries` in order, from `folder` if they were priced before; `tell` hears how many."""
    path = folder / f"services-{name}-{digest(entries)}.jsonl"
    if (kept := _kept(path, entries)) is not None:
        tell(len(kept))
        return kept
    found = priced_all(entries, processes, tell)
    folder.mkdir(parents=True, exist_ok=True)
    begun = path.with_name(f"{path.stem}.{os.getpid()}.part")
    begun.write_text("".join(map(_line, found)), encoding="utf-8")
    begun.replace(path)
    return found


def _kept(path: Path, entries: Sequence[Entry]) -> list[Episode] | None:
    if not path.exists():
        return None
    try:
        with path.open(encoding="utf-8") as lines:
            return [_read(entry, line) for entry, line in zip(entries, lines, strict=True)]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        # A damaged file is priced anew.
        return None


def _line(episode: Episode) -> str:
    # What is left out is None on both sides, and most of a situation is.
    situation = episode.situation.model_dump(mode="json", exclude_defaults=True)
    after = {move: astuple(found) for move, found in episode.after.items()}
    return json.dumps({"situation": situation, "costs": episode.costs, "after": after}) + "\n"


def _read(entry: Entry, line: str) -> Episode:
    kept = json.loads(line)
    return Episode(
        entry=entry,
        situation=Situation.model_validate(kept["situation"]),
        costs={Move(move): cost for move, cost in kept["costs"].items()},
        after={Move(move): After(*values) for move, values in kept["after"].items()},
    )


def priced_all(entries: Sequence[Entry], processes: int, tell: Callable[[int], None] = lambda _: None) -> list[Episode]:
    """Return the episodes of `entries` in order, made anew."""
    chunks = [entries[start : start + CHUNK] for start in range(0, len(entries), CHUNK)]
    if processes <= 1:
        return _told(map(_chunk, chunks), tell)
    with pool_of(processes) as pool:
        return _told(pool.map(_chunk, chunks), tell)


def _chunk(entries: Sequence[Entry]) -> list[Episode]:
    return [episode_of(entry) for entry in entries]


def _told(chunks: Iterable[list[Episode]], tell: Callable[[int], None]) -> list[Episode]:
    done: list[Episode] = []
    for chunk in chunks:
        done += chunk
        tell(len(done))
    return done


def digest(entries: Sequence[Entry]) -> str:
    """Return what tells one list of episodes, and one way of making them, from another."""
    seeds = repr([(entry.family, entry.seed) for entry in entries])
    return hashlib.sha256(f"{seeds} {_made_by()}".encode()).hexdigest()[:16]


@cache
def _made_by() -> str:
    code = b"".join(Path(str(module.__file__)).read_bytes() for module in MODULES)
    # Sizes of steps rest on some of the engine's numbers.
    numbers = repr(sorted(priors().numbers.items()))
    return " ".join((hashlib.sha256(code + numbers.encode()).hexdigest(), version("numpy")))
