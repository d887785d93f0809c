"""Keeps built streams in a folder, a file for each, named after all that made it: what changed is built anew."""

import hashlib
import os
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import fields, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from aurora.observe import drift
from evals.pool import pool_of
from evals.worlds import rows, streams
from evals.worlds.catalogue import Entry
from evals.worlds.streams import Stream, build

LIBRARIES = ("river", "scikit-learn", "numpy")


def load(folder: Path, entry: Entry) -> Stream:
    """Return a stream from `folder`, where it is put if it was not there whole; two processes may do so at once."""
    path = folder / f"{entry.key}-{digest(entry)}.npz"
    if (kept := _kept(path, entry)) is not None:
        return kept
    stream = build(entry)
    _write(path, stream)
    return replace(stream, cost=entry.cost)


def _kept(path: Path, entry: Entry) -> Stream | None:
    if not path.exists():
        return None
    try:
        # Opened here: of a file that is no archive NumPy would leave it to chance when it is closed.
        with path.open("rb") as file, np.load(file) as kept:
            values: dict[str, Any] = {name: kept[name] for name in kept.files}
        return Stream(**values | {"challenged": bool(values["challenged"]), "cost": entry.cost})
    except (BadZipFile, zlib.error, OSError, EOFError, ValueError, LookupError, TypeError):
        # A damaged file is built anew.
        return None


def load_all(folder: Path, entries: Sequence[Entry], processes: int) -> Iterator[tuple[Entry, Stream]]:
    """Yield every entry and its stream as they are built, not in order."""
    alike: dict[str, list[Entry]] = {}
    for entry in entries:
        alike.setdefault(entry.key, []).append(entry)
    with pool_of(processes) as pool:
        building = {pool.submit(load, folder, same[0]): same for same in alike.values()}
        for future in as_completed(building):
            stream = future.result()
            yield from ((entry, replace(stream, cost=entry.cost)) for entry in building[future])


def digest(entry: Entry) -> str:
    """Return what tells one way to build an entry from another: variant, learner, code, versions of the libraries."""
    return hashlib.sha256(f"{entry.variant} {entry.family.learner} {_made_by()}".encode()).hexdigest()[:12]


@cache
def _made_by() -> str:
    code = b"".join(Path(str(module.__file__)).read_bytes() for module in (rows, streams, drift))
    return " ".join((hashlib.sha256(code).hexdigest(), *map(version, LIBRARIES)))


def _write(path: Path, stream: Stream) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = path.with_name(f"{path.stem}.{os.getpid()}.part")
    with begun.open("wb") as file:
        np.savez_compressed(file, **{field.name: getattr(stream, field.name) for field in fields(stream)})
    begun.replace(path)
