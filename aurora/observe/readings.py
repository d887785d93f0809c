"""How far one point reaches towards each limit of its model, and that in a sentence. Pure.

A reading is 1 on the limit and more outside of it; None where the point does not tell. The limits are those that the
engine weighs; why something is outside of them, and what to do about it, is the engine's part.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, median

from aurora.domain import Baseline, MetricPoint, ModelSettings, Replica

SLIPPED = 0.05
"""How far under its baseline an accuracy counts as outside its limits."""
NOISE = 3.0
"""How many standard errors an accuracy must be under the healthy level. A fleet is looked at all day: with two, some
healthy model would be suspected every few minutes."""
POOLED_LABELS = 500
"""Labels of how many points are taken together: with so many, three standard errors are about what `SLIPPED` allows."""
POOLED_POINTS = 20
"""Of how many points at most; what lies further back is another time."""

LATENCY_MULTIPLE = 3.0
ERROR_MULTIPLE = 2.0
MEMORY_HIGH = 0.93
IMBALANCE, HOT_LOAD = 0.35, 0.7
LATENCY_IMBALANCE, HOT_LATENCY_SHARE = 2.5, 0.5
TRAFFIC_OUTAGE = 0.1
"""The engine's own limits beside those that are settings; a test holds them against `priors.json`."""

FURTHEST = 1000.0
"""Where a reading ends: some limits are 0."""
_JUST_OUTSIDE = math.nextafter(1.0, 2.0)


class Sign(StrEnum):
    """What may be outside its limits."""

    ACCURACY_LOW = "accuracy_low"
    LATENCY_HIGH = "latency_high"
    ERRORS_HIGH = "errors_high"
    DRIFT = "drift"
    NULLS_HIGH = "nulls_high"
    INVALIDS_HIGH = "invalids_high"
    USAGE_HIGH = "usage_high"
    MEMORY_HIGH = "memory_high"
    HOT_REPLICA = "hot_replica"
    IDLE = "idle"
    TRAFFIC_GONE = "traffic_gone"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of one model."""

    accuracy: float
    healthy_accuracy: float
    latency_ms: float
    error_rate: float
    drift: float
    null_rate: float
    invalid_rate: float
    usage: float
    idle: float
    usual_rps: float


def bounds(settings: ModelSettings, baseline: Baseline) -> Bounds:
    """Return the limits that `settings` and the healthy level set."""
    limits, healthy = settings.thresholds, baseline.accuracy or 0.0
    slowest = LATENCY_MULTIPLE * baseline.latency_ms if baseline.latency_ms else math.inf
    accuracy = max(settings.accuracy_floor, healthy - SLIPPED)
    return Bounds(
        accuracy=accuracy,
        healthy_accuracy=max(healthy, accuracy),
        latency_ms=min(settings.latency_slo_ms, slowest),
        error_rate=max(limits.error_rate, ERROR_MULTIPLE * (baseline.error_rate or 0.0)),
        drift=limits.drift_score,
        null_rate=limits.null_rate,
        invalid_rate=limits.invalid_rate,
        usage=limits.usage_high,
        idle=limits.usage_idle,
        usual_rps=baseline.throughput_rps or 0.0,
    )


# --- one point -------------------------------------------------------------------------------------------------------


def _placed(reach: float, *, is_outside: bool) -> float:
    """Keep a reading on its side of 1, whatever the division rounded it to."""
    low, high = (_JUST_OUTSIDE, FURTHEST) if is_outside else (0.0, 1.0)
    if reach < low:
        return low
    return high if reach > high else reach


def _over(value: float | None, limit: float) -> float | None:
    if value is None:
        return None
    return _placed(value / limit if limit > 0 else FURTHEST, is_outside=value > limit)


def _at_least(value: float | None, limit: float) -> float | None:
    if value is None:
        return None
    return _placed(value / limit if limit > 0 else FURTHEST, is_outside=value >= limit)


def _under(value: float, limit: float) -> float:
    return _placed(limit / value if value > 0 else FURTHEST, is_outside=value < limit)


def _used(point: MetricPoint) -> float | None:
    """Return what limits the service: the busiest of CPU, GPU and the replicas' mean load."""
    loads = _known(replica.load for replica in point.replicas)
    known = _known((point.cpu_usage, point.gpu_usage, fmean(loads) if loads else None))
    return max(known, default=None)


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _idle(point: MetricPoint, limits: Bounds) -> float | None:
    """A single replica has nothing to give back."""
    known = _known((_used(point), *(replica.load for replica in point.replicas)))
    return None if not known or len(point.replicas) == 1 else _under(max(known), limits.idle)


