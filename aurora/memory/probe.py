"""Looks at an index folder from a process of its own: `python -m aurora.memory.probe FOLDER`.

Ends with 0 where all is well and with 3, and the reason on standard output, where it is damaged. An index may also be
so damaged that this process crashes or hangs: then it was this one and not the service.
"""

import contextlib
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurora.memory.homes import PROBE_DAMAGED
from aurora.memory.index import PAGE, IndexFailed, embedded, in_words
from aurora.memory.seal import DATABASE

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

SAMPLE = 64
"""Vectors per collection that must find themselves again."""
FOUND_AGAIN = 0.9
"""Share of them that must: the index is approximate and misses about one in a hundred."""


class Damaged(Exception):
    """The index is damaged."""


def look(folder: Path) -> None:
    """Read everything in the index at `folder`. Raises `Damaged`."""
    _look_at_database(folder / DATABASE)
    try:
        with in_words("be read"):
            client = embedded(folder)
            for collection in client.list_collections():
                _look_at(collection)
            client.close()
    except IndexFailed as error:
        if isinstance(error.__cause__, ImportError):
            raise
        raise Damaged(error.detail) from error


def _look_at_database(path: Path) -> None:
    try:
        with contextlib.closing(sqlite3.connect(path)) as database:
            found = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise Damaged(f"{path.name}: {error}") from error
    if found != "ok":
        raise Damaged(f"{path.name}: {found}")


def _look_at(collection: "Collection") -> None:
    count, read, sample = collection.count(), 0, []
    step = max(1, count // SAMPLE)
    while vectors := _page(collection, read):
        _look_at_vectors(collection.name, vectors)
        sample += vectors[-read % step :: step]
        read += len(vectors)
    if read != count:
        raise Damaged(f"{collection.name} counts {count} entries and has {read}.")
    if sample:
        _find_again(collection, sample)


def _page(collection: "Collection", offset: int) -> list[Any]:
    vectors = collection.get(limit=PAGE, offset=offset, include=["embeddings"])["embeddings"]
    return [] if vectors is None else list(vectors)


def _look_at_vectors(name: str, vectors: list[Any]) -> None:
    import numpy as np

    lengths = np.linalg.norm(np.asarray(vectors), axis=1)
    if not np.allclose(lengths, 1.0, atol=1e-3):  # nor is NaN; the embedder makes no others
        raise Damaged(f"{name} holds vectors that nobody wrote.")


def _find_again(collection: "Collection", vectors: list[Any]) -> None:
    wanted = min(10, collection.count())
    answer = collection.query(query_embeddings=vectors, n_results=wanted, include=["distances"])
    # By distance and not by id: entries with the same text have the same vector.
    found = [row[0] < 1e-3 for row in answer["distances"] or [] if len(row) == wanted]
    if sum(found) < FOUND_AGAIN * len(vectors):
        raise Damaged(f"{collection.name} finds {sum(found)} of {len(vectors)} entries again.")


def main(folder: str) -> int:
    """Look, and tell the result by the exit code."""
    try:
        look(Path(folder))
    except Damaged as damaged:
        print(damaged)
        return PROBE_DAMAGED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
