"""Every backend of every kind, each of its actions, held to everything that a tool must keep.

A new backend is found in `BACKENDS` and tested by being there.
"""

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from aurora.domain import CHANGING, Action, Preview, Serving, Step, Telemetry, ToolResult
from aurora.errors import Invalid
from aurora.ports import Tool
from aurora.sandbox import World
from aurora.tools import BACKENDS, build

EXAMPLES: dict[Action, dict[str, Any]] = {
    Action.RETRAIN: {"window": "newest", "base_version": "1.4"},
    Action.FINE_TUNE: {"window": "newest", "base_version": "1.4"},
    Action.CACHE: {"enabled": True, "ttl_seconds": 300},
    Action.ROUTE: {"weights": {"r1": 0, "r2": 100}},
    Action.SCALE: {"replicas": 4, "from": 2},
    Action.ALERT: {
        "severity": "critical",
        "message": "Accuracy fell to 0.52\nand nothing that AURORA may do cures it.",
    },
}
"""Something that each action may really be told about the service of `conftest.py`."""

Ended = Callable[[Tool, str], ToolResult]


def _cases(*, only_changing: bool = False) -> list[Any]:
    with TemporaryDirectory() as folder, World(Path(folder)) as world:
        return [
            pytest.param((kind, backend), action, id=f"{backend}.{kind}-{action}")
            for kind, backends in BACKENDS.items()
            for backend in backends
            for action in sorted(build(kind, backend, world).actions)
            if action in CHANGING or not only_changing
        ]


every_tool = pytest.mark.parametrize(("named", "action"), _cases())
every_tool_that_changes_something = pytest.mark.parametrize(("named", "action"), _cases(only_changing=True))


@pytest.fixture
def tool(named: tuple[str, str], world: World, home: Path) -> Tool:
    return build(*named, world, home)


@pytest.fixture
def step(action: Action, target: str) -> Step:
    return Step(action=action, target=target, parameters=EXAMPLES[action])


@pytest.fixture
def key() -> str:
    return f"dec_{uuid.uuid4().hex}:0:any"


# --- what it says of itself ----------------------------------------------------------------------------------------


def test_every_action_but_no_action_has_a_tool() -> None:
    assert {case.values[1] for case in _cases()} == set(Action) - {Action.NO_ACTION}


def test_every_tool_has_a_name_of_its_own(world: World, home: Path) -> None:
    names = [build(kind, one, world, home).name for kind, backends in BACKENDS.items() for one in backends]
    assert len(set(names)) == len(names)


@every_tool
def test_it_is_named_after_its_backend_and_its_kind(tool: Tool, named: tuple[str, str], action: Action) -> None:
    kind, backend = named
    assert tool.name == f"{backend}.{kind}"


@every_tool
def test_it_says_what_it_is_for(tool: Tool, action: Action) -> None:
    assert type(tool).__doc__


@every_tool
def test_it_declares_its_effect(tool: Tool, action: Action) -> None:
    assert tool.effect.changes == (action in CHANGING)
    assert not (tool.effect.reversible and not tool.effect.changes)


@every_tool
def test_it_has_a_schema_for_the_parameters_of_each_of_its_actions(tool: Tool, action: Action) -> None:
    assert set(tool.arguments) == tool.actions
    properties = tool.arguments[action].model_json_schema()["properties"]
    assert set(EXAMPLES[action]) <= set(properties)


@every_tool
def test_only_the_sandbox_is_simulated_and_all_of_it(tool: Tool, named: tuple[str, str], step: Step, key: str) -> None:
    said: list[Tool | Preview | ToolResult] = [
        tool,
        tool.preview(step),
        tool.apply(step, key),
        tool.look_up(key),
        tool.look_up("unknown"),
        tool.apply(step.evolve(parameters={"nonsense": 1}), "another key"),
        tool.undo(step, key, {}),
        tool.undo(step, "unknown", {}),
    ]
    assert [one.simulated for one in said] == [named[1] == "sandbox"] * len(said)


# --- preview -------------------------------------------------------------------------------------------------------


@every_tool
def test_a_preview_says_what_would_change_and_changes_nothing(tool: Tool, step: Step, key: str) -> None:
    before = tool.observe(step.target)
    preview = tool.preview(step)
    assert bool(preview.changes) == tool.effect.changes
    assert preview.undoable == tool.effect.reversible
    assert preview.backend == tool.name
    assert preview.undo
    assert tool.observe(step.target) == before


