"""Recall restricted to one kind of case, beside Chroma's own question to everything.

The product's restrictions are collections of their own (`aurora/memory/partitions.py`), so the collection of all cases
is what Chroma is asked without a restriction, and nothing is indexed for the floor alone. Only the partitions of the
kind that is asked for are filled: no other is looked at.
"""

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from aurora.domain import Action
from aurora.ledger.records import EntryRecord
from aurora.memory import Embedder, partitions
from aurora.memory.fusion import fused
from aurora.memory.index import Index, embedded, prefix
from aurora.memory.partitions import FAILED, SEEN, WORKED
from evals.bench.cases import AT, ENDINGS, case, cloud, numbers, write
from evals.bench.measure import Result, Target, Tell, by_turns

if TYPE_CHECKING:
    from chromadb.api.client import Client

CASES = 100_000
TURNS = 200
TARGET = Target(1.5)
KIND = Action.RETRAIN
RESULTS = 10
"""What the product asks of a partition at first: twice the five that are shown."""
QUESTIONS = 64
FINGERPRINT = "bench"
EVERYTHING = "real-seen-alike"


def run(cases: int, turns: int, tell: Tell) -> list[Result]:
    """Fill an index and ask it; `tell` is told of both."""
    with tempfile.TemporaryDirectory(prefix="aurora-bench-") as folder:
        client = embedded(Path(folder) / "chroma")
        index = Index(client, FINGERPRINT, shared=False)
        try:
            around = cloud(Embedder())
            entries = [case(number, simulated=False, endings=ENDINGS[:3]) for number in range(cases)]
            for done in write(index, entries, around.vectors(cases, seed=1), _places):
                tell(done, cases)
            words = around.vectors(QUESTIONS, seed=2).tolist()
            questions = [fused(one, numbers(number), AT) for number, one in enumerate(words)]
            return _asked(client, index, questions, turns, tell)
        finally:
            index.close()


def _asked(client: "Client", index: Index, vectors: list[list[float]], turns: int, tell: Tell) -> list[Result]:
    everything = client.get_collection(prefix(FINGERPRINT) + EVERYTHING, embedding_function=None)

    def unrestricted(turn: int) -> object:
        asked: list[Sequence[float] | Sequence[int]] = [vectors[turn % QUESTIONS]]
        return everything.query(query_embeddings=asked, n_results=RESULTS, include=["distances"])

    def restricted(ends: tuple[str, ...], turn: int) -> object:
        return [index.nearest(place, vectors[turn % QUESTIONS], RESULTS) for end in ends for place in _turned_out(end)]

    count = everything.count()
    asked: tuple[tuple[str, tuple[str, ...], Target | None], ...] = (
        (f"Recall of one kind (failed {KIND}s) among {count:,} cases", (FAILED,), TARGET),
        (f"Recall of two kinds (failed and worked {KIND}s), one after the other", (FAILED, WORKED), None),
    )
    floor = f"Chroma's own question to all {count:,}"
    return [
        by_turns(partial(restricted, ends), unrestricted, turns, tell).result(name, floor, target)
        for name, ends, target in asked
    ]


def _turned_out(end: str) -> tuple[str, ...]:
    return partitions.turned_out(KIND, end, SEEN, simulated=False)


def _places(entry: EntryRecord) -> tuple[str, ...]:
    return partitions.places(entry)[1:] if entry.decision_type is KIND else (EVERYTHING,)
