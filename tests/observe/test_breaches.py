"""What a point, and what a row of points, is said to show."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as limit
from hypothesis import strategies as st

from aurora.domain import Baseline, MetricPoint, ModelSettings, Thresholds
from aurora.observe import breaches, readings
from aurora.observe.breaches import AMONG, CALMING, CONFIRMING, IDLE_FOR, Verdict, breaching_points
from aurora.observe.breaches import judge as judge_at
from aurora.observe.readings import Sign, bounds, reaches, said
from aurora.policy.priors import priors
from tests.observe.points import BASELINES, HEALTHY, NOW, PLAIN, POINTS, SETTINGS, START, healthy, point, told

PAIR = [{"name": "r1", "load": 0.5, "latency_ms": 300.0, "healthy": True}]


def judge(points: list[MetricPoint], settings: ModelSettings = PLAIN, baseline: Baseline = HEALTHY) -> Verdict:
    return judge_at(points, settings, baseline, now=NOW)


def outside(point: MetricPoint, settings: ModelSettings, baseline: Baseline) -> dict[Sign, str]:
    limits = bounds(settings, baseline)
    reached = {sign: reaches([point], sign, limits)[0] for sign in Sign}
    return {sign: said(sign, point, limits) for sign, reach in reached.items() if reach is not None and reach > 1}


def pair(**values: Any) -> list[dict[str, Any]]:
    return [*PAIR, {"name": "r2", "load": 0.5, "latency_ms": 300.0, "healthy": True} | values]


# --- one point -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "sign", "sentence"),
    [
        ({"accuracy": 0.8}, Sign.ACCURACY_LOW, "accuracy 0.80 under 0.83"),
        ({"latency_ms": 950.0}, Sign.LATENCY_HIGH, "latency 950 ms over 900 ms"),
        ({"error_rate": 0.06}, Sign.ERRORS_HIGH, "error rate 0.060 over 0.050"),
        ({"data_drift_score": 0.5}, Sign.DRIFT, "drift score 0.50 at or over 0.50"),
        ({"null_rate": 0.06}, Sign.NULLS_HIGH, "missing values 6.0% over 5.0%"),
        ({"invalid_rate": 0.5}, Sign.INVALIDS_HIGH, "out-of-range values 50.0% over 5.0%"),
        ({"cpu_usage": 0.9}, Sign.USAGE_HIGH, "usage 90% over 85%"),
        ({"gpu_usage": 0.9}, Sign.USAGE_HIGH, "usage 90% over 85%"),
        ({"memory_usage": 0.95}, Sign.MEMORY_HIGH, "memory 95% over 93%"),
        ({"replicas": pair(healthy=False)}, Sign.HOT_REPLICA, "1 of 2 replicas unhealthy"),
        (
            {"replicas": pair(load=0.95)},
            Sign.HOT_REPLICA,
            "one replica at load 0.95, the others at 0.50 and at 300 ms, the others at 300 ms",
        ),
        (
            {"replicas": pair(latency_ms=900.0)},
            Sign.HOT_REPLICA,
            "one replica at load 0.50, the others at 0.50 and at 900 ms, the others at 300 ms",
        ),
        ({"cpu_usage": 0.1}, Sign.IDLE, "usage 10% under 15% for long"),
        ({"throughput_rps": 5.0}, Sign.TRAFFIC_GONE, "5.0 requests per second, usually 100"),
    ],
)
def test_a_point_shows_what_is_outside_its_limit(values: dict[str, Any], sign: Sign, sentence: str) -> None:
    assert outside(point(**values), PLAIN, HEALTHY) == {sign: sentence}


def test_a_point_on_its_limits_is_inside() -> None:
    on_them = point(
        accuracy=0.83,
        latency_ms=900.0,
        error_rate=0.05,
        data_drift_score=0.4999,
        null_rate=0.05,
        invalid_rate=0.05,
        cpu_usage=0.85,
        memory_usage=0.93,
        throughput_rps=10.0,
    )
    assert outside(on_them, PLAIN, HEALTHY) == {}


@pytest.mark.parametrize("floor", [0.0, 0.5, 0.7, 0.95, 1.0])
@given(accuracy=st.floats(0, 1), baseline=st.none() | st.floats(0, 1))
def test_accuracy_is_outside_exactly_under_its_limit(floor: float, accuracy: float, baseline: float | None) -> None:
    limit = max(floor, (baseline or 0.0) - readings.SLIPPED)
    seen = outside(
        point(accuracy=accuracy, labels=None), ModelSettings(accuracy_floor=floor), Baseline(accuracy=baseline)
    )
    assert (Sign.ACCURACY_LOW in seen) == (accuracy < limit)


def test_few_labels_show_no_loss_and_none_show_nothing() -> None:
    assert outside(point(accuracy=0.8, labels=20), PLAIN, HEALTHY) == {}
    assert outside(point(accuracy=0.0, labels=0), PLAIN, HEALTHY) == {}
    assert Sign.ACCURACY_LOW in outside(point(accuracy=0.4, labels=20), PLAIN, HEALTHY)


def test_a_single_replica_is_neither_hot_nor_idle() -> None:
    alone = [{"name": "r1", "load": 0.05, "latency_ms": 5000.0}]
    assert outside(point(cpu_usage=0.05, replicas=alone), PLAIN, HEALTHY) == {}


def test_the_limits_are_those_that_the_engine_weighs() -> None:
    numbers = priors().numbers
    assert numbers["latency_multiple"] == readings.LATENCY_MULTIPLE
    assert numbers["memory_high"] == readings.MEMORY_HIGH
    assert (numbers["imbalance"], numbers["hot_load"]) == (readings.IMBALANCE, readings.HOT_LOAD)
    assert numbers["latency_imbalance"] == readings.LATENCY_IMBALANCE
    assert numbers["hot_latency_share"] == readings.HOT_LATENCY_SHARE
    assert numbers["traffic_outage"] == readings.TRAFFIC_OUTAGE


# --- a row of points -------------------------------------------------------------------------------------------------


def test_no_points_and_healthy_points_are_quiet() -> None:
    assert judge([]) == Verdict()
    verdict = judge(healthy())
    assert (verdict.word, verdict.signs, verdict.since) == ("quiet", (), None)
    assert verdict.newest_at == START + timedelta(seconds=39)


@pytest.mark.parametrize("length", [1, 2])
@pytest.mark.parametrize(
    "values", [{"accuracy": 0.0}, {"latency_ms": 1e9}, {"error_rate": 1.0}, {"null_rate": 1.0}, {"throughput_rps": 0.0}]
)
def test_a_blip_is_only_suspected_and_passes(length: int, values: dict[str, float]) -> None:
    blip = [*healthy(40), *(point(40 + second, **values) for second in range(length))]
    for count in range(12):
        verdict = judge([*blip, *healthy(count, 40 + length)])
        assert verdict.levels == {}
        assert verdict.word == ("suspicious" if count < AMONG - length + 1 else verdict.word)
    assert verdict.word == "quiet"


def test_a_breach_is_believed_once_it_lasts() -> None:
    words = [judge([*healthy(40), *told("latency_ms", [1200.0] * count, 40)]).word for count in range(6)]
    assert words == ["quiet", "suspicious", "suspicious", "suspicious", "breaching", "breaching"]


def test_a_breach_says_what_since_when_and_how_far() -> None:
    verdict = judge([*healthy(40), *told("latency_ms", [1200.0, 1300.0, 1250.0, 1200.0], 40)])
    assert verdict.signs == ("latency 1200 ms over 900 ms",)
    assert verdict.since == START + timedelta(seconds=40)
    assert verdict.levels == {Sign.LATENCY_HIGH: pytest.approx(1225 / 900)}
    assert verdict.pressing


def test_a_huge_breach_is_believed_sooner_but_later_than_a_blip() -> None:
    words = [judge([*healthy(40), *told("error_rate", [0.9] * count, 40)]).word for count in range(4)]
    assert words == ["quiet", "suspicious", "suspicious", "breaching"]


def test_what_begins_to_show_beside_a_breach_is_shown_and_not_believed() -> None:
    begun = [point(40 + n, latency_ms=1200.0, null_rate=0.2 if n > 1 else 0.0) for n in range(4)]
    verdict = judge([*healthy(40), *begun])
    assert verdict.levels.keys() == {Sign.LATENCY_HIGH}
    assert verdict.shown.keys() == {Sign.LATENCY_HIGH, Sign.NULLS_HIGH}


def test_a_breach_may_spare_a_point_or_two() -> None:
    assert judge([*healthy(40), *told("latency_ms", [1200, 300, 1200, 1200, 300, 1200], 40)]).word == "breaching"


def test_a_breach_is_over_only_when_it_is_well_inside() -> None:
    breach = [*healthy(40), *told("latency_ms", [1200.0] * 8, 40)]
    on_the_limit = told("latency_ms", [880.0] * (AMONG - 1), 48)
    well = told("latency_ms", [300.0] * CALMING, 48)
    assert judge([*breach, *on_the_limit]).word == "breaching"
    assert not judge([*breach, *on_the_limit]).pressing
    assert judge([*breach, *well[:-1]]).word == "breaching"
    assert judge([*breach, *well]).levels == {}
    assert judge([*breach, *told("latency_ms", [880.0] * AMONG, 48)]).levels == {}


def test_in_and_out_and_in_again_is_flapping() -> None:
    wave = [*[1200.0] * 5, *[300.0] * 5, *[1200.0] * 5]
    assert judge([*healthy(40), *told("latency_ms", wave, 40)]).word == "flapping"


def test_every_other_point_outside_is_flapping_and_never_believed() -> None:
    verdict = judge([*healthy(40), *told("latency_ms", [1200.0, 300.0] * 8, 40)])
    assert (verdict.word, verdict.levels) == ("flapping", {})


def test_a_relapse_long_after_is_no_flapping() -> None:
    story = [*[1200.0] * 5, *[300.0] * 40, *[1200.0] * 5]
    assert judge([*healthy(40), *told("latency_ms", story, 40)]).word == "breaching"


def test_signs_are_followed_each_by_itself() -> None:
    mixed = [point(40 + n, **({"latency_ms": 1200.0} if n % 2 else {"null_rate": 0.2})) for n in range(4)]
    assert judge([*healthy(40), *mixed]).levels == {}


def test_points_that_do_not_tell_a_metric_say_nothing_about_it() -> None:
    late_labels = [
        point(40 + n, accuracy=0.6 if n % 5 == 0 else None, labels=1000 if n % 5 == 0 else 0) for n in range(20)
    ]
    assert judge([*healthy(40), *late_labels]).word == "breaching"


def test_what_nobody_tells_any_more_is_not_judged() -> None:
    silent = [point(44 + n, latency_ms=None) for n in range(breaches.FORGOTTEN)]
    assert judge([*healthy(40), *told("latency_ms", [1200.0] * 4, 40), *silent[:-1]]).word == "breaching"
    assert judge([*healthy(40), *told("latency_ms", [1200.0] * 4, 40), *silent]).word == "quiet"


def test_two_bad_points_of_few_labels_are_no_lasting_loss() -> None:
    points = [*healthy(40, labels=20), *told("accuracy", [0.1, 0.1], 40, labels=20), *healthy(25, 42, labels=20)]
    assert {judge(points[:count]).word for count in range(40, len(points))} == {"quiet", "suspicious"}


def test_a_loss_in_few_labels_is_seen_once_they_add_up() -> None:
    points = [*healthy(40, labels=20), *told("accuracy", [0.7, 0.75, 0.65, 0.7] * 4, 40, labels=20)]
    assert judge(points[:42]).levels == {}
    assert judge(points).levels.keys() == {Sign.ACCURACY_LOW}


def test_idle_counts_only_where_it_is_all_there_is() -> None:
    assert judge(healthy(IDLE_FOR - 1, cpu_usage=0.05)).word == "quiet"
    assert judge(healthy(IDLE_FOR, cpu_usage=0.05)).levels.keys() == {Sign.IDLE}
    assert judge([point(-1), *healthy(IDLE_FOR, cpu_usage=0.05)]).word == "quiet"


def test_a_new_version_is_judged_by_its_own_points() -> None:
    old = [*healthy(40, model_version="1"), *told("accuracy", [0.6] * 8, 40, model_version="1")]
    assert judge(old).word == "breaching"
    assert judge([*old, *healthy(3, 48, model_version="2")]).word == "quiet"
    assert judge([*old, *told("accuracy", [0.6] * 3, 48, model_version="2")]).word == "breaching"


def test_one_moment_gaps_and_single_and_constant_values_are_answered() -> None:
    assert judge([point()]).word == "quiet"
    assert judge([point(latency_ms=1200.0)]).word == "suspicious"
    assert judge([point(0, latency_ms=1200.0)] * CONFIRMING).word == "breaching"
    far = [point(second, latency_ms=1200.0) for second in (0, 10, 1000, 3000)]
    assert judge(far).word == "breaching"


def test_points_to_come_and_points_without_a_time_are_left_out() -> None:
    to_come = told("latency_ms", [5000.0] * 10, 3601)
    timeless = [MetricPoint(model_name="m", latency_ms=5000.0)] * 10
    assert judge([*timeless, *healthy(), *to_come]) == judge(healthy())


@given(points=POINTS, settings=SETTINGS, baseline=BASELINES)
def test_any_points_get_an_answer(points: list[MetricPoint], settings: ModelSettings, baseline: Baseline) -> None:
    verdict = judge(points, settings, baseline)
    assert bool(verdict.levels) <= (verdict.word in ("breaching", "flapping"))
    assert (verdict.word == "quiet") == (verdict.signs == ())
    assert all(1 - 1e-9 < reach <= readings.FURTHEST for reach in verdict.levels.values()) or not verdict.pressing
    assert verdict.since is None or verdict.since <= NOW
    assert 0 <= breaching_points(points, settings, baseline) <= len(points)
    for one in points:
        outside(one, settings, baseline)


@given(
    points=st.lists(st.tuples(st.integers(0, 3000), st.sampled_from([300.0, 1200.0, 5000.0])), max_size=30),
    data=st.data(),
)
def test_the_order_in_which_points_are_given_means_nothing(
    points: list[tuple[int, float]], data: st.DataObject
) -> None:
    story = [point(second, latency_ms=value) for second, value in dict(points).items()]
    assert judge(data.draw(st.permutations(story))) == judge(story)


@limit(max_examples=25)
@given(blips=st.lists(st.integers(1, 2), max_size=6), gap=st.integers(AMONG, 20))
def test_blips_are_never_believed_however_many_there_are(blips: list[int], gap: int) -> None:
    values: list[float] = []
    for length in blips:
        values += [*[1e6] * length, *[300.0] * gap]
    for count in range(len(values) + 1):
        assert judge([*healthy(10), *told("latency_ms", values[:count], 10)]).levels == {}


# --- how long it has lasted ------------------------------------------------------------------------------------------


def lasted(points: list[MetricPoint]) -> int:
    return breaching_points(points, PLAIN, HEALTHY)


def test_the_newest_points_outside_are_counted() -> None:
    assert lasted([]) == 0
    assert lasted(healthy()) == 0
    assert lasted([*healthy(), *told("latency_ms", [1200.0] * 3, 40)]) == 3
    assert lasted([*told("accuracy", [0.6] * 3), point(3)]) == 0
    assert lasted([*told("accuracy", [0.6] * 3), point(3, accuracy=None)]) == 3


def test_neither_idleness_nor_a_drift_that_is_answered_well_makes_a_blip_look_lasting() -> None:
    used_little = healthy(40, cpu_usage=0.05, data_drift_score=0.9)
    assert lasted(used_little) == 0
    assert lasted([*used_little, point(40, cpu_usage=0.05, data_drift_score=0.9, latency_ms=5000.0)]) == 1
    assert lasted(told("data_drift_score", [0.1, 0.9, 0.9], accuracy=None)) == 2


def test_limits_of_nothing_are_limits() -> None:
    none_allowed = ModelSettings(thresholds=Thresholds(error_rate=0.0, null_rate=0.0))
    seen = outside(point(error_rate=0.001, null_rate=0.0), none_allowed, Baseline())
    assert seen == {Sign.ERRORS_HIGH: "error rate 0.001 over 0.000"}