@every_tool
def test_what_the_preview_said_is_what_comes(tool: Tool, step: Step, key: str, ended: Ended) -> None:
    foretold = tool.preview(step).changes
    before = dict(tool.observe(step.target))
    tool.apply(step, key)
    ended(tool, key)
    after = dict(tool.observe(step.target))
    assert {field: (before[field], after[field]) for field in after if before[field] != after[field]} == foretold


# --- apply and look_up ---------------------------------------------------------------------------------------------


@every_tool
def test_it_does_what_it_is_told_and_says_what_it_called(tool: Tool, step: Step, key: str) -> None:
    result = tool.apply(step, key)
    assert result.status == "ok"
    assert result.called == f"{tool.name}.apply"
    assert result.answer["state"] in ("running", "done")
    assert result.detail


@every_tool
def test_what_it_says_is_plain_json(tool: Tool, step: Step, key: str, ended: Ended) -> None:
    for result in (tool.apply(step, key), ended(tool, key), tool.undo(step, key, {})):
        assert json.loads(json.dumps(result.model_dump(), allow_nan=False)) == result.model_dump()


@every_tool
def test_an_unknown_key_is_no_data(tool: Tool, action: Action) -> None:
    assert tool.look_up("never used").status == "no_data"


@every_tool
def test_a_key_that_was_used_can_be_looked_up(tool: Tool, step: Step, key: str, ended: Ended) -> None:
    applied = tool.apply(step, key)
    found = ended(tool, key)
    assert found.status == "ok"
    assert found.called == f"{tool.name}.look_up"
    assert found.answer["state"] == "done"
    assert found.before == applied.before
    assert found.answer.items() >= {k: v for k, v in applied.answer.items() if k != "state"}.items()


@every_tool
def test_a_change_can_be_verified_by_its_metrics(tool: Tool, step: Step, key: str, ended: Ended) -> None:
    tool.apply(step, key)
    metrics = ended(tool, key).answer.get("metrics", {})
    assert bool(metrics) == tool.effect.changes
    assert all(one["samples"] >= 200 for one in metrics.values())
    assert all({"before", "after"} < set(one) for one in metrics.values())


@every_tool
def test_one_key_acts_once(tool: Tool, step: Step, key: str, ended: Ended) -> None:
    first = tool.apply(step, key)
    ended(tool, key)
    after = tool.observe(step.target)
    assert tool.apply(step, key) == first
    assert tool.observe(step.target) == after


@every_tool
def test_one_key_acts_once_from_eight_threads(tool: Tool, step: Step, key: str, ended: Ended) -> None:
    foretold, start = tool.preview(step).changes, Barrier(8)

    def act(_: int) -> ToolResult:
        start.wait()
        return tool.apply(step, key)

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(act, range(8)))
    ended(tool, key)
    assert results == [results[0]] * 8
    assert results[0].status == "ok"
    assert {field: then for field, (_, then) in foretold.items()}.items() <= dict(tool.observe(step.target)).items()


@every_tool
def test_a_key_is_not_used_for_two_different_things(tool: Tool, step: Step, key: str) -> None:
    first = tool.apply(step, key)
    second = tool.apply(step.evolve(target=f"not {step.target}"), key)
    assert second.status == "refused"
    assert key in second.detail
    assert tool.apply(step, key) == first


@every_tool
def test_what_was_done_is_known_after_a_restart(
    named: tuple[str, str], action: Action, telemetry: Telemetry, tmp_path: Path, ended: Ended
) -> None:
    step = Step(action=action, target=telemetry.model_name, parameters=EXAMPLES[action])
    with World(tmp_path / "sandbox") as world:
        tool = build(*named, world, tmp_path)
        tool.adopt(telemetry)
        applied, serving = tool.apply(step, "key"), tool.observe(step.target)
    with World(tmp_path / "sandbox") as world:
        tool = build(*named, world, tmp_path)
        assert tool.look_up("key").answer.items() >= applied.answer.items()
        assert tool.apply(step, "key") == applied
        if applied.answer["state"] == "done":
            assert tool.observe(step.target) == serving


# --- observe and undo ----------------------------------------------------------------------------------------------


@every_tool
def test_an_unknown_target_is_observed_as_nothing_known(tool: Tool, action: Action) -> None:
    assert tool.observe("nobody") == Serving()


