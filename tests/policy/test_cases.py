"""The plain cases that any on-call engineer would get right, each with many numbers around it."""

from typing import Any

import pytest

from aurora.domain import TRAINING, Action, Cause, History, ModelSettings, Serving
from tests.policy.looking import decide, look

Body = dict[str, Any]


def body(accuracy: float | None = None, latency: float | None = None, **blocks: Any) -> Body:
    metrics = {"accuracy": accuracy, "latency_ms": latency, "error_rate": blocks.pop("errors", None)}
    return {"model_metrics": {k: v for k, v in metrics.items() if v is not None}, **blocks}


def drift(score: float | None, detected: bool | None = True) -> Body:
    return {k: v for k, v in {"score": score, "detected": detected}.items() if v is not None}


SLIPPED = {"accuracy": 0.88, "latency_ms": 300}
FRESH = {"count": 5000, "delay_hours": 2}


# --- retrain ---------------------------------------------------------------------------------------------------------


def test_the_newcomers_first_request_is_a_confident_and_allowed_retrain() -> None:
    told = decide(look(body(0.72, 650, data_drift=drift(0.65))))
    assert told.plan.step.action is Action.RETRAIN
    assert told.plan.confidence >= 0.7
    assert (told.critique.verdict, told.ruling.verdict) == ("approve", "allow")


def test_low_accuracy_and_detected_drift_are_enough_for_more_than_nine_in_ten() -> None:
    load = {"cpu_usage": 0.7, "memory_usage": 0.6, "gpu_usage": 0.5}
    told = decide(look(body(0.75, 450, data_drift=drift(0.6), system_load=load)))
    assert told.plan.step.action is Action.RETRAIN
    assert told.critique.confidence > 0.9
    assert (told.critique.verdict, told.ruling.verdict) == ("approve", "allow")


@pytest.mark.parametrize("score", [0.53, 0.56, 0.6, 0.64, 0.7, 0.8, 0.95])
@pytest.mark.parametrize("accuracy", [0.55, 0.62, 0.68, 0.71, 0.74, 0.76, 0.78])
def test_clearly_low_accuracy_with_drift_is_retrained(accuracy: float, score: float) -> None:
    told = decide(look(body(accuracy, 450, data_drift=drift(score))))
    assert told.plan.step.action is Action.RETRAIN
    assert told.critique.confidence > 0.9
    assert told.ruling.verdict == "allow"


@pytest.mark.parametrize(("accuracy", "baseline"), [(0.6, 0.8), (0.65, 0.9), (0.7, 0.85), (0.78, 0.92), (0.8, 0.9)])
@pytest.mark.parametrize("score", [0.55, 0.65, 0.85])
def test_accuracy_well_under_its_own_baseline_with_drift_is_retrained(
    accuracy: float, baseline: float, score: float
) -> None:
    told = decide(look(body(accuracy, baseline={"accuracy": baseline}, data_drift=drift(score), labels=FRESH)))
    assert told.plan.step.action is Action.RETRAIN
    assert told.ruling.verdict == "allow"


@pytest.mark.parametrize("accuracy", [0.55, 0.6, 0.66, 0.69])
def test_accuracy_under_the_floor_with_drift_is_retrained_even_near_its_baseline(accuracy: float) -> None:
    told = decide(look(body(accuracy, baseline={"accuracy": accuracy + 0.03}, data_drift=drift(0.7))))
    assert told.plan.step.action in TRAINING


def test_an_irreversible_retrain_asks() -> None:
    told = decide(look(body(0.72, 650, data_drift=drift(0.65))), reversible=False)
    assert told.ruling.verdict == "needs_approval"


# --- fine-tune -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("baseline", [0.88, 0.885, 0.89])
@pytest.mark.parametrize("score", [0.55, 0.58, 0.62, 0.7])
@pytest.mark.parametrize("accuracy", [0.85, 0.855, 0.86, 0.865])
def test_moderate_drift_with_accuracy_slipping_a_little_is_fine_tuned(
    accuracy: float, score: float, baseline: float
) -> None:
    told = decide(look(body(accuracy, baseline={"accuracy": baseline}, data_drift=drift(score), labels=FRESH)))
    assert told.plan.step.action is Action.FINE_TUNE
    assert told.plan.confidence >= 0.7


