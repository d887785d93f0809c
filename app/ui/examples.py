"""Five looks at a model to try, each a plain case."""

import json
from typing import Any

_LOOKS: dict[str, dict[str, Any]] = {
    "Accuracy down, inputs drifted": {
        "model_name": "fraud-scorer",
        "model_metrics": {"accuracy": 0.72, "latency_ms": 650},
        "data_drift": {"detected": True, "score": 0.65},
    },
    "Slow, but the traffic repeats itself": {
        "model_name": "product-search",
        "model_metrics": {"accuracy": 0.91, "latency_ms": 1400, "throughput_rps": 300},
        "baseline": {"accuracy": 0.91, "latency_ms": 280, "throughput_rps": 120},
        "traffic": {"repeat_ratio": 0.62, "rps_baseline": 120},
        "system_load": {"cpu_usage": 0.7, "memory_usage": 0.5},
    },
    "One replica hot, the others idle": {
        "model_name": "churn-predictor",
        "model_metrics": {"accuracy": 0.88, "latency_ms": 900},
        "baseline": {"accuracy": 0.88, "latency_ms": 300},
        "system_load": {
            "cpu_usage": 0.5,
            "replicas": [
                {"name": "r1", "load": 0.97, "latency_ms": 1900, "healthy": True},
                {"name": "r2", "load": 0.22, "latency_ms": 180, "healthy": True},
                {"name": "r3", "load": 0.2, "latency_ms": 175, "healthy": True},
            ],
        },
    },
    "Worse right after a deployment": {
        "model_name": "price-forecast",
        "model_version": "2.1",
        "model_metrics": {"accuracy": 0.71, "latency_ms": 310},
        "baseline": {"accuracy": 0.9, "latency_ms": 300},
        "data_drift": {"detected": False, "score": 0.05},
        "deployment": {"minutes_since_deploy": 35, "previous_version": "2.0", "previous_accuracy": 0.9},
        "labels": {"count": 4000, "delay_hours": 0.5},
    },
    "Everything at its baseline": {
        "model_name": "spam-filter",
        "model_metrics": {"accuracy": 0.97, "latency_ms": 120, "error_rate": 0.001},
        "baseline": {"accuracy": 0.97, "latency_ms": 120, "error_rate": 0.001},
        "data_drift": {"detected": False, "score": 0.03},
        "system_load": {"cpu_usage": 0.4, "memory_usage": 0.4},
    },
}
EXAMPLES = {name: json.dumps(look, indent=2) for name, look in _LOOKS.items()}
"""Telemetry as JSON text, by the sentence that describes it."""
