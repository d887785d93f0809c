"""Exactly what would be done: complete parameters, within limits, and nothing that is done already."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora.domain import Action, History, ModelSettings, Replica, Serving
from aurora.policy.moves import Move
from aurora.policy.sizing import load_after_leaving, replicas_enough, replicas_wanted
from aurora.policy.steps import away_from_worst, blocked_by_names, percents, previous_version
from aurora.policy.view import view
from tests.policy.looking import decide, look

LOADS = st.one_of(st.none(), st.floats(0, 1, allow_nan=False))


@given(st.lists(st.tuples(LOADS, st.sampled_from([True, False, None])), min_size=2, max_size=12))
def test_weights_are_whole_percents_of_all_replicas_and_none_for_what_is_ill(
    told: list[tuple[float | None, bool | None]],
) -> None:
    replicas = [Replica(name=f"r{n}", load=load, healthy=healthy) for n, (load, healthy) in enumerate(told)]
    weights = away_from_worst(replicas)
    if weights is None:
        assert all(replica.healthy is False for replica in replicas)
        return
    assert sum(weights.values()) == 100
    assert weights.keys() == {replica.name for replica in replicas}
    assert 0 in weights.values()
    assert all(weights[replica.name] == 0 for replica in replicas if replica.healthy is False)


def test_the_only_replica_keeps_its_traffic() -> None:
    assert away_from_worst([Replica(name="r1", load=0.99, healthy=False)]) is None
    assert away_from_worst([]) is None


def test_the_emptier_replica_gets_the_larger_share() -> None:
    weights = away_from_worst([Replica(name=n, load=load) for n, load in (("a", 0.95), ("b", 0.1), ("c", 0.4))])
    assert weights == {"a": 0, "b": 60, "c": 40}


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.floats(0.01, 100), min_size=1, max_size=9))
def test_percents_always_sum_to_a_hundred(shares: dict[str, float]) -> None:
    assert sum(percents(shares).values()) == 100


@given(st.floats(0, 1), st.integers(1, 40), st.integers(1, 30))
def test_more_replicas_are_at_least_one_more_and_never_over_the_limit(used: float, now: int, most: int) -> None:
    settings = ModelSettings.model_validate({"limits": {"max_replicas": most}})
    telemetry = {"model_metrics": {"accuracy": 0.9}, "system_load": {"cpu_usage": used}}
    seen = view(look(telemetry, settings=settings, serving=Serving(replicas=now)))
    assert replicas_wanted(seen) <= most
    assert replicas_wanted(seen) > now or replicas_wanted(seen) == most
    assert 1 <= replicas_enough(seen) <= now
    assert replicas_enough(seen) >= min(now / 2, most)


@pytest.mark.parametrize(
    ("used", "now", "wanted"), [(0.95, 4, 7), (0.9, 2, 3), (0.6, 4, 5), (0.95, 1, 2), (1.0, 10, 17)]
)
def test_replicas_are_sized_to_the_target_usage_as_the_autoscaler_would(used: float, now: int, wanted: int) -> None:
    telemetry = {"model_metrics": {"accuracy": 0.9}, "system_load": {"cpu_usage": used}}
    assert replicas_wanted(view(look(telemetry, serving=Serving(replicas=now)))) == wanted


def test_the_replicas_of_the_telemetry_count_where_no_tool_can_tell() -> None:
    telemetry = {
        "model_metrics": {"latency_ms": 1300.0},
        "system_load": {"replicas": [{"name": f"r{n}", "load": 0.95} for n in range(3)]},
    }
    assert decide(look(telemetry)).plan.step.parameters == {"replicas": 5, "from": 3}


def test_the_others_carry_the_share_of_the_one_that_is_left_out() -> None:
    replicas = [{"name": "a", "load": 0.95}, {"name": "b", "load": 0.3}, {"name": "c", "load": 0.3}]
    telemetry = {"model_metrics": {"latency_ms": 500.0}, "system_load": {"replicas": replicas}}
    assert load_after_leaving(view(look(telemetry))) == pytest.approx(0.45)
    skewed = Serving(weights={"a": 60, "b": 20, "c": 20})
    assert load_after_leaving(view(look(telemetry, serving=skewed))) == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("telemetry", "serving", "move"),
    [
        ({}, Serving(cache_enabled=True), Move.CACHE),
        ({}, Serving(version="2", previous_version="2"), Move.ROUTE_BACK),
        ({"model_version": "1", "deployment": {"previous_version": "1"}}, Serving(), Move.ROUTE_BACK),
        ({}, Serving(), Move.ROUTE_AWAY),
        (
            {"system_load": {"replicas": [{"name": "a", "load": 0.9}, {"name": "b", "load": 0.1}]}},
            Serving(weights={"a": 2.0, "b": 98.0}),
            Move.ROUTE_AWAY,
        ),
    ],
    ids=str,
)
def test_what_would_change_nothing_is_not_on_offer(telemetry: dict[str, Any], serving: Serving, move: Move) -> None:
    assert move in blocked_by_names(look({"model_metrics": {"accuracy": 0.9}} | telemetry, serving=serving))


def test_the_previous_version_is_what_the_request_says_else_what_the_tools_know() -> None:
    serving = Serving(version="3", previous_version="2")
    plain = {"model_metrics": {"accuracy": 0.9}}
    assert previous_version(look(plain, serving=serving)) == "2"
    assert previous_version(look(plain | {"deployment": {"previous_version": "1"}}, serving=serving)) == "1"
    assert previous_version(look(plain)) is None


def test_a_training_names_its_window_and_its_base() -> None:
    drifted = {"model_metrics": {"accuracy": 0.7}, "data_drift": {"detected": True}, "model_version": "7"}
    told = decide(look(drifted, serving=Serving(version="8"))).plan.step
    assert (told.action, told.parameters) == (Action.RETRAIN, {"window": "newest", "base_version": "8"})


def test_replicas_are_sized_for_what_the_load_is_likely_to_grow_to() -> None:
    telemetry = {"model_metrics": {"accuracy": 0.9}, "system_load": {"cpu_usage": 0.9}}

    def wanted(growth: float | None) -> int:
        return replicas_wanted(view(look(telemetry, serving=Serving(replicas=4), history=History(load_growth=growth))))

    # The room that the target leaves, two thirds of the load, is enough for a growth by half.
    assert [wanted(growth) for growth in (None, 0.5, 1.5, 2.5, 50.0)] == [6, 6, 6, 9, 11]


def test_what_a_growing_load_will_need_is_not_given_back() -> None:
    low = {"model_metrics": {"accuracy": 0.9}, "system_load": {"cpu_usage": 0.3}}
    enough = [
        replicas_enough(view(look(low, serving=Serving(replicas=8), history=History(load_growth=growth))))
        for growth in (None, 3.0)
    ]
    assert enough == [4, 8]