@pytest.mark.parametrize("delay", [60, 72, 96, 240])
@pytest.mark.parametrize("score", [0.56, 0.65, 0.8])
def test_drift_whose_labels_are_too_late_is_fine_tuned(score: float, delay: float) -> None:
    late = {"count": 5000, "delay_hours": delay}
    told = decide(look(body(0.88, baseline={"accuracy": 0.88}, data_drift=drift(score), labels=late)))
    assert told.plan.step.action is Action.FINE_TUNE


@pytest.mark.parametrize("score", [0.56, 0.65, 0.8, 0.95])
def test_drift_without_any_accuracy_is_fine_tuned_and_less_sure(score: float) -> None:
    told = decide(look(body(latency=300, data_drift=drift(score))))
    seen = decide(look(body(0.86, 300, baseline={"accuracy": 0.89}, data_drift=drift(score))))
    assert told.plan.step.action is Action.FINE_TUNE
    assert told.plan.confidence < seen.plan.confidence


# --- leave it --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accuracy", [0.88, 0.885, 0.9])
@pytest.mark.parametrize("score", [0.5, 0.55, 0.6, 0.7, 0.85])
@pytest.mark.parametrize("labels", [None, FRESH])
def test_drift_with_freshly_confirmed_accuracy_is_left_alone(
    accuracy: float, score: float, labels: Body | None
) -> None:
    told = decide(look(body(accuracy, baseline={"accuracy": 0.88}, data_drift=drift(score), labels=labels)))
    assert told.plan.step.action is Action.NO_ACTION


HEALTHY = body(
    0.88,
    300,
    baseline=SLIPPED,
    data_drift=drift(0.1, False),
    system_load={"cpu_usage": 0.4, "memory_usage": 0.5, "gpu_usage": 0.4},
    data_quality={"null_rate": 0.0, "invalid_rate": 0.0, "freshness_minutes": 5},
    traffic={"repeat_ratio": 0.1},
    labels=FRESH,
)


def test_everything_at_its_baseline_is_left_alone_with_confidence() -> None:
    told = decide(look(HEALTHY))
    assert told.plan.step.action is Action.NO_ACTION
    assert told.plan.confidence > 0.9
    assert told.ruling.verdict == "allow"


@pytest.mark.parametrize("part", [name for name in HEALTHY if name != "model_metrics"])
def test_a_healthy_service_is_left_alone_whatever_is_not_told_and_less_surely_so(part: str) -> None:
    less = decide(look({name: block for name, block in HEALTHY.items() if name != part}))
    assert less.plan.step.action is Action.NO_ACTION
    assert less.plan.confidence <= decide(look(HEALTHY)).plan.confidence + 0.01


@pytest.mark.parametrize("latency", [20, 150, 400, 700, 900, 970])
def test_only_latency_and_that_fine_is_left_alone(latency: float | None) -> None:
    assert decide(look(body(latency=latency))).plan.step.action is Action.NO_ACTION


@pytest.mark.parametrize("accuracy", [0.86, 0.9, 0.95, 1.0])
def test_only_accuracy_and_that_usual_is_left_alone(accuracy: float) -> None:
    assert decide(look(body(accuracy))).plan.step.action is Action.NO_ACTION


def test_a_first_excursion_after_a_calm_history_is_waited_for() -> None:
    slow = body(0.9, 1150, baseline={"accuracy": 0.9, "latency_ms": 300})
    blip = decide(look(slow, history=History(points=50, span_hours=50, breaching_points=1))).plan
    lasting = decide(look(slow, history=History(points=50, span_hours=50, breaching_points=6))).plan
    chance = {c.cause: c.probability for c in blip.diagnosis}[Cause.BLIP]
    assert chance > 3 * {c.cause: c.probability for c in lasting.diagnosis}[Cause.BLIP]


# --- broken inputs and labels -----------------------------------------------------------------------------------------

BROKEN = [
    {"null_rate": 0.06},
    {"null_rate": 0.2},
    {"null_rate": 0.9},
    {"invalid_rate": 0.08},
    {"invalid_rate": 0.3},
    {"freshness_minutes": 200},
    {"freshness_minutes": 2000},
    {"suspect_features": ["amount"]},
    {"null_rate": 0.1, "invalid_rate": 0.1},
]


@pytest.mark.parametrize("quality", BROKEN, ids=str)
@pytest.mark.parametrize("accuracy", [0.6, 0.72, 0.8])
def test_nothing_is_trained_on_broken_inputs_and_people_are_told(accuracy: float, quality: Body) -> None:
    told = decide(look(body(accuracy, 400, data_drift=drift(0.65), data_quality=quality)))
    assert told.plan.step.action is Action.ALERT
    assert told.ruling.verdict == "allow"