@every_tool_that_changes_something
def test_an_unknown_target_is_refused(tool: Tool, step: Step, key: str) -> None:
    strange = step.evolve(target="nobody")
    result = tool.apply(strange, key)
    assert result.status == "refused"
    assert result.detail.startswith("target:")
    assert tool.look_up(key).status == "no_data"
    with pytest.raises(Invalid, match="target:"):
        tool.preview(strange)


@every_tool
def test_done_and_undone_is_as_before(tool: Tool, step: Step, key: str, ended: Ended) -> None:
    before = tool.observe(step.target)
    applied = tool.apply(step, key)
    ended(tool, key)
    undone = tool.undo(step, key, dict(applied.before))
    assert undone.status == ("ok" if tool.effect.reversible else "refused")
    assert tool.observe(step.target) == before
    assert tool.look_up(key).answer.get("undone", False) == tool.effect.reversible


@every_tool
def test_undone_twice_is_undone_once(tool: Tool, step: Step, key: str, ended: Ended) -> None:
    applied = tool.apply(step, key)
    ended(tool, key)
    first = tool.undo(step, key, dict(applied.before))
    tool.apply(step, f"{key} again")
    ended(tool, f"{key} again")
    after = tool.observe(step.target)
    assert tool.undo(step, key, dict(applied.before)) == first
    assert tool.undo(step, f"{key}:undo", {}) == first
    assert tool.observe(step.target) == after


@every_tool
def test_an_undo_can_be_looked_up_by_its_own_key(tool: Tool, step: Step, key: str, ended: Ended) -> None:
    applied = tool.apply(step, key)
    ended(tool, key)
    tool.undo(step, key, dict(applied.before))
    found = tool.look_up(f"{key}:undo")
    if tool.effect.reversible:
        assert found.answer["state"] == "done"
    else:
        assert found.status == "no_data"


@every_tool
def test_what_was_never_done_cannot_be_undone(tool: Tool, step: Step, key: str) -> None:
    before = tool.observe(step.target)
    assert tool.undo(step, key, {}).status == ("no_data" if tool.effect.reversible else "refused")
    assert tool.observe(step.target) == before


# --- bad parameters ------------------------------------------------------------------------------------------------

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@every_tool
def test_an_unknown_parameter_is_refused_by_name(tool: Tool, step: Step, key: str) -> None:
    _assert_refused(tool, step.evolve(parameters={**step.parameters, "replicsa": 3}), key, "parameters.replicsa")


@every_tool
def test_each_parameter_of_a_wrong_type_is_refused_by_name(tool: Tool, step: Step, key: str) -> None:
    for name in step.parameters:
        wrong = step.evolve(parameters={**step.parameters, name: {"": [None]}})
        _assert_refused(tool, wrong, key, f"parameters.{name}")


@every_tool
def test_the_step_of_another_tool_is_refused(tool: Tool, step: Step, key: str) -> None:
    _assert_refused(tool, step.evolve(action=Action.NO_ACTION), key, "action")


@every_tool
@settings(max_examples=25)
@given(data=st.data())
def test_generated_nonsense_is_refused(named: tuple[str, str], action: Action, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder, World(Path(folder)) as world:
        tool = build(*named, world)
        tool.adopt(Telemetry.model_validate({"model_name": "it", "model_metrics": {"accuracy": 0.8}}))
        names = st.sampled_from(sorted(tool.arguments[action].model_json_schema()["properties"])) | st.text(max_size=5)
        parameters = data.draw(st.dictionaries(names, junk, max_size=3))
        assume(not _valid(tool, action, parameters))
        step = Step(action=action, target="it", parameters=parameters)
        _assert_refused(tool, step, "key", "parameters")


def _valid(tool: Tool, action: Action, parameters: dict[str, Any]) -> bool:
    try:
        tool.arguments[action].model_validate(parameters)
    except ValidationError:
        return False
    return True


def _assert_refused(tool: Tool, step: Step, key: str, field: str) -> None:
    before = tool.observe(step.target)
    result = tool.apply(step, key)
    assert result.status == "refused"
    assert result.detail.startswith(field)
    assert tool.look_up(key).status == "no_data"
    assert tool.observe(step.target) == before
    with pytest.raises(Invalid) as caught:
        tool.preview(step)
    assert caught.value.context["field"].startswith(field)
