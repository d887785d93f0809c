"""What each action may be told, and which field is named when it is told something else."""

from pathlib import Path
from typing import Any

import pytest

from aurora.domain import Action, Step
from aurora.errors import Invalid
from aurora.ports import Tool
from aurora.sandbox import World
from aurora.tools import BACKENDS, build

BACKEND = "sandbox"


@pytest.fixture
def tools(world: World, home: Path) -> dict[Action, Tool]:
    made = [build(kind, BACKEND, world, home) for kind in BACKENDS]
    return {action: tool for tool in made for action in tool.actions}


WRONG: list[tuple[Action, dict[str, Any], str]] = [
    (Action.SCALE, {}, "parameters.replicas: Field required"),
    (Action.SCALE, {"replicas": 0}, "parameters.replicas: Input should be greater than or equal to 1"),
    (Action.SCALE, {"replicas": True}, "parameters.replicas: Input should be a valid integer"),
    (Action.SCALE, {"replicas": 4.0}, "parameters.replicas: Input should be a valid integer"),
    (Action.SCALE, {"replicas": "4"}, "parameters.replicas: Input should be a valid integer"),
    (Action.SCALE, {"replicas": 4, "from": 3}, "parameters.from: .* has 2 replicas now, not 3"),
    (Action.SCALE, {"replicas": 2}, "parameters.replicas: .* has 2 replicas already"),
    (Action.SCALE, {"replicas": 4, "present": 2}, "parameters.present: Extra inputs are not permitted"),
    (Action.ROUTE, {}, "parameters: .*exactly one of weights, to_version"),
    (Action.ROUTE, {"weights": {"r1": 100}, "to_version": "1.3"}, "parameters: .*exactly one of weights, to_version"),
    (Action.ROUTE, {"weights": {}}, "parameters.weights: Dictionary should have at least 1 item"),
    (Action.ROUTE, {"weights": {"r1": -1, "r2": 101}}, "parameters.weights.r1: Input should be greater"),
    (Action.ROUTE, {"weights": {"r1": 0, "r2": float("nan")}}, "parameters.weights.r2: Input should be a finite"),
    (Action.ROUTE, {"weights": {"r1": True, "r2": 99}}, "parameters.weights.r1: Input should be a valid number"),
    (Action.ROUTE, {"weights": {"r1": 30, "r2": 30}}, "parameters: .*weights must sum to 100"),
    (Action.ROUTE, {"weights": {"r1": 0, "r3": 100}}, "parameters.weights.r3: .* has no such replica"),
    (Action.ROUTE, {"weights": {"r1": 50, "r2": 50}}, "parameters.weights: the traffic is spread like this already"),
    (Action.ROUTE, {"to_version": "9"}, "parameters.to_version: .* has no version '9'"),
    (Action.ROUTE, {"to_version": "1.4"}, "parameters.to_version: version '1.4' serves already"),
    (Action.ROUTE, {"to_version": " "}, "parameters.to_version: .*must not be empty"),
    (Action.CACHE, {"ttl_seconds": 300}, "parameters.enabled: Field required"),
    (Action.CACHE, {"enabled": 1, "ttl_seconds": 300}, "parameters.enabled: Input should be a valid boolean"),
    (Action.CACHE, {"enabled": True}, "parameters: .*ttl_seconds is required"),
    (Action.CACHE, {"enabled": True, "ttl_seconds": 0}, "parameters.ttl_seconds: Input should be greater than 0"),
    (Action.CACHE, {"enabled": True, "ttl_seconds": float("inf")}, "parameters.ttl_seconds: Input should be"),
    (Action.CACHE, {"enabled": False}, "parameters: the cache is set like this already"),
    (Action.RETRAIN, {"window": "oldest"}, "parameters.window: Input should be 'newest'"),
    (Action.RETRAIN, {"window": 199}, "parameters.window: Input should be"),
    (Action.RETRAIN, {"base_version": "9"}, "parameters.base_version: .* has no version '9'"),
    (Action.FINE_TUNE, {"base_version": 1}, "parameters.base_version: Input should be a valid string"),
    (Action.FINE_TUNE, {"epochs": 3}, "parameters.epochs: Extra inputs are not permitted"),
    (Action.ALERT, {"severity": "panic", "message": "Help."}, "parameters.severity: Input should be 'info', 'warning'"),
    (Action.ALERT, {"severity": "info", "message": " \n"}, "parameters.message: String should match"),
    (Action.ALERT, {"severity": "info", "message": "\ud800"}, "parameters.message: "),
]