@pytest.mark.parametrize("quality", [{"null_rate": 0.2}, {"invalid_rate": 0.3}, {"freshness_minutes": 900}], ids=str)
def test_broken_inputs_behind_a_drift_are_told_even_where_accuracy_is_not_known(quality: Body) -> None:
    assert decide(look(body(latency=300, data_drift=drift(0.6), data_quality=quality))).plan.step.action is Action.ALERT


def test_the_likeliest_cause_of_broken_inputs_with_drift_is_a_data_bug() -> None:
    plan = decide(look(body(0.72, data_drift=drift(0.6), data_quality={"null_rate": 0.2}))).plan
    assert plan.diagnosis[0].cause is Cause.DATA_BUG
    assert any("null rate 0.20" in sentence for sentence in plan.diagnosis[0].evidence)


@pytest.mark.parametrize("count", [0, 3, 10, 50, 150])
@pytest.mark.parametrize("moved", [drift(0.1, False), drift(0.7), None])
def test_few_labels_behind_low_accuracy_are_no_reason_to_train(count: int, moved: Body | None) -> None:
    told = decide(look(body(0.6, baseline={"accuracy": 0.88}, labels={"count": count}, data_drift=moved)))
    assert told.plan.step.action not in TRAINING


def test_ten_labels_make_label_trouble_the_likeliest_cause() -> None:
    plan = decide(look(body(0.6, baseline={"accuracy": 0.88}, labels={"count": 10}))).plan
    assert plan.diagnosis[0].cause is Cause.LABEL_TROUBLE


@pytest.mark.parametrize("accuracy", [0.5, 0.6, 0.7, 0.75])
def test_low_accuracy_without_drift_is_told_to_people_with_less_confidence(accuracy: float) -> None:
    told = decide(look(body(accuracy, data_drift=drift(0.1, False))))
    drifted = decide(look(body(accuracy, data_drift=drift(0.7))))
    assert told.plan.step.action is Action.ALERT
    assert told.plan.confidence < drifted.plan.confidence - 0.1


@pytest.mark.parametrize("accuracy", [0.4, 0.5, 0.6, 0.7, 0.75])
def test_low_accuracy_alone_is_too_little_to_act_unasked(accuracy: float) -> None:
    told = decide(look(body(accuracy)))
    assert told.plan.step.action is Action.ALERT or told.ruling.verdict == "needs_approval"


# --- latency ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("latency", [1050, 1100, 1250, 1400, 2000, 4000])
@pytest.mark.parametrize("ratio", [0.4, 0.5, 0.6, 0.8, 0.95])
def test_high_latency_on_repeating_traffic_is_cached(latency: float | None, ratio: float) -> None:
    told = decide(look(body(0.88, latency, baseline={"accuracy": 0.88}, traffic={"repeat_ratio": ratio})))
    assert told.plan.step.action is Action.CACHE
    assert told.plan.step.parameters == {"enabled": True, "ttl_seconds": 300}
    assert told.ruling.verdict == "allow"


@pytest.mark.parametrize(("now", "then"), [(60.0, 240), (300.0, 1200), (1800.0, 3600)])
def test_a_cache_that_is_on_and_does_not_suffice_is_tuned(now: float, then: int) -> None:
    serving = Serving(cache_enabled=True, cache_ttl_seconds=now)
    slow = look(body(0.88, 1400, baseline={"accuracy": 0.88}, traffic={"repeat_ratio": 0.6}), serving=serving)
    assert decide(slow).plan.step.parameters == {"enabled": True, "ttl_seconds": then}


@pytest.mark.parametrize("seconds", [None, 3600.0, 86400.0])
def test_a_cache_that_cannot_be_tuned_further_is_left_alone(seconds: float | None) -> None:
    serving = Serving(cache_enabled=True, cache_ttl_seconds=seconds)
    slow = look(body(0.88, 1400, traffic={"repeat_ratio": 0.6}), serving=serving)
    assert decide(slow).plan.step.action is not Action.CACHE


