"""A service is as before in what the step had changed, as far as a tool can tell."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora.domain import Action, Serving, Step
from aurora.policy.restoration import CHANGED, differences

BEFORE = Serving(
    version="1.4",
    previous_version="1.3",
    replicas=2,
    weights={"r1": 50.0, "r2": 50.0},
    cache_enabled=False,
    cache_ttl_seconds=None,
)


def step(action: Action) -> Step:
    return Step(action=action, target="m")


@pytest.mark.parametrize("action", CHANGED)
def test_what_is_as_before_is_no_difference(action: Action) -> None:
    assert differences(step(action), BEFORE, BEFORE) == {}


@pytest.mark.parametrize(
    ("action", "now", "said"),
    [
        (Action.RETRAIN, {"version": "1.5"}, ["version 1.5 instead of 1.4"]),
        (Action.FINE_TUNE, {"version": "1.5"}, ["version 1.5 instead of 1.4"]),
        (Action.ROUTE, {"version": "1.3"}, ["version 1.3 instead of 1.4"]),
        (
            Action.ROUTE,
            {"weights": {"r1": 0.0, "r2": 100.0}},
            ["shares of the traffic r1 0 %/r2 100 % instead of r1 50 %/r2 50 %"],
        ),
        (Action.SCALE, {"replicas": 3}, ["replicas 3 instead of 2"]),
        (Action.CACHE, {"cache_enabled": True}, ["cache on instead of off"]),
    ],
)
def test_what_is_not_as_before_is_told(action: Action, now: dict[str, Any], said: list[str]) -> None:
    found = differences(step(action), BEFORE, BEFORE.evolve(**now))
    assert found is not None
    assert list(found.values()) == said


@pytest.mark.parametrize(
    ("action", "now"),
    [
        (Action.RETRAIN, {"replicas": 5, "cache_enabled": True}),
        (Action.RETRAIN, {"previous_version": "1.5"}),
        (Action.SCALE, {"version": "1.5"}),
        (Action.CACHE, {"weights": {"r1": 0.0, "r2": 100.0}, "cache_ttl_seconds": 300.0}),
    ],
)
def test_what_the_step_did_not_change_is_none_of_its_business(action: Action, now: dict[str, Any]) -> None:
    assert differences(step(action), BEFORE, BEFORE.evolve(**now)) == {}


def test_a_cache_that_was_tuned_keeps_its_answers_as_long_as_before() -> None:
    tuned = BEFORE.evolve(cache_enabled=True, cache_ttl_seconds=300.0)
    longer = tuned.evolve(cache_ttl_seconds=1200.0)
    assert differences(step(Action.CACHE), tuned, longer) == {
        "cache_ttl_seconds": "time that the cache keeps answers 1200 instead of 300"
    }


@pytest.mark.parametrize("action", CHANGED)
def test_where_either_side_is_not_known_nobody_can_tell(action: Action) -> None:
    assert differences(step(action), BEFORE, Serving()) is None
    assert differences(step(action), Serving(), BEFORE) is None


def test_what_one_side_does_not_tell_of_is_left_out() -> None:
    assert differences(step(Action.SCALE), BEFORE, Serving(replicas=2)) == {}
    assert differences(step(Action.SCALE), BEFORE, Serving(replicas=3)) == {"replicas": "replicas 3 instead of 2"}


@given(st.floats(-1.0, 1.0))
def test_shares_may_be_rounded(by: float) -> None:
    rounded = BEFORE.evolve(weights={"r1": 50 + by / 2, "r2": 50 - by / 2})
    assert differences(step(Action.ROUTE), BEFORE, rounded) == {}


def test_a_replica_that_is_not_told_of_has_no_share() -> None:
    two, three = {"r1": 50.0, "r2": 50.0}, {"r1": 50.0, "r2": 50.0, "r3": 0.0}
    assert differences(step(Action.ROUTE), BEFORE.evolve(weights=two), BEFORE.evolve(weights=three)) == {}
    assert differences(step(Action.ROUTE), BEFORE.evolve(weights=two), BEFORE.evolve(weights={"r1": 100.0}))
