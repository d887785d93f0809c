"""The index by itself, in a folder: what it has Chroma write.

Chroma writes one batch from several threads, and a point that is added while others are written again may never be
found: about one in fifty. So nothing may be written twice. Chroma tells how much it wrote by when its graph is on disk.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aurora.memory.index import PERSIST_EVERY, Index, Point, embedded
from tests.memory.bench import Dice

PLACE = "real-told"
MANY = PERSIST_EVERY * 6 // 10
"""Written once they are too few for the disk; written twice they are enough."""


def points(first: int, count: int) -> list[Point]:
    ids = [f"mem_{n}" for n in range(first, first + count)]
    return [Point(id, vector, (PLACE,)) for id, vector in zip(ids, Dice().embed(ids), strict=True)]


def on_disk(folder: Path) -> bool:
    return any(folder.rglob("index_metadata.pickle"))


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    index = Index(embedded(tmp_path), Dice.fingerprint, shared=False)
    yield index
    index.close()


def test_chromas_graph_is_on_disk_after_so_many_writes(index: Index, tmp_path: Path) -> None:
    index.put(points(0, PERSIST_EVERY))

    assert on_disk(tmp_path)


def test_a_read_between_two_writes_has_nothing_written_again(index: Index, tmp_path: Path) -> None:
    index.put(points(0, MANY))
    assert index.count([PLACE]) == MANY
    index.put(points(MANY, 1))

    assert index.count([PLACE]) == MANY + 1
    assert not on_disk(tmp_path)


def test_what_is_there_already_is_not_written_again(index: Index, tmp_path: Path) -> None:
    index.put(points(0, MANY))
    index.put(points(0, MANY + 1))

    assert index.count([PLACE]) == MANY + 1
    assert not on_disk(tmp_path)


def test_an_index_that_is_opened_again_is_not_written_again(index: Index, tmp_path: Path) -> None:
    index.put(points(0, MANY))
    index.close()
    reopened = Index(embedded(tmp_path), Dice.fingerprint, shared=False)

    for n in range(3):
        reopened.put(points(MANY + n, 1))
        assert reopened.count([PLACE]) == MANY + n + 1

    assert not on_disk(tmp_path)
    reopened.close()


def test_first_questions_at_once_have_nothing_written_again(index: Index, tmp_path: Path) -> None:
    index.put(points(0, MANY))
    index.close()
    reopened = Index(embedded(tmp_path), Dice.fingerprint, shared=False)

    with ThreadPoolExecutor(8) as pool:
        for hits in pool.map(lambda point: reopened.nearest(PLACE, point.vector(PLACE), 1), points(0, 8)):
            assert hits[0].similarity == pytest.approx(1.0, abs=1e-5)
    reopened.put(points(MANY, 1))

    assert not on_disk(tmp_path)
    reopened.close()
