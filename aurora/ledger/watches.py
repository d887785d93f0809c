"""What the monitor thinks of each model, and its claims to look: one row a model, written here and nowhere else.

Level-triggered: a row is due while its time has come, whoever saw it last and whether or not they lived to say so.
Points that arrive make it due at once. Of two that want to look at one breach, one conditional UPDATE decides, in the
transaction that also opens the decision: there is no claim without its decision, and no decision without its claim.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import ColumnElement, UpdateBase, and_, bindparam, case, func, null, or_, select, update
from sqlalchemy.orm import Session

from aurora.domain import CHANGING, TRAINING, Action, Mode, Notice, Outcome, Status, Telemetry
from aurora.ledger import outbox
from aurora.ledger.audit import Audit
from aurora.ledger.decisions import Decisions
from aurora.ledger.facts import models_in_change
from aurora.ledger.installation import locked_mode, stricter
from aurora.ledger.models import Models, touch
from aurora.ledger.part import Part
from aurora.ledger.records import DecisionRecord, Surroundings, WatchRecord, seen_as
from aurora.ledger.store import Store, changed, dialect_of, insertion_in
from aurora.ledger.tables import DecisionRow, InstallationRow, IntentRow, WatchRow
from aurora.policy.evidence import brought_in
from aurora.ports import Clock

_C = WatchRow.__table__.c
_decisions = DecisionRow.__table__.c
_intents = IntentRow.__table__.c

_CHANGING = [action.value for action in CHANGING]
_VERSIONING = [action.value for action in (*TRAINING, Action.ROUTE)]
_CALM = ("quiet", "suspicious")
_KEPT = tuple(
    name for name in WatchRecord.model_fields if name not in ("model_name", "due_at", "heard", "heard_at", "turn")
)
_KEEP = (
    update(WatchRow.__table__)
    .where(_C.model_name == bindparam("of"), _C.turn == bindparam("turn_read"))
    .values(
        # Points that came while these were judged have made it due already, and are to be seen.
        due_at=case(
            (_C.heard == bindparam("heard_read"), bindparam("due_next", type_=_C.due_at.type)), else_=_C.due_at
        ),
        **{name: bindparam(f"new_{name}", type_=_C[name].type) for name in _KEPT},
    )
)


class Watches(Part):
    """The watches."""

    def __init__(self, store: Store, clock: Clock, audit: Audit, models: Models, decisions: Decisions) -> None:
        super().__init__(store, clock, audit)
        self._models = models
        self._decisions = decisions

    def get(self, name: str) -> WatchRecord | None:
        """Return the watch over a model; None before its first point."""
        return self.of([name]).get(name)

    def of(self, names: Sequence[str]) -> dict[str, WatchRecord]:
        """Return the watches over several models, by name."""
        return {one.model_name: one for one in self._read(_C.model_name.in_(names))}

    def due(self, now: datetime, limit: int, after: str = "") -> list[WatchRecord]:
        """Return watches that have something to look at, by name: new points, silence, or a breach that waits."""
        something = or_(_C.heard > _C.judged, _C.silent_at <= now, _C.word.not_in(_CALM))
        return self._read(_C.due_at <= now, something, _C.model_name > after, limit=limit)

    def pass_over(self, now: datetime, next_at: datetime, away_since: datetime) -> int:
        """Note that the watches with nothing to look at were looked at; return how many.

        Of those that nobody has looked at since `away_since`, the gap before their next points is nobody's habit.
        """
        before = case((_C.looked_at < away_since, null()), else_=_C.heard_before)
        nothing = and_(
            _C.heard <= _C.judged, or_(_C.silent_at.is_(None), _C.silent_at > now), _C.word.in_(_CALM), _C.due_at <= now
        )
        # Rows that somebody writes to at this moment get news: they are left to the next round rather than waited for.
        free = select(_C.model_name).where(nothing).with_for_update(skip_locked=True)
        with self._store.write() as session:
            statement = update(WatchRow.__table__).where(_C.model_name.in_(free))
            return changed(session, statement.values(due_at=next_at, looked_at=now, heard_before=before))

    def surroundings(self, watches: Sequence[WatchRecord]) -> dict[str, Surroundings]:
        """Return what else is known of the models watched."""
        names = [watch.model_name for watch in watches]
        opened = {watch.decision_id: watch.model_name for watch in watches if watch.decision_id}
        with self._store.read() as session:
            mode = Mode(session.execute(select(InstallationRow.__table__.c.mode)).scalar_one())
            told = self._models.settings_and_own_mode_in(session, names)
            flying, changed_at = _in_flight(session, names), _changed_at(session, names)
            proven = _proven(session, names)
            ended = session.scalars(select(DecisionRow).where(_decisions.id.in_(opened)))
            last = {row.model_name: seen_as(DecisionRecord, row) for row in ended}
            return {
                name: Surroundings(
                    settings=settings,
                    stopped=stricter(mode, own) is Mode.STOPPED,
                    in_flight=name in flying,
                    changed_at=changed_at.get(name),
                    last=last.get(name),
                    proven=proven.get(name),
                )
                for name, (settings, own) in told.items()
            }

    def keep(self, watches: Sequence[WatchRecord], notices: Sequence[Notice] = ()) -> None:
        """Write what was judged, unless a look was claimed meanwhile, and what is said to people about it."""
        # In the order of their names, as arriving points write them: two writers must not wait for each other.
        rows = [
            {
                **{f"new_{name}": getattr(watch, name) for name in _KEPT},
                "of": watch.model_name,
                "turn_read": watch.turn,
                "heard_read": watch.heard,
                "due_next": watch.due_at,
            }
            for watch in sorted(watches, key=lambda watch: watch.model_name)
        ]
        with self._store.write() as session:
            if rows:
                session.connection().execute(_KEEP, rows)
            outbox.queue(session, notices, self._now())

    def claim(
        self, watch: WatchRecord, decision_id: str, look: Telemetry | None, notice: Notice | None, *, simulated: bool
    ) -> bool:
        """Take the turn that `watch` tells of and open its decision; return whether it is ours.

        It is not where somebody else took the turn, where the model has something in flight by now, or where AURORA
        was stopped. Where there is nothing to decide on (`look` is None), `notice` is said instead.
        """
        name, now = watch.model_name, self._now()
        claimed = {
            "turn": watch.turn + 1,
            "looks": watch.looks + 1,
            "signature": watch.signature,
            "claimed_at": now,
            "decision_id": decision_id if look else None,
            "next_allowed_at": watch.next_allowed_at,
            "word": "held",
            "held_by": "in_flight" if look else "same_evidence",
        }
        this_turn = (_C.model_name == name, _C.turn == watch.turn)
        with self._store.write() as session:
            mode = locked_mode(session)
            # The model before its watch, as with points that arrive.
            touch(session, [name], now, simulated)
            own = self._models.settings_and_own_mode_in(session, [name])
            if not changed(session, update(WatchRow.__table__).where(*this_turn).values(**claimed)):
                return False
            stands = stricter(mode, own[name][1])
            if stands is Mode.STOPPED or _in_flight(session, [name]):
                session.rollback()
                return False
            if notice is not None:
                outbox.queue(session, [notice], now)
            if look is not None:
                self._decisions.open_in(session, decision_id, look, dry_run=False, mode=stands, simulated=simulated)
        return True

    # --- storms ------------------------------------------------------------------------------------------------------

    def breaching(self, since: datetime) -> list[WatchRecord]:
        """Return the models whose breach was first believed after `since`, or that belong to a storm."""
        return self._read(or_(_C.breach_at > since, and_(_C.storm.is_not(None), _C.word.not_in(_CALM))))

    def fallen_silent(self, now: datetime) -> list[WatchRecord]:
        """Return the silent models of an outage that people were told of, and that counts until after `now`."""
        return self._read(_C.word.in_(_CALM), _C.storm_until > now)

    def reporting(self, since: datetime) -> int:
        """Return how many models have sent points after `since`."""
        with self._store.read() as session:
            return session.scalar(select(func.count()).where(_C.heard_at > since)) or 0

    def join_storm(self, names: Collection[str], storm: str, until: datetime, notices: Sequence[Notice]) -> None:
        """Note that models breach for a shared cause, and tell people."""
        with self._store.write() as session:
            theirs = update(WatchRow.__table__).where(_locked(names), _C.storm.is_(None))
            session.execute(theirs.values(storm=storm, storm_until=until))
            outbox.queue(session, notices, self._now())

    def hold(self, names: Collection[str], held_by: str) -> None:
        """Note what models wait for whose look was put off."""
        with self._store.write() as session:
            theirs = (_locked(names), _C.word.not_in(_CALM))
            session.execute(update(WatchRow.__table__).where(*theirs).values(word="held", held_by=held_by))

    def at_work(self, names: Collection[str]) -> set[str]:
        """Return which models have a decision in flight that waits for nobody's answer."""
        with self._store.read() as session:
            return _in_flight(session, list(names), asking=False)

    def _read(self, *conditions: ColumnElement[bool], limit: int | None = None) -> list[WatchRecord]:
        statement = select(WatchRow.__table__).where(*conditions).order_by(_C.model_name).limit(limit)
        with self._store.read() as session:
            return [seen_as(WatchRecord, row) for row in session.execute(statement)]


