"""The history of the models, point by point."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, extract, func, literal, select, union_all
from sqlalchemy.engine import Row as Fetched
from sqlmodel import col

from aurora.domain import METRICS, MetricPoint
from aurora.errors import Invalid
from aurora.ledger.models import touch
from aurora.ledger.part import Part
from aurora.ledger.records import seen_as
from aurora.ledger.store import insert_columns
from aurora.ledger.tables import PointRow
from aurora.ledger.watches import hear

_C = PointRow.__table__.c
_FIELDS = tuple(MetricPoint.model_fields)
_VALUES = attrgetter(*_FIELDS)
_BLANK = MetricPoint(model_name="blank", accuracy=0.0)
_SHORT = ("timestamp", "accuracy", "latency_ms")
TOGETHER = 50
"""Of how many models one statement reads the points, each in two selections; SQLite joins at most 500."""

Line = tuple[datetime, float | None, float | None]
"""Time, accuracy and latency of one point."""


class Recent(NamedTuple):
    """The newest points of a model as one moment knew them."""

    points: list[MetricPoint]
    """Oldest first. None was measured later than it arrived: a stamp that says so is replaced by when it did."""
    ahead: timedelta
    """By how much the stamp of the one that arrived last lay ahead; nothing where it did not."""


class Metrics(Part):
    """Metric points. They come in bulk and are not audited one by one."""

    def add(self, points: Sequence[MetricPoint], received_at: datetime, simulated: bool | None = None) -> None:
        """Keep `points`; one without a time of its own gets `received_at`. Their models count as seen, and as due."""
        if not points:
            return
        columns = _columns(points, received_at)
        names = set(columns["model_name"])
        with self._store.write() as session:
            touch(session, names, received_at, simulated)
            insert_columns(session, PointRow, columns)
            hear(session, names, received_at)

    def recent(self, name: str, limit: int = 200, until: datetime | None = None) -> list[MetricPoint]:
        """Return the newest points, oldest first; with `until` as that moment knew them, see `Recent`."""
        if until is not None:
            return self.recent_of([name], limit, until)[name].points
        newest_first = (col(PointRow.timestamp).desc(), col(PointRow.number).desc())
        statement = select(PointRow).where(col(PointRow.model_name) == name).order_by(*newest_first).limit(limit)
        with self._store.read() as session:
            return [seen_as(MetricPoint, row) for row in session.scalars(statement)][::-1]

    def recent_of(self, names: Sequence[str], limit: int, until: datetime) -> dict[str, Recent]:
        """Return the newest points of several models as `until` knew them; they are trusted to be as written."""
        fields = (_C.number, _C.received_at, *(_C[name] for name in _FIELDS))
        points = select(*fields).order_by(_C.timestamp.desc(), _C.number.desc()).limit(limit)
        # What is stamped later and had arrived by then comes from a clock that runs ahead; mostly there is none.
        known = (_C.timestamp <= until, and_(_C.timestamp > until, _C.received_at <= until))
        found: dict[str, list[Fetched[*tuple[Any, ...]]]] = {name: [] for name in names}
        for some in batched(names, TOGETHER):
            parts = [points.where(_C.model_name == name, one).subquery() for name in some for one in known]
            with self._store.read() as session:
                for row in session.execute(union_all(*(select(part) for part in parts))):
                    found[row.model_name].append(row)
        return {name: _recent(rows, limit) for name, rows in found.items()}

    def lines_of(self, names: Sequence[str], limit: int = 200) -> dict[str, list[Line]]:
        """Return time, accuracy and latency of the newest points of several models, oldest first."""
        found: dict[str, list[Line]] = {name: [] for name in names}
        for row in self._newest(names, limit, ("model_name", *_SHORT)):
            found[row.model_name].append((row.timestamp, row.accuracy, row.latency_ms))
        return found

    def _newest(self, names: Sequence[str], limit: int, fields: Sequence[str]) -> Iterator[Fetched[*tuple[Any, ...]]]:
        """Give the newest points of several models, oldest first, with the `number` of each before its `fields`."""
        points = select(_C.number, *(_C[name] for name in fields)).order_by(_C.timestamp.desc(), _C.number.desc())
        for some in batched(names, TOGETHER):
            newest = [points.where(_C.model_name == name).limit(limit).subquery() for name in some]
            with self._store.read() as session:
                rows = session.execute(union_all(*(select(one) for one in newest))).all()
            yield from sorted(rows, key=lambda row: (row.timestamp, row.number))

    def latest(self, name: str) -> MetricPoint | None:
        """Return the newest point."""
        return next(iter(self.recent(name, limit=1)), None)

    def series(self, name: str, start: datetime, end: datetime, step_seconds: int) -> list[dict[str, Any]]:
        """Return averages over steps of `step_seconds` from `start` to before `end`, oldest first; no points, no step.

        Each has its `timestamp` (where the step begins), the number of `points` in it and every metric, None where no
        point had it. Steps begin at multiples of `step_seconds` since 1970.
        """
        if step_seconds < 1:
            raise Invalid("step must be at least one second.")
        at = col(PointRow.timestamp)
        second: ColumnElement[Any] = extract("epoch", at)
        step = (second - second % literal(step_seconds)).label("step")
        averages = [func.avg(getattr(PointRow, metric)).label(metric) for metric in METRICS]
        statement = (
            select(step, func.count().label("points"), *averages)
            .where(col(PointRow.model_name) == name, at >= start, at < end)
            .group_by(step)
            .order_by(step)
        )
        with self._store.read() as session:
            return [_bucket(row._asdict()) for row in session.execute(statement)]


def batched(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Cut `names` into pieces of at most `size`."""
    return (names[start : start + size] for start in range(0, len(names), size))


