"""Which version the points tell of: the run of the version that serves, and the one before it. Pure.

A point without a version belongs to whichever served then. A few points of another version between two of the same
are those of a canary or a stray, no change; what they measured is not mixed in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from aurora.domain import MetricPoint

STRAY = 2
"""So many points of another version in between are no change of the version that serves."""


@dataclass(slots=True)
class Run:
    """Points in a row that one version answered."""

    version: str | None
    points: list[MetricPoint] = field(default_factory=list)


def in_order(points: Sequence[MetricPoint], now: datetime) -> list[MetricPoint]:
    """Return the points in order of time, of one moment in the order given; not those without a time, or to come."""
    timed = [(point.timestamp, point) for point in points if point.timestamp is not None and point.timestamp <= now]
    return [point for _, point in sorted(timed, key=lambda pair: pair[0])]


def runs(points: Sequence[MetricPoint], now: datetime) -> list[Run]:
    """Return the versions that served one after the other, each with its points; two neighbours always differ."""
    found: list[Run] = []
    for point in in_order(points, now):
        version = point.model_version or (found[-1].version if found else None)
        if found and found[-1].version is None:
            # What came before the first version was told of may well have been its own.
            found[-1].version = version
        if not found or found[-1].version != version:
            found.append(Run(version))
        found[-1].points.append(point)
    return _without_strays(found)


def serving_run(points: Sequence[MetricPoint], now: datetime) -> list[MetricPoint]:
    """Return the points of the version that serves, since it began to."""
    found = runs(points, now)
    return found[-1].points if found else []


def _without_strays(found: Sequence[Run]) -> list[Run]:
    kept: list[Run] = []
    for run in found:
        if len(kept) > 1 and kept[-2].version == run.version and len(kept[-1].points) <= STRAY:
            kept.pop()
            kept[-1].points.extend(run.points)
        else:
            kept.append(run)
    return kept
