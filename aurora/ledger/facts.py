"""What the guardrails need to know about the past, read in the transaction of whoever asks.

In flight is a change that may be happening or has not been verified: an effect that was begun and not answered for, one
that was done while its decision is still being written down, a change whose outcome is pending, and one that did not
help as long as the last word on it is not said, since it may yet be taken back.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Subquery, and_, exists, func, or_, select, union
from sqlalchemy.orm import Session

from aurora.domain import CHANGING, Action, Deed, Facts, Outcome, Status, TrackRecord
from aurora.ledger.tables import DecisionRow, IntentRow, ModelRow

DAY = timedelta(hours=24)
LONG_ENOUGH = 500
"""How many verified outcomes of a model are looked back on."""

_CHANGING = [action.value for action in CHANGING]
_VERIFIED = [Outcome.BETTER.value, Outcome.NOT_BETTER.value, Outcome.UNDONE.value]

_decisions = DecisionRow.__table__.c
_intents = IntentRow.__table__.c
_models = ModelRow.__table__.c


def facts(session: Session, model_name: str, decision_id: str, now: datetime) -> Facts:
    """Return what is known about `model_name` for a ruling on the decision `decision_id`."""
    simulated = bool(session.scalar(select(_models.simulated).where(_models.name == model_name)))
    return Facts(
        deeds=_deeds(session, model_name, now),
        in_flight=_in_flight(session, model_name, decision_id),
        models=_count(session, simulated),
        models_in_change=_count_in_change(session, model_name, simulated),
        track=_track(session, model_name, simulated),
    )


def _deeds(session: Session, model_name: str, now: datetime) -> tuple[Deed, ...]:
    """Changes of the last day; what was begun and never answered for counts as made."""
    executed_at = func.coalesce(_intents.finished_at, _intents.begun_at, type_=_intents.begun_at.type)
    lately = or_(_intents.finished_at > now - DAY, and_(_intents.finished_at.is_(None), _intents.begun_at > now - DAY))
    statement = (
        select(
            _intents.decision_id, _intents.step, executed_at.label("executed_at"), _decisions.outcome, _decisions.price
        )
        .join(DecisionRow.__table__, _decisions.id == _intents.decision_id)
        .where(_intents.model_name == model_name, _intents.action.in_(_CHANGING), _intents.undo.is_(False))
        .where(_intents.state != "failed", lately)
        .order_by(executed_at.desc(), _decisions.number.desc())
    )
    return tuple(
        Deed(
            decision_id=row.decision_id,
            action=row.step.action,
            parameters=row.step.parameters,
            executed_at=row.executed_at,
            outcome=row.outcome or Outcome.PENDING,
            price=row.price,
        )
        for row in session.execute(statement)
    )


def _in_change() -> Subquery:
    """Select decision and model of every change in flight. Four branches, so that each finds its rows by an index."""
    decided = select(_decisions.id, _decisions.model_name)
    pending = (_decisions.outcome == Outcome.PENDING.value, _decisions.decision_type.in_(_CHANGING))
    unhelpful = (_decisions.outcome == Outcome.NOT_BETTER.value, _decisions.reported.is_(False))
    acted = (_intents.action.in_(_CHANGING), _intents.state != "failed")
    begun = select(_intents.decision_id, _intents.model_name).where(_intents.finished_at.is_(None), *acted)
    done = exists().where(_intents.decision_id == _decisions.id, *acted)
    return union(
        decided.where(*pending),
        decided.where(*unhelpful, _decisions.decision_type.in_(_CHANGING)),
        begun,
        decided.where(_decisions.status == Status.RUNNING.value, done),
    ).subquery()


def models_in_change(session: Session, names: Sequence[str]) -> set[str]:
    """Return which of `names` have a change in flight."""
    changes = _in_change().c
    return set(session.scalars(select(changes.model_name).where(changes.model_name.in_(names))))


def _in_flight(session: Session, model_name: str, decision_id: str) -> tuple[str, ...]:
    changes = _in_change().c
    others = select(changes.id).where(changes.model_name == model_name, changes.id != decision_id)
    return tuple(session.scalars(others.order_by(changes.id)))


def _count_in_change(session: Session, model_name: str, simulated: bool) -> int:
    """Count other models in change, of the same kind: a pretend fleet is no share of a real one."""
    changes = _in_change().c
    elsewhere = select(func.count(changes.model_name.distinct())).join(
        ModelRow.__table__, _models.name == changes.model_name
    )
    return session.scalar(elsewhere.where(changes.model_name != model_name, _same_kind(simulated))) or 0


def _count(session: Session, simulated: bool) -> int:
    return session.scalar(select(func.count()).select_from(ModelRow.__table__).where(_same_kind(simulated))) or 0


def _same_kind(simulated: bool) -> ColumnElement[bool]:
    return _models.simulated.is_(True) if simulated else _models.simulated.is_not(True)


def _track(session: Session, model_name: str, simulated: bool) -> dict[Action, TrackRecord]:
    """How the actions on this model turned out, as far as code measured it."""
    statement = (
        select(_decisions.decision_type, _decisions.outcome)
        .where(_decisions.model_name == model_name, _decisions.outcome.in_(_VERIFIED))
        .where(_decisions.verified.is_(True), _decisions.simulated.is_(simulated))
        .order_by(_decisions.number.desc())
        .limit(LONG_ENOUGH)
    )
    outcomes: dict[Action, list[bool]] = {}
    for row in reversed(session.execute(statement).all()):
        outcomes.setdefault(Action(row.decision_type), []).append(row.outcome == Outcome.BETTER.value)
    return {action: TrackRecord(outcomes=tuple(turned_out)) for action, turned_out in outcomes.items()}