def _columns(points: Sequence[MetricPoint], received_at: datetime) -> dict[str, Sequence[Any]]:
    columns: dict[str, Sequence[Any]] = dict(zip(_FIELDS, zip(*map(_VALUES, points), strict=True), strict=True))
    stamps = [stamp or received_at for stamp in columns["timestamp"]]
    return {**columns, "timestamp": stamps, "received_at": [received_at] * len(points)}


def _recent(rows: Sequence[Fetched[*tuple[Any, ...]]], limit: int) -> Recent:
    if not rows:
        return Recent([], timedelta())
    ordered = sorted(_once(rows), key=lambda row: (min(row.timestamp, row.received_at), row.number))
    last = max(rows, key=lambda row: row.number)
    return Recent([_point(row) for row in ordered[-limit:]], max(last.timestamp - last.received_at, timedelta()))


def _once(rows: Sequence[Fetched[*tuple[Any, ...]]]) -> Iterator[Fetched[*tuple[Any, ...]]]:
    """Leave out what was delivered again: whoever repeats himself after a time-out has measured nothing new."""
    told: dict[datetime, list[tuple[Any, ...]]] = {}
    for row in rows:
        same = told.setdefault(row.timestamp, [])
        # Without a stamp of its own a point has that of its arrival, and cannot be told from a repetition.
        if row.timestamp == row.received_at or row[2:] not in same:
            same.append(row[2:])
            yield row


def _point(row: Fetched[*tuple[Any, ...]]) -> MetricPoint:
    told = dict(zip(_FIELDS, row[2:], strict=True))
    told["timestamp"] = min(row.timestamp, row.received_at)
    # A copy takes half as long as a point made anew, and the monitor reads two hundred of them for each model.
    return _BLANK.model_copy(update=told)


def _bucket(row: dict[str, Any]) -> dict[str, Any]:
    averages = {metric: None if row[metric] is None else float(row[metric]) for metric in METRICS}
    return {"timestamp": datetime.fromtimestamp(int(row["step"]), UTC), "points": row["points"], **averages}
