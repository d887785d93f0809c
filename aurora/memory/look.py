"""One question to the memory: found in the index, filled in from the ledger."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from aurora.domain import Recalled
from aurora.memory.choosing import distinct, nearest
from aurora.memory.fusion import Cue
from aurora.memory.index import Hit, Index
from aurora.memory.partitions import is_fused
from aurora.memory.partitions import places as places_of

if TYPE_CHECKING:
    from aurora.ledger.entries import Entries
    from aurora.ledger.records import EntryRecord

LOOKED_AT = 400
"""Entries per partition that are looked at, at most, to find distinct ones."""

Hits = list[Hit]
Records = Mapping[str, "EntryRecord"]


class Look:
    """One cue that several groups of partitions are asked about."""

    def __init__(
        self, entries: "Entries", cue: Cue, wanted: int, ask: Callable[[Callable[[Index], Hits]], Hits]
    ) -> None:
        """`ask` puts a question to the index."""
        self._entries = entries
        self._cue = cue
        self._wanted = wanted
        self._ask = ask

    def find(self, places: Sequence[str]) -> list[Recalled]:
        """Return distinct entries in `places`, nearest first: as many as are wanted, or more, or all there are.

        The same thing told a hundred times fills one place: more is looked at until enough is found.
        """
        return self.find_each([places])[0]

    def find_each(self, groups: Sequence[Sequence[str]]) -> list[list[Recalled]]:
        """Do what `find` does for each of `groups`, with one look into the ledger for what all of them found first."""
        limit = 2 * self._wanted
        asked = [self._ask(partial(_hits, places, self._cue, limit)) for places in groups]
        records = self._entries.many([hit.id for hits in asked for hit in hits])
        return [self._distinct(places, hits, limit, records) for places, hits in zip(groups, asked, strict=True)]

    def _distinct(self, places: Sequence[str], hits: Hits, limit: int, records: Records) -> list[Recalled]:
        while True:
            found = distinct(nearest(self._recalled(hits, records)))
            if len(found) >= self._wanted or limit >= LOOKED_AT or len(hits) < limit:
                return found
            limit = min(4 * limit, LOOKED_AT)
            hits = self._ask(partial(_hits, places, self._cue, limit))
            records = self._entries.many([hit.id for hit in hits])

    @staticmethod
    def _recalled(hits: Hits, records: Records) -> list[Recalled]:
        """Fill in what the ledger says; leave out what, by the ledger, is not or no longer there."""
        return [
            _recalled(records[hit.id], hit.similarity)
            for hit in hits
            if hit.id in records and hit.place in places_of(records[hit.id])
        ]


def _hits(places: Sequence[str], cue: Cue, limit: int, index: Index) -> Hits:
    return [hit for place in places for hit in _nearest(index, place, cue, limit)]


def _nearest(index: Index, place: str, cue: Cue, limit: int) -> Hits:
    if not is_fused(place):
        return index.nearest(place, cue.words, limit)
    found = index.nearest(place, cue.fused, limit)
    return [replace(hit, similarity=round(hit.similarity * cue.length, 6)) for hit in found]


def _summary(record: "EntryRecord") -> str:
    """Return the text; to a case of AURORA's own is added what came of it, which a person may still change."""
    if record.source != "aurora" or record.success is None:
        return record.text
    return f"{record.text} {'It helped.' if record.success else 'It did not help.'}"


def _recalled(record: "EntryRecord", similarity: float) -> Recalled:
    return Recalled(
        id=record.id,
        kind=record.kind,
        summary=_summary(record),
        similarity=min(max(similarity, 0.0), 1.0),
        decision_id=record.decision_id,
        model_name=record.model_name,
        decision_type=record.decision_type,
        success=record.success,
        trust=record.trust,
        simulated=record.simulated,
        features=record.features,
        created_at=record.created_at,
    )