@pytest.mark.parametrize("latency", [1150, 1400, 2500])
@pytest.mark.parametrize("usage", [0.2, 0.35, 0.5])
def test_high_latency_that_nothing_explains_is_told_to_people(latency: float | None, usage: float) -> None:
    load = {"cpu_usage": usage, "gpu_usage": usage}
    assert decide(look(body(latency=latency, traffic={"repeat_ratio": 0.05}, system_load=load))).plan.step.action is (
        Action.ALERT
    )


@pytest.mark.parametrize("minutes", [5, 20, 45, 90, 120])
@pytest.mark.parametrize("latency", [1150, 1400, 2500])
def test_a_version_that_is_slow_since_it_went_live_is_taken_back(latency: float | None, minutes: float) -> None:
    live = {"minutes_since_deploy": minutes, "previous_version": "1.3"}
    telemetry = body(latency=latency, deployment=live, traffic={"repeat_ratio": 0.05}, system_load={"cpu_usage": 0.4})
    told = decide(look(telemetry))
    assert told.plan.step.parameters == {"to_version": "1.3"}
    assert told.plan.diagnosis[0].cause is Cause.SLOW_VERSION


# --- replicas --------------------------------------------------------------------------------------------------------


def replicas(*loads: float, latency: float = 160) -> list[Body]:
    hot = {"name": "r1", "load": loads[0], "latency_ms": 900, "healthy": True}
    return [hot] + [
        {"name": f"r{n}", "load": load, "latency_ms": latency, "healthy": True} for n, load in enumerate(loads[1:], 2)
    ]


@pytest.mark.parametrize("hot", [0.9, 0.93, 0.95, 0.99])
@pytest.mark.parametrize("others", [(0.3,), (0.1, 0.15), (0.2, 0.25, 0.3), (0.4, 0.3)])
def test_traffic_leaves_the_one_hot_replica(hot: float, others: tuple[float, ...]) -> None:
    told = decide(look(body(0.88, 700, system_load={"replicas": replicas(hot, *others)})))
    weights = told.plan.step.parameters["weights"]
    assert told.plan.step.action is Action.ROUTE
    assert weights["r1"] == 0
    assert sum(weights.values()) == 100
    assert told.ruling.verdict == "allow"


def test_traffic_leaves_an_unhealthy_replica() -> None:
    ill = [{"name": "a", "healthy": True}, {"name": "b", "healthy": False}, {"name": "c", "healthy": True}]
    plan = decide(look(body(latency=300, errors=0.2, system_load={"replicas": ill}))).plan
    assert plan.step.parameters["weights"] == {"a": 50, "b": 0, "c": 50}


def test_a_single_replica_has_nowhere_to_send_its_traffic() -> None:
    alone = look(body(latency=1500, system_load={"replicas": replicas(0.97)}))
    assert decide(alone).plan.step.action is not Action.ROUTE


@pytest.mark.parametrize("usage", [0.91, 0.93, 0.95, 0.98, 1.0])
@pytest.mark.parametrize("latency", [None, 600, 1300])
def test_a_saturated_service_gets_more_replicas(usage: float, latency: float | None) -> None:
    load = {"cpu_usage": usage, "gpu_usage": usage}
    told = decide(look(body(0.9, latency, system_load=load), serving=Serving(replicas=4)))
    assert told.plan.step.action is Action.SCALE
    assert told.plan.step.parameters["from"] == 4
    assert 5 <= told.plan.step.parameters["replicas"] <= 8
    assert told.ruling.verdict == "allow"


def test_a_saturated_service_at_its_limit_is_told_to_people() -> None:
    full = look(body(0.9, 1500, system_load={"cpu_usage": 0.97}), serving=Serving(replicas=20))
    assert decide(full).plan.step.action is Action.ALERT


@pytest.mark.parametrize("usage", [0.01, 0.03, 0.05, 0.08])
@pytest.mark.parametrize("count", [2, 4, 7, 10])
def test_replicas_that_idle_are_given_back_but_never_all_nor_most_of_them(usage: float, count: int) -> None:
    idle = [{"name": f"r{n}", "load": usage} for n in range(count)]
    load = {"cpu_usage": usage, "gpu_usage": usage, "memory_usage": 0.2, "replicas": idle}
    told = decide(look(body(0.9, 100, baseline={"accuracy": 0.9}, system_load=load)))
    assert told.plan.step.action is Action.SCALE
    assert count / 2 <= told.plan.step.parameters["replicas"] < count
    assert told.ruling.verdict == "allow"


