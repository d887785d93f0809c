"""The history of the models, point by point."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, extract, func, insert, literal, select
from sqlmodel import col

from aurora.domain import METRICS, MetricPoint
from aurora.errors import Invalid
from aurora.ledger.models import touch
from aurora.ledger.part import Part
from aurora.ledger.records import seen_as
from aurora.ledger.tables import PointRow

_INSERT = insert(PointRow.__table__)


class Metrics(Part):
    """Metric points. They come in bulk and are not audited one by one."""

    def add(self, points: Sequence[MetricPoint], received_at: datetime) -> None:
        """Keep `points`; one without a time of its own gets `received_at`. Their models count as seen."""
        if not points:
            return
        received = {"received_at": received_at}
        rows = [{**vars(point), "timestamp": point.timestamp or received_at, **received} for point in points]
        with self._store.write() as session:
            touch(session, {point.model_name for point in points}, received_at)
            session.execute(_INSERT, rows)

    def recent(self, name: str, limit: int = 200, until: datetime | None = None) -> list[MetricPoint]:
        """Return the newest points up to and including `until`, oldest first."""
        newest_first = (col(PointRow.timestamp).desc(), col(PointRow.number).desc())
        statement = select(PointRow).where(col(PointRow.model_name) == name).order_by(*newest_first).limit(limit)
        if until is not None:
            statement = statement.where(col(PointRow.timestamp) <= until)
        with self._store.read() as session:
            return [seen_as(MetricPoint, row) for row in session.scalars(statement)][::-1]

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


def _bucket(row: dict[str, Any]) -> dict[str, Any]:
    averages = {metric: None if row[metric] is None else float(row[metric]) for metric in METRICS}
    return {"timestamp": datetime.fromtimestamp(int(row["step"]), UTC), "points": row["points"], **averages}
