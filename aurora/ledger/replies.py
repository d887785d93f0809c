"""The first answers to requests that carry an Idempotency-Key."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update
from sqlmodel import col

from aurora.crashes import Crash, crash_point
from aurora.errors import IdempotencyMismatch
from aurora.ledger.part import Part
from aurora.ledger.records import Reply, seen_as
from aurora.ledger.store import changed, insert_new
from aurora.ledger.tables import ReplyRow

ABANDONED = timedelta(minutes=15)
"""A request that has had no answer for so long died with its process; the next one with its key may try."""


class Replies(Part):
    """One answer per key and owner."""

    def begin(self, key: str, owner: str, route: str, body_hash: str) -> Reply | None:
        """Return the first answer, one without a status code while it is being worked out, or None: it is yours to do.

        Raises `IdempotencyMismatch` where the key came with another route or body before.
        """
        now = self._now()
        with self._store.write() as session:
            fresh = {"key": key, "owner": owner, "route": route, "body_hash": body_hash, "begun_at": now}
            if insert_new(session, ReplyRow, **fresh, content_type="", body=""):
                return None
            row = session.scalars(select(ReplyRow).where(*_one(key, owner)).with_for_update()).one()
            if (row.route, row.body_hash) != (route, body_hash):
                raise IdempotencyMismatch
            if row.status_code is None and row.begun_at <= now - ABANDONED:
                row.begun_at = now
                session.flush()
                return None
            return seen_as(Reply, row)

    def finish(self, key: str, owner: str, status_code: int, body: str, content_type: str = "application/json") -> None:
        """Keep the answer."""
        crash_point(Crash.REPLY_MADE)
        values: dict[str, Any] = {"status_code": status_code, "body": body, "content_type": content_type}
        with self._store.write() as session:
            session.execute(update(ReplyRow).where(*_one(key, owner)).values(**values))
        crash_point(Crash.REPLY_KEPT)

    def forget(self, key: str, owner: str) -> None:
        """Give the key back: the request came to nothing that should be repeated as an answer."""
        with self._store.write() as session:
            session.execute(delete(ReplyRow).where(*_one(key, owner)))

    def forget_before(self, moment: datetime) -> int:
        """Drop the answers to requests that began before `moment`; return how many."""
        with self._store.write() as session:
            table = ReplyRow.__table__
            return changed(session, delete(table).where(table.c.begun_at < moment))


def _one(key: str, owner: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(ReplyRow.key) == key, col(ReplyRow.owner) == owner
