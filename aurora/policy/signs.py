"""The signs that a diagnosis rests on: each one a degree from 0 (absent) to 1 (present), or None where it is not
known.

A degree is a smooth function of the telemetry around the model's own thresholds and baselines; 0.5 lies on the
threshold. `wording.py` says each in a sentence.
"""

import math
from collections.abc import Callable, Mapping

from aurora.policy.curves import either, log_ramp, logit, phi, positive_part, ramp, sigmoid
from aurora.policy.view import View, memory_pressure, usage

Degree = Callable[[View], float | None]


# --- the quality of the answers --------------------------------------------------------------------------------------


def healthy_accuracy(seen: View) -> tuple[float, float]:
    """Return the accuracy that a healthy model would have, and how uncertain that is (standard deviation).

    Without a baseline the version before stands in, and without that fitted data. Healthy accuracy is never taken to
    lie under the floor that the model must keep.
    """
    baseline, previous = seen.get("baseline.accuracy"), seen.get("deployment.previous_accuracy")
    if baseline is None and previous is not None:
        return max(previous, seen.settings.accuracy_floor), seen.priors.numbers["previous_spread"]
    if baseline is None:
        return max(seen.priors.numbers["healthy_accuracy"], seen.settings.accuracy_floor), seen.priors.numbers[
            "healthy_accuracy_spread"
        ]
    return max(baseline, seen.settings.accuracy_floor), seen.priors.numbers["baseline_spread"]


def _drop(seen: View, accuracy: float) -> tuple[float, float]:
    """Return how far `accuracy` is under its healthy level, and the standard deviation of that."""
    healthy, spread = healthy_accuracy(seen)
    count = seen.get("labels.count")
    labels = seen.priors.numbers["assumed_labels"] if count is None else max(count, 1.0)
    return healthy - accuracy, math.hypot(spread, math.sqrt(max(accuracy * (1 - accuracy), 0.01) / labels))


def expected_drop(seen: View) -> float | None:
    """Return the loss of accuracy that the numbers let expect, at least 0; None where accuracy is not known."""
    accuracy = seen.get("model_metrics.accuracy")
    return None if accuracy is None else positive_part(*_drop(seen, accuracy))


def unseen_drop(seen: View) -> float:
    """Return what a drift is expected to have cost where accuracy does not show it: a part, since it must be young."""
    return seen.priors.numbers["usual_drop"] * seen.priors.numbers["young_share"]


def accuracy_low(seen: View) -> float | None:
    """Return the chance that the model is really worse than its healthy level, by more than a tolerance."""
    accuracy = seen.get("model_metrics.accuracy")
    if accuracy is None:
        return None
    drop, spread = _drop(seen, accuracy)
    return phi((drop - seen.priors.numbers["tolerated_drop"]) / spread)


def freshness(seen: View) -> float:
    """Return how well the accuracy speaks for the present, from 0 to 1.

    Labels that come late say nothing against a drift that began since; a loss that they do show is no less real.
    """
    delay = seen.get("labels.delay_hours")
    if delay is None:
        return 1.0
    late = log_ramp(delay, seen.settings.thresholds.label_delay_hours, seen.priors.widths["label_delay"])
    return 1 - late * (1 - (accuracy_low(seen) or 0.0))


def under_floor(seen: View) -> float:
    """Return the degree to which accuracy is under the floor that the model must keep."""
    accuracy = seen.get("model_metrics.accuracy")
    return 0.0 if accuracy is None else ramp(seen.settings.accuracy_floor, accuracy, seen.priors.widths["floor"])


def drift(seen: View) -> float | None:
    """Return the degree to which the inputs moved: score and detector, averaged where both spoke."""
    score, detected = seen.get("data_drift.score"), seen.get("data_drift.detected")
    voices = []
    if score is not None:
        voices.append((score - seen.settings.thresholds.drift_score) / seen.priors.widths["drift"])
    if detected is not None:
        voices.append(logit(seen.priors.numbers["detector_trust"]) * (1 if detected else -1))
    return sigmoid(sum(voices) / len(voices)) if voices else None


