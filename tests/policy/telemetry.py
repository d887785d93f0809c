"""Generated telemetry: anything that the wire would let through, with any part of it missing."""

from typing import Any

from hypothesis import strategies as st

RATIOS = st.one_of(st.sampled_from([0.0, 0.5, 0.7, 0.85, 1.0]), st.floats(0, 1, allow_nan=False))
AMOUNTS = st.one_of(st.sampled_from([0.0, 1.0, 1000.0, 1e9]), st.floats(0, 5000, allow_nan=False))


def part(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


REPLICAS = st.lists(part(load=RATIOS, latency_ms=AMOUNTS, healthy=st.booleans()), max_size=6).map(
    lambda found: [{"name": f"r{n}"} | one for n, one in enumerate(found)]
)

METRICS = part(accuracy=RATIOS, latency_ms=AMOUNTS, error_rate=RATIOS, throughput_rps=AMOUNTS).filter(bool)

TELEMETRY: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"model_metrics": METRICS},
    optional={
        "model_version": st.sampled_from(["1.3", "1.4"]),
        "baseline": part(accuracy=RATIOS, latency_ms=AMOUNTS, error_rate=RATIOS, throughput_rps=AMOUNTS),
        "data_drift": part(
            detected=st.booleans(), score=RATIOS, features=st.dictionaries(st.sampled_from("abc"), RATIOS)
        ),
        "system_load": part(cpu_usage=RATIOS, memory_usage=RATIOS, gpu_usage=RATIOS, replicas=REPLICAS),
        "data_quality": part(
            null_rate=RATIOS,
            invalid_rate=RATIOS,
            freshness_minutes=AMOUNTS,
            suspect_features=st.lists(st.sampled_from("abc"), max_size=2),
        ),
        "deployment": part(
            minutes_since_deploy=AMOUNTS, previous_version=st.sampled_from(["1.3", "1.4"]), previous_accuracy=RATIOS
        ),
        "traffic": part(repeat_ratio=RATIOS, rps_baseline=AMOUNTS),
        "labels": part(count=st.integers(0, 10**6), delay_hours=AMOUNTS),
    },
)
