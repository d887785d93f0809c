"""The models that AURORA has seen, and what each may expect of it."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import Select, UpdateBase, bindparam, case, func, select, update
from sqlalchemy.engine import Row as Fetched
from sqlalchemy.orm import Session
from sqlmodel import col

from aurora.domain import MetricPoint, Mode, ModelSettings
from aurora.errors import NotFound
from aurora.ledger.audit import Audit, chain_of
from aurora.ledger.installation import mode_in, stricter
from aurora.ledger.part import Part
from aurora.ledger.records import ModelRecord, Page, seen_as
from aurora.ledger.store import Store, dialect_of, insertion_in
from aurora.ledger.tables import DecisionRow, ModelRow, PointRow
from aurora.ports import Clock


class Models(Part):
    """The models, by their exact names.

    Settings are kept as somebody set them. What nobody set takes its default when it is read, so that a model that
    moves from the sandbox to a real backend leaves the sandbox's defaults behind.
    """

    def __init__(self, store: Store, clock: Clock, audit: Audit, sandbox_defaults: ModelSettings) -> None:
        super().__init__(store, clock, audit)
        self._sandbox_defaults = sandbox_defaults

    def seen(self, name: str, *, simulated: bool) -> ModelRecord:
        """Note that `name` was seen; the first sight decides `simulated`.

        A model that was simulated and is then seen on a real backend is real from there on, never the other way round.
        """
        with self._store.write() as session:
            touch(session, [name], self._now(), simulated)
            return self._found(session, name)

    def get(self, name: str) -> ModelRecord:
        """Return the model. Raises `NotFound`."""
        with self._store.read() as session:
            return self._found(session, name)

    def mode_once_seen(self, name: str, *, simulated: bool) -> Mode:
        """Return the mode that holds for the model, or will hold once it was `seen`: see `settings_and_mode`."""
        with self._store.read() as session:
            row = session.execute(_TOLD, {"of": name}).one_or_none()
            whole = mode_in(session)
        if row is None:
            return stricter(whole, mode_of(None, simulated))
        kind = simulated if row.simulated is None else row.simulated and simulated
        return stricter(whole, mode_of(row.settings, kind))

    def settings(self, name: str) -> ModelSettings:
        """Return the settings that hold for the model: what was set, and for the rest the defaults of its kind."""
        with self._store.read() as session:
            return self.settings_in(session, name)

    def settings_in(self, session: Session, name: str) -> ModelSettings:
        """Return what `settings` does, in the transaction of whoever asks."""
        row = session.execute(_TOLD, {"of": name}).one_or_none()
        return ModelSettings() if row is None else self._resolved(row.settings, row.simulated)

    def settings_and_mode(self, name: str) -> tuple[ModelSettings, Mode]:
        """Return the settings that hold for the model, and the stricter of its own mode and the installation's."""
        with self._store.read() as session:
            row = session.execute(_TOLD, {"of": name}).one_or_none()
            settings, simulated = (row.settings, row.simulated) if row else (None, None)
            mode = stricter(mode_in(session), mode_of(settings, simulated))
            return self._resolved(settings, simulated), mode

    def settings_and_own_mode_in(self, session: Session, names: Sequence[str]) -> dict[str, tuple[ModelSettings, Mode]]:
        """Return the settings and the own mode of several models, in the transaction of whoever asks."""
        statement = select(col(ModelRow.name), col(ModelRow.settings), col(ModelRow.simulated))
        rows = session.execute(statement.where(col(ModelRow.name).in_(names)))
        return {
            row.name: (self._resolved(row.settings, row.simulated), mode_of(row.settings, row.simulated))
            for row in rows
        }

    def put_settings(self, name: str, settings: ModelSettings, by: str) -> ModelRecord:
        """Replace what is set for the model by what is set in `settings`; it need not have been seen before."""
        with self._store.write() as session:
            touch(session, [name], self._now())
            self._set(session, name, settings, by)
            return self._found(session, name)

    def list(
        self, limit: int = 20, after: str | None = None, q: str | None = None, names: Collection[str] | None = None
    ) -> Page[ModelRecord]:
        """Return models by name: after `after`, with `q` in their name, whatever its case, and one of `names`."""
        statement = _records().order_by(col(ModelRow.name)).limit(limit + 1)
        if after is not None:
            statement = statement.where(col(ModelRow.name) > after)
        if q:
            statement = statement.where(col(ModelRow.name).icontains(q, autoescape=True))
        if names is not None:
            statement = statement.where(col(ModelRow.name).in_(names))
        with self._store.read() as session:
            rows = [self._record(row) for row in session.execute(statement)]
        return Page(items=tuple(rows[:limit]), next=rows[limit - 1].name if len(rows) > limit else None)

    def names(self, limit: int, q: str | None = None) -> Sequence[str]:
        """Return the first names of models, those with `q` in them, whatever its case."""
        statement = select(col(ModelRow.name)).order_by(col(ModelRow.name)).limit(limit)
        if q:
            statement = statement.where(col(ModelRow.name).icontains(q, autoescape=True))
        with self._store.read() as session:
            return session.scalars(statement).all()

    def _set(self, session: Session, name: str, settings: ModelSettings, by: str) -> None:
        row = session.get_one(ModelRow, name)
        body = {
            "before": row.settings and row.settings.model_dump(mode="json", exclude_unset=True),
            "after": settings.model_dump(mode="json", exclude_unset=True),
        }
        # Settings that say the same are equal, also where one leaves to the defaults what the other sets.
        session.execute(update(ModelRow).where(col(ModelRow.name) == name).values(settings=settings))
        self._audit.append(session, chain_of(name), "model.settings", by, body)

    def _found(self, session: Session, name: str) -> ModelRecord:
        row = session.execute(_ONE, {"of": name}).one_or_none()
        if row is None:
            raise NotFound(f"No model is called {name!r}.")
        return self._record(row)

    def _record(self, row: Fetched[ModelRow, PointRow, str]) -> ModelRecord:
        model, point, last_decision_id = row
        return seen_as(
            ModelRecord,
            model,
            settings=self._resolved(model.settings, model.simulated),
            mode=mode_of(model.settings, model.simulated),
            simulated=bool(model.simulated),
            last_point=point and seen_as(MetricPoint, point),
            last_decision_id=last_decision_id,
        )

    def _resolved(self, told: ModelSettings | None, simulated: bool | None) -> ModelSettings:
        """Lay what was set, field by field, over the defaults of a simulated model or of a real one."""
        defaults = self._sandbox_defaults if simulated else ModelSettings()
        return (
            defaults
            if told is None
            else defaults.evolve(**{field: getattr(told, field) for field in told.model_fields_set})
        )