def inputs_bad(seen: View) -> float | None:
    """Return the degree to which the inputs themselves are broken: nulls, out-of-range values, stale or suspect."""
    limits, known = seen.settings.thresholds, []
    for name, limit in (("null_rate", limits.null_rate), ("invalid_rate", limits.invalid_rate)):
        if (rate := seen.get(f"data_quality.{name}")) is not None:
            known.append(ramp(rate, limit, max(limit, 0.01) * seen.priors.widths["bad_rate"]))
    if (age := seen.get("data_quality.freshness_minutes")) is not None:
        known.append(log_ramp(age, limits.freshness_minutes, seen.priors.widths["freshness"]))
    if seen.get("data_quality.suspect_features"):
        known.append(seen.priors.numbers["suspicion_trust"])
    return either(*known) if known else None


def recent_deploy(seen: View) -> float | None:
    """Return the degree to which the serving version is new."""
    minutes = seen.get("deployment.minutes_since_deploy")
    if minutes is None:
        return None
    return 1 - log_ramp(minutes, seen.settings.thresholds.recent_deploy_minutes, seen.priors.widths["deploy"])


def previous_better(seen: View) -> float | None:
    """Return the chance that the version before was more accurate than this one.

    It tells whether going back would help, and nothing of what is wrong that the accuracy does not tell already.
    """
    previous, accuracy = seen.get("deployment.previous_accuracy"), seen.get("model_metrics.accuracy")
    if previous is None or accuracy is None:
        return None
    return phi((previous - accuracy - seen.priors.numbers["tolerated_drop"]) / seen.priors.numbers["previous_spread"])


def labels_few(seen: View) -> float | None:
    """Return the degree to which too few labels stand behind the accuracy."""
    count = seen.get("labels.count")
    if count is None:
        return None
    return 1 - log_ramp(count, seen.settings.thresholds.min_labels, seen.priors.widths["labels"])


def persistent(seen: View) -> float | None:
    """Return the degree to which the trouble has lasted for several points; not known without a history."""
    if (seen.get("history.points") or 0) < seen.priors.numbers["enough_history"]:
        return None
    return ramp(seen.get("history.breaching_points") or 0.0, 1.5, seen.priors.widths["persistence"])


# --- the service behind the answers ----------------------------------------------------------------------------------


def latency_limit(seen: View) -> float:
    """Return the latency in ms from which on something is wrong: the target, or several times the healthy level."""
    baseline = seen.get("baseline.latency_ms")
    slo = seen.settings.latency_slo_ms
    return slo if not baseline else min(slo, seen.priors.numbers["latency_multiple"] * baseline)


def latency_high(seen: View) -> float | None:
    """Return the degree to which answers come too late."""
    latency = seen.get("model_metrics.latency_ms")
    return None if latency is None else log_ramp(latency, latency_limit(seen), seen.priors.widths["latency"])


def latency_risen(seen: View) -> float | None:
    """Return the degree to which answers take longer than they used to, whether or not that is too long yet."""
    latency, usual = seen.get("model_metrics.latency_ms"), seen.get("baseline.latency_ms")
    if latency is None or not usual:
        return None
    return log_ramp(latency / usual, seen.priors.numbers["latency_rise"], seen.priors.widths["latency_rise"])


def error_limit(seen: View) -> float:
    """Return the error rate from which on something is wrong."""
    return max(seen.settings.thresholds.error_rate, 2 * (seen.get("baseline.error_rate") or 0.0))


def failing(seen: View) -> float | None:
    """Return the share of requests that fail, from 0 to 1: all of them where no replica says that it is well."""
    told = seen.get("replicas.told") or 0.0
    if told and seen.get("replicas.ill") == told:
        return 1.0
    return seen.get("model_metrics.error_rate")


def errors_high(seen: View) -> float | None:
    """Return the degree to which requests fail."""
    rate = failing(seen)
    return None if rate is None else log_ramp(rate, error_limit(seen), seen.priors.widths["errors"])


def usage_high(seen: View) -> float | None:
    """Return the degree to which the load is at the end of what the service can carry; memory is a sign of its own."""
    used = usage(seen)
    return None if used is None else ramp(used, seen.settings.thresholds.usage_high, seen.priors.widths["usage"])


def memory_high(seen: View) -> float | None:
    """Return the degree to which memory is about to run out, whatever the load."""
    memory = memory_pressure(seen)
    return None if memory is None else ramp(memory, seen.priors.numbers["memory_high"], seen.priors.widths["memory"])


