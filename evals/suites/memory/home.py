"""A memory of its own for each installation: a ledger on SQLite, embedded Chroma, the embedder, and a clock to set."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aurora.domain import Action, MemoryKind, NewEntry, Situation, Trust
from aurora.ledger import Ledger, Store
from aurora.memory import Embedder, Memory
from aurora.observe import describe
from aurora.policy.features import features
from evals.pool import pool_of

TODAY = datetime(2026, 1, 1, tzinfo=UTC)
READY_SECONDS = 300.0
AT_ONCE = 200


@dataclass
class Home:
    """One installation's memory, and the time there."""

    ledger: Ledger
    memory: Memory
    now: list[datetime] = field(default_factory=lambda: [TODAY])

    def add(self, entries: Sequence[NewEntry], days_ago: float = 0.0) -> None:
        """Write `entries` as if it had been so many days ago."""
        here = self.now[0]
        self.now[0] = here - timedelta(days=days_ago)
        for start in range(0, len(entries), AT_ONCE):
            self.memory.add(entries[start : start + AT_ONCE])
        self.now[0] = here


@contextmanager
def workers(processes: int) -> Iterator[Callable[..., Iterable[Any]]]:
    """Give a `map` that works in so many processes; not forked, for Chroma's and torch's threads do not live on."""
    if processes <= 1:
        yield map
        return
    with pool_of(processes) as pool:
        yield pool.map


@contextmanager
def home() -> Iterator[Home]:
    """Open an empty memory in a folder that is gone afterwards. Raises RuntimeError where it does not open."""
    _use_one_thread()
    with tempfile.TemporaryDirectory(prefix="aurora-memory-") as folder:
        now = [TODAY]
        store = Store(f"sqlite:///{folder}/ledger.db")
        store.migrate()
        ledger = Ledger(store, lambda: now[0])
        memory = Memory(ledger.entries, Embedder(), path=Path(folder) / "chroma", url="", clock=lambda: now[0])
        memory.start()
        try:
            if not memory.wait_ready(READY_SECONDS):
                raise RuntimeError(f"The memory is not ready: {memory.status().detail}")
            yield Home(ledger, memory, now)
        finally:
            memory.close()
            store.close()


def _use_one_thread() -> None:
    """Installations are lived side by side, and threads that wait for each other take twenty times longer."""
    import torch

    torch.set_num_threads(1)


def case(number: str, situation: Situation, action: Action, success: bool | None, trust: Trust) -> NewEntry:
    """Return a case as the product writes it when it has ended."""
    seen = describe(situation)
    return NewEntry(
        id=f"mem_{number}",
        kind=MemoryKind.DECISION,
        text=f"{seen} Action: {action}. Result: executed.",
        situation=seen,
        model_name=situation.telemetry.model_name,
        decision_type=action,
        success=success,
        trust=trust,
        source="aurora",
        decision_id=f"dec_{number}",
        features=features(situation),
        simulated=situation.simulated,
    )
