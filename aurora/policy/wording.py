"""Each sign in one short sentence: numbers and closed words only, so that no free text can slip into a reason."""

import math
from collections.abc import Callable, Mapping

from aurora.policy.signs import error_limit, healthy_accuracy, hours_of_memory, latency_limit, traffic_ratio
from aurora.policy.view import View, memory_pressure, usage


def _accuracy_words(seen: View) -> str:
    accuracy, (healthy, _) = seen.get("model_metrics.accuracy") or 0.0, healthy_accuracy(seen)
    against = "the level expected of a healthy model"
    if seen.get("baseline.accuracy") is not None:
        against = "its healthy level"
    elif seen.get("deployment.previous_accuracy") is not None:
        against = "the version before"
    apart = f"{abs(healthy - accuracy):.2f} {'under' if accuracy < healthy else 'above'}"
    return f"accuracy {accuracy:.2f} is {apart} {against} ({healthy:.2f})"


def _drift_words(seen: View) -> str:
    score, detected = seen.get("data_drift.score"), seen.get("data_drift.detected")
    said = "" if detected is None else "drift was detected" if detected else "no drift was detected"
    number = "" if score is None else f"drift score {score:.2f} against {seen.settings.thresholds.drift_score:.2f}"
    return ", ".join(part for part in (said, number) if part)


def _inputs_words(seen: View) -> str:
    parts = [
        f"{label} {value:.2f}"
        for label, name in (("null rate", "null_rate"), ("out-of-range rate", "invalid_rate"))
        if (value := seen.get(f"data_quality.{name}")) is not None
    ]
    if (age := seen.get("data_quality.freshness_minutes")) is not None:
        parts.append(f"newest input {age:.0f} minutes old")
    if suspects := seen.get("data_quality.suspect_features"):
        parts.append(f"{suspects:.0f} suspect feature{'s' if suspects > 1 else ''}")
    return ", ".join(parts)


def _deploy_words(seen: View) -> str:
    minutes = seen.get("deployment.minutes_since_deploy") or 0.0
    return f"the version went live {f'{minutes:.0f} minutes' if minutes >= 1.5 else 'about a minute'} ago"


def _labels_words(seen: View) -> str:
    return f"{seen.get('labels.count') or 0.0:.0f} labels stand behind the accuracy"


def _persistent_words(seen: View) -> str:
    return f"{seen.get('history.breaching_points') or 0.0:.0f} of the newest points in a row were outside their limits"


def _latency_words(seen: View) -> str:
    return (
        f"latency {seen.get('model_metrics.latency_ms') or 0.0:.0f} ms against a limit of {latency_limit(seen):.0f} ms"
    )


def _risen_words(seen: View) -> str:
    latency, usual = seen.get("model_metrics.latency_ms") or 0.0, seen.get("baseline.latency_ms") or 0.0
    return f"latency {latency:.0f} ms where {usual:.0f} ms is usual"


def _errors_words(seen: View) -> str:
    if seen.get("model_metrics.error_rate") is None:
        return "no replica says that it is healthy"
    return f"error rate {seen.get('model_metrics.error_rate') or 0.0:.3g} against a limit of {error_limit(seen):.3g}"


def _usage_words(seen: View) -> str:
    return f"usage {usage(seen) or 0.0:.2f} against {seen.settings.thresholds.usage_high:.2f}"


def _memory_words(seen: View) -> str:
    return f"memory {memory_pressure(seen) or 0.0:.2f} against {seen.priors.numbers['memory_high']:.2f}"


def _climb_words(seen: View) -> str:
    left = hours_of_memory(seen)
    if left is None or math.isinf(left):
        return "memory does not climb"
    if left < 1 / 60:
        return "memory climbs and will be full within a minute"
    within = f"{60 * left:.0f} minutes" if left < 2 else f"{left:.0f} hours"
    return f"memory climbs and will be full in {within}"


def _idle_words(seen: View) -> str:
    return f"usage {usage(seen) or 0.0:.2f} of {seen.get('replicas.count') or 1.0:.0f} replicas"


def _repeats_words(seen: View) -> str:
    return f"{seen.get('traffic.repeat_ratio') or 0.0:.0%} of the requests repeat a recent one"


def _replica_words(seen: View) -> str:
    parts = []
    if ill := seen.get("replicas.ill"):
        parts.append(f"{ill:.0f} of {seen.get('replicas.told') or 0:.0f} replicas unhealthy")
    load, others = seen.get("replicas.worst_load"), seen.get("replicas.other_load")
    if load is not None and others is not None:
        parts.append(f"one replica at load {load:.2f}, the others at {others:.2f}")
    slow, usual = seen.get("replicas.worst_latency_ms"), seen.get("replicas.other_latency_ms")
    if slow is not None and usual is not None:
        parts.append(f"one replica at {slow:.0f} ms, the others at {usual:.0f} ms")
    return ", ".join(parts) or "the replicas look alike"


def _traffic_words(seen: View) -> str:
    return f"traffic at {traffic_ratio(seen) or 0.0:.2f} of its usual level"


WORDS: Mapping[str, Callable[[View], str]] = {
    "accuracy_low": _accuracy_words,
    "drift": _drift_words,
    "inputs_bad": _inputs_words,
    "recent_deploy": _deploy_words,
    "labels_few": _labels_words,
    "persistent": _persistent_words,
    "latency_high": _latency_words,
    "latency_risen": _risen_words,
    "errors_high": _errors_words,
    "usage_high": _usage_words,
    "memory_high": _memory_words,
    "memory_climbs": _climb_words,
    "idle": _idle_words,
    "repeats": _repeats_words,
    "hot_replica": _replica_words,
    "traffic_high": _traffic_words,
    "traffic_low": _traffic_words,
    "traffic_gone": _traffic_words,
}
"""What each sign of `aurora.policy.signs` says of a view where its degree is known."""
