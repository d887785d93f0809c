"""A process that has loaded everything that is slow to load, and forks a child for each order it reads.

    python -m evals.crashes.forks      orders on stdin, one a line; a line of JSON on stdout for each

It opens nothing itself: no thread, no connection, no event loop would survive a fork in one piece. Before every fork it
counts its threads and sockets, and says so in its answer. Also the model of the embedding is loaded here, and only
computes in the children.
"""

import json
import os
import sys
import threading
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from aurora.memory import Embedder
from evals.crashes.process import Order, carry_out

HEAVY = (
    "alembic.command",
    "aurora.face",
    "aurora.ledger.schema",
    "chromadb",
    "langgraph.checkpoint.postgres.aio",
    "langgraph.checkpoint.sqlite",
    "psycopg_pool",
    "sklearn.linear_model",
)
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""The environment in which no library starts threads by being imported."""
FAILED = 70


@dataclass(frozen=True)
class Held:
    """What a process holds that a fork would break."""

    threads: int
    sockets: int

    @classmethod
    def here(cls) -> "Held":
        """Count in this process."""
        tasks = Path("/proc/self/task")
        threads = len(list(tasks.iterdir())) if tasks.exists() else threading.active_count()
        files = Path("/proc/self/fd")
        return cls(threads, sum(map(_is_socket, files.iterdir())) if files.exists() else 0)


def _is_socket(file: Path) -> bool:
    try:
        return str(file.readlink()).startswith("socket:")
    except OSError:
        return False


def main() -> None:
    """Serve until stdin ends."""
    for name in HEAVY:
        import_module(name)
    Embedder().load()
    _say(ready=True)
    for line in sys.stdin:
        held = Held.here()
        status = _forked(Order.read(line))
        _say(status=status, threads=held.threads, sockets=held.sockets)


def _forked(order: Order) -> int:
    """Carry an order out in a child; return what it ended with, negative for a signal."""
    child = os.fork()
    if child == 0:
        os._exit(_as_child(order))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _as_child(order: Order) -> int:
    try:
        log = os.open(Path(order.folder) / f"{order.role}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for number in (1, 2):
            os.dup2(log, number)
        carry_out(order)
    except BaseException:  # noqa: BLE001 - nothing of the child may reach the loop of its parent
        sys.excepthook(*sys.exc_info())
        return FAILED
    return 0


def _say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
