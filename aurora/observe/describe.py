"""A situation in one or two plain sentences: what goes to the embedding.

Made from numbers and enums and the model's name alone. Notes never reach it, so that no free text can steer what is
recalled.
"""

from aurora.domain import Baseline, DataDrift, ModelMetrics, Situation, Telemetry


def describe(situation: Situation) -> str:
    """Return the sentences for `situation`."""
    telemetry = situation.telemetry
    parts = [
        *_metrics(telemetry.model_metrics, situation.baseline),
        *_drift(telemetry.data_drift),
        *_load(telemetry),
        *_quality(telemetry),
        *_deployment(telemetry),
    ]
    return f"Model {telemetry.model_name}: {', '.join(parts)}."


def _metrics(metrics: ModelMetrics, baseline: Baseline) -> list[str]:
    parts = []
    if metrics.accuracy is not None:
        parts.append(f"accuracy {metrics.accuracy:.2f}{_against(baseline.accuracy, '.2f')}")
    if metrics.latency_ms is not None:
        parts.append(f"latency {metrics.latency_ms:.0f} ms{_against(baseline.latency_ms, '.0f')}")
    if metrics.error_rate is not None:
        parts.append(f"error rate {metrics.error_rate:.2f}")
    if metrics.throughput_rps is not None:
        parts.append(f"{metrics.throughput_rps:.0f} requests per second")
    return parts


def _against(level: float | None, form: str) -> str:
    return "" if level is None else f" (baseline {level:{form}})"


def _drift(drift: DataDrift | None) -> list[str]:
    if drift is None or (drift.detected is None and drift.score is None):
        return []
    word = {True: "data drift detected", False: "no data drift", None: "data drift"}[drift.detected]
    return [word if drift.score is None else f"{word} with score {drift.score:.2f}"]


def _load(telemetry: Telemetry) -> list[str]:
    load = telemetry.system_load
    if load is None:
        return []
    usage = [("cpu", load.cpu_usage), ("memory", load.memory_usage), ("gpu", load.gpu_usage)]
    parts = [f"{name} {value:.0%}" for name, value in usage if value is not None]
    loads = [replica.load for replica in load.replicas if replica.load is not None]
    if len(loads) > 1:
        parts.append(f"replica loads from {min(loads):.0%} to {max(loads):.0%}")
    ill = sum(replica.healthy is False for replica in load.replicas)
    return [*parts, f"{ill} unhealthy replicas"] if ill else parts


def _quality(telemetry: Telemetry) -> list[str]:
    parts = []
    if (quality := telemetry.data_quality) is not None:
        if quality.null_rate:
            parts.append(f"{quality.null_rate:.0%} missing values")
        if quality.invalid_rate:
            parts.append(f"{quality.invalid_rate:.0%} out-of-range values")
        if quality.freshness_minutes is not None:
            parts.append(f"newest input {quality.freshness_minutes:.0f} minutes old")
    if telemetry.labels is not None and telemetry.labels.count is not None:
        parts.append(f"{telemetry.labels.count} labels")
    return parts


def _deployment(telemetry: Telemetry) -> list[str]:
    parts = []
    if telemetry.traffic is not None and telemetry.traffic.repeat_ratio is not None:
        parts.append(f"{telemetry.traffic.repeat_ratio:.0%} repeated requests")
    if (live := telemetry.deployment) is not None:
        if live.minutes_since_deploy is not None:
            parts.append(f"deployed {live.minutes_since_deploy:.0f} minutes ago")
        if live.previous_accuracy is not None:
            parts.append(f"previous version's accuracy {live.previous_accuracy:.2f}")
    return parts
