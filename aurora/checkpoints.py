"""Where LangGraph keeps its place in each decision: a cache, in a file (or a pool) of its own.

All that is in it is in the ledger too, so whatever is lost here costs time and nothing else.
"""

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from inspect import isclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

from aurora import domain
from aurora.errors import Unavailable
from aurora.graph.state import Request
from aurora.settings import Settings

if TYPE_CHECKING:
    from psycopg import AsyncConnection

log = logging.getLogger(__name__)

T = TypeVar("T")

BUSY_SECONDS = 5.0
"""How long a file that another program holds, such as a backup, is waited for."""
AGAIN_SECONDS = 0.02


@asynccontextmanager
async def checkpoints(settings: Settings, home: Path) -> AsyncIterator[BaseCheckpointSaver[str]]:
    """Open the checkpoints: beside the ledger on PostgreSQL, else in a file in `home`."""
    serde = JsonPlusSerializer(allowed_msgpack_modules=_nouns())
    if settings.database_url.startswith("postgres"):
        async with _on_postgres(settings.database_url.replace("+psycopg", ""), serde) as saver:
            yield saver
    else:
        with closing(SqliteCheckpoints(home / "checkpoints.db", serde)) as file:
            yield file


class SqliteCheckpoints(SqliteSaver):
    """Checkpoints in a SQLite file, written by the event loop itself.

    Writing one takes a fraction of the time that handing it to another thread does; there are fifteen in a decision.
    None waits for the disk, but for some milliseconds whenever the journal is emptied; and where another program holds
    the file, the loop goes on with something else meanwhile. A damaged file is set aside and begun anew, also at work.

    All methods that the loop calls raise `Unavailable` where the file cannot be used.
    """

    def __init__(self, path: Path, serde: JsonPlusSerializer) -> None:
        """Open the file, or make it. Raises `sqlite3.OperationalError` where neither can be done."""
        self._path = path
        try:
            connection = _connected(path)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            connection = _begun_anew(path, error)
        super().__init__(connection, serde=serde)
        self.is_setup = True

    def close(self) -> None:
        """Let go of the file."""
        self.conn.close()

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Do what `get_tuple` does."""
        return await self._patiently(lambda: self.get_tuple(config))

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Do what `list` does."""
        for one in await self._patiently(lambda: [*self.list(config, filter=filter, before=before, limit=limit)]):
            yield one

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Do what `put` does."""
        return await self._patiently(lambda: self.put(config, checkpoint, metadata, new_versions))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Do what `put_writes` does."""
        await self._patiently(lambda: self.put_writes(config, writes, task_id, task_path))

    async def adelete_thread(self, thread_id: str) -> None:
        """Do what `delete_thread` does."""
        await self._patiently(lambda: self.delete_thread(thread_id))

    async def _patiently(self, work: Callable[[], T]) -> T:
        """Do `work`, again and again for `BUSY_SECONDS` where another program holds the file."""
        until = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                return work()
            except sqlite3.DatabaseError as error:
                if time.monotonic() > until or not (_is_damage(error) or _code(error) == sqlite3.SQLITE_BUSY):
                    raise Unavailable(f"The checkpoints cannot be used ({self._path}: {error}).") from error
                if _is_damage(error):
                    self._begin_anew(error)
            await asyncio.sleep(AGAIN_SECONDS)

    def _begin_anew(self, error: sqlite3.DatabaseError) -> None:
        self.conn.close()
        try:
            self.conn = _begun_anew(self._path, error)
        except (OSError, sqlite3.Error) as failure:
            raise Unavailable(f"The checkpoints cannot be used ({self._path}: {failure}).") from failure


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether the file is no database any more. A full disk, a lock and a closed file are not damage."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _code(error: sqlite3.DatabaseError) -> int:
    """Return SQLite's primary result code; 0 for what Python's own module says."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
    try:
        SqliteSaver(connection).setup()
        # Which of the last ones outlive a power cut does not matter, only that the file does.
        connection.execute("PRAGMA synchronous = NORMAL")
        # From here on it is the loop that waits.
        connection.execute("PRAGMA busy_timeout = 0")
    except BaseException:
        connection.close()
        raise
    return connection


def _begun_anew(path: Path, error: sqlite3.Error) -> sqlite3.Connection:
    """Open an empty file in place of a damaged one: the ledger has all that was in it."""
    log.warning("the checkpoints were damaged (%s): kept as %s, decisions go on from the ledger", error, _aside(path))
    return _connected(path)


@asynccontextmanager
async def _on_postgres(url: str, serde: JsonPlusSerializer) -> AsyncIterator[BaseCheckpointSaver[str]]:
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from psycopg.rows import dict_row
    from psycopg_pool import AsyncConnectionPool

    async with AsyncConnectionPool(
        url,
        min_size=1,
        max_size=8,
        check=AsyncConnectionPool.check_connection,
        kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
        open=False,
    ) as pool:
        rows = cast("AsyncConnectionPool[AsyncConnection[dict[str, Any]]]", pool)
        saver = AsyncPostgresSaver(rows, serde=serde)
        await saver.setup()
        yield saver


def _aside(path: Path) -> Path:
    """Move a damaged database out of the way and return where it is now; of earlier ones none is kept."""
    for earlier in path.parent.glob(f"{path.stem}.damaged-*"):
        earlier.unlink()
    kept = path.with_name(f"{path.stem}.damaged-{os.getpid()}{path.suffix}")
    for ending in ("", "-wal", "-shm"):
        part = path.with_name(f"{path.name}{ending}")
        if part.exists():
            part.replace(kept.with_name(f"{kept.name}{ending}"))
    return kept


def _nouns() -> list[tuple[str, str]]:
    """Only our own values, and the request that a run starts from, may come back from a checkpoint."""
    nouns = [(domain.__name__, name) for name, value in vars(domain).items() if isclass(value)]
    return [*nouns, (Request.__module__, Request.__name__)]
