"""What each cause costs while it lasts, by the hour, in hours of the model's normal traffic answered wrongly."""

from collections.abc import Mapping

from aurora.domain import Cause
from aurora.policy.curves import log_ramp
from aurora.policy.diagnosis import Diagnosis
from aurora.policy.moves import Side
from aurora.policy.priors import Row
from aurora.policy.signs import error_limit, expected_drop, failing, freshness, unseen_drop
from aurora.policy.sizing import replicas_enough
from aurora.policy.view import View


def hourly_harm(seen: View, diagnosis: Diagnosis) -> Row:
    """Return the harm of each cause, if it is the one."""
    quality, service = _quality_harm(seen, diagnosis.degrees), _service_harm(seen, diagnosis.degrees)
    states = seen.priors.states
    return tuple(quality.get(cause, 0.0) for cause in states[Side.QUALITY]) + tuple(
        service.get(cause, 0.0) for cause in states[Side.SERVICE]
    )


def _quality_harm(seen: View, degrees: Mapping[str, float]) -> dict[Cause, float]:
    numbers = seen.priors.numbers
    drop = _lost_accuracy(seen, degrees)
    rates = max(seen.get("data_quality.null_rate") or 0.0, seen.get("data_quality.invalid_rate") or 0.0)
    corrupt = degrees.get("inputs_bad", 0.0) * max(numbers["corrupt_harm"], rates / 2)
    return {
        Cause.CONCEPT_DRIFT: drop,
        Cause.BAD_DEPLOYMENT: drop,
        Cause.UNKNOWN: drop,
        Cause.BLIP: drop,
        Cause.DATA_BUG: max(drop, corrupt),
        Cause.LABEL_TROUBLE: numbers["blind_harm"],
    }


def _lost_accuracy(seen: View, degrees: Mapping[str, float]) -> float:
    """Return the expected loss of accuracy; where it is not seen, what a drift of this degree would cost.

    Without any sign of trouble nothing is charged: what nobody has seen is not worth acting on.
    """
    alarm = max(degrees.get("drift", 0.0), degrees.get("inputs_bad", 0.0))
    unseen = alarm * unseen_drop(seen)
    measured = expected_drop(seen)
    if measured is None:
        return unseen
    fresh = freshness(seen)
    return fresh * measured + (1 - fresh) * max(measured, unseen)


def _service_harm(seen: View, degrees: Mapping[str, float]) -> dict[Cause, float]:
    numbers, breach = seen.priors.numbers, seen.settings.costs.slo_breach
    common = _late(seen) + _failing(seen, degrees) + numbers["outage_harm"] * degrees.get("traffic_gone", 0.0)
    full = degrees.get("memory_high", 0.0)
    leak = max(common, breach * numbers["leak_looms"] * full)
    spare = (seen.get("replicas.count") or 1.0) - replicas_enough(seen)
    return {
        Cause.SATURATION: max(common, breach * numbers["saturation_looms"] * max(degrees.get("usage_high", 0.0), full)),
        Cause.CACHEABLE_BURST: common,
        Cause.HOT_REPLICA: max(common, breach * numbers["hot_replica_looms"] * degrees.get("hot_replica", 0.0)),
        Cause.SLOW_VERSION: common,
        Cause.BAD_DEPLOYMENT: leak,
        Cause.DATA_BUG: common,
        Cause.UNKNOWN: leak,
        Cause.BLIP: common,
        Cause.OVER_PROVISIONED: spare * seen.settings.costs.replica_hour * degrees.get("idle", 0.0),
    }


def _late(seen: View) -> float:
    latency = seen.get("model_metrics.latency_ms")
    if latency is None:
        return 0.0
    over = log_ramp(latency, seen.settings.latency_slo_ms, seen.priors.widths["breach"])
    return over * seen.settings.costs.slo_breach


def _failing(seen: View, degrees: Mapping[str, float]) -> float:
    """Return the share of requests that fails beyond what is normal."""
    excess = max(0.0, (failing(seen) or 0.0) - error_limit(seen) / 2)
    return excess * degrees.get("errors_high", 0.0)
