"""What a model's stored points say of a retrain: `RetrainAdvisor` on its history, in the engine's unit."""

from collections.abc import Sequence
from datetime import datetime

from aurora.domain import MetricPoint, ModelSettings, RetrainOutlook
from aurora.policy.advisor import RetrainAdvisor
from aurora.policy.priors import priors

NEWEST = 60
"""So many labelled points are looked at, for more would cost time: a model older than they are counts as fresh at the
first of them."""
ENOUGH = 10
"""From so many on they say something."""


def retrain_outlook(points: Sequence[MetricPoint], settings: ModelSettings, now: datetime) -> RetrainOutlook | None:
    """Return what the points say; None where too few of them, up to `now`, have an accuracy and a time.

    The advisor counts in steps, the engine in hours. A step is made so long that the usual holding time of a retrain
    is the engine's horizon: however often a model reports, its price and its gains are then told in the same coin.
    """
    known = _in_order(points, now)[-NEWEST:]
    if len(known) < ENOUGH:
        return None
    numbers = priors()
    hours = numbers.numbers["horizon_hours"] / numbers.advisor.holding
    advisor = RetrainAdvisor(settings.costs.retrain / hours)
    for before, point in zip([None, *known], known, strict=False):
        if before is not None and _changed(before, point):
            advisor.retrained()
        _tell(advisor, point)
    advice = advisor.advise()
    return RetrainOutlook(
        points=len(known),
        probability=round(advice.probability, 6),
        saving=round(advice.saving * hours, 6),
        waiting=round(advice.waiting * hours, 6),
        reason=advice.reason,
    )


def _in_order(points: Sequence[MetricPoint], now: datetime) -> list[MetricPoint]:
    """Return the points with an accuracy, one for each moment up to `now`, oldest first; the last one told counts."""
    at = {
        point.timestamp: point
        for point in points
        if point.timestamp is not None and point.timestamp <= now and point.accuracy is not None
    }
    return [at[moment] for moment in sorted(at)]


def _changed(before: MetricPoint, now: MetricPoint) -> bool:
    versions = before.model_version, now.model_version
    return None not in versions and versions[0] != versions[1]


def _tell(advisor: RetrainAdvisor, point: MetricPoint) -> None:
    challenger = point.challenger_accuracy
    advisor.update(
        error=1 - (point.accuracy or 0.0),
        labels=point.labels,
        drift_max=point.data_drift_score,
        challenger_error=None if challenger is None else 1 - challenger,
    )
