"""What the guardrails need to know about the past, read in the transaction of whoever asks.

In flight is a change that may be happening or has not been verified: an effect that was begun and not answered for, one
that was done while its decision is still being written down, a change whose outcome is pending, and one that did not
help as long as the last word on it is not said, since it may yet be taken back.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, Subquery, and_, bindparam, exists, func, literal, or_, select, union
from sqlalchemy.orm import Session

from aurora.domain import CHANGING, Action, Deed, Facts, Outcome, Status, TrackRecord
from aurora.ledger.tables import DecisionRow, IntentRow, ModelRow

DAY = timedelta(hours=24)
LONG_ENOUGH = 500
"""How many verified outcomes of each kind of action on a model are looked back on."""

_CHANGING = [action.value for action in CHANGING]
_VERIFIED = [Outcome.BETTER.value, Outcome.NOT_BETTER.value, Outcome.UNDONE.value]

_decisions = DecisionRow.__table__.c
_intents = IntentRow.__table__.c
_models = ModelRow.__table__.c


def facts(session: Session, model_name: str, decision_id: str, now: datetime) -> Facts:
    """Return what is known about `model_name` for a ruling on the decision `decision_id`."""
    simulated = bool(session.scalar(_SIMULATED, {"name": model_name}))
    kind = {"simulated": simulated}
    return Facts(
        deeds=_deeds(session, model_name, now),
        in_flight=in_flight(session, model_name, decision_id),
        models=session.scalar(_COUNT, kind) or 0,
        models_in_change=session.scalar(_COUNT_IN_CHANGE, {"name": model_name, **kind}) or 0,
        track=tracks(session, [model_name]).get(model_name, {}),
    )


def in_flight(session: Session, model_name: str, decision_id: str) -> tuple[str, ...]:
    """Return the decisions beside `decision_id` whose change of the model is in flight."""
    return tuple(session.scalars(_IN_FLIGHT, {"name": model_name, "beside": decision_id}))


def models_in_change(session: Session, names: Sequence[str]) -> set[str]:
    """Return which of `names` have a change in flight."""
    changes = _in_change().c
    return set(session.scalars(select(changes.model_name).where(changes.model_name.in_(names))))


def _deeds(session: Session, model_name: str, now: datetime) -> tuple[Deed, ...]:
    """Changes of the last day; what was begun and never answered for counts as made."""
    return tuple(
        Deed(
            decision_id=row.decision_id,
            action=row.step.action,
            parameters=row.step.parameters,
            executed_at=row.executed_at,
            outcome=row.outcome or Outcome.PENDING,
            price=row.price,
        )
        for row in session.execute(_DEEDS, {"name": model_name, "since": now - DAY})
    )


def tracks(session: Session, names: Sequence[str]) -> dict[str, dict[Action, TrackRecord]]:
    """Return how the actions on each model turned out, as far as code measured it on the kind of backend it is on."""
    found: dict[str, dict[Action, list[bool]]] = {}
    for row in session.execute(_TRACKS, {"names": names}):
        outcomes = found.setdefault(row.model_name, {}).setdefault(Action(row.decision_type), [])
        outcomes.append(row.outcome == Outcome.BETTER.value)
    return {
        name: {action: TrackRecord(outcomes=tuple(outcomes)) for action, outcomes in by_action.items()}
        for name, by_action in found.items()
    }


# --- the statements, built once: building one takes as long as running it ---------------------------------------------


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


def _deeds_of_a_model() -> Select[*tuple[Any, ...]]:
    executed_at = func.coalesce(_intents.finished_at, _intents.begun_at, type_=_intents.begun_at.type)
    since = bindparam("since", type_=_intents.begun_at.type)
    lately = or_(_intents.finished_at > since, and_(_intents.finished_at.is_(None), _intents.begun_at > since))
    return (
        select(
            _intents.decision_id, _intents.step, executed_at.label("executed_at"), _decisions.outcome, _decisions.price
        )
        .join(DecisionRow.__table__, _decisions.id == _intents.decision_id)
        .where(_intents.model_name == _NAME, _intents.action.in_(_CHANGING), _intents.undo.is_(False))
        .where(_intents.state != "failed", lately)
        .order_by(executed_at.desc(), _decisions.number.desc())
    )


def _others_in_flight() -> Select[str]:
    changes = _in_change().c
    others = select(changes.id).where(changes.model_name == _NAME, changes.id != bindparam("beside"))
    return others.order_by(changes.id)


def _models_elsewhere_in_change() -> Select[int]:
    """Count other models in change, of the same kind: a pretend fleet is no share of a real one."""
    changes = _in_change().c
    elsewhere = select(func.count(changes.model_name.distinct())).join(
        ModelRow.__table__, _models.name == changes.model_name
    )
    return elsewhere.where(changes.model_name != _NAME, _SAME_KIND)


def _verified_outcomes(most: int = LONG_ENOUGH) -> Select[*tuple[Any, ...]]:
    """Select the `most` newest outcomes of each kind of action, oldest first: a frequent one crowds out no rare one."""
    age = func.row_number().over(
        partition_by=(_decisions.model_name, _decisions.decision_type), order_by=_decisions.number.desc()
    )
    verified = (
        select(_decisions.model_name, _decisions.decision_type, _decisions.outcome, _decisions.number, age.label("age"))
        .join(ModelRow.__table__, _models.name == _decisions.model_name)
        .where(_decisions.model_name.in_(bindparam("names", expanding=True)), _decisions.verified.is_(True))
        .where(_decisions.outcome.in_(_VERIFIED), _decisions.simulated == func.coalesce(_models.simulated, False))
        .subquery()
    )
    newest = select(verified.c.model_name, verified.c.decision_type, verified.c.outcome)
    return newest.where(verified.c.age <= most).order_by(verified.c.number)


_NAME = bindparam("name", type_=_models.name.type)
_SAME_KIND = func.coalesce(_models.simulated, literal(False)) == bindparam("simulated", type_=_models.simulated.type)
"""Whose kind nobody knows counts as real."""
_SIMULATED = select(_models.simulated).where(_models.name == _NAME)
_DEEDS = _deeds_of_a_model()
_IN_FLIGHT = _others_in_flight()
_COUNT = select(func.count()).select_from(ModelRow.__table__).where(_SAME_KIND)
_COUNT_IN_CHANGE = _models_elsewhere_in_change()
_TRACKS = _verified_outcomes()