def hear(session: Session, names: Iterable[str], at: datetime) -> None:
    """Note that points of models arrived: they are due at once. In the order of their names, as with `touch`."""
    first = {"judged": 0, "word": "quiet", "signs": (), "held_by": "", "turn": 0, "signature": {}, "looks": 0}
    rows = [{"model_name": name, "due_at": at, "heard": 1, "heard_at": at, **first} for name in sorted(set(names))]
    session.execute(_hear(dialect_of(session)), rows)


@cache
def _hear(dialect: str) -> UpdateBase:
    statement = insertion_in(dialect, WatchRow)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["model_name"], set_={"due_at": new.due_at, "heard": _C.heard + 1, "heard_at": new.heard_at}
    )


def _locked(names: Collection[str]) -> ColumnElement[bool]:
    """Select these rows, locked in the order of their names."""
    return _C.model_name.in_(
        select(_C.model_name).where(_C.model_name.in_(names)).order_by(_C.model_name).with_for_update()
    )


def _in_flight(session: Session, names: Sequence[str], *, asking: bool = True) -> set[str]:
    """Return which models have a decision under way, asking or waiting for its outcome, or a change in flight.

    One that its caller takes further step by step is left out: it may be left lying for ever.
    """
    under_way = and_(_decisions.status == Status.RUNNING.value, _decisions.held.is_(False))
    if asking:
        under_way = or_(under_way, _decisions.status == Status.AWAITING_APPROVAL.value)
    waits = (
        and_(under_way, _decisions.dry_run.is_(False)),
        and_(_decisions.outcome == Outcome.PENDING.value, _decisions.decision_type.in_(_CHANGING)),
    )
    flying = models_in_change(session, names)
    for condition in waits:
        flying |= set(session.scalars(select(_decisions.model_name).where(_decisions.model_name.in_(names), condition)))
    return flying


