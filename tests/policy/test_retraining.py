"""What a model's stored points say of a retrain, and what the engine makes of it."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aurora.domain import Action, MetricPoint, ModelSettings, RetrainOutlook
from aurora.observe.versions import runs
from aurora.policy.retraining import ENOUGH, retrain_outlook

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SETTINGS = ModelSettings()


def points(levels: list[float], **more: Any) -> list[MetricPoint]:
    """Return a point an hour, the newest one now, with accuracies a little around `levels`."""
    draw = random.Random(3)
    return [
        MetricPoint(
            model_name="m",
            timestamp=NOW - timedelta(hours=len(levels) - 1 - n),
            accuracy=min(max(level + draw.gauss(0, 0.01), 0.0), 1.0),
            labels=500,
            **more,
        )
        for n, level in enumerate(levels)
    ]


def told_by(points: list[MetricPoint]) -> RetrainOutlook | None:
    """Return what points say, by the versions that they tell of."""
    return retrain_outlook([run.points for run in runs(points, NOW)], SETTINGS, NOW)


def outlook(levels: list[float]) -> RetrainOutlook:
    found = told_by(points(levels))
    assert found is not None
    return found


def test_a_healthy_history_speaks_against_a_retrain() -> None:
    found = outlook([0.9] * 40)
    assert found.saving < 0
    assert found.probability < 0.3
    assert found.points == 40


def test_a_loss_that_lasts_speaks_for_one_at_once() -> None:
    found = outlook([0.9] * 40 + [0.7] * 12)
    assert found.saving > 0
    assert found.waiting <= 0
    assert found.probability > outlook([0.9] * 40).probability


def test_a_loss_of_one_point_is_waited_for() -> None:
    assert outlook([0.9] * 40 + [0.7]).waiting > 0


def test_how_often_a_model_reports_makes_no_difference() -> None:
    hourly = points([0.9] * 40 + [0.7] * 12)
    by_second = [point.evolve(timestamp=NOW - timedelta(seconds=len(hourly) - 1 - n)) for n, point in enumerate(hourly)]
    assert told_by(hourly) == told_by(by_second)


def test_too_little_says_nothing() -> None:
    assert told_by([]) is None
    assert told_by(points([0.9] * (ENOUGH - 1))) is None
    assert told_by([MetricPoint(model_name="m", accuracy=0.5)] * 50) is None


def test_order_repeats_gaps_and_the_future_change_nothing() -> None:
    told = points([0.9] * 30 + [0.75] * 10)
    clean = told_by(told)
    mixed = [*told, *told[5:9]]
    random.Random(1).shuffle(mixed)
    later = MetricPoint(model_name="m", timestamp=NOW + timedelta(days=400), accuracy=0.01)
    silent = MetricPoint(model_name="m", timestamp=NOW, latency_ms=300.0)
    assert told_by([later, *mixed, silent.evolve(timestamp=NOW - timedelta(minutes=5))]) == clean


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_a_constant_history_never_speaks_for_one(level: float) -> None:
    told = [point.evolve(accuracy=level) for point in points([0.5] * 40)]
    found = told_by(told)
    assert found is not None
    assert found.saving < 0


def test_points_without_labels_say_no_more_than_none() -> None:
    told = [point.evolve(labels=0) for point in points([0.9] * 20 + [0.2] * 10)]
    found = told_by(told)
    assert found is not None
    assert (found.probability, found.saving) == (0.0, -SETTINGS.costs.retrain)


def test_a_new_version_begins_a_new_cycle() -> None:
    told = points([0.9] * 30 + [0.6] * 12)
    renewed = [point.evolve(model_version="1" if n < 30 else "2") for n, point in enumerate(told)]
    before, after = (told_by(some) for some in (told, renewed))
    assert before is not None
    assert after is not None
    assert after.saving < before.saving


def test_a_canary_is_no_retrain() -> None:
    told = [point.evolve(model_version="1") for point in points([0.9] * 30 + [0.75] * 12)]
    canary = [point.evolve(model_version="2") if n in (33, 34) else point for n, point in enumerate(told)]
    without = [point for n, point in enumerate(told) if n not in (33, 34)]
    assert told_by(canary) == told_by(without)


def test_drift_counts_from_the_models_own_threshold_on() -> None:
    told = points([0.9] * 30 + [0.86] * 12)
    savings = []
    for score in (0.0, 0.4, 0.5, 0.6, 1.0):
        found = told_by([point.evolve(data_drift_score=score) for point in told])
        assert found is not None
        savings.append(found.saving)
    assert savings == sorted(savings)
    assert savings[2] == pytest.approx((savings[0] + savings[-1]) / 2, abs=0.3 * (savings[-1] - savings[0]))
    strict = SETTINGS.evolve(thresholds=SETTINGS.thresholds.evolve(drift_score=0.25))
    tight = retrain_outlook([[point.evolve(data_drift_score=0.25) for point in told]], strict, NOW)
    assert tight is not None
    assert tight.saving == pytest.approx(savings[2])


def test_the_engine_weighs_it_and_says_so() -> None:
    from aurora.policy.engine import propose
    from tests.policy.looking import look

    seen = look({"model_metrics": {"accuracy": 0.83, "latency_ms": 300}, "baseline": {"accuracy": 0.88}})
    costs = {}
    for name, found in (("against", outlook([0.9] * 40)), ("for", outlook([0.9] * 40 + [0.7] * 12))):
        plan = propose(seen.evolve(history=seen.history.evolve(retrain=found)), (), reversible=frozenset(Action))
        options = {other.decision_type: other.expected_cost for other in plan.alternatives}
        costs[name] = options.get(Action.RETRAIN, plan.expected_cost)
        if plan.step.action in (Action.RETRAIN, Action.NO_ACTION):
            assert any("labelled points" in reason for reason in plan.reasons)
    assert costs["for"] < costs["against"]