def test_an_idle_single_replica_stays() -> None:
    assert decide(look(body(0.9, 100, system_load={"cpu_usage": 0.02}))).plan.step.action is Action.NO_ACTION


# --- memory ----------------------------------------------------------------------------------------------------------


def full(memory: float, minutes: float = 12_000, *, load: Body | None = None, **blocks: Any) -> Body:
    """Return a service with so much of its memory used, and nothing else wrong unless told."""
    metrics = {"accuracy": 0.88, "latency_ms": 300, "error_rate": 0.0, "throughput_rps": 100}
    live = {"minutes_since_deploy": minutes, "previous_version": "1.3", "previous_accuracy": 0.875}
    return {
        "model_version": "1.4",
        "model_metrics": metrics | blocks.pop("metrics", {}),
        "baseline": SLIPPED | {"throughput_rps": 100},
        "system_load": {"cpu_usage": 0.45, "memory_usage": memory} | (load or {}),
        "deployment": live,
        "labels": FRESH,
        **blocks,
    }


def killed(*, of: int) -> list[Body]:
    """Return replicas of which one was killed and starts again, while the others carry its share."""
    load = min(0.45 * of / (of - 1), 0.84)
    others = [{"name": f"r{n}", "load": load, "latency_ms": 300, "healthy": True} for n in range(1, of)]
    return [{"name": "r0", "load": 0.0, "healthy": False}, *others]


CLIMBING = History(points=40, span_hours=1, breaching_points=6, memory_slope=0.4)
MEMORY = [0.945, 0.95, 0.96, 0.97, 0.985, 1.0]


@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("minutes", [3, 20, 60, 120])
@pytest.mark.parametrize("history", [History(), CLIMBING], ids=["unknown", "climbing"])
@pytest.mark.parametrize("usage", [None, 0.1, 0.3, 0.6, 0.75])
def test_a_leak_that_came_with_a_deployment_is_taken_back(
    memory: float, minutes: float, history: History, usage: float | None
) -> None:
    load = {"cpu_usage": usage}
    told = decide(look(full(memory, minutes, load=load), history=history))
    assert told.plan.step.parameters == {"to_version": "1.3"}
    assert told.critique.confidence >= 0.7
    assert told.ruling.verdict == "allow"
    assert told.plan.goal is not None
    assert (told.plan.goal.metric, told.plan.goal.before) == ("memory_usage", memory)
    assert told.plan.diagnosis[0].cause is Cause.BAD_DEPLOYMENT
    assert f"memory {memory:.2f}" in told.plan.reasoning


@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("count", [2, 3, 4, 8])
@pytest.mark.parametrize("metrics", [{}, {"error_rate": 0.2}, {"latency_ms": 1500, "error_rate": 0.1}], ids=str)
def test_a_replica_that_a_leak_killed_is_not_what_is_wrong(memory: float, count: int, metrics: Body) -> None:
    load = {"replicas": killed(of=count)}
    young = decide(look(full(memory, 20, load=load, metrics=metrics)))
    assert young.plan.step.parameters == {"to_version": "1.3"}
    assert young.ruling.verdict == "allow"
    assert decide(look(full(memory, load=load, metrics=metrics))).plan.step.action is Action.ALERT


@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("minutes", [500, 1000, 12_000, 100_000])
@pytest.mark.parametrize("history", [History(), CLIMBING], ids=["unknown", "climbing"])
@pytest.mark.parametrize("usage", [0.1, 0.3, 0.6, 0.75])
def test_a_leak_long_after_any_deployment_is_told_to_people_as_urgent(
    memory: float, minutes: float, history: History, usage: float
) -> None:
    told = decide(look(full(memory, minutes, load={"cpu_usage": usage}), history=history))
    assert told.plan.step.action is Action.ALERT
    assert told.ruling.verdict == "allow"
    assert "memory" in told.plan.step.parameters["message"]
    assert told.plan.step.parameters["severity"] == "critical"


@pytest.mark.parametrize("memory", MEMORY)
def test_a_leak_without_a_version_to_go_back_to_is_told(memory: float) -> None:
    fresh = full(memory, deployment={"minutes_since_deploy": 20})
    assert decide(look(fresh)).plan.step.action is Action.ALERT


