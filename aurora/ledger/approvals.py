"""Questions to people. Each is settled once, by a named person, for exactly what runs.

One conditional UPDATE decides between two people, a person and the clock, or two processes; whoever loses learns who
won.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Select, insert, select, update
from sqlalchemy.engine import Row as Fetched
from sqlalchemy.orm import Session
from sqlmodel import col

from aurora.domain import NewApproval, Status, Step
from aurora.errors import Conflict, Invalid, NotFound
from aurora.ledger.audit import AURORA, Audit, chain_of
from aurora.ledger.part import Part
from aurora.ledger.records import ApprovalRecord, Page, seen_as
from aurora.ledger.store import Store, changed
from aurora.ledger.tables import ApprovalRow, DecisionRow
from aurora.ledger.wakeups import WakeUps
from aurora.ports import Clock

Answer = Literal["approved", "rejected", "edited"]


class Approvals(Part):
    """The questions, and what was answered."""

    def __init__(self, store: Store, clock: Clock, audit: Audit, wakeups: WakeUps) -> None:
        super().__init__(store, clock, audit)
        self._wakeups = wakeups

    def get(self, id: str) -> ApprovalRecord:
        """Return the approval. Raises `NotFound`."""
        with self._store.read() as session:
            return seen_as(ApprovalRecord, _row(session, id))

    def for_round(self, decision_id: str, round: int) -> ApprovalRecord | None:
        """Return what was asked in one round of a decision."""
        asked = select(ApprovalRow).where(col(ApprovalRow.decision_id) == decision_id, col(ApprovalRow.round) == round)
        with self._store.read() as session:
            row = session.scalars(asked).one_or_none()
            return None if row is None else seen_as(ApprovalRecord, row)

    def of_decision(self, decision_id: str) -> Sequence[ApprovalRecord]:
        """Return all that was asked for a decision, oldest first."""
        asked = select(ApprovalRow).where(col(ApprovalRow.decision_id) == decision_id)
        return self._read(asked.order_by(col(ApprovalRow.number)))

    def unheard(self) -> Sequence[ApprovalRecord]:
        """Return approvals that are settled while their decision still waits for them: its wake-up got lost."""
        asking = col(DecisionRow.approval_id) == col(ApprovalRow.id)
        waiting = col(DecisionRow.status) == Status.AWAITING_APPROVAL.value
        settled = col(ApprovalRow.status) != "waiting"
        return self._read(select(ApprovalRow).join(DecisionRow, asking).where(waiting, settled))

    def settle(
        self,
        id: str,
        answer: Answer,
        by: str,
        *,
        authenticated: bool = False,
        reason: str = "",
        step: Step | None = None,
        fingerprint: str | None = None,
    ) -> ApprovalRecord:
        """Record the answer of a person, once.

        `edited` needs the new `step` and its `fingerprint`; for the others a `fingerprint` must be the one that was
        asked about. Raises `NotFound`, and `Conflict` once settled or expired, naming what it was settled as.
        """
        if (answer == "edited") != (step is not None) or (step is not None and fingerprint is None):
            raise Invalid("An edit, and nothing else, comes with a step and its fingerprint.")
        now = self._now()
        said: dict[str, Any] = {"status": answer, "by": by, "authenticated": authenticated, "reason": reason}
        waiting = [col(ApprovalRow.id) == id, col(ApprovalRow.status) == "waiting", col(ApprovalRow.expires_at) > now]
        if step is not None:
            said |= {"edited_step": step, "fingerprint": fingerprint}
        elif fingerprint is not None:
            waiting.append(col(ApprovalRow.fingerprint) == fingerprint)
        with self._store.write() as session:
            won = changed(session, update(ApprovalRow).where(*waiting).values(**said, settled_at=now))
            row = _row(session, id)
            if not won:
                raise _lost(row, fingerprint, now)
            self._tell(session, row, by)
            return seen_as(ApprovalRecord, row)

    def expire_due(self, now: datetime) -> Sequence[ApprovalRecord]:
        """Settle as expired what waited too long; return what this call expired."""
        due = select(col(ApprovalRow.id)).where(
            col(ApprovalRow.status) == "waiting", col(ApprovalRow.expires_at) <= now
        )
        with self._store.read() as session:
            ids = session.scalars(due.order_by(col(ApprovalRow.number))).all()
        return [record for id in ids if (record := self._expire(id, now))]

    def list(self, status: str | None = None, limit: int = 20, before: str | None = None) -> Page[ApprovalRecord]:
        """Return approvals, newest first: those older than `before`. Raises `NotFound` for an unknown `before`."""
        statement = select(ApprovalRow).order_by(col(ApprovalRow.number).desc()).limit(limit + 1)
        if status is not None:
            statement = statement.where(col(ApprovalRow.status) == status)
        with self._store.read() as session:
            if before is not None:
                statement = statement.where(col(ApprovalRow.number) < _row(session, before).number)
            items = [seen_as(ApprovalRecord, row) for row in session.scalars(statement)]
        return Page(items=tuple(items[:limit]), next=items[limit - 1].id if len(items) > limit else None)

    def _expire(self, id: str, now: datetime) -> ApprovalRecord | None:
        waiting = (col(ApprovalRow.id) == id, col(ApprovalRow.status) == "waiting", col(ApprovalRow.expires_at) <= now)
        with self._store.write() as session:
            if not changed(session, update(ApprovalRow).where(*waiting).values(status="expired", settled_at=now)):
                return None
            row = _row(session, id)
            self._tell(session, row, AURORA)
            return seen_as(ApprovalRecord, row)

    def _read(self, statement: Select[ApprovalRow]) -> Sequence[ApprovalRecord]:
        with self._store.read() as session:
            return [seen_as(ApprovalRecord, row) for row in session.scalars(statement)]

    def _tell(self, session: Session, row: ApprovalRow, actor: str) -> None:
        self._wakeups.resume(session, row.decision_id, row.id)
        body = {
            "approval_id": row.id,
            "decision_id": row.decision_id,
            "round": row.round,
            "fingerprint": row.fingerprint,
            "step": (row.edited_step or row.step).model_dump(mode="json"),
            "authenticated": row.authenticated,
            "reason": row.reason,
        }
        self._audit.append(session, chain_of(row.model_name), f"approval.{row.status}", actor, body)


def ask(session: Session, decision: Fetched[*tuple[Any, ...]], question: NewApproval, at: datetime) -> None:
    """Write a question down in the transaction of the noun that asks it."""
    row = {
        **dict(question),
        "decision_id": decision.id,
        "model_name": decision.model_name,
        "simulated": decision.simulated,
        "status": "waiting",
        "created_at": at,
        "authenticated": False,
        "reason": "",
    }
    session.execute(insert(ApprovalRow.__table__).values(**row))


def _row(session: Session, id: str) -> ApprovalRow:
    row = session.scalars(select(ApprovalRow).where(col(ApprovalRow.id) == id)).one_or_none()
    if row is None:
        raise NotFound(f"No approval has the id {id!r}.")
    return row


def _lost(row: ApprovalRow, fingerprint: str | None, now: datetime) -> Conflict:
    if row.status != "waiting":
        whom = f" by {row.by}" if row.by else ""
        said = f"Approval {row.id} was {row.status}{whom} at {row.settled_at:%Y-%m-%d %H:%M:%S} UTC."
    elif row.expires_at <= now:
        said = f"Approval {row.id} expired at {row.expires_at:%Y-%m-%d %H:%M:%S} UTC."
    else:
        said = f"Approval {row.id} asks about {row.fingerprint}, not about {fingerprint}."
    return Conflict(said, approval_id=row.id, status=row.status, by=row.by)