def _traffic_gone(point: MetricPoint, limits: Bounds) -> float | None:
    if point.throughput_rps is None or limits.usual_rps <= 0:
        return None
    return _under(point.throughput_rps / limits.usual_rps, TRAFFIC_OUTAGE)


def _hot_replica(point: MetricPoint, limits: Bounds) -> float | None:
    """One replica is ill, or much busier or slower than the others; ill ones count also where all of them are."""
    if not point.replicas:
        return None
    if any(replica.healthy is False for replica in point.replicas):
        return _JUST_OUTSIDE
    if len(point.replicas) < 2:
        return 0.0
    return max(_busier(point.replicas), _slower(point.replicas, limits.latency_ms))


def _busier(replicas: Sequence[Replica]) -> float:
    loads = sorted(_known(replica.load for replica in replicas))
    if len(loads) < 2:
        return 0.0
    apart, most = loads[-1] - fmean(loads[:-1]), loads[-1]
    return _placed(min(apart / IMBALANCE, most / HOT_LOAD), is_outside=apart > IMBALANCE and most > HOT_LOAD)


def _slower(replicas: Sequence[Replica], limit: float) -> float:
    times = sorted(_known(replica.latency_ms for replica in replicas))
    if len(times) < 2 or (usual := median(times[:-1])) <= 0:
        return 0.0
    factor, slow, late = times[-1] / usual, times[-1], HOT_LATENCY_SHARE * limit
    return _placed(min(factor / LATENCY_IMBALANCE, slow / late), is_outside=factor > LATENCY_IMBALANCE and slow > late)


Reader = Callable[[MetricPoint, Bounds], float | None]

READERS: Mapping[Sign, Reader] = {
    Sign.LATENCY_HIGH: lambda point, limits: _over(point.latency_ms, limits.latency_ms),
    Sign.ERRORS_HIGH: lambda point, limits: _over(point.error_rate, limits.error_rate),
    Sign.DRIFT: lambda point, limits: _at_least(point.data_drift_score, limits.drift),
    Sign.NULLS_HIGH: lambda point, limits: _over(point.null_rate, limits.null_rate),
    Sign.INVALIDS_HIGH: lambda point, limits: _over(point.invalid_rate, limits.invalid_rate),
    Sign.USAGE_HIGH: lambda point, limits: _over(_used(point), limits.usage),
    Sign.MEMORY_HIGH: lambda point, _: _over(point.memory_usage, MEMORY_HIGH),
    Sign.HOT_REPLICA: _hot_replica,
    Sign.IDLE: _idle,
    Sign.TRAFFIC_GONE: _traffic_gone,
}
"""Every sign that one point tells by itself; accuracy takes several, see `_accuracies`."""


def reaches(points: Sequence[MetricPoint], sign: Sign, limits: Bounds) -> list[float | None]:
    """Return how far each point reaches towards the limit of one sign; None for those that do not tell."""
    if sign is Sign.ACCURACY_LOW:
        return _accuracies(points, limits)
    read = READERS[sign]
    return [read(point, limits) for point in points]


def is_idle_now(points: Sequence[MetricPoint], limits: Bounds) -> bool:
    """Whether the newest point that tells of it is idle."""
    newest = next((reach for point in reversed(points) if (reach := _idle(point, limits)) is not None), 0.0)
    return newest > 1