@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("usage", [0.9, 0.93, 0.96, 1.0])
@pytest.mark.parametrize("minutes", [20, 12_000])
def test_full_memory_of_a_busy_service_gets_more_replicas(memory: float, usage: float, minutes: float) -> None:
    busy = full(memory, minutes, load={"cpu_usage": usage}, metrics={"throughput_rps": 150})
    told = decide(look(busy, serving=Serving(replicas=4)))
    assert told.plan.step.action is Action.SCALE
    assert told.plan.diagnosis[0].cause is Cause.SATURATION
    assert told.ruling.verdict == "allow"


@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("usage", [0.5, 0.65, 0.8])
@pytest.mark.parametrize("rps", [180, 250, 400])
def test_full_memory_in_a_surge_of_traffic_gets_more_replicas(memory: float, usage: float, rps: float) -> None:
    surging = full(memory, load={"cpu_usage": usage}, metrics={"throughput_rps": rps})
    told = decide(look(surging, serving=Serving(replicas=4)))
    assert told.plan.step.action is Action.SCALE
    assert told.ruling.verdict == "allow"


@pytest.mark.parametrize("memory", [0.945, 0.96, 1.0])
def test_full_memory_of_which_nothing_else_is_known_is_never_left_alone(memory: float) -> None:
    alone = decide(look(body(0.9, system_load={"memory_usage": memory})))
    assert alone.plan.step.action in (Action.SCALE, Action.ALERT)


@pytest.mark.parametrize("memory", [0.3, 0.45, 0.6, 0.75, 0.85])
@pytest.mark.parametrize("minutes", [3, 60, 12_000])
@pytest.mark.parametrize("history", [History(), CLIMBING], ids=["unknown", "climbing"])
def test_memory_with_room_left_is_left_alone_even_while_it_climbs(
    memory: float, minutes: float, history: History
) -> None:
    calm = history.evolve(breaching_points=0)
    assert decide(look(full(memory, minutes), history=calm)).plan.step.action is Action.NO_ACTION


def test_memory_that_climbs_is_a_leak_more_surely_than_memory_that_stays_where_it_is() -> None:
    def confidence(slope: float) -> float:
        return decide(look(full(0.95), history=CLIMBING.evolve(memory_slope=slope))).plan.confidence

    assert confidence(0.0) < decide(look(full(0.95))).plan.confidence < confidence(0.05)


# --- deployments -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [5, 30, 60, 110, 150])
@pytest.mark.parametrize("accuracy", [0.6, 0.7, 0.75, 0.8, 0.83])
def test_accuracy_down_right_after_a_deployment_without_drift_goes_back(accuracy: float, minutes: float) -> None:
    live = {"minutes_since_deploy": minutes, "previous_version": "1.3", "previous_accuracy": 0.88}
    told = decide(look(body(accuracy, 300, data_drift=drift(0.1, False), deployment=live)))
    assert told.plan.step.action is Action.ROUTE
    assert told.plan.step.parameters == {"to_version": "1.3"}
    assert told.ruling.verdict == "allow"


def test_a_bad_deployment_without_a_version_to_go_back_to_is_told() -> None:
    live = {"minutes_since_deploy": 30, "previous_accuracy": 0.88}
    assert decide(look(body(0.7, data_drift=drift(0.1, False), deployment=live))).plan.step.action is Action.ALERT


def test_nobody_goes_back_to_a_version_that_was_no_better() -> None:
    live = {"minutes_since_deploy": 30, "previous_version": "1.3", "previous_accuracy": 0.66}
    telemetry = body(0.7, baseline={"accuracy": 0.88}, data_drift=drift(0.1, False), deployment=live)
    assert decide(look(telemetry)).plan.step.action is not Action.ROUTE


def test_an_old_deployment_is_not_blamed() -> None:
    live = {"minutes_since_deploy": 12_000, "previous_version": "1.3", "previous_accuracy": 0.87}
    assert decide(look(body(0.75, data_drift=drift(0.6), deployment=live))).plan.step.action is Action.RETRAIN


# --- errors and combinations ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.15, 0.25, 0.4, 0.6, 0.9])
def test_failing_requests_that_nothing_explains_are_told_to_people(rate: float) -> None:
    told = decide(look(body(errors=rate)))
    assert told.plan.step.action is Action.ALERT
    assert told.plan.step.parameters["severity"] == "critical"


