"""A situation as named numbers of about 0 to 1, for finding cases that are alike in numbers and not only in words.

Only what is known is there. The same features are stored with a case and compared by `aurora.policy.belief.kernel`.
"""

import math
from collections.abc import Callable, Mapping

from aurora.domain import Situation
from aurora.policy.signs import (
    drift,
    errors_high,
    healthy_accuracy,
    hot_replica,
    idle,
    inputs_bad,
    labels_few,
    latency_high,
    memory_high,
    persistent,
    recent_deploy,
    repeats,
    usage_high,
)
from aurora.policy.view import View, usage, view


def features(situation: Situation) -> dict[str, float]:
    """Return the known features of `situation`, each from 0 to 1."""
    return features_of(view(situation))


def features_of(seen: View) -> dict[str, float]:
    """Return the known features of what is seen."""
    return {
        name: round(min(max(value, 0.0), 1.0), 6)
        for name, read in FEATURES.items()
        if (value := read(seen)) is not None
    }


def _accuracy_drop(seen: View) -> float | None:
    """Half is no loss at all; 0 and 1 are 0.25 above and under the healthy level."""
    accuracy = seen.get("model_metrics.accuracy")
    return None if accuracy is None else 0.5 + 2 * (healthy_accuracy(seen)[0] - accuracy)


def _latency(seen: View) -> float | None:
    """Half is the target; 0 and 1 are a sixteenth and sixteen times of it."""
    latency = seen.get("model_metrics.latency_ms")
    if latency is None:
        return None
    return 0.5 + math.log2(max(latency, 1e-3) / seen.settings.latency_slo_ms) / 8


def _replicas(seen: View) -> float | None:
    count = seen.get("replicas.count")
    return None if count is None else min(math.log2(max(count, 1.0)) / 7, 1.0)


FEATURES: Mapping[str, Callable[[View], float | None]] = {
    "accuracy": lambda seen: seen.get("model_metrics.accuracy"),
    "accuracy_drop": _accuracy_drop,
    "drift": drift,
    "drift_score": lambda seen: seen.get("data_drift.score"),
    "latency": _latency,
    "latency_high": latency_high,
    "errors": lambda seen: seen.get("model_metrics.error_rate"),
    "errors_high": errors_high,
    "usage": usage,
    "usage_high": usage_high,
    "memory_high": memory_high,
    "idle": idle,
    "hot_replica": hot_replica,
    "replicas": _replicas,
    "inputs_bad": inputs_bad,
    "recent_deploy": recent_deploy,
    "repeats": repeats,
    "labels_few": labels_few,
    "persistent": persistent,
}
