"""What a model's own points say of one metric: which of them count, where they lie, and how much of it is noise.

Pure. The order in which points are given means nothing, and neither does a point that is given twice; times are told
by the points. Not covered: seasons. A level is taken from few points in a row, so that the time of day changes little.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from aurora.domain import METRICS, MetricPoint

MIN_POINTS = 3
"""With fewer points afterwards nothing is told: one or two may be chance, and show no noise."""
BEFORE_POINTS = 5
"""How many of the newest points before stand for how it was, at most. More would reach back to when all was well."""
NOISE_POINTS = 20
"""How many of the newest points before show how much they differ from one to the next."""
INDEPENDENT_POINTS = 10
"""More points than these make a level no surer: points in close succession resemble each other."""
IDLE_SHARE = 0.1
"""With at most this share of the usual traffic a service is as good as without: nobody is there to be served."""

PER_SIGMA = 1.4826 / math.sqrt(2)
"""From the median step between neighbours to the standard deviation of one value, for normal noise."""
OF_A_MEDIAN = math.sqrt(math.pi / 2)
"""How much less sure a median is than a mean, for normal noise."""


class Reading(NamedTuple):
    """The metric at one point."""

    at: datetime | None
    value: float
    labels: int | None


@dataclass(frozen=True, slots=True)
class Level:
    """Where a metric lies, and how sure that is."""

    value: float
    noise: float
    """Standard error."""
    points: int
    labels: int | None
    """How many labels stand behind it; None where that is not told."""


def distinct(points: Iterable[MetricPoint]) -> list[MetricPoint]:
    """Return the points in order of time, each once; those without a time of their own as they came."""
    given = list(points)
    if any(point.timestamp is None for point in given):
        return given
    return sorted(set(given), key=_place)


def _place(point: MetricPoint) -> tuple[float, ...]:
    told = (getattr(point, name) for name in METRICS)
    return (point.timestamp.timestamp() if point.timestamp else 0.0, *(-1.0 if one is None else one for one in told))


def least_traffic(before: Sequence[MetricPoint]) -> float:
    """Return the requests per second up to which a service is idle, by what it had before."""
    had = [point.throughput_rps for point in before[-NOISE_POINTS:] if point.throughput_rps]
    return IDLE_SHARE * median(had) if had else 0.0


def is_busy(point: MetricPoint, least: float) -> bool:
    """Whether somebody was served; a point that does not tell of traffic is taken to have had some."""
    return point.throughput_rps is None or point.throughput_rps > least


def reports(metric: str, point: MetricPoint) -> bool:
    """Whether a point speaks of `metric` at all, whatever stands behind it."""
    return bool(_resources(point)) if metric == "usage" else getattr(point, metric) is not None


def readings(metric: str, points: Iterable[MetricPoint], resources: frozenset[str] = frozenset()) -> list[Reading]:
    """Return `metric` at each point that really tells it, oldest first.

    Accuracy takes labels. Usage takes each of `resources`, if any are named: one that is not told any more may be the
    one that is full.
    """
    found = [
        Reading(point.timestamp, value, point.labels)
        for point in points
        if (value := _value(metric, point, resources)) is not None
    ]
    if any(reading.at is None for reading in found):
        return found
    return sorted(found, key=lambda reading: (reading.at, reading.value, reading.labels or 0))


def resources_of(points: Sequence[MetricPoint]) -> frozenset[str]:
    """Return the resources of which the newest point that tells of any tells."""
    return next((frozenset(told) for point in reversed(points) if (told := _resources(point))), frozenset())


def _value(metric: str, point: MetricPoint, resources: frozenset[str]) -> float | None:
    if metric == "usage":
        used = _resources(point)
        if not used or resources - used.keys():
            return None
        return max(value for name, value in used.items() if not resources or name in resources)
    value: float | None = getattr(point, metric)
    return None if metric == "accuracy" and point.labels == 0 else value


def _resources(point: MetricPoint) -> dict[str, float]:
    busiest = max((replica.load for replica in point.replicas if replica.load is not None), default=None)
    used = {"cpu": point.cpu_usage, "gpu": point.gpu_usage, "replicas": busiest}
    return {name: value for name, value in used.items() if value is not None}


def level(told: Sequence[Reading], spread: float, *, labelled: bool) -> Level:
    """Return the median of `told`, which are not empty and differ by `spread` from one to the next.

    `labelled`: each value is a share of its labels, which alone makes it uncertain by so much.
    """
    value, known = median(reading.value for reading in told), [reading.labels for reading in told if reading.labels]
    noise = OF_A_MEDIAN * spread / math.sqrt(min(len(told), INDEPENDENT_POINTS))
    labels = sum(known) if labelled and len(known) == len(told) else None
    if labels:
        noise = max(noise, math.sqrt(variance_of_share(value, labels)))
    return Level(value, noise, len(told), labels)


def likely_share(share: float, samples: float) -> float:
    """Return what a share that was counted over `samples` most likely is: one of few is never taken for certain."""
    return (share * samples + 1) / (samples + 2)


def variance_of_share(share: float, samples: float) -> float:
    """Return the variance of `likely_share` (Agresti and Caffo, 2000)."""
    likely = likely_share(share, samples)
    return likely * (1 - likely) / (samples + 2)


def spread_of(told: Sequence[Reading]) -> float:
    """Return the standard deviation of one value, from the steps between neighbours.

    A trend or a step in the middle is a change and no noise: it hardly counts here.
    """
    steps = [abs(later.value - earlier.value) for earlier, later in pairwise(told)]
    return PER_SIGMA * median(steps) if steps else 0.0
