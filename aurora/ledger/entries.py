"""Memory entries: the truth behind the index, which is rebuilt from here."""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from aurora.domain import NewEntry, Trust
from aurora.errors import NotFound
from aurora.ledger.audit import AURORA, Audit, chain_of, sha256
from aurora.ledger.columns import to_json
from aurora.ledger.part import Part
from aurora.ledger.records import EntryRecord, seen_as
from aurora.ledger.store import insertion
from aurora.ledger.tables import EntryRow

AT_ONCE = 500
"""Ids per statement: databases bound the number of parameters."""

_WEAKER = {
    Trust.VERIFIED: (Trust.VERIFIED, Trust.REPORTED, Trust.TOLD),
    Trust.REPORTED: (Trust.REPORTED, Trust.TOLD),
    Trust.TOLD: (Trust.TOLD,),
}
"""What each kind of knowledge may overwrite."""


_IN_THESE = col(EntryRow.id).in_(bindparam("these", expanding=True))
_THESE = select(EntryRow).where(_IN_THESE)
_INDEXED = update(EntryRow.__table__).where(_IN_THESE).values(indexed=True)
_UNINDEXED = (
    select(EntryRow).where(col(EntryRow.indexed).is_(False)).order_by(col(EntryRow.number)).limit(bindparam("most"))
)


class Entries(Part):
    """The entries, in the order in which they were written."""

    def add(self, entries: Sequence[NewEntry]) -> list[str]:
        """Keep `entries` and return their ids; an entry whose id is there already is left as it is."""
        with self._store.write() as session:
            return write_entries(session, self._audit, entries, self._now())

    def get(self, id: str) -> EntryRecord:
        """Return the entry. Raises `NotFound`."""
        found = self.many([id])
        if id not in found:
            raise NotFound(f"No memory entry has the id {id!r}.")
        return found[id]

    def many(self, ids: Sequence[str]) -> dict[str, EntryRecord]:
        """Return those of `ids` that exist, by id and in that order."""
        with self._store.read() as session:
            found = {
                row.id: seen_as(EntryRecord, row)
                for some in _some(ids)
                for row in session.scalars(_THESE, {"these": some})
            }
        return {id: found[id] for id in ids if id in found}

    def unindexed(self, limit: int = 100) -> list[EntryRecord]:
        """Return entries that the index does not have as they are now, oldest first."""
        with self._store.read() as session:
            return [seen_as(EntryRecord, row) for row in session.scalars(_UNINDEXED, {"most": limit})]

    def mark_indexed(self, records: Sequence[EntryRecord]) -> list[EntryRecord]:
        """Note that the index has these; return, as they are now, those that changed since they were read."""
        with self._store.write() as session:
            now = {
                row.id: seen_as(EntryRecord, row)
                for some in _some([record.id for record in records])
                for row in session.scalars(_THESE, {"these": some})
            }
            same = [record.id for record in records if now.get(record.id) == record]
            for some in _some(same):
                session.execute(_INDEXED, {"these": some})
        return [now[record.id] for record in records if now.get(record.id, record) != record]

    def unmark_all(self) -> None:
        """Note that the index has nothing."""
        with self._store.write() as session:
            session.execute(update(EntryRow).where(col(EntryRow.indexed).is_(True)).values(indexed=False))

    def count(self) -> int:
        """Return how many entries there are."""
        with self._store.read() as session:
            return session.scalar(select(func.count()).select_from(EntryRow)) or 0

    def after(self, id: str | None, limit: int = 100) -> list[EntryRecord]:
        """Return the entries written after `id`, or from the first one on. Raises `NotFound` for an unknown id."""
        statement = select(EntryRow).order_by(col(EntryRow.number)).limit(limit)
        with self._store.read() as session:
            if id is not None:
                statement = statement.where(col(EntryRow.number) > _number(session, id))
            return [seen_as(EntryRecord, row) for row in session.scalars(statement)]

    def set_outcome(self, decision_id: str, success: bool | None, trust: Trust) -> list[str]:
        """Say how the case of a decision ended; return the ids that changed, now to be indexed again.

        What was verified is not overwritten by what somebody reported, but for one: a person may take a verified
        success away.
        """
        told = {"success": success, "trust": trust.value}
        other = or_(col(EntryRow.success).is_distinct_from(success), col(EntryRow.trust) != trust.value)
        open_to_it: ColumnElement[bool] = col(EntryRow.trust).in_(_WEAKER[trust])
        if success is False and trust is Trust.REPORTED:
            open_to_it = or_(
                open_to_it, and_(col(EntryRow.trust) == Trust.VERIFIED.value, col(EntryRow.success).is_(True))
            )
        statement = (
            update(EntryRow)
            .where(col(EntryRow.decision_id) == decision_id, open_to_it, other)
            .values(**told, indexed=False)
            .returning(col(EntryRow.id), col(EntryRow.model_name))
        )
        with self._store.write() as session:
            changed = session.execute(statement).all()
            for chain in sorted({chain_of(row.model_name) for row in changed}):
                body = {"decision_id": decision_id, **told}
                self._audit.append(session, chain, "memory.outcome", AURORA, body)
            return [row.id for row in changed]


def write_entries(session: Session, audit: Audit, entries: Sequence[NewEntry], at: datetime) -> list[str]:
    """Keep `entries` in the transaction of what they tell of, with one audit link per chain."""
    named = [entry if entry.id else entry.evolve(id=f"mem_{uuid4().hex}") for entry in entries]
    ids = [str(entry.id) for entry in named]
    known = {
        id for some in _some(ids) for id in session.scalars(select(col(EntryRow.id)).where(col(EntryRow.id).in_(some)))
    }
    fresh = [entry for entry in named if entry.id not in known]
    if fresh:
        rows = [{**_values(entry), "created_at": at, "indexed": False} for entry in fresh]
        session.execute(insertion(session, EntryRow).on_conflict_do_nothing(), rows)
    for chain in sorted({chain_of(entry.model_name) for entry in fresh}):
        told = [entry for entry in fresh if chain_of(entry.model_name) == chain]
        audit.append(session, chain, "memory.added", told[0].source, {"entries": [_digest(entry) for entry in told]})
    return ids


def _values(entry: NewEntry) -> dict[str, Any]:
    values = dict(entry)
    values["features"] = {name: value for name, value in entry.features.items() if math.isfinite(value)}
    return values


def _digest(entry: NewEntry) -> dict[str, Any]:
    return {"id": entry.id, "kind": entry.kind.value, "sha256": sha256(to_json(entry))}


def _number(session: Session, id: str) -> int:
    number = session.scalar(select(col(EntryRow.number)).where(col(EntryRow.id) == id))
    if number is None:
        raise NotFound(f"No memory entry has the id {id!r}.")
    return number


def _some(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))
