"""How a cause shows in the telemetry of a simulated service, and what shows by chance, whatever is behind it.

Numbers are drawn, not computed from first principles: each cause shows in the fields that it would show in, with
noise, near misses and symptoms that do not always appear.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from aurora.domain import Cause
from aurora.policy.priors import Face

Fields = dict[str, dict[str, Any]]


def calm(random: Random, healthy: float) -> Fields:
    """Return the telemetry of a service with which nothing is wrong."""
    latency, rps = random.lognormvariate(5.2, 0.4), random.lognormvariate(4.6, 0.8)
    usage = random.uniform(0.25, 0.75)
    score = random.betavariate(2, 10)
    climbs = random.random() < 0.05
    return {
        "model_metrics": {
            "accuracy": healthy,
            "latency_ms": latency * random.lognormvariate(0, 0.15),
            "error_rate": min(random.expovariate(1 / 0.005), 0.03),
            "throughput_rps": rps * random.lognormvariate(0, 0.15),
        },
        "baseline": {"accuracy": healthy, "latency_ms": latency, "throughput_rps": rps},
        "data_drift": {"detected": score > 0.5, "score": score},
        "system_load": {
            "cpu_usage": usage,
            "memory_usage": random.uniform(0.3, 0.85),
            "gpu_usage": usage * random.uniform(0.5, 1.0),
            "replicas": _alike(random, random.randint(2, 6), usage, latency),
        },
        "data_quality": {
            "null_rate": min(random.expovariate(1 / 0.004), 0.03),
            "invalid_rate": min(random.expovariate(1 / 0.004), 0.03),
            "freshness_minutes": random.lognormvariate(2.3, 0.7),
        },
        "deployment": {
            "minutes_since_deploy": random.expovariate(1 / 14_400) + 1,
            "previous_accuracy": min(max(healthy + random.gauss(-0.005, 0.01), 0.0), 1.0),
        },
        "traffic": {"repeat_ratio": random.betavariate(1.5, 12)},
        "labels": {"count": int(random.lognormvariate(8.3, 0.5)), "delay_hours": random.lognormvariate(2.3, 0.6)},
        "history": {"memory_slope": random.uniform(0.02, 0.3) if climbs else 0.0},
    }


def _alike(random: Random, count: int, load: float, latency: float) -> list[dict[str, Any]]:
    return [
        {
            "name": f"r{number}",
            "load": min(load * random.uniform(0.9, 1.1), 1.0),
            "latency_ms": latency * random.uniform(0.85, 1.15),
            "healthy": True,
        }
        for number in range(count)
    ]


# --- what shows by chance, whatever is behind it ---------------------------------------------------------------------


def mishaps(random: Random, fields: Fields) -> None:
    """Let signs show that have nothing to do with the cause."""
    for chance, show in _MISHAPS:
        if random.random() < chance:
            show(random, fields)


def _moved_inputs(random: Random, fields: Fields) -> None:
    _drifted(random, fields, random.betavariate(14, 7))


def _repeats_by_nature(random: Random, fields: Fields) -> None:
    fields["traffic"]["repeat_ratio"] = random.uniform(0.3, 0.7)


def _quiet_hour(random: Random, fields: Fields) -> None:
    _busy(random, fields, 0.02, 0.14)


def _busy_hour(random: Random, fields: Fields) -> None:
    _busy(random, fields, 0.80, 0.88)


def _few_labels(random: Random, fields: Fields) -> None:
    fields["labels"]["count"] = random.randint(20, 180)


def _failing_requests(random: Random, fields: Fields) -> None:
    fields["model_metrics"]["error_rate"] = random.uniform(0.04, 0.1)


# --- how the causes of the quality side show -------------------------------------------------------------------------


def show_quality(random: Random, fields: Fields, cause: Cause, accuracy: float) -> None:
    """Let `cause` show on the quality side, with labels that measure `accuracy`."""
    labels = fields["labels"]
    if cause is Cause.LABEL_TROUBLE and random.random() < 0.85:
        labels["count"] = random.randint(5, 120)
    noise = random.gauss(0, max(accuracy * (1 - accuracy), 0.01) ** 0.5 / max(labels["count"], 400) ** 0.5)
    fields["model_metrics"]["accuracy"] = min(max(accuracy + noise, 0.0), 1.0)
    if cause is Cause.CONCEPT_DRIFT:
        _drifted(random, fields, random.betavariate(16, 6))
    elif cause is Cause.COVARIATE_DRIFT:
        _drifted(random, fields, random.betavariate(14, 7))
    elif cause is Cause.DATA_BUG:
        _drifted(random, fields, random.betavariate(8, 5))
        _break_inputs(random, fields)
    elif cause is Cause.BAD_DEPLOYMENT:
        fields["deployment"]["minutes_since_deploy"] = random.uniform(3, 200)
    elif cause is Cause.UNKNOWN and random.random() < 0.1:
        _drifted(random, fields, random.betavariate(8, 8))


def _drifted(random: Random, fields: Fields, score: float) -> None:
    detected = score > 0.45 or random.random() < 0.1
    fields["data_drift"] = {"detected": detected, "score": score}


def _break_inputs(random: Random, fields: Fields) -> None:
    quality = fields["data_quality"]
    kind = random.choice(("null_rate", "invalid_rate", "freshness_minutes", "suspect_features"))
    if kind == "freshness_minutes":
        quality[kind] = random.uniform(300, 4000)
    elif kind == "suspect_features":
        quality[kind] = ["a feature"]
    else:
        quality[kind] = random.uniform(0.08, 0.5)


# --- how the causes of the service side show -------------------------------------------------------------------------


def show_service(random: Random, fields: Fields, face: Face) -> None:
    """Let `face` show on the service side; a calm one shows nothing."""
    show = _SERVICE_SHOWS.get(face)
    if show is not None:
        show(random, fields)


def _slow(random: Random, fields: Fields, least: float = 1.08, most: float = 3.0) -> None:
    fields["model_metrics"]["latency_ms"] = 1000 * random.uniform(least, most)


def _busy(random: Random, fields: Fields, least: float, most: float) -> None:
    load = fields["system_load"]
    usage = random.uniform(least, most)
    load["cpu_usage"], load["gpu_usage"] = usage, usage * random.uniform(0.6, 1.0)
    load["replicas"] = _alike(random, len(load["replicas"]), usage, fields["model_metrics"]["latency_ms"])


def _filling(random: Random, fields: Fields, climbing: float) -> None:
    """Let memory run out; `climbing` is the chance that its trend shows it: it falls where a replica starts anew."""
    fields["system_load"]["memory_usage"] = random.uniform(0.94, 1.0)
    fields["history"]["memory_slope"] = random.lognormvariate(-2.0, 1.0) if random.random() < climbing else 0.0


def _surging(random: Random, fields: Fields, least: float, most: float) -> None:
    fields["model_metrics"]["throughput_rps"] = fields["baseline"]["throughput_rps"] * random.uniform(least, most)


def _saturated(random: Random, fields: Fields) -> None:
    if random.random() < 0.45:
        _slow(random, fields)
    if random.random() < 0.2:
        fields["model_metrics"]["error_rate"] = random.uniform(0.05, 0.3)
    _busy(random, fields, 0.89, 1.0)
    _surging(random, fields, 0.9, 2.5)
    if random.random() < 0.08:
        _filling(random, fields, climbing=0.5)


def _crowded(random: Random, fields: Fields) -> None:
    """More traffic than usual fills the memory, often before the CPU."""
    _busy(random, fields, 0.5, 1.0)
    _surging(random, fields, 1.4, 3.0)
    _filling(random, fields, climbing=0.5)
    if random.random() < 0.3:
        _slow(random, fields)


def _repeating(random: Random, fields: Fields) -> None:
    _slow(random, fields)
    _busy(random, fields, 0.4, 0.95)
    _surging(random, fields, 0.9, 3.0)
    fields["traffic"]["repeat_ratio"] = random.uniform(0.36, 0.95)
    if random.random() < 0.05:
        _filling(random, fields, climbing=0.5)


def _hot(random: Random, fields: Fields) -> None:
    if random.random() < 0.45:
        _slow(random, fields, 1.05, 2.0)
    worst = random.choice(fields["system_load"]["replicas"])
    for replica in fields["system_load"]["replicas"]:
        replica["load"] = random.uniform(0.1, 0.5)
    worst["load"] = random.uniform(0.88, 1.0)
    worst["latency_ms"] *= random.uniform(3, 10)
    worst["healthy"] = random.random() < 0.7
    if not worst["healthy"] and random.random() < 0.5:
        fields["model_metrics"]["error_rate"] = random.uniform(0.05, 0.4)


def _new_and_slow(random: Random, fields: Fields) -> None:
    _slow(random, fields)
    fields["deployment"]["minutes_since_deploy"] = random.uniform(3, 200)


def _leaking(random: Random, fields: Fields) -> None:
    """Memory runs out at a normal load; what it kills starts again."""
    _filling(random, fields, climbing=0.75)
    if random.random() < 0.05:
        _busy(random, fields, 0.02, 0.14)
    if random.random() < 0.2:
        _slow(random, fields, 1.05, 2.0)
    if random.random() < 0.3:
        random.choice(fields["system_load"]["replicas"]).update(healthy=False, load=0.0)
        if random.random() < 0.5:
            fields["model_metrics"]["error_rate"] = random.uniform(0.05, 0.4)


def _new_and_leaking(random: Random, fields: Fields) -> None:
    _leaking(random, fields)
    fields["deployment"]["minutes_since_deploy"] = random.uniform(3, 200)


def _new_and_failing(random: Random, fields: Fields) -> None:
    fields["model_metrics"]["error_rate"] = random.uniform(0.08, 0.8)
    fields["deployment"]["minutes_since_deploy"] = random.uniform(3, 200)


def _idling(random: Random, fields: Fields) -> None:
    fields["system_load"]["replicas"] = _alike(random, random.randint(3, 10), 0.05, 100)
    _busy(random, fields, 0.01, 0.11)
    _surging(random, fields, 0.15, 0.6)


def _failing_inputs(random: Random, fields: Fields) -> None:
    _break_inputs(random, fields)
    fields["model_metrics"]["error_rate"] = random.uniform(0.06, 0.6)


def _excursion(random: Random, fields: Fields) -> None:
    _slow(random, fields, 1.05, 1.8)


def _errors_for_once(random: Random, fields: Fields) -> None:
    fields["model_metrics"]["error_rate"] = random.uniform(0.06, 0.2)


def _unexplained_faults(random: Random, fields: Fields) -> None:
    fields["model_metrics"]["error_rate"] = random.uniform(0.06, 0.9)


def _cut_off(random: Random, fields: Fields) -> None:
    _surging(random, fields, 0.0, 0.03)


def _resting(random: Random, fields: Fields) -> None:
    """The small hours of a service that is busy by day."""
    _busy(random, fields, 0.03, 0.14)
    _surging(random, fields, 0.1, 0.4)


_MISHAPS: Sequence[tuple[float, Callable[[Random, Fields], None]]] = (
    (0.03, _moved_inputs),
    (0.03, _repeats_by_nature),
    (0.003, _quiet_hour),
    (0.002, _busy_hour),
    (0.005, _few_labels),
    (0.003, _failing_requests),
    (0.001, _break_inputs),
)

_SERVICE_SHOWS: Mapping[Face, Callable[[Random, Fields], None]] = {
    Face(Cause.SATURATION): _saturated,
    Face(Cause.SATURATION, "filling"): _crowded,
    Face(Cause.CACHEABLE_BURST): _repeating,
    Face(Cause.HOT_REPLICA): _hot,
    Face(Cause.SLOW_VERSION): _new_and_slow,
    Face(Cause.BAD_DEPLOYMENT): _new_and_failing,
    Face(Cause.BAD_DEPLOYMENT, "leaking"): _new_and_leaking,
    Face(Cause.OVER_PROVISIONED): _idling,
    Face(Cause.DATA_BUG): _failing_inputs,
    Face(Cause.BLIP): _excursion,
    Face(Cause.BLIP, "failing"): _errors_for_once,
    Face(Cause.UNKNOWN): _slow,
    Face(Cause.UNKNOWN, "failing"): _unexplained_faults,
    Face(Cause.UNKNOWN, "gone"): _cut_off,
    Face(Cause.HEALTHY, "resting"): _resting,
    Face(Cause.UNKNOWN, "leaking"): _leaking,
}