def _accuracies(points: Sequence[MetricPoint], limits: Bounds) -> list[float | None]:
    """Read the accuracy at each point: that of the newest labels, and outside only where the point's own is too.

    So neither the noise of few labels is taken for a loss, nor two bad points for a lasting one.
    """
    readings: list[float | None] = []
    pool: deque[tuple[float, int]] = deque(maxlen=POOLED_POINTS)
    for point in points:
        if point.accuracy is None or point.labels == 0:
            readings.append(None)
        elif point.labels is None:
            readings.append(_shortfall(point.accuracy, limits))
        else:
            pool.append((point.accuracy, point.labels))
            accuracy, labels = _pooled(pool)
            error = math.sqrt(max(accuracy * (1 - accuracy), 0.01) / labels)
            sure = accuracy + NOISE * error < limits.healthy_accuracy and point.accuracy < limits.accuracy
            reach = _shortfall(accuracy, limits)
            readings.append(reach if sure else min(reach, 1.0))
    return readings


def _pooled(pool: Sequence[tuple[float, int]]) -> tuple[float, int]:
    right, labels = 0.0, 0
    for accuracy, count in reversed(pool):
        right += accuracy * count
        labels += count
        if labels >= POOLED_LABELS:
            break
    return right / labels, labels


def _shortfall(accuracy: float, limits: Bounds) -> float:
    """Return how much of the loss that is allowed was lost: of what is over the limit when healthy, else of errors."""
    top = limits.healthy_accuracy if limits.healthy_accuracy > limits.accuracy else 1.0
    allowed = top - limits.accuracy
    return _placed((top - accuracy) / allowed if allowed > 0 else FURTHEST, is_outside=accuracy < limits.accuracy)


# --- in sentences ----------------------------------------------------------------------------------------------------


def said(sign: Sign, point: MetricPoint, limits: Bounds) -> str:
    """Return what `point` shows of `sign`, with its limit: numbers and closed words only."""
    return SENTENCES[sign](point, limits)


def _replica_words(point: MetricPoint, _: Bounds) -> str:
    ill = sum(replica.healthy is False for replica in point.replicas)
    if ill:
        return f"{ill} of {len(point.replicas)} replicas unhealthy"
    loads = sorted(_known(replica.load for replica in point.replicas))
    times = sorted(_known(replica.latency_ms for replica in point.replicas))
    parts = [f"at load {loads[-1]:.2f}, the others at {fmean(loads[:-1]):.2f}"] if len(loads) > 1 else []
    parts += [f"at {times[-1]:.0f} ms, the others at {median(times[:-1]):.0f} ms"] if len(times) > 1 else []
    return f"one replica {' and '.join(parts)}"


SENTENCES: Mapping[Sign, Callable[[MetricPoint, Bounds], str]] = {
    Sign.ACCURACY_LOW: lambda point, limits: f"accuracy {point.accuracy or 0:.2f} under {limits.accuracy:.2f}",
    Sign.LATENCY_HIGH: lambda point, limits: f"latency {point.latency_ms or 0:.0f} ms over {limits.latency_ms:.0f} ms",
    Sign.ERRORS_HIGH: lambda point, limits: f"error rate {point.error_rate or 0:.3f} over {limits.error_rate:.3f}",
    Sign.DRIFT: lambda point, limits: f"drift score {point.data_drift_score or 0:.2f} at or over {limits.drift:.2f}",
    Sign.NULLS_HIGH: lambda point, limits: f"missing values {point.null_rate or 0:.1%} over {limits.null_rate:.1%}",
    Sign.INVALIDS_HIGH: lambda point, limits: (
        f"out-of-range values {point.invalid_rate or 0:.1%} over {limits.invalid_rate:.1%}"
    ),
    Sign.USAGE_HIGH: lambda point, limits: f"usage {_used(point) or 0:.0%} over {limits.usage:.0%}",
    Sign.MEMORY_HIGH: lambda point, _: f"memory {point.memory_usage or 0:.0%} over {MEMORY_HIGH:.0%}",
    Sign.HOT_REPLICA: _replica_words,
    Sign.IDLE: lambda point, limits: f"usage {_used(point) or 0:.0%} under {limits.idle:.0%} for long",
    Sign.TRAFFIC_GONE: lambda point, limits: (
        f"{point.throughput_rps or 0:.1f} requests per second, usually {limits.usual_rps:.0f}"
    ),
}