def test_the_contracts_example_is_retrained_before_its_hot_replica_is_seen_to() -> None:
    telemetry = {
        "model_name": "fraud-scorer",
        "model_version": "1.4",
        "model_metrics": {"accuracy": 0.75, "latency_ms": 450, "error_rate": 0.01, "throughput_rps": 120},
        "baseline": {"accuracy": 0.88, "latency_ms": 300, "throughput_rps": 110},
        "data_drift": {"detected": True, "score": 0.6, "features": {"amount": 0.71, "country": 0.12}},
        "system_load": {
            "cpu_usage": 0.7,
            "memory_usage": 0.6,
            "gpu_usage": 0.5,
            "replicas": [
                {"name": "r1", "load": 0.95, "latency_ms": 900, "healthy": True},
                {"name": "r2", "load": 0.30, "latency_ms": 180, "healthy": True},
            ],
        },
        "data_quality": {"null_rate": 0.0, "invalid_rate": 0.0, "freshness_minutes": 5, "suspect_features": []},
        "deployment": {"minutes_since_deploy": 12000, "previous_version": "1.3", "previous_accuracy": 0.87},
        "traffic": {"repeat_ratio": 0.1, "rps_baseline": 110},
        "labels": {"count": 5000, "delay_hours": 24},
    }
    told = decide(look(telemetry))
    assert told.plan.step.action is Action.RETRAIN
    assert told.plan.step.parameters == {"window": "newest", "base_version": "1.4"}
    assert told.critique.confidence > 0.9
    assert told.critique.risk == "medium"


@pytest.mark.parametrize("usage", [0.2, 0.5, 0.7])
@pytest.mark.parametrize("latency", [300, 700, 950])
def test_a_drift_is_retrained_as_surely_whatever_the_healthy_rest_says(usage: float, latency: float | None) -> None:
    plain = decide(look(body(0.72, 650, data_drift=drift(0.65))))
    rest = {"system_load": {"cpu_usage": usage}, "traffic": {"repeat_ratio": 0.1}}
    told = decide(look(body(0.72, latency, data_drift=drift(0.65), **rest)))
    assert told.plan.step.action is Action.RETRAIN
    assert told.plan.confidence == pytest.approx(plain.plan.confidence, abs=0.01)


def test_two_troubles_at_once_are_seen_to_one_after_the_other_with_confidence() -> None:
    both = body(0.7, 1500, baseline={"accuracy": 0.88}, data_drift=drift(0.7), system_load={"cpu_usage": 0.95})
    first = decide(look(both)).plan
    assert first.step.action in (Action.RETRAIN, Action.SCALE)
    assert first.confidence > 0.9
    assert {c.cause for c in first.diagnosis[:2]} == {Cause.CONCEPT_DRIFT, Cause.SATURATION}


def test_the_models_own_settings_move_every_threshold() -> None:
    tight = ModelSettings.model_validate({"latency_slo_ms": 200.0, "thresholds": {"repeat_ratio": 0.1}})
    telemetry = body(0.9, 320, traffic={"repeat_ratio": 0.25})
    assert decide(look(telemetry)).plan.step.action is Action.NO_ACTION
    assert decide(look(telemetry, settings=tight)).plan.step.action is Action.CACHE


# --- missing evidence ------------------------------------------------------------------------------------------------

EVIDENCE = [
    (body(0.72, 650, data_drift=drift(0.65)), "data_drift"),
    (body(0.86, baseline={"accuracy": 0.89}, data_drift=drift(0.6)), "baseline"),
    (body(0.88, 1400, traffic={"repeat_ratio": 0.6}), "traffic"),
    (body(0.9, 1300, system_load={"cpu_usage": 0.95, "gpu_usage": 0.95}), "system_load"),
    (
        body(
            0.75,
            data_drift=drift(0.1, False),
            deployment={"minutes_since_deploy": 30, "previous_version": "1", "previous_accuracy": 0.88},
        ),
        "deployment",
    ),
    (body(0.75, data_drift=drift(0.6), data_quality={"null_rate": 0.2}), "data_quality"),
]


@pytest.mark.parametrize(("telemetry", "evidence"), EVIDENCE, ids=[name for _, name in EVIDENCE])
def test_where_the_evidence_is_left_out_the_same_action_is_less_sure_of_itself(telemetry: Body, evidence: str) -> None:
    full = decide(look(telemetry)).plan
    less = decide(look({name: block for name, block in telemetry.items() if name != evidence})).plan
    then = {full.step.action: 0.0} | {a.decision_type: a.confidence for a in less.alternatives}
    then |= {less.step.action: less.confidence}
    assert then[full.step.action] < full.confidence
