"""Points of a model's history: stories told second by second, and anything that the wire would let through."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from aurora.domain import METRICS, Baseline, MetricPoint, ModelSettings, Thresholds

START = datetime(2026, 11, 22, 8, tzinfo=UTC)
NOW = START + timedelta(hours=1)
HEALTHY = Baseline(accuracy=0.88, latency_ms=300.0, error_rate=0.01, throughput_rps=100.0)
PLAIN = ModelSettings()
FINE: dict[str, Any] = {
    "accuracy": 0.88,
    "latency_ms": 300.0,
    "error_rate": 0.01,
    "throughput_rps": 100.0,
    "data_drift_score": 0.1,
    "cpu_usage": 0.5,
    "memory_usage": 0.5,
    "null_rate": 0.0,
    "invalid_rate": 0.0,
    "labels": 1000,
}
"""A point of a model that is well."""


def point(second: float = 0.0, **values: Any) -> MetricPoint:
    """Return a healthy point with some values changed; None leaves one out."""
    told = {"model_name": "m", "timestamp": START + timedelta(seconds=second), **FINE, **values}
    return MetricPoint.model_validate({name: value for name, value in told.items() if value is not None})


def told(metric: str, values: Iterable[Any], start: float = 0.0, **more: Any) -> list[MetricPoint]:
    """Return one point a second with these values of one metric."""
    return [point(start + second, **{metric: value}, **more) for second, value in enumerate(values)]


def healthy(count: int = 40, start: float = 0.0, **more: Any) -> list[MetricPoint]:
    """Return so many healthy points."""
    return [point(start + second, **more) for second in range(count)]


RATIOS = st.one_of(st.sampled_from([0.0, 0.05, 0.5, 0.7, 0.83, 0.85, 1.0]), st.floats(0, 1))
AMOUNTS = st.one_of(st.sampled_from([0.0, 1000.0, 1e9]), st.floats(0, 5000))
COUNTS = st.one_of(st.sampled_from([0, 1, 200, 10**12]), st.integers(0, 5000))
OF = {"latency_ms": AMOUNTS, "throughput_rps": AMOUNTS, "labels": COUNTS}
TIMES = st.one_of(
    st.none(),
    st.integers(-5, 5).map(lambda second: START + timedelta(seconds=second)),
    st.integers(-(10**9), 10**9).map(lambda second: NOW + timedelta(seconds=second)),
)
REPLICA = st.fixed_dictionaries({}, optional={"load": RATIOS, "latency_ms": AMOUNTS, "healthy": st.booleans()})
REPLICAS = st.lists(REPLICA, max_size=4).map(
    lambda found: [{"name": f"r{number}", **one} for number, one in enumerate(found)]
)


@st.composite
def any_point(draw: st.DrawFn) -> MetricPoint:
    """Draw a point with at least one metric, at any time or none."""
    names = draw(st.lists(st.sampled_from(METRICS), min_size=1, max_size=6, unique=True))
    values = {name: draw(OF.get(name, RATIOS)) for name in names}
    version, time, replicas = draw(st.sampled_from([None, "1", "2"])), draw(TIMES), draw(REPLICAS)
    return MetricPoint.model_validate(
        {"model_name": "m", "model_version": version, "timestamp": time, "replicas": replicas, **values}
    )


POINTS = st.lists(any_point(), max_size=40)
BASELINES = st.builds(
    Baseline,
    accuracy=st.none() | RATIOS,
    latency_ms=st.none() | AMOUNTS,
    error_rate=st.none() | RATIOS,
    throughput_rps=st.none() | AMOUNTS,
)
THRESHOLDS = st.builds(
    Thresholds, drift_score=RATIOS, usage_high=RATIOS, usage_idle=RATIOS, null_rate=RATIOS, error_rate=RATIOS
)
SETTINGS = st.builds(ModelSettings, accuracy_floor=RATIOS, latency_slo_ms=st.floats(0.001, 1e6), thresholds=THRESHOLDS)
