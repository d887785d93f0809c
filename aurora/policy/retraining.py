"""What a model's stored points say of a retrain: `RetrainAdvisor` on its history, in the engine's unit."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from aurora.domain import MetricPoint, ModelSettings, RetrainOutlook
from aurora.policy.advisor import RetrainAdvisor
from aurora.policy.priors import priors

NEWEST = 60
"""So many labelled points are looked at, for more would cost time: a model older than they are counts as fresh at the
first of them."""
ENOUGH = 10
"""From so many on they say something."""
EDGE = 1e-6
"""What a score or a threshold keeps off 0 and 1, so that their odds are finite."""


def retrain_outlook(
    versions: Iterable[Sequence[MetricPoint]], settings: ModelSettings, now: datetime
) -> RetrainOutlook | None:
    """Return what the points say; None where too few of them, up to `now`, have an accuracy and a time.

    `versions` holds the points of each version that served, one version after the other.

    The advisor counts in steps, the engine in hours. A step is made so long that the usual holding time of a retrain
    is the engine's horizon: however often a model reports, its price and its gains are then told in the same coin.
    """
    known = [(turn, point) for turn, points in enumerate(versions) for point in _in_order(points, now)][-NEWEST:]
    if len(known) < ENOUGH:
        return None
    numbers = priors()
    hours = numbers.numbers["horizon_hours"] / numbers.advisor.holding
    advisor = RetrainAdvisor(settings.costs.retrain / hours)
    serving = known[0][0]
    for turn, point in known:
        if turn != serving:
            advisor.retrained()
            serving = turn
        _tell(advisor, point, settings)
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


def _tell(advisor: RetrainAdvisor, point: MetricPoint, settings: ModelSettings) -> None:
    challenger, drift = point.challenger_accuracy, point.data_drift_score
    advisor.update(
        error=1 - (point.accuracy or 0.0),
        labels=point.labels,
        drift_max=None if drift is None else _index(drift, settings.thresholds.drift_score),
        challenger_error=None if challenger is None else 1 - challenger,
    )


def _index(score: float, threshold: float) -> float:
    """Return a score as the advisor's index, under which the model's threshold is the sign of a shift.

    Scores reach from 0 to 1 as s = index / (index + constant); so do those that AURORA's own providers report.
    """
    return priors().advisor.drift_limit * _odds(score) / _odds(threshold)


def _odds(share: float) -> float:
    return max(share, EDGE) / max(1 - share, EDGE)
