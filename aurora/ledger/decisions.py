"""The decisions, and every noun that led to them.

`record` is how a node of the graph writes: one transaction holds the noun, where the decision stands after it, the
question it asks, what it says to people and what it leaves to memory. A second `record` of the same noun changes
nothing and returns the first, so that a run that was interrupted can be repeated from its beginning.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Select, bindparam, insert, select, update
from sqlalchemy.engine import Row as Fetched
from sqlalchemy.orm import Session
from sqlmodel import col

from aurora.domain import (
    Action,
    Critique,
    Execution,
    Facts,
    Mode,
    NewApproval,
    NewEntry,
    Notice,
    Outcome,
    OutcomeReport,
    Plan,
    Report,
    Ruling,
    Standing,
    Status,
    Telemetry,
    TrackRecord,
    Undo,
    Value,
    Verification,
)
from aurora.errors import NotFound
from aurora.ledger import approvals, outbox
from aurora.ledger.audit import AURORA, Audit, chain_of, sha256
from aurora.ledger.columns import to_json
from aurora.ledger.entries import write_entries
from aurora.ledger.facts import facts, in_flight, tracks
from aurora.ledger.models import Models, touch
from aurora.ledger.part import Part
from aurora.ledger.records import DecisionRecord, NounRecord, OutcomeRecord, Page, UndoRequest, seen_as
from aurora.ledger.store import Store, insert_new
from aurora.ledger.tables import DecisionRow, NounRow, OutcomeRow, UndoRow
from aurora.ledger.wakeups import WakeUps
from aurora.ports import Clock

_decisions = DecisionRow.__table__
_THIS = _decisions.c.id == bindparam("of")
_NEEDED = (_decisions.c.id, _decisions.c.model_name, _decisions.c.simulated, _decisions.c.decision_type)
_LOCK = select(*_NEEDED).where(_THIS).with_for_update(key_share=True)
_UPDATE = update(_decisions).where(_THIS)
_WHOLE = select(DecisionRow).where(col(DecisionRow.id) == bindparam("of"))
_NOUNS = select(NounRow).where(col(NounRow.decision_id) == bindparam("of")).order_by(col(NounRow.number))
_NOUN = select(col(NounRow.body)).where(
    col(NounRow.decision_id) == bindparam("of"),
    col(NounRow.round) == bindparam("in_round"),
    col(NounRow.node) == bindparam("by"),
)


class Decisions(Part):
    """The decisions."""

    def __init__(self, store: Store, clock: Clock, audit: Audit, models: Models, wakeups: WakeUps) -> None:
        super().__init__(store, clock, audit)
        self._models = models
        self._wakeups = wakeups

    def open(
        self,
        telemetry: Telemetry,
        *,
        dry_run: bool,
        mode: Mode,
        simulated: bool,
        decision_id: str | None = None,
        held: bool = False,
    ) -> str:
        """Begin a decision and return its id; one that was begun under `decision_id` before stays as it is.

        `held` keeps it out of `unfinished` until it is released: its caller takes it further step by step.
        """
        id = decision_id or f"dec_{uuid4().hex}"
        with self._store.write() as session:
            self.open_in(session, id, telemetry, dry_run=dry_run, mode=mode, simulated=simulated, held=held)
        return id

    def open_in(
        self,
        session: Session,
        id: str,
        telemetry: Telemetry,
        *,
        dry_run: bool,
        mode: Mode,
        simulated: bool,
        held: bool = False,
    ) -> None:
        """Do what `open` does, in the transaction of whoever has a reason to."""
        now, name = self._now(), telemetry.model_name
        values = {
            "id": id,
            "model_name": name,
            "created_at": now,
            "updated_at": now,
            "status": Status.RUNNING.value,
            "mode": mode.value,
            "dry_run": dry_run,
            "held": held,
            "reported": False,
            "simulated": simulated,
            "telemetry": telemetry,
            "price": 0.0,
        }
        body = {"decision_id": id, "mode": mode.value, "dry_run": dry_run, "simulated": simulated}
        touch(session, [name], now, simulated)
        if insert_new(session, DecisionRow, **values):
            digest = sha256(to_json(telemetry))
            self._audit.append(session, chain_of(name), "decision.opened", AURORA, body | {"telemetry": digest})

    def record(
        self,
        id: str,
        round: int,
        node: str,
        noun: Value,
        standing: Standing,
        *,
        ask: NewApproval | None = None,
        notices: Sequence[Notice] = (),
        entry: NewEntry | None = None,
        verify_at: datetime | None = None,
    ) -> str:
        """Write one noun and all that goes with it; return the JSON on record. Raises `NotFound` for the decision."""
        now, body = self._now(), to_json(noun)
        written = {"decision_id": id, "round": round, "node": node, "kind": type(noun).__name__, "body": body}
        with self._store.write() as session:
            decision = _locked(session, id)
            if not insert_new(session, NounRow, **written, written_at=now):
                return session.execute(_NOUN, _key(id, round, node)).scalar_one()
            stands = dict(standing) | self._stated(session, decision, noun, round) | {"updated_at": now}
            if verify_at is not None:
                stands["verify_at"] = verify_at
                self._wakeups.verify(session, id, verify_at, now)
            if ask is not None:
                approvals.ask(session, decision, ask, now)
                stands["approval_id"] = ask.id
            session.execute(_UPDATE, {**stands, "of": id})
            outbox.queue(session, notices, now)
            if entry is not None:
                write_entries(session, self._audit, [entry], now)
            told = {"decision_id": id, "round": round, "node": node, "sha256": sha256(body)}
            told |= standing.model_dump(mode="json") | {"approval": ask and ask.model_dump(mode="json")}
            self._audit.append(session, chain_of(decision.model_name), f"decision.{node}", AURORA, told)
        return body

    def get(self, id: str) -> DecisionRecord:
        """Return the decision. Raises `NotFound`."""
        with self._store.read() as session:
            return seen_as(DecisionRecord, _row(session, id))

    def history(self, id: str) -> tuple[DecisionRecord, Sequence[NounRecord]]:
        """Return the decision and its nouns, of one moment. Raises `NotFound`."""
        with self._store.read() as session:
            return seen_as(DecisionRecord, _row(session, id)), _nouns(session, id)

    def noun(self, id: str, round: int, node: str) -> str | None:
        """Return the JSON that `node` recorded in `round`, if it did."""
        with self._store.read() as session:
            return session.scalar(_NOUN, _key(id, round, node))

    def nouns(self, id: str) -> Sequence[NounRecord]:
        """Return all nouns of a decision in the order in which they were written."""
        with self._store.read() as session:
            return _nouns(session, id)

    def newest(self, ids: Collection[str], nodes: Collection[str]) -> dict[str, dict[str, str]]:
        """Return the newest JSON that each of `nodes` recorded for several decisions: by id, then by node."""
        of = (col(NounRow.decision_id).in_(ids), col(NounRow.node).in_(nodes))
        statement = select(col(NounRow.decision_id), col(NounRow.node), col(NounRow.body)).where(*of)
        found: dict[str, dict[str, str]] = {id: {} for id in ids}
        with self._store.read() as session:
            for id, node, body in session.execute(statement.order_by(col(NounRow.number))):
                found[id][node] = body
        return found

    def several(self, ids: Collection[str]) -> Sequence[DecisionRecord]:
        """Return the decisions with these ids, oldest first; an unknown id is left out."""
        return self._read(select(DecisionRow).where(col(DecisionRow.id).in_(ids)).order_by(col(DecisionRow.number)))

    def due(self, now: datetime) -> Sequence[DecisionRecord]:
        """Return decisions whose outcome is pending and to be looked at by `now`, the longest due first."""
        pending = col(DecisionRow.outcome) == Outcome.PENDING.value
        due = select(DecisionRow).where(pending, col(DecisionRow.verify_at) <= now)
        return self._read(due.order_by(col(DecisionRow.verify_at), col(DecisionRow.number)))

    def unfinished(self) -> Sequence[DecisionRecord]:
        """Return decisions that are being worked out, or were when their process died; oldest first. None is held."""
        running = select(DecisionRow).where(
            col(DecisionRow.status) == Status.RUNNING.value, col(DecisionRow.held).is_(False)
        )
        return self._read(running.order_by(col(DecisionRow.number)))

    def unreported(self) -> Sequence[DecisionRecord]:
        """Return decisions that wait for nothing and yet have no last word: their process died on the way to it."""
        waits = (Status.RUNNING.value, Status.AWAITING_APPROVAL.value)
        ended = select(DecisionRow).where(
            col(DecisionRow.reported).is_(False),
            col(DecisionRow.held).is_(False),
            col(DecisionRow.status).not_in(waits),
            col(DecisionRow.outcome).is_distinct_from(Outcome.PENDING.value),
        )
        return self._read(ended.order_by(col(DecisionRow.number)))

    def release(self, id: str) -> None:
        """Let anybody take a held decision further; one that is not held stays as it is. Raises `NotFound`."""
        with self._store.write() as session:
            _locked(session, id)
            session.execute(_UPDATE, {"of": id, "held": False})

    def postpone(self, id: str, verify_at: datetime) -> None:
        """Look at the outcome later. Raises `NotFound`."""
        with self._store.write() as session:
            decision = _locked(session, id)
            session.execute(_UPDATE, {"of": id, "verify_at": verify_at, "updated_at": self._now()})
            self._wakeups.verify(session, id, verify_at, self._now())
            body = {"decision_id": id, "verify_at": verify_at.isoformat()}
            self._audit.append(session, chain_of(decision.model_name), "decision.postponed", AURORA, body)

    def facts(self, model_name: str, decision_id: str, now: datetime) -> Facts:
        """Return what a ruling on the decision needs to know about the past."""
        with self._store.read() as session:
            return facts(session, model_name, decision_id, now)

    def tracks(self, names: Sequence[str]) -> dict[str, dict[Action, TrackRecord]]:
        """Return how each kind of action turned out on each of these models, verified outcomes only."""
        with self._store.read() as session:
            return tracks(session, names)

    def in_flight(self, model_name: str, decision_id: str) -> tuple[str, ...]:
        """Return the decisions beside `decision_id` whose change of the model is in flight; see `facts`."""
        with self._store.read() as session:
            return in_flight(session, model_name, decision_id)

    def add_outcome(self, id: str, report: OutcomeReport, by: str) -> None:
        """Keep what somebody outside says came of the decision. Raises `NotFound`."""
        values = {**dict(report), "decision_id": id, "by": by, "reported_at": self._now()}
        with self._store.write() as session:
            decision = _locked(session, id)
            session.execute(insert(OutcomeRow.__table__).values(**values))
            body = {"decision_id": id, "report": report.model_dump(mode="json")}
            self._audit.append(session, chain_of(decision.model_name), "decision.outcome_reported", by, body)

    def outcomes(self, id: str) -> Sequence[OutcomeRecord]:
        """Return what was reported, oldest first."""
        statement = select(OutcomeRow).where(col(OutcomeRow.decision_id) == id).order_by(col(OutcomeRow.number))
        with self._store.read() as session:
            return [
                seen_as(OutcomeRecord, row, report=seen_as(OutcomeReport, row)) for row in session.scalars(statement)
            ]

    def request_undo(self, id: str, reason: str, by: str) -> UndoRequest:
        """Note that somebody wants it taken back; the first request counts and is returned. Raises `NotFound`."""
        values = {"decision_id": id, "reason": reason, "by": by, "requested_at": self._now()}
        with self._store.write() as session:
            decision = _locked(session, id)
            if insert_new(session, UndoRow, **values):
                # There is a last word to be said again: if nobody lives to say it, the sweep finds the wish.
                session.execute(_UPDATE, {"of": id, "reported": False})
                body = {"decision_id": id, "reason": reason}
                self._audit.append(session, chain_of(decision.model_name), "decision.undo_requested", by, body)
            return seen_as(UndoRequest, session.get_one(UndoRow, id))

    def undo_requested(self, id: str) -> UndoRequest | None:
        """Return who wants it taken back, if anybody."""
        with self._store.read() as session:
            row = session.get(UndoRow, id)
            return None if row is None else seen_as(UndoRequest, row)

    def list(
        self, limit: int = 20, model_name: str | None = None, status: str | None = None, before: str | None = None
    ) -> Page[DecisionRecord]:
        """Return decisions, newest first: those older than `before`. Raises `NotFound` for an unknown `before`."""
        statement = select(DecisionRow).order_by(col(DecisionRow.number).desc()).limit(limit + 1)
        if model_name is not None:
            statement = statement.where(col(DecisionRow.model_name) == model_name)
        if status is not None:
            statement = statement.where(col(DecisionRow.status) == status)
        with self._store.read() as session:
            if before is not None:
                statement = statement.where(col(DecisionRow.number) < _row(session, before).number)
            items = [seen_as(DecisionRecord, row) for row in session.scalars(statement)]
        return Page(items=tuple(items[:limit]), next=items[limit - 1].id if len(items) > limit else None)

    def _read(self, statement: Select[DecisionRow]) -> Sequence[DecisionRecord]:
        with self._store.read() as session:
            return [seen_as(DecisionRecord, row) for row in session.scalars(statement)]

    def _stated(self, session: Session, decision: Fetched[*tuple[Any, ...]], noun: Value, round: int) -> dict[str, Any]:
        """Return what the noun says about the decision as a whole."""
        said: dict[str, Any] = {}
        match noun:
            case Plan():
                said = {"decision_type": noun.step.action, "confidence": noun.confidence, "price": noun.price}
            case Critique():
                said = {"confidence": noun.confidence}
            case Ruling():
                said = {"confidence": noun.confidence, **self._edited(session, decision, noun.step.action)}
            case Execution():
                said = self._edited(session, decision, noun.step.action)
            case Verification():
                said = {"verified": noun.verified}
            case Undo(status="undone"):
                said = {"verified": _was_verified(session, decision.id)}
            case Report():
                # A wish to take it back that came during the run is still to be seen to, in a round of its own.
                said = {"reported": round > 0 or not _wanted_back(session, decision.id)}
        return said

    def _edited(self, session: Session, decision: Fetched[*tuple[Any, ...]], action: Action) -> dict[str, Any]:
        """Return the action and its price where a person turned the plan into another: the budget counts the deed."""
        if action == decision.decision_type:
            return {}
        costs = self._models.settings_in(session, decision.model_name).costs
        return {"decision_type": action, "price": costs.of(action)}


def _nouns(session: Session, id: str) -> list[NounRecord]:
    return [seen_as(NounRecord, row) for row in session.scalars(_NOUNS, {"of": id})]


def _row(session: Session, id: str) -> DecisionRow:
    row = session.scalars(_WHOLE, {"of": id}).one_or_none()
    if row is None:
        raise NotFound(f"No decision has the id {id!r}.")
    return row


def _locked(session: Session, id: str) -> Fetched[*tuple[Any, ...]]:
    """Return what a writer needs of the decision, which no other writer changes meanwhile."""
    row = session.execute(_LOCK, {"of": id}).one_or_none()
    if row is None:
        raise NotFound(f"No decision has the id {id!r}.")
    return row


def _wanted_back(session: Session, id: str) -> bool:
    return session.get(UndoRow, id) is not None


def _was_verified(session: Session, id: str) -> bool:
    """Return whether code ever measured what came of it: a second look, at what goes anyway, may see nothing."""
    verdicts = select(col(NounRow.body)).where(col(NounRow.decision_id) == id, col(NounRow.node) == "verify")
    return any(Verification.model_validate_json(body).verified for body in session.scalars(verdicts))


def _key(id: str, round: int, node: str) -> dict[str, Any]:
    return {"of": id, "in_round": round, "by": node}
