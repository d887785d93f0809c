"""The newest points of a model as one look at it, as if somebody had posted it. Pure.

Levels are medians of the newest points of the version that serves, so that one odd point does not speak for the model.
What no point told stays unknown. Points of the version before only tell what was before.
"""

from collections.abc import Sequence
from datetime import datetime
from statistics import median

from aurora.domain import (
    DataDrift,
    DataQuality,
    Deployment,
    Labels,
    MetricPoint,
    ModelMetrics,
    ModelSettings,
    SystemLoad,
    Telemetry,
    Traffic,
)
from aurora.observe.versions import Run, runs

NEWEST = 5
"""How many of the newest points that tell a metric make its level: a median of five bears two odd ones."""
FURTHEST_BACK = 20
"""Over how many points at most labels are gathered."""
LEAST = 3
"""From how many points on a drift can be said to have lasted."""


def telemetry_of(
    points: Sequence[MetricPoint],
    settings: ModelSettings,
    *,
    now: datetime,
    rps_baseline: float | None = None,
    proven: str | None = None,
    notes: str = "",
) -> Telemetry | None:
    """Return one look at the model that `points` tell of; None where no metric of it can be told.

    `proven` is a version that AURORA itself brought in and saw to be better: while it serves, nothing was deployed.
    """
    found = runs(points, now)
    if not found:
        return None
    serving = found[-1]
    newest, accuracy, labels = serving.points[-1], *_accuracy(serving.points, settings)
    metrics = {name: _level(serving.points, name) for name in ("latency_ms", "error_rate", "throughput_rps")}
    if accuracy is None and all(value is None for value in metrics.values()):
        return None
    return Telemetry(
        model_name=newest.model_name,
        model_version=serving.version,
        timestamp=newest.timestamp,
        model_metrics=ModelMetrics(accuracy=accuracy, **metrics),
        data_drift=_drift(serving.points, settings),
        system_load=_load(serving.points),
        data_quality=_quality(serving.points),
        deployment=None if serving.version == proven else _deployment(found, settings, now),
        traffic=_traffic(serving.points, rps_baseline),
        labels=None if labels is None else Labels(count=labels),
        notes=notes,
    )


def _told(points: Sequence[MetricPoint], metric: str) -> list[float]:
    """Return the newest values of a metric; a point far back does not speak for the present."""
    return [value for point in points[-FURTHEST_BACK:] if (value := getattr(point, metric)) is not None][-NEWEST:]


def _level(points: Sequence[MetricPoint], metric: str) -> float | None:
    values = _told(points, metric)
    return median(values) if values else None


def _accuracy(points: Sequence[MetricPoint], settings: ModelSettings) -> tuple[float | None, int | None]:
    """Return the accuracy of the newest labels, and how many these are; a median where their number is not known.

    Points are added until there are as many labels as a training needs: fewer would forbid it.
    """
    known = [point for point in points[-FURTHEST_BACK:] if point.accuracy is not None and point.labels != 0]
    used: list[MetricPoint] = []
    for point in reversed(known):
        if len(used) >= NEWEST and _labels(used) >= settings.thresholds.min_labels:
            break
        used.append(point)
    if not used:
        return None, None
    if any(point.labels is None for point in used):
        return _level(known, "accuracy"), None
    total = _labels(used)
    return min(sum((point.accuracy or 0.0) * (point.labels or 0) for point in used) / total, 1.0), total


def _labels(points: Sequence[MetricPoint]) -> int:
    return sum(point.labels or 0 for point in points)


def _drift(points: Sequence[MetricPoint], settings: ModelSettings) -> DataDrift | None:
    """Return the level of the drift score; that it was detected, or was not, only where that held all the while."""
    scores = _told(points, "data_drift_score")
    if not scores:
        return None
    over = {score >= settings.thresholds.drift_score for score in scores}
    lasted = len(over) == 1 and len(scores) >= LEAST
    return DataDrift(detected=over.pop() if lasted else None, score=median(scores))


def _load(points: Sequence[MetricPoint]) -> SystemLoad | None:
    usage = {name: _level(points, name) for name in ("cpu_usage", "memory_usage", "gpu_usage")}
    replicas = next((point.replicas for point in reversed(points[-NEWEST:]) if point.replicas), ())
    if not replicas and all(value is None for value in usage.values()):
        return None
    return SystemLoad(replicas=replicas, **usage)


def _quality(points: Sequence[MetricPoint]) -> DataQuality | None:
    rates = {name: _level(points, name) for name in ("null_rate", "invalid_rate")}
    return None if all(value is None for value in rates.values()) else DataQuality(**rates)


def _traffic(points: Sequence[MetricPoint], rps_baseline: float | None) -> Traffic | None:
    ratio = _level(points, "repeat_ratio")
    return None if ratio is None and rps_baseline is None else Traffic(repeat_ratio=ratio, rps_baseline=rps_baseline)


def _deployment(found: Sequence[Run], settings: ModelSettings, now: datetime) -> Deployment | None:
    """Return since when the version serves, and what the one before it scored; None where no change was seen."""
    if len(found) < 2:
        return None
    began, before = found[-1].points[0].timestamp, found[-2]
    return Deployment(
        minutes_since_deploy=None if began is None else (now - began).total_seconds() / 60,
        previous_version=before.version,
        previous_accuracy=_accuracy(before.points, settings)[0],
    )
