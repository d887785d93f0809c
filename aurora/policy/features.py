"""A situation as named numbers of 0 to 1, for finding cases that are alike in numbers and not only in words.

Two kinds: what was measured, and how likely each cause is behind it, by the diagnosis of that moment. Two situations
may differ in every number and still have the same thing wrong with them. Only what is known is there. Features are
stored with a case, weighed against those of the present by `aurora.policy.belief`, and part of the vector by which the
index finds the case (`coordinates`).
"""

import math
from collections.abc import Callable, Mapping, Sequence

from aurora.domain import Situation
from aurora.policy.diagnosis import Diagnosis, diagnose
from aurora.policy.moves import Side
from aurora.policy.priors import priors
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

LEAST_CHANCE = 0.002
"""Causes less likely than this are left out: together they would be most of what is stored."""

Features = Mapping[str, float]


def features(situation: Situation) -> dict[str, float]:
    """Return the known features of `situation`, each from 0 to 1."""
    return features_of(view(situation))


def features_of(seen: View) -> dict[str, float]:
    """Return the known features of what is seen."""
    measured = {name: value for name, read in FEATURES.items() if (value := read(seen)) is not None}
    everything = {**measured, **_causes(diagnose(seen), seen)}
    return {name: round(min(max(value, 0.0), 1.0), 6) for name, value in everything.items()}


def cause_name(side: Side, cause: str) -> str:
    """Return what the probability of a cause on one side is called."""
    return f"{side}:{cause}"


def _causes(diagnosis: Diagnosis, seen: View) -> dict[str, float]:
    return {
        cause_name(side, cause): chance
        for side in Side
        for cause, chance in zip(seen.priors.states[side], diagnosis.side(side), strict=True)
        if chance >= LEAST_CHANCE
    }


# --- alike -----------------------------------------------------------------------------------------------------------


def kernel(here: Features, there: Features, bandwidth: float) -> float:
    """Return how alike two situations are in what was measured, from 0 to 1.

    Gaussian in the root mean square of the differences in what both know, less what one of them lacks: how much is
    known must not by itself make two situations unlike.
    """
    first, second = measured(here), measured(there)
    shared = first & second
    if not shared:
        return 0.0
    distance = sum((here[name] - there[name]) ** 2 for name in sorted(shared)) / (len(shared) * bandwidth**2)
    return math.exp(-distance / 2) * len(shared) / len(first | second)


def same_cause(here: Features, there: Features) -> float:
    """Return how far two diagnoses agree, from 0 to 1: on each side the overlap (Bhattacharyya) of the two, multiplied.

    1 where one of them has none: a case that was kept without a diagnosis is compared by what was measured.
    """
    first, second = _diagnosis(here), _diagnosis(there)
    if not any(first) or not any(second):
        return 1.0
    agreement = 1.0
    for side in Side:
        names = [cause_name(side, cause) for cause in priors().states[side]]
        overlap = sum(math.sqrt(here.get(name, 0.0) * there.get(name, 0.0)) for name in names)
        agreement *= min(overlap, 1.0)
    return agreement


def measured(of: Features) -> set[str]:
    """Return the names of what was measured; causes are told by their side."""
    return {name for name in of if ":" not in name}


def coordinates(of: Features) -> tuple[list[float], list[float]]:
    """Return two vectors, one of what was measured and one of the diagnosis, each of length 1, or 0 without any.

    The scalar product of two such vectors is how alike they are: measured values as angles of half a turn, the mean
    cosine of their differences, less what only one of them knows; diagnoses by their overlap, the mean over both sides.
    Their order is that of `FEATURES` and of `causes`.
    """
    angles = [of[name] * math.pi if name in of else None for name in FEATURES]
    numbers = [
        part for angle in angles for part in ((0.0, 0.0) if angle is None else (math.cos(angle), math.sin(angle)))
    ]
    return _unit(numbers), _unit(_diagnosis(of))


def _diagnosis(of: Features) -> list[float]:
    return [math.sqrt(max(of.get(name, 0.0), 0.0)) for name in causes()]


def causes() -> tuple[str, ...]:
    """Return the names of all causes, each with its side."""
    return tuple(cause_name(side, cause) for side in Side for cause in priors().states[side])


def _unit(vector: Sequence[float]) -> list[float]:
    length = math.hypot(*vector)
    return [part / length for part in vector] if length else list(vector)


# --- what is measured ------------------------------------------------------------------------------------------------


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
