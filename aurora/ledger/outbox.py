"""Messages to people, written with what caused them and delivered at least once."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Update, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from aurora.domain import Notice
from aurora.ledger.part import Part
from aurora.ledger.records import NoticeRecord, seen_as
from aurora.ledger.store import insert_new
from aurora.ledger.tables import NoticeRow


class Outbox(Part):
    """What still has to be said."""

    def add(self, notices: Sequence[Notice]) -> None:
        """Queue `notices`; one whose event id is known already is not queued again."""
        with self._store.write() as session:
            queue(session, notices, self._now())

    def pending(self, limit: int = 100) -> list[NoticeRecord]:
        """Return what was not sent, the least often tried first."""
        unsent = select(NoticeRow).where(col(NoticeRow.sent_at).is_(None))
        statement = unsent.order_by(col(NoticeRow.attempts), col(NoticeRow.number)).limit(limit)
        with self._store.read() as session:
            return [seen_as(NoticeRecord, row, id=row.number) for row in session.scalars(statement)]

    def sent(self, id: int) -> None:
        """Note that the message was delivered."""
        attempts = col(NoticeRow.attempts) + 1
        with self._store.write() as session:
            session.execute(_one(id).values(sent_at=self._now(), attempts=attempts))

    def failed(self, id: int, why: str) -> None:
        """Note that delivering failed; the message stays pending."""
        attempts = col(NoticeRow.attempts) + 1
        with self._store.write() as session:
            session.execute(_one(id).values(attempts=attempts, last_error=why))


def queue(session: Session, notices: Sequence[Notice], at: datetime) -> None:
    """Queue `notices` in the transaction of what caused them."""
    for notice in notices:
        insert_new(session, NoticeRow, **notice.model_dump(), created_at=at, attempts=0, last_error="")


def _one(id: int) -> Update:
    return update(NoticeRow).where(col(NoticeRow.number) == id)