@pytest.mark.parametrize(("action", "parameters", "sentence"), WRONG)
def test_what_is_wrong_is_named_and_nothing_is_done(
    tools: dict[Action, Tool], target: str, action: Action, parameters: dict[str, Any], sentence: str
) -> None:
    tool, step = tools[action], Step(action=action, target=target, parameters=parameters)
    before = tool.observe(target)
    with pytest.raises(Invalid, match=f"^The request is not valid. {sentence}"):
        tool.preview(step)
    result = tool.apply(step, "key")
    assert result.status == "refused"
    assert result.detail.startswith(sentence.partition(":")[0])
    assert tool.observe(target) == before


RIGHT: list[tuple[Action, dict[str, Any]]] = [
    (Action.SCALE, {"replicas": 1}),
    (Action.SCALE, {"replicas": 20, "from": 2}),
    (Action.ROUTE, {"weights": {"r2": 100}}),
    (Action.ROUTE, {"weights": {"r1": 33, "r2": 66.7}}),
    (Action.ROUTE, {"to_version": "1.3"}),
    (Action.CACHE, {"enabled": True, "ttl_seconds": 0.5}),
    (Action.RETRAIN, {}),
    (Action.RETRAIN, {"window": 500, "base_version": "1.3"}),
    (Action.FINE_TUNE, {"window": "newest"}),
    (Action.ALERT, {"severity": "info", "message": "Zeile\nZwei \u2713"}),
]


@pytest.mark.parametrize(("action", "parameters"), RIGHT)
def test_what_the_contract_allows_is_accepted(
    tools: dict[Action, Tool], target: str, action: Action, parameters: dict[str, Any]
) -> None:
    tools[action].preview(Step(action=action, target=target, parameters=parameters))


def test_weights_that_were_rounded_still_sum_to_100(tools: dict[Action, Tool], target: str) -> None:
    step = Step(action=Action.ROUTE, target=target, parameters={"weights": {"r1": 33, "r2": 66.3}})
    tools[Action.ROUTE].apply(step, f"{target}:rounded")
    weights = tools[Action.ROUTE].observe(target).weights or {}
    assert sum(weights.values()) == pytest.approx(100, abs=1e-9)
    assert weights["r1"] == pytest.approx(33 / 0.993)


def test_a_replica_that_was_taken_out_of_traffic_stays_out_when_others_are_added(
    tools: dict[Action, Tool], target: str
) -> None:
    out = Step(action=Action.ROUTE, target=target, parameters={"weights": {"r1": 0, "r2": 100}})
    tools[Action.ROUTE].apply(out, f"{target}:out")
    tools[Action.SCALE].apply(Step(action=Action.SCALE, target=target, parameters={"replicas": 4}), f"{target}:up")
    assert tools[Action.SCALE].observe(target).weights == pytest.approx(
        {"r1": 0, "r2": 100 / 3, "r3": 100 / 3, "r4": 100 / 3}
    )


def test_an_older_change_is_not_taken_back_from_under_a_newer_one(tools: dict[Action, Tool], target: str) -> None:
    tool = tools[Action.SCALE]
    first = Step(action=Action.SCALE, target=target, parameters={"replicas": 4})
    tool.apply(first, f"{target}:first")
    tool.apply(Step(action=Action.SCALE, target=target, parameters={"replicas": 6}), f"{target}:second")
    refused = tool.undo(first, f"{target}:first", {})
    assert refused.status == "refused"
    assert "changed again since" in refused.detail
    assert tool.observe(target).replicas == 6
    assert tool.look_up(f"{target}:first:undo").status == "no_data"