def _changed_at(session: Session, names: Sequence[str]) -> dict[str, datetime]:
    at = func.coalesce(_intents.finished_at, _intents.begun_at, type_=_intents.begun_at.type)
    statement = (
        select(_intents.model_name, func.max(at, type_=_intents.begun_at.type))
        .where(_intents.model_name.in_(names), _intents.action.in_(_CHANGING), _intents.state != "failed")
        .group_by(_intents.model_name)
    )
    return {row[0]: row[1] for row in session.execute(statement)}


def _proven(session: Session, names: Sequence[str]) -> dict[str, str]:
    """Return the version that each model's newest change brought in of those that were measured to help."""
    helped = (
        _decisions.outcome == Outcome.BETTER.value,
        _decisions.verified.is_(True),
        _intents.undo.is_(False),
        _intents.state == "done",
    )
    statement = (
        select(_intents.model_name, _intents.step, _intents.result)
        .join(DecisionRow.__table__, _decisions.id == _intents.decision_id)
        .where(_intents.model_name.in_(names), _intents.action.in_(_VERSIONING), *helped)
        .order_by(_intents.finished_at)
    )
    found: dict[str, str] = {}
    for name, step, result in session.execute(statement):
        if (version := brought_in(step, result.answer if result is not None else {})) is not None:
            found[name] = version
    return found
