"""Where LangGraph keeps its place in each decision: a cache, in a file (or a pool) of its own.

All that is in it is in the ledger too, so whatever is lost here costs time and nothing else.
"""

import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from inspect import isclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

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
from aurora.graph.state import Request
from aurora.settings import Settings

if TYPE_CHECKING:
    from psycopg import AsyncConnection

log = logging.getLogger(__name__)


@asynccontextmanager
async def checkpoints(settings: Settings, home: Path) -> AsyncIterator[BaseCheckpointSaver[str]]:
    """Open the checkpoints: beside the ledger on PostgreSQL, else in a file in `home`."""
    serde = JsonPlusSerializer(allowed_msgpack_modules=_nouns())
    if settings.database_url.startswith("postgres"):
        async with _on_postgres(settings.database_url.replace("+psycopg", ""), serde) as saver:
            yield saver
    else:
        with closing(_mended(home / "checkpoints.db", serde)) as file:
            yield file


class File(SqliteSaver):
    """Checkpoints in a SQLite file, written by the event loop itself.

    Nothing waits for the disk here, so that writing one takes a fraction of the time that handing it to another thread
    does, and there are fifteen in a decision.
    """

    @classmethod
    def open(cls, path: Path, serde: JsonPlusSerializer) -> "File":
        """Open the file, or make it. Raises `sqlite3.DatabaseError` where it is damaged."""
        connection = sqlite3.connect(path, check_same_thread=False)
        try:
            saver = cls(connection, serde=serde)
            saver.setup()
            # Which of the last ones outlive a power cut does not matter, only that the file does.
            connection.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            connection.close()
            raise
        return saver

    def close(self) -> None:
        """Let go of the file."""
        self.conn.close()

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Do what `get_tuple` does."""
        return self.get_tuple(config)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Do what `put` does."""
        return self.put(config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Do what `put_writes` does."""
        self.put_writes(config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """Do what `delete_thread` does."""
        self.delete_thread(thread_id)


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


def _mended(path: Path, serde: JsonPlusSerializer) -> File:
    """Open the file, an empty one where it is damaged."""
    try:
        return File.open(path, serde)
    except sqlite3.OperationalError:
        # A full disk or a lock is not damage, and an empty file would be no better off.
        raise
    except sqlite3.DatabaseError as error:
        log.warning(
            "the checkpoints were damaged (%s): kept as %s, decisions go on from the ledger", error, _aside(path)
        )
    return File.open(path, serde)


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
