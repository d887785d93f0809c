"""What a model's stored points say: its healthy level, its trends, and for how long it has been outside its limits."""

from collections.abc import Sequence
from datetime import datetime
from statistics import StatisticsError, correlation, linear_regression, median

from aurora.domain import Baseline, History, MetricPoint, ModelSettings
from aurora.observe.breaches import breaching_points

NEWEST = 20
"""How many of the newest points a trend is taken from."""
ENOUGH = 10
"""From how many older points on a history is trusted as a baseline."""
LEAST = 8
"""From how many points on a steady trend is told from chance."""
STEADY = 0.5
"""What share of the variation a steady trend explains: with so many points, chance rarely does."""


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
        memory_slope=_steady_slope(points, "memory_usage"),
        breaching_points=breaching_points(points, settings, baseline),
    )


def _values(points: Sequence[MetricPoint], metric: str) -> list[float]:
    return [value for point in points if (value := getattr(point, metric)) is not None]


def _slope(points: Sequence[MetricPoint], metric: str) -> float | None:
    hours, values = _newest(points, metric)
    try:
        return linear_regression(hours, values).slope
    except StatisticsError:
        # One point, or several at the same moment, have no slope.
        return None


def _steady_slope(points: Sequence[MetricPoint], metric: str) -> float | None:
    """Return the slope, 0 where it may be chance; None where too few points tell."""
    hours, values = _newest(points, metric)
    slope = _slope(points, metric) if len(hours) >= LEAST else None
    if slope is None:
        return None
    try:
        return slope if correlation(hours, values) ** 2 >= STEADY else 0.0
    except StatisticsError:
        # What never changes has no trend.
        return 0.0


def _newest(points: Sequence[MetricPoint], metric: str) -> tuple[list[float], list[float]]:
    """Return the newest values of a metric, and their times in hours since the first of them."""
    pairs = [
        (point.timestamp, value)
        for point in points[-NEWEST:]
        if point.timestamp is not None and (value := getattr(point, metric)) is not None
    ]
    start: datetime | None = pairs[0][0] if pairs else None
    hours = [(at - start).total_seconds() / 3600 for at, _ in pairs if start is not None]
    return hours, [value for _, value in pairs]
