"""What the tests of the memory share: a place to open memories in, and entries to put into them."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from aurora.domain import Action, MemoryKind, NewEntry, Trust
from aurora.ledger import Ledger
from aurora.memory import Embedder, Memory

READY_SECONDS = 90.0

DRIFT = "Model fraud-scorer: accuracy 0.72 (baseline 0.88), data drift detected with score 0.65."
BURST = "Model ranker: latency 1400 ms (baseline 300), 60 % of the requests repeat a recent one."
HOT = "Model ranker: one replica at 0.95 load, the others at 0.30."


class Dice(Embedder):
    """An embedder that loads in no time: every text has a vector of its own, and none is like another."""

    fingerprint = "0123456789ab"

    def load(self) -> None:
        """Nothing to load."""

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Throw the dice for each text, the same way every time."""
        return [_thrown(text) for text in texts]


def _thrown(text: str) -> list[float]:
    dice = random.Random(hashlib.sha256(text.encode()).digest())
    numbers = [dice.gauss() for _ in range(384)]
    length = sum(number * number for number in numbers) ** 0.5
    return [number / length for number in numbers]


@dataclass
class Bench:
    """Opens memories over one ledger at one place, and closes those left open."""

    ledger: Ledger
    embedder: Embedder
    path: Path
    url: str
    opened: list[Memory] = field(default_factory=list)

    def made(self) -> Memory:
        """Return a memory that is not started."""
        memory = Memory(self.ledger.entries, self.embedder, path=self.path, url=self.url, clock=self.now)
        self.opened.append(memory)
        return memory

    def started(self) -> Memory:
        """Return a memory that is being opened."""
        memory = self.made()
        memory.start()
        return memory

    def open(self) -> Memory:
        """Return a memory that has caught up with the ledger."""
        memory = self.started()
        assert memory.wait_ready(READY_SECONDS), memory.status()
        return memory

    def close(self) -> None:
        """Close every memory."""
        while self.opened:
            self.opened.pop().close()

    def now(self) -> datetime:
        """Tell the time."""
        return datetime.now(UTC)

    def damaged(self) -> list[str]:
        """Return the names of what was moved aside."""
        return sorted(path.name for path in self.path.parent.glob("chroma.damaged-*"))


def told(text: str, **more: object) -> NewEntry:
    """Return what somebody wrote into memory."""
    return NewEntry.model_validate({"kind": MemoryKind.INCIDENT, "text": text, "source": "ada", **more})


def case(number: int, text: str, action: Action = Action.RETRAIN, *, success: bool | None, **more: object) -> NewEntry:
    """Return a decision of AURORA's with the outcome that was measured."""
    return told(
        text,
        kind=MemoryKind.DECISION,
        source="aurora",
        decision_type=action,
        decision_id=f"dec_{number}",
        success=success,
        **{"trust": Trust.TOLD if success is None else Trust.VERIFIED, **more},
    )


def many(count: int, **more: object) -> list[NewEntry]:
    """Return `count` different entries."""
    things = ("accuracy", "latency", "drift", "the queue", "a replica", "the cache", "labels", "memory")
    return [told(f"Incident {n}: {things[n % 8]} of model m{n % 13} at {n % 97} %.", **more) for n in range(count)]