def touch(session: Session, names: Iterable[str], at: datetime, simulated: bool | None = None) -> None:
    """Note that models were seen at `at`. In the order of their names, so that two writers cannot block each other."""
    rows = [{"name": name, "first_seen": at, "last_seen": at, "simulated": simulated} for name in sorted(set(names))]
    session.execute(_touch(dialect_of(session)), rows)


@cache
def _touch(dialect: str) -> UpdateBase:
    statement = insertion_in(dialect, ModelRow)
    old, new = ModelRow.__table__.c, statement.excluded
    real = case(
        (new.simulated.is_(None), old.simulated),
        (old.simulated.is_(None), new.simulated),
        else_=old.simulated & new.simulated,
    )
    return statement.on_conflict_do_update(
        index_elements=["name"], set_={"last_seen": new.last_seen, "simulated": real}
    )


def mode_of(settings: ModelSettings | None, simulated: bool | None) -> Mode:
    """Return the model's own mode or, without one, what its kind of backend starts in."""
    if settings is not None and settings.mode is not None:
        return settings.mode
    return Mode.AUTONOMOUS if simulated else Mode.OBSERVE


def _records() -> Select[ModelRow, PointRow, str]:
    """Select models with the newest point and the newest decision of each."""
    name = col(ModelRow.name)
    newest_point = (
        select(col(PointRow.number))
        .where(col(PointRow.model_name) == name)
        .order_by(col(PointRow.timestamp).desc(), col(PointRow.number).desc())
        .limit(1)
        .correlate(ModelRow)
        .scalar_subquery()
    )
    last_decision = select(func.max(col(DecisionRow.number))).where(col(DecisionRow.model_name) == name)
    return (
        select(ModelRow, PointRow, col(DecisionRow.id))
        .outerjoin(PointRow, col(PointRow.number) == newest_point)
        .outerjoin(DecisionRow, col(DecisionRow.number) == last_decision.correlate(ModelRow).scalar_subquery())
    )


_THIS = col(ModelRow.name) == bindparam("of")
_ONE = _records().where(_THIS)
_TOLD = select(col(ModelRow.settings), col(ModelRow.simulated)).where(_THIS)
