"""The one place that chooses real or sandbox parts. The app, the evals, the tests and the Python face all call it."""

import logging
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from aurora.domain import Action, Limits, ModelSettings
from aurora.errors import HomeInUse, Misconfigured
from aurora.graph.deps import Deps
from aurora.ledger import Ledger, Store
from aurora.ledger.wakeups import NOBODY, WakeUps
from aurora.memory import Embedder, Memory
from aurora.ports import Clock, Tool
from aurora.sandbox import World
from aurora.settings import Settings
from aurora.tools import build

log = logging.getLogger(__name__)

SANDBOX_SETTINGS = ModelSettings(
    cooldown_minutes=0.02,
    verify_minutes=0.05,
    limits=Limits(actions_per_day=10_000, spend_per_day=10_000.0),
)
"""What holds for a sandbox service where nobody set anything else.

Its training takes seconds and costs nothing, so its windows are short.
"""


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Parts:
    """Everything that a running AURORA is made of, but the event loop."""

    settings: Settings
    home: Path
    ledger: Ledger
    memory: Memory
    world: World
    deps: Deps
    _made: ExitStack = field(repr=False)

    def close(self) -> None:
        """Let go of every file, process and connection."""
        self._made.close()


Tools = Mapping[Action, Tool]


def assemble(
    settings: Settings | None = None,
    clock: Clock = utc_now,
    refit: Callable[[Tools], Tools] = lambda tools: tools,
    wakeups: WakeUps = NOBODY,
) -> Parts:
    """Make the parts that `settings` (by default: the environment) asks for.

    `refit` may exchange tools: for backends of your own, and for tests of what AURORA does when a hand fails.
    `wakeups` are told what is to be woken later; by default nobody is, and `sweep()` finds it.
    Raises `Misconfigured` where they do not work together, `HomeInUse` where another process has the folder; then
    nothing stays open.
    """
    settings = settings or Settings()
    home = _folder(settings.home)
    with ExitStack() as made:
        if _embedded(settings):
            made.callback(_alone(home).release)
        store = Store(settings.database_url or f"sqlite:///{home / 'aurora.db'}")
        made.callback(store.close)
        store.migrate()
        ledger = Ledger(store, clock, sandbox_defaults=SANDBOX_SETTINGS, wakeups=wakeups)
        memory = Memory(
            ledger.entries,
            Embedder(settings.embedding_model),
            path=home / "chroma",
            url=settings.chroma_url,
            clock=clock,
        )
        made.callback(memory.close)
        memory.start()
        world = made.enter_context(World(home / "sandbox", clock))
        deps = Deps(
            ledger=ledger,
            memory=memory,
            tools=refit(_tools(settings, world, home)),
            clock=clock,
            began=clock(),
            approval_hours=settings.approval_hours,
            tool_timeout_seconds=settings.tool_timeout_seconds,
            fleet_share_in_change=settings.fleet_share_in_change,
        )
        return Parts(
            settings=settings, home=home, ledger=ledger, memory=memory, world=world, deps=deps, _made=made.pop_all()
        )


def _folder(home: Path) -> Path:
    home = home.expanduser().absolute()
    try:
        home.mkdir(parents=True, exist_ok=True)
        probe = home / f".writable-{os.getpid()}"
        probe.write_text("yes")
        probe.unlink()
    except OSError as error:
        raise Misconfigured(
            f"The folder {home} cannot be written ({error.strerror}): free some space, or set AURORA_HOME to another."
        ) from error
    return home


def _embedded(settings: Settings) -> bool:
    return not (settings.database_url.startswith("postgres") and settings.chroma_url)


def _alone(home: Path) -> FileLock:
    """Take the folder for this process: SQLite and embedded Chroma are for one."""
    lock, holder = FileLock(home / "aurora.lock", thread_local=False), home / "aurora.pid"
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        pid = holder.read_text().strip() if holder.exists() else "unknown"
        raise HomeInUse(
            f"{home} belongs to process {pid}: talk to it by HTTP, end it, or set AURORA_HOME to another folder."
        ) from error
    holder.write_text(str(os.getpid()))
    return lock


def _tools(settings: Settings, world: World, home: Path) -> Tools:
    chosen = {
        "training": settings.trainer,
        "caching": settings.cache,
        "routing": settings.router,
        "scaling": settings.scaler,
        "alerting": settings.alerts,
    }
    tools = [build(kind, backend, world=world, home=home) for kind, backend in chosen.items()]
    return {action: tool for tool in tools for action in tool.actions}
