"""Memories to measure with: as many cases as are wanted, and vectors for them without embedding each.

The vectors are spread around those of described situations, so that a question has neighbours as it has in life. They
are written as the product writes them, only in larger pieces.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from aurora.domain import Action, MemoryKind, Trust
from aurora.ledger.records import EntryRecord
from aurora.memory import Embedder
from aurora.memory.fusion import fused
from aurora.memory.index import Index, Point
from aurora.policy.features import FEATURES, causes

AT_ONCE = 5000
"""Entries that are written together: as many as Chroma takes."""
SITUATIONS = 128
NEAR = 0.7
"""How far cases of one situation lie from it, as a share of the vector's length: their cosine is then about 0.67."""
AT = datetime(2026, 1, 1, tzinfo=UTC)
ENDINGS = ((True, Trust.VERIFIED), (True, Trust.VERIFIED), (False, Trust.VERIFIED), (None, Trust.TOLD))
"""Half of the cases worked, a quarter failed, of a quarter nobody can tell."""
ACTIONS = (Action.SCALE, Action.RETRAIN, Action.CACHE, Action.ROUTE, Action.FINE_TUNE)

Vectors = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Cloud:
    """Vectors around some centres."""

    centres: Vectors

    def vectors(self, count: int, seed: int) -> Vectors:
        """Return `count` vectors of length 1."""
        dice = np.random.default_rng(seed)
        chosen = self.centres[dice.integers(0, len(self.centres), count)]
        width = self.centres.shape[1]
        return unit(chosen + dice.normal(0.0, NEAR / width**0.5, (count, width)).astype(np.float32))


def unit(vectors: Vectors) -> Vectors:
    """Return `vectors` with length 1."""
    shortened: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return shortened


def cloud(embedder: Embedder) -> Cloud:
    """Return the cloud around situations as the product describes them."""
    return Cloud(np.asarray(embedder.embed([text(number) for number in range(SITUATIONS)]), dtype=np.float32))


def text(number: int) -> str:
    """Return a situation in the words in which the product describes one."""
    return (
        f"Model service-{number % 37}: accuracy {0.6 + number % 31 / 100:.2f} (baseline 0.90), latency"
        f" {80 + number * 7 % 900} ms (baseline 200), cpu {number * 3 % 100}%, {number * 5 % 60}% repeated requests."
    )


def case(number: int, *, simulated: bool, endings: Sequence[tuple[bool | None, Trust]] = ENDINGS) -> EntryRecord:
    """Return one case of AURORA's own."""
    action = ACTIONS[number % len(ACTIONS)]
    success, trust = endings[number // len(ACTIONS) % len(endings)]
    return EntryRecord(
        id=f"mem_{number:08d}",
        kind=MemoryKind.DECISION,
        text=f"{text(number)} Action: {action}. Result: executed.",
        model_name=f"service-{number % 37}",
        decision_type=action,
        success=success,
        trust=trust,
        source="aurora",
        decision_id=f"dec_{number:08d}",
        features=numbers(number),
        simulated=simulated,
        created_at=AT,
    )


def numbers(number: int) -> dict[str, float]:
    """Return the features of one case: everything measured, and one cause likely on each side."""
    measured = {name: (number * (place + 7) % 101) / 100 for place, name in enumerate(FEATURES)}
    names = causes()
    return measured | {names[number % len(names)]: 0.7, names[number * 5 % len(names)]: 0.3}


Places = Callable[[EntryRecord], tuple[str, ...]]


def write(index: Index, entries: Sequence[EntryRecord], vectors: Vectors, places: Places) -> Iterator[int]:
    """Put `entries` where `places` says; yield how many are written so far."""
    for start in range(0, len(entries), AT_ONCE):
        some = zip(entries[start : start + AT_ONCE], vectors[start : start + AT_ONCE].tolist(), strict=True)
        index.put(
            [
                Point(entry.id, words, places(entry), fused=fused(words, entry.features, entry.created_at))
                for entry, words in some
            ]
        )
        yield min(start + AT_ONCE, len(entries))
