"""What the newest points of a model come to as one look at it."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora.domain import DataDrift, Deployment, Labels, MetricPoint, ModelSettings, Telemetry, Traffic
from aurora.observe import telemetry_of
from tests.observe.points import FINE, NOW, PLAIN, POINTS, SETTINGS, START, healthy, point, told


def look(points: list[MetricPoint], at: float | None = None, **more: Any) -> Telemetry:
    now = NOW if at is None else START + timedelta(seconds=at)
    seen = telemetry_of(points, PLAIN, now=now, **more)
    assert seen is not None
    return seen


def test_points_tell_all_that_a_look_holds() -> None:
    replicas = [{"name": "r1", "load": 0.4}, {"name": "r2", "load": 0.6}]
    seen = look([*healthy(9), point(9, model_version="1", repeat_ratio=0.2, gpu_usage=0.3, replicas=replicas)])

    assert seen.model_dump(exclude_none=True, exclude_defaults=True, mode="json") == {
        "model_name": "m",
        "model_version": "1",
        "timestamp": "2026-11-22T08:00:09Z",
        "model_metrics": {name: FINE[name] for name in ("accuracy", "latency_ms", "error_rate", "throughput_rps")},
        "data_drift": {"detected": False, "score": 0.1},
        "system_load": {"cpu_usage": 0.5, "memory_usage": 0.5, "gpu_usage": 0.3, "replicas": replicas},
        "data_quality": {"null_rate": 0.0, "invalid_rate": 0.0},
        "traffic": {"repeat_ratio": 0.2},
        "labels": {"count": 5000},
    }


def test_what_no_point_told_stays_unknown() -> None:
    seen = look([MetricPoint(model_name="m", timestamp=START, latency_ms=300.0)])
    assert seen == Telemetry.model_validate(
        {"model_name": "m", "timestamp": START, "model_metrics": {"latency_ms": 300.0}}
    )


def test_without_one_of_the_four_metrics_there_is_nothing_to_decide_on() -> None:
    assert telemetry_of([], PLAIN, now=NOW) is None
    assert telemetry_of([MetricPoint(model_name="m", timestamp=START, cpu_usage=1.0)], PLAIN, now=NOW) is None


def test_levels_are_medians_of_the_newest_points() -> None:
    seen = look(told("latency_ms", [9000.0, 9000.0, 300.0, 310.0, 9000.0, 320.0, 330.0]))
    assert seen.model_metrics.latency_ms == 320.0


def test_accuracy_is_weighted_by_its_labels() -> None:
    points = told("accuracy", [0.5, 0.9, 0.9, 0.9, 0.9], labels=100)
    points[0] = points[0].evolve(labels=600)
    seen = look(points)
    assert seen.model_metrics.accuracy == pytest.approx(0.66)
    assert seen.labels == Labels(count=1000)


def test_labels_are_gathered_until_they_are_enough_to_train_on() -> None:
    assert look(healthy(40, labels=25)).labels == Labels(count=200)
    assert look(healthy(40, labels=2)).labels == Labels(count=40)
    assert look(healthy(40, labels=1000)).labels == Labels(count=5000)


def test_points_without_labels_say_nothing_about_accuracy() -> None:
    points = [*told("accuracy", [0.7] * 5, labels=100), *told("accuracy", [0.0] * 5, 5, labels=0)]
    assert look(points).model_metrics.accuracy == pytest.approx(0.7)


def test_where_the_number_of_labels_is_not_known_it_is_not_invented() -> None:
    seen = look(told("accuracy", [0.7, 0.7, 0.7, 0.1, 0.7], labels=None))
    assert (seen.model_metrics.accuracy, seen.labels) == (0.7, None)


@pytest.mark.parametrize(
    ("scores", "drift"),
    [
        ([0.1, 0.9, 0.8, 0.7, 0.6, 0.6], DataDrift(detected=True, score=0.7)),
        ([0.4, 0.6, 0.6, 0.6, 0.6], DataDrift(score=0.6)),
        ([0.4, 0.3, 0.2], DataDrift(detected=False, score=0.3)),
        ([0.9, 0.9], DataDrift(score=0.9)),
    ],
)
def test_drift_counts_as_detected_only_where_it_held_all_the_while(scores: list[float], drift: DataDrift) -> None:
    assert look(told("data_drift_score", scores)).data_drift == drift


def test_the_usual_traffic_is_passed_on_where_it_is_known() -> None:
    assert look(healthy(), rps_baseline=100.0).traffic == Traffic(rps_baseline=100.0)


def test_a_version_that_never_changed_was_never_deployed() -> None:
    assert look(healthy(40, model_version="1")).deployment is None
    assert look(healthy(40)).deployment is None
    assert look([*healthy(5), *healthy(5, 5, model_version="1")]).deployment is None


def test_after_a_change_the_version_before_tells_what_it_scored() -> None:
    old = healthy(40, model_version="1")
    new = told("accuracy", [0.6] * 6, 40, model_version="2", latency_ms=700.0)
    seen = look([*old, *new], at=100)

    assert (seen.model_version, seen.model_metrics.accuracy, seen.model_metrics.latency_ms) == ("2", 0.6, 700.0)
    assert seen.deployment == Deployment(minutes_since_deploy=1.0, previous_version="1", previous_accuracy=0.88)
    assert seen.labels == Labels(count=5000)


def test_a_version_that_has_proven_itself_is_no_deployment_and_another_is() -> None:
    points = [*healthy(40, model_version="1"), *told("accuracy", [0.6] * 6, 40, model_version="2")]
    assert look(points, proven="2").deployment is None
    assert look(points, proven="2").model_metrics.accuracy == 0.6
    assert look(points, proven="1").deployment is not None


def test_levels_of_a_young_version_are_not_filled_up_with_old_points() -> None:
    seen = look([*healthy(40, model_version="1"), point(40, model_version="2", accuracy=0.5, latency_ms=None)])
    assert (seen.model_metrics.accuracy, seen.model_metrics.latency_ms) == (0.5, None)


def test_going_back_is_a_change_too() -> None:
    there = [*healthy(10, model_version="1"), *told("accuracy", [0.6] * 10, 10, model_version="2")]
    seen = look([*there, *healthy(10, 20, model_version="1")], at=80)
    assert seen.deployment == Deployment(minutes_since_deploy=1.0, previous_version="2", previous_accuracy=0.6)


def test_a_few_points_of_a_canary_are_no_change() -> None:
    canary = told("accuracy", [0.1, 0.1], 20, model_version="2")
    seen = look([*healthy(20, model_version="1"), *canary, *healthy(2, 22, model_version="1")])
    assert (seen.model_version, seen.deployment) == ("1", None)
    assert seen.model_metrics.accuracy == pytest.approx(0.88)


@given(points=POINTS, settings=SETTINGS)
def test_any_points_make_a_look_or_none(points: list[MetricPoint], settings: ModelSettings) -> None:
    seen = telemetry_of(points, settings, now=NOW)
    if seen is not None:
        assert Telemetry.model_validate_json(seen.model_dump_json()) == seen
        assert seen.deployment is None or seen.deployment.previous_version != seen.model_version


@given(seconds=st.lists(st.integers(0, 3000), min_size=1, max_size=30, unique=True), data=st.data())
def test_the_order_in_which_points_are_given_means_nothing(seconds: list[int], data: st.DataObject) -> None:
    story = [point(second, latency_ms=float(second), labels=second) for second in seconds]
    assert telemetry_of(data.draw(st.permutations(story)), PLAIN, now=NOW) == telemetry_of(story, PLAIN, now=NOW)
