"""One look: what the telemetry says, what it is measured against, and what is not known."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from aurora.domain import Baseline, MetricPoint, ModelSettings, Serving, Situation, Telemetry
from aurora.observe.history import healthy_level, history

Source = Literal["telemetry", "settings", "history"]

EVIDENCE = (
    "model_metrics.accuracy",
    "model_metrics.latency_ms",
    "model_metrics.error_rate",
    "data_drift.detected",
    "data_drift.score",
    "system_load.cpu_usage",
    "system_load.memory_usage",
    "system_load.gpu_usage",
    "data_quality.null_rate",
    "data_quality.invalid_rate",
    "data_quality.freshness_minutes",
    "deployment.minutes_since_deploy",
    "deployment.previous_accuracy",
    "traffic.repeat_ratio",
    "labels.count",
    "labels.delay_hours",
)
"""The telemetry fields that a diagnosis can rest on."""


def observe(
    telemetry: Telemetry,
    settings: ModelSettings,
    points: Sequence[MetricPoint],
    serving: Serving,
    *,
    decision_id: str,
    now: datetime,
    simulated: bool,
    notices: tuple[str, ...] = (),
) -> Situation:
    """Return the situation of one model; `points` are its stored history, oldest first."""
    baseline, sources = _baseline(telemetry, settings, points)
    gaps = [path for path in EVIDENCE if _at(telemetry, path) is None]
    gaps += [f"baseline.{name}" for name in ("accuracy", "latency_ms") if getattr(baseline, name) is None]
    return Situation(
        decision_id=decision_id,
        observed_at=now,
        telemetry=telemetry,
        settings=settings,
        baseline=baseline,
        baseline_sources=sources,
        history=history(points, settings, baseline),
        serving=serving,
        gaps=tuple(gaps),
        notices=notices,
        simulated=simulated,
    )


def baseline_of(settings: ModelSettings, points: Sequence[MetricPoint]) -> Baseline:
    """Return the healthy level where nobody has sent one: that of the settings, else of the history."""
    return _merged([("settings", settings.baseline), ("history", healthy_level(points))])[0]


def _baseline(
    telemetry: Telemetry, settings: ModelSettings, points: Sequence[MetricPoint]
) -> tuple[Baseline, dict[str, Source]]:
    """Take each level from the first source that knows it: the request, the settings, the history."""
    traffic = telemetry.traffic
    given: list[tuple[Source, Baseline | None]] = [
        ("telemetry", telemetry.baseline),
        ("settings", settings.baseline),
        ("telemetry", Baseline(throughput_rps=traffic.rps_baseline) if traffic else None),
        ("history", healthy_level(points)),
    ]
    return _merged(given)


def _merged(given: Sequence[tuple[Source, Baseline | None]]) -> tuple[Baseline, dict[str, Source]]:
    levels: dict[str, float] = {}
    sources: dict[str, Source] = {}
    for source, baseline in given:
        for name, value in baseline or ():
            if value is not None and name not in levels:
                levels[name], sources[name] = value, source
    return Baseline(**levels), sources


def _at(telemetry: Telemetry, path: str) -> object:
    part, field = path.split(".")
    value = getattr(telemetry, part)
    return None if value is None else getattr(value, field)
