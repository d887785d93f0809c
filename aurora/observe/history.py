"""What a model's stored points say: its healthy level, its trends, and for how long it has been outside its limits."""

from collections.abc import Sequence
from datetime import datetime
from statistics import StatisticsError, linear_regression, median

from aurora.domain import Baseline, History, MetricPoint, ModelSettings
from aurora.observe.breaches import breaching_points

NEWEST = 20
"""How many of the newest points a trend is taken from."""
ENOUGH = 10
"""From how many older points on a history is trusted as a baseline."""


def healthy_level(points: Sequence[MetricPoint]) -> Baseline:
    """Return the medians of the points before the newest ones; a metric with too few of them stays None.

    The newest points are left out, since they are what is being judged.
    """
    older = points[:-NEWEST] if len(points) >= NEWEST + ENOUGH else ()

    def level(metric: str) -> float | None:
        values = _values(older, metric)
        return median(values) if len(values) >= ENOUGH else None

    return Baseline(
        accuracy=level("accuracy"),
        latency_ms=level("latency_ms"),
        error_rate=level("error_rate"),
        throughput_rps=level("throughput_rps"),
    )


def history(points: Sequence[MetricPoint], settings: ModelSettings, baseline: Baseline) -> History:
    """Return trends per hour and the length of the present breach, for points in order of time."""
    times = [point.timestamp for point in points if point.timestamp is not None]
    span = (max(times) - min(times)).total_seconds() / 3600 if times else 0.0
    return History(
        points=len(points),
        span_hours=span,
        accuracy_slope=_slope(points, "accuracy"),
        latency_slope=_slope(points, "latency_ms"),
        breaching_points=breaching_points(points, settings, baseline),
    )


def _values(points: Sequence[MetricPoint], metric: str) -> list[float]:
    return [value for point in points if (value := getattr(point, metric)) is not None]


def _slope(points: Sequence[MetricPoint], metric: str) -> float | None:
    pairs = [
        (point.timestamp, value)
        for point in points[-NEWEST:]
        if point.timestamp is not None and (value := getattr(point, metric)) is not None
    ]
    if not pairs:
        return None
    start: datetime = pairs[0][0]
    try:
        return linear_regression([(at - start).total_seconds() / 3600 for at, _ in pairs], [v for _, v in pairs]).slope
    except StatisticsError:
        # One point, or several at the same moment, have no slope.
        return None
