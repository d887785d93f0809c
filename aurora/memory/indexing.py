"""Brings the index level with the ledger: what SQL has, the index gets; what SQL has not, the index loses.

Two signs say that something is missing: the ledger's own note that an entry was not indexed as it is now, and a count
that differs, which is how a lost or older index is noticed. All of it may be done twice, by several processes at once,
or be cut off at any point: writing the same entry again changes nothing.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aurora.crashes import Crash, crash_point
from aurora.memory.embedding import Embedder
from aurora.memory.fusion import fused
from aurora.memory.index import Index, Point
from aurora.memory.partitions import HOMES, former_places, home, is_fused, places

if TYPE_CHECKING:
    from aurora.ledger.entries import Entries
    from aurora.ledger.records import EntryRecord

AT_ONCE = 96
COMPARED_AT_ONCE = 500

TURN_SECONDS = 0.5
"""How long a sync waits for another that is under way before it leaves the work to that one."""

Progress = Callable[[int, int], None]
"""Told now and then: how many entries are indexed, and of how many."""


class Indexer:
    """Writes entries of the ledger into an index."""

    def __init__(self, entries: "Entries", embedder: Embedder) -> None:
        """Do nothing yet."""
        self._entries = entries
        self._embedder = embedder
        self._turn = threading.Lock()

    def index(self, index: Index, records: Sequence["EntryRecord"]) -> None:
        """Write `records`, and again those that changed in the ledger meanwhile."""
        while records:
            vectors = self._embedder.embed([record.situation or record.text for record in records])
            known = _indexed(index, [record.id for record in records])
            index.put([_point(*pair, known) for pair in zip(records, vectors, strict=True)])
            crash_point(Crash.ENTRY_INDEXED)
            records = self._entries.mark_indexed(records)

    def catch_up(self, index: Index, progress: Progress, turn_seconds: float = -1) -> int | None:
        """Index what is missing and remove what does not belong; return how many entries that were.

        Returns None where another thread is at it for more than `turn_seconds` (without them, it is waited for).
        """
        with self._my_turn(turn_seconds) as mine:
            return self._index_waiting(index, progress) + self._compare(index, progress) if mine else None

    def index_new(self, index: Index, turn_seconds: float) -> int | None:
        """Index what the ledger says is missing, without comparing the two; return as `catch_up`."""
        with self._my_turn(turn_seconds) as mine:
            return self._index_waiting(index, None) if mine else None

    def rebuild(self, index: Index, progress: Progress) -> int:
        """Empty the index and index every entry anew; return how many."""
        with self._turn:
            self._entries.unmark_all()
            index.clear()
            return self._index_waiting(index, progress)

    @contextmanager
    def _my_turn(self, seconds: float) -> Iterator[bool]:
        mine = self._turn.acquire(timeout=seconds)
        try:
            yield mine
        finally:
            if mine:
                self._turn.release()

    def _index_waiting(self, index: Index, progress: Progress | None) -> int:
        done = 0
        while waiting := self._entries.unindexed(AT_ONCE):
            self.index(index, waiting)
            done += len(waiting)
            if progress is not None:
                progress(index.count(HOMES), self._entries.count())
        return done

    def _compare(self, index: Index, progress: Progress) -> int:
        """Compare entry by entry where the counts differ, unless some entries are on their way in right now."""
        with index.writing:  # an entry that is moved lies in two homes for a moment
            indexed = index.count(HOMES)
        if indexed == self._entries.count() or self._entries.unindexed(1):
            return 0
        return self._add_missing(index, progress) + self._remove_strangers(index)

    def _add_missing(self, index: Index, progress: Progress) -> int:
        added, last = 0, None
        while page := self._entries.after(last, COMPARED_AT_ONCE):
            last = page[-1].id
            missing = _missing(index, page)
            for start in range(0, len(missing), AT_ONCE):
                self.index(index, missing[start : start + AT_ONCE])
                progress(index.count(HOMES), self._entries.count())
            added += len(missing)
        return added

    def _remove_strangers(self, index: Index) -> int:
        removed = 0
        for place in index.places():
            for some in list(index.ids(place)):
                known = self._entries.many(some)
                strangers = [id for id in some if id not in known or place not in places(known[id])]
                index.remove(place, strangers)
                removed += len(strangers) if place in HOMES else 0
        return removed


def _missing(index: Index, records: Sequence["EntryRecord"]) -> list["EntryRecord"]:
    lacking = []
    for place in HOMES:
        here = [record for record in records if home(record) == place]
        there = index.present(place, [record.id for record in here]) if here else set()
        lacking += [record for record in here if record.id not in there]
    return lacking


def _indexed(index: Index, ids: Sequence[str]) -> set[str]:
    """Return which of `ids` lie in a home. The others lie nowhere: what is put or moved gets its home first."""
    return {id for place in HOMES for id in index.present(place, ids)}


def _point(record: "EntryRecord", vector: list[float], known: set[str]) -> Point:
    former = former_places(record) if record.id in known else ()
    where = places(record)
    both = fused(vector, record.features, record.created_at) if any(map(is_fused, where)) else ()
    return Point(record.id, vector, where, former, both)