def hours_of_memory(seen: View) -> float | None:
    """Return in how many hours memory is full if it goes on as now: infinite where it does not climb."""
    slope, memory = seen.get("history.memory_slope"), memory_pressure(seen)
    if slope is None or memory is None:
        return None
    return max(1 - memory, 0.0) / slope if slope > 0 else math.inf


def memory_climbs(seen: View) -> float | None:
    """Return the degree to which memory climbs so that it is full within the horizon; not known without a history."""
    left = hours_of_memory(seen)
    if left is None:
        return None
    if math.isinf(left):
        return 0.0
    return 1 - log_ramp(left, seen.priors.numbers["horizon_hours"], seen.priors.widths["memory_hours"])


def idle(seen: View) -> float | None:
    """Return the degree to which the replicas have nothing to do; a busy one among them counts against it."""
    used = [value for value in (usage(seen), seen.get("replicas.busiest_load")) if value is not None]
    if not used:
        return None
    return 1 - ramp(max(used), seen.settings.thresholds.usage_idle, seen.priors.widths["idle"])


def repeats(seen: View) -> float | None:
    """Return the degree to which requests repeat, so that a cache could answer them."""
    ratio = seen.get("traffic.repeat_ratio")
    return None if ratio is None else ramp(ratio, seen.settings.thresholds.repeat_ratio, seen.priors.widths["repeats"])


def hot_replica(seen: View) -> float | None:
    """Return the degree to which one replica is ill or overloaded while the others are not."""
    told, ill = seen.get("replicas.told") or 0.0, seen.get("replicas.ill") or 0.0
    if told < 2:
        return None
    load, others = seen.get("replicas.worst_load"), seen.get("replicas.other_load")
    slow, usual = seen.get("replicas.worst_latency_ms"), seen.get("replicas.other_latency_ms")
    known = [seen.priors.numbers["health_trust"] if 0 < ill < told else 0.0]
    if load is not None and others is not None:
        known.append(
            ramp(load - others, seen.priors.numbers["imbalance"], seen.priors.widths["imbalance"])
            * ramp(load, seen.priors.numbers["hot_load"], seen.priors.widths["hot_load"])
        )
    if slow is not None and usual is not None and usual > 0:
        known.append(
            log_ramp(slow / usual, seen.priors.numbers["latency_imbalance"], seen.priors.widths["latency_imbalance"])
            * log_ramp(
                slow, seen.priors.numbers["hot_latency_share"] * latency_limit(seen), seen.priors.widths["latency"]
            )
        )
    return either(*known)


def traffic_ratio(seen: View) -> float | None:
    """Return the present traffic as a multiple of the usual one."""
    now, usual = seen.get("model_metrics.throughput_rps"), seen.get("baseline.throughput_rps")
    return None if now is None or not usual else now / usual


def traffic_high(seen: View) -> float | None:
    """Return the degree to which there is more traffic than usual."""
    ratio = traffic_ratio(seen)
    return (
        None if ratio is None else log_ramp(ratio, seen.priors.numbers["traffic_surge"], seen.priors.widths["traffic"])
    )


def traffic_gone(seen: View) -> float | None:
    """Return the degree to which the usual traffic stays away."""
    ratio = traffic_ratio(seen)
    return (
        None
        if ratio is None
        else 1 - log_ramp(ratio, seen.priors.numbers["traffic_outage"], seen.priors.widths["traffic"])
    )


def traffic_low(seen: View) -> float | None:
    """Return the degree to which there is less traffic than usual, as at night."""
    ratio = traffic_ratio(seen)
    return (
        None
        if ratio is None
        else 1 - log_ramp(ratio, seen.priors.numbers["traffic_lull"], seen.priors.widths["traffic"])
    )


DEGREES: Mapping[str, Degree] = {
    "accuracy_low": accuracy_low,
    "drift": drift,
    "inputs_bad": inputs_bad,
    "recent_deploy": recent_deploy,
    "labels_few": labels_few,
    "persistent": persistent,
    "latency_high": latency_high,
    "latency_risen": latency_risen,
    "errors_high": errors_high,
    "usage_high": usage_high,
    "memory_high": memory_high,
    "memory_climbs": memory_climbs,
    "idle": idle,
    "repeats": repeats,
    "hot_replica": hot_replica,
    "traffic_high": traffic_high,
    "traffic_low": traffic_low,
    "traffic_gone": traffic_gone,
}
"""Every sign by its name, as `priors.json` calls it."""
