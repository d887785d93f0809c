"""External effects, each written down before it happens, so that it happens at most once.

The gate is asked here as well, in the transaction that writes the intent: between the ruling and this moment a person
may have stopped AURORA, and another decision may have begun to change the same model.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from aurora.domain import Facts, Mode, Ruling, Step, ToolResult
from aurora.errors import GateClosed, NotFound
from aurora.ledger.audit import AURORA, chain_of
from aurora.ledger.facts import facts
from aurora.ledger.installation import locked_mode, stricter
from aurora.ledger.models import mode_of
from aurora.ledger.part import Part
from aurora.ledger.records import IntentRecord, seen_as
from aurora.ledger.store import changed
from aurora.ledger.tables import DecisionRow, IntentRow, ModelRow

_STATES = {"ok": "done", "failed": "failed", "refused": "failed", "no_data": "unknown"}
"""What a tool's answer says about the effect; no answer means that nobody knows."""


class Intents(Part):
    """The effects."""

    def begin(
        self,
        key: str,
        decision_id: str,
        step: Step,
        tool: str,
        check: Callable[[Facts, Mode], Ruling],
        *,
        undo: bool = False,
    ) -> IntentRecord:
        """Write down that `step` is about to happen; `fresh` tells the one caller that may let it.

        `check` gets the facts and the stricter of the installation's and the model's mode; unless it allows,
        `GateClosed` is raised and nothing is stored. `undo` marks an effect that takes an earlier one back: it is no
        deed of its own. Raises `NotFound` for the decision.
        """
        with self._store.write() as session:
            mode = locked_mode(session)
            row = session.get(IntentRow, key)
            if row is not None:
                return seen_as(IntentRecord, row, fresh=False)
            now, model_name = self._clock(), _model(session, decision_id)
            ruling = check(facts(session, model_name, decision_id, now), stricter(mode, _own_mode(session, model_name)))
            if ruling.verdict != "allow":
                raise GateClosed(" ".join(finding.reason for finding in ruling.findings), ruling=ruling)
            begun = {"key": key, "decision_id": decision_id, "model_name": model_name, "step": step, "tool": tool}
            begun |= {"undo": undo, "state": "begun", "begun_at": now}
            session.execute(insert(IntentRow.__table__).values(**begun, action=step.action.value))
            body = {"key": key, "decision_id": decision_id, "tool": tool, "undo": undo}
            body |= {"step": step.model_dump(mode="json"), "fingerprint": ruling.fingerprint}
            self._audit.append(session, chain_of(model_name), "intent.begun", AURORA, body)
            return seen_as(IntentRecord, session.get_one(IntentRow, key), fresh=True)

    def finish(self, key: str, result: ToolResult) -> IntentRecord:
        """Write down what came of it: done, failed or unknown. What is known already stays. Raises `NotFound`."""
        state = _STATES[result.status]
        finished = {"state": state, "result": result, "finished_at": None if state == "unknown" else self._clock()}
        open_ended = (col(IntentRow.key) == key, col(IntentRow.finished_at).is_(None))
        with self._store.write() as session:
            known = not changed(session, update(IntentRow).where(*open_ended).values(**finished))
            row = _row(session, key)
            if not known:
                body = {"key": key, "result": result.model_dump(mode="json")}
                self._audit.append(session, chain_of(row.model_name), f"intent.{row.state}", AURORA, body)
            return seen_as(IntentRecord, row, fresh=False)

    def get(self, key: str) -> IntentRecord:
        """Return the intent. Raises `NotFound`."""
        with self._store.read() as session:
            return seen_as(IntentRecord, _row(session, key), fresh=False)

    def of_decision(self, decision_id: str) -> Sequence[IntentRecord]:
        """Return the intents of a decision, oldest first."""
        statement = select(IntentRow).where(col(IntentRow.decision_id) == decision_id)
        with self._store.read() as session:
            rows = session.scalars(statement.order_by(col(IntentRow.begun_at), col(IntentRow.key)))
            return [seen_as(IntentRecord, row, fresh=False) for row in rows]

    def open_intents(self) -> Sequence[IntentRecord]:
        """Return the effects of which nobody knows yet whether they happened, oldest first."""
        statement = select(IntentRow).where(col(IntentRow.finished_at).is_(None))
        with self._store.read() as session:
            rows = session.scalars(statement.order_by(col(IntentRow.begun_at), col(IntentRow.key)))
            return [seen_as(IntentRecord, row, fresh=False) for row in rows]


def _row(session: Session, key: str) -> IntentRow:
    row = session.get(IntentRow, key)
    if row is None:
        raise NotFound(f"No intent has the key {key!r}.")
    return row


def _model(session: Session, decision_id: str) -> str:
    name = session.scalar(select(col(DecisionRow.model_name)).where(col(DecisionRow.id) == decision_id))
    if name is None:
        raise NotFound(f"No decision has the id {decision_id!r}.")
    return name


def _own_mode(session: Session, model_name: str) -> Mode:
    model = session.get_one(ModelRow, model_name)
    return mode_of(model.settings, model.simulated)
