"""The queue behind a service: what the telemetry says is what it shows, and changes go the way they should."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora.domain import Telemetry
from aurora.sandbox import queueing
from aurora.sandbox.adoption import born
from aurora.sandbox.service import Service, shared

Told = Callable[..., Telemetry]


def erlang_c(servers: int, load: float) -> float:
    """The textbook's probability of having to wait, as sums of powers and factorials."""
    full = load**servers / math.factorial(servers) * servers / (servers - load)
    return full / (sum(load**n / math.factorial(n) for n in range(servers)) + full)


@given(share=st.floats(0.0, 0.99))
def test_the_stretch_of_latency_is_that_of_the_textbook(share: float) -> None:
    waiting = erlang_c(queueing.SLOTS, queueing.SLOTS * share) / (queueing.SLOTS * (1 - share))
    assert queueing.stretch(share) == pytest.approx(1 + waiting)


@given(one=st.floats(0, 2), other=st.floats(0, 2))
def test_more_load_is_never_quicker(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert queueing.stretch(low) <= queueing.stretch(high)


@pytest.mark.parametrize(
    ("look", "usage"),
    [
        ({"latency_ms": 650}, None),
        ({"latency_ms": 650, "system_load": {"cpu_usage": 0.7, "gpu_usage": 0.5}}, 0.7),
        ({"latency_ms": 90, "system_load": {"cpu_usage": 0.05}}, 0.05),
        ({"latency_ms": 1400, "throughput_rps": 4000, "traffic": {"repeat_ratio": 0.6}}, None),
        ({"latency_ms": 0.0}, None),
        (
            {
                "latency_ms": 450,
                "system_load": {
                    "cpu_usage": 0.6,
                    "replicas": [
                        {"name": "r1", "load": 0.95, "latency_ms": 900},
                        {"name": "r2", "load": 0.3, "latency_ms": 180},
                        {"name": "r3", "healthy": False},
                    ],
                },
            },
            0.6,
        ),
    ],
)
def test_it_shows_what_the_telemetry_says(told: Told, look: dict[str, Any], usage: float | None) -> None:
    service = born(told(**look))
    assert queueing.latency_ms(service) == pytest.approx(max(look["latency_ms"], 1.0), rel=1e-4)
    assert usage is None or queueing.usage(service) == pytest.approx(usage)


def saturated(told: Told) -> Service:
    return born(told(latency_ms=900, throughput_rps=200, system_load={"cpu_usage": 0.95, "gpu_usage": 0.95}))


def test_more_replicas_carry_a_saturated_service(told: Told) -> None:
    before = saturated(told)
    after = before.evolve(replicas=shared((*before.replicas, before.replicas[0].evolve(name="r3")), WEIGHTS))
    numbers = queueing.metrics(before, after)
    assert numbers["latency_ms"]["after"] < 450
    assert numbers["usage"] == {"before": 0.95, "after": pytest.approx(0.95 * 2 / 3, abs=1e-3), "samples": 60_000}


WEIGHTS = {"r1": 1.0, "r2": 1.0, "r3": 1.0}


def test_a_cache_helps_as_far_as_the_traffic_repeats_itself(told: Told) -> None:
    latencies = []
    for repeats in (0.0, 0.2, 0.4, 0.6):
        slow = born(told(latency_ms=1400, traffic={"repeat_ratio": repeats}))
        cached = slow.evolve(cache_enabled=True, cache_ttl_seconds=300.0)
        assert queueing.hit_share(cached) == pytest.approx(repeats, abs=0.001)
        latencies.append(queueing.latency_ms(cached))
    assert latencies[0] == pytest.approx(1400)
    assert latencies == sorted(latencies, reverse=True)
    assert latencies[-1] < 500


def test_a_longer_memory_answers_more(told: Told) -> None:
    service = born(told(latency_ms=1400, traffic={"repeat_ratio": 0.5})).evolve(cache_enabled=True)
    shares = [queueing.hit_share(service.evolve(cache_ttl_seconds=seconds)) for seconds in (1.0, 30.0, 300.0)]
    assert shares == sorted(shares)
    assert shares[0] < 0.05


def test_traffic_sent_away_from_a_hot_replica_is_answered_sooner(told: Told) -> None:
    replicas = [{"name": "r1", "load": 0.97, "latency_ms": 900}, {"name": "r2", "load": 0.3, "latency_ms": 180}]
    before = born(told(latency_ms=650, system_load={"replicas": replicas}))
    after = before.evolve(replicas=shared(before.replicas, {"r1": 20, "r2": 80}))
    assert queueing.latency_ms(after) < 300
    back = before.evolve(replicas=shared(before.replicas, {"r1": 80, "r2": 20}))
    assert queueing.latency_ms(back) >= queueing.latency_ms(before)


def test_a_slow_version_is_slow_wherever_it_serves_and_its_predecessor_is_not(told: Told) -> None:
    deployment = {"minutes_since_deploy": 30, "previous_version": "1.3"}
    slow = born(told(model_version="1.4", latency_ms=900, baseline={"latency_ms": 300}, deployment=deployment))
    assert queueing.latency_ms(slow) == pytest.approx(900)
    assert queueing.latency_ms(slow.evolve(version="1.3", previous_version="1.4")) == pytest.approx(300, rel=0.1)


def test_a_service_without_traffic_has_no_samples_to_judge_by(told: Told) -> None:
    idle = born(told(throughput_rps=0, latency_ms=100))
    numbers = queueing.metrics(idle, idle.evolve(cache_enabled=True, cache_ttl_seconds=60.0))
    assert [one["samples"] for one in numbers.values()] == [0, 0]
