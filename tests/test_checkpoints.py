"""Checkpoints in a file: written by the event loop, which nobody else's lock holds up."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointMetadata, empty_checkpoint
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from aurora import checkpoints
from aurora.checkpoints import SqliteCheckpoints
from aurora.errors import Unavailable

HERE: RunnableConfig = {"configurable": {"thread_id": "dec_1", "checkpoint_ns": ""}}
STEP: CheckpointMetadata = {"source": "loop", "step": 0}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints.db"


@pytest.fixture
def file(path: Path) -> Iterator[SqliteCheckpoints]:
    saver = SqliteCheckpoints(path, JsonPlusSerializer())
    yield saver
    saver.close()


@pytest.fixture
def other(path: Path, file: SqliteCheckpoints) -> Iterator[sqlite3.Connection]:
    """Another program that holds the file."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


async def test_what_was_put_is_found_listed_and_forgotten(file: SqliteCheckpoints) -> None:
    put = await file.aput(HERE, empty_checkpoint(), STEP, {})
    await file.aput_writes(put, [("plan", "retrain")], "task")

    found = await file.aget_tuple(HERE)
    assert found is not None
    assert found.pending_writes == [("task", "plan", "retrain")]
    assert [one.config async for one in file.alist(HERE)] == [put]

    await file.adelete_thread("dec_1")
    assert await file.aget_tuple(HERE) is None


async def test_the_loop_goes_on_while_another_program_holds_the_file(
    file: SqliteCheckpoints, other: sqlite3.Connection
) -> None:
    longest, last = 0.0, time.monotonic()
    putting = asyncio.ensure_future(file.aput(HERE, empty_checkpoint(), STEP, {}))
    for _ in range(50):
        await asyncio.sleep(0.01)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    assert not putting.done()
    assert longest < checkpoints.BUSY_SECONDS / 2

    other.execute("COMMIT")
    await putting
    assert await file.aget_tuple(HERE) is not None


async def test_a_file_that_is_held_for_ever_is_told(
    file: SqliteCheckpoints, other: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "BUSY_SECONDS", 0.1)
    with pytest.raises(Unavailable, match="locked"):
        await file.aput(HERE, empty_checkpoint(), STEP, {})


async def test_a_file_that_is_damaged_at_work_is_begun_anew(
    file: SqliteCheckpoints, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await file.aput(HERE, empty_checkpoint(), STEP, {})
    for part in path.parent.glob("checkpoints.db*"):
        part.write_bytes(b"no database at all " * 500)

    await file.aput(HERE, empty_checkpoint(), STEP, {})

    assert await file.aget_tuple(HERE) is not None
    assert "checkpoints were damaged" in caplog.text
    assert len(list(path.parent.glob("checkpoints.damaged-*"))) == 1


async def test_a_file_that_was_closed_is_not_taken_for_a_damaged_one(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = SqliteCheckpoints(path, JsonPlusSerializer())
    await file.aput(HERE, empty_checkpoint(), STEP, {})
    file.close()

    with pytest.raises(Unavailable, match="closed"):
        await file.aput(HERE, empty_checkpoint(), STEP, {})

    assert list(path.parent.glob("checkpoints.damaged-*")) == []
    again = SqliteCheckpoints(path, JsonPlusSerializer())
    assert await again.aget_tuple(HERE) is not None
    again.close()
    assert caplog.text == ""
