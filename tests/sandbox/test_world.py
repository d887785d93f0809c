"""The books of the world: one key acts once, whoever asks and from wherever, and nothing is forgotten."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from aurora.domain import Action, Serving, Step, Telemetry
from aurora.errors import Conflict, Invalid, Unavailable
from aurora.sandbox import World
from aurora.sandbox.effects import Change, Effect
from aurora.sandbox.service import Service

Told = Callable[..., Telemetry]
Train = Callable[..., Effect]
Ended = Callable[[World, str], Effect]

CACHE = Step(action=Action.CACHE, target="scorer", parameters={"enabled": True, "ttl_seconds": 60})


def cached(service: Service) -> Change:
    return Change(
        service.evolve(cache_enabled=True, cache_ttl_seconds=60.0), detail="Cached.", answer={"state": "done"}
    )


def test_opening_is_cheap_and_makes_the_folder(tmp_path: Path) -> None:
    with World(tmp_path / "deep" / "down"):
        assert (tmp_path / "deep" / "down" / "sandbox.db").exists()


def test_a_change_and_its_record_are_one(world: World, told: Told) -> None:
    world.adopt(told())

    def fails(service: Service) -> Change:
        raise Invalid("No.")

    with pytest.raises(Invalid):
        world.do("key", CACHE, fails)
    assert world.look_up("key") is None
    effect = world.do("key", CACHE, cached)
    assert world.look_up("key") == effect
    assert effect.before == {"cache_enabled": False, "cache_ttl_seconds": None}
    assert effect.after == {"cache_enabled": True, "cache_ttl_seconds": 60.0}
    assert effect.done_at == "2026-11-22T12:00:00+00:00"


def test_a_key_that_was_used_for_another_step_is_refused(world: World, told: Told) -> None:
    world.adopt(told())
    world.do("key", CACHE, cached)
    with pytest.raises(Conflict, match="used for another step"):
        world.do("key", CACHE.evolve(parameters={"enabled": False}), cached)


def test_two_worlds_on_one_folder_are_one_world(folder: Path, told: Told) -> None:
    with World(folder) as one, World(folder) as other:
        one.adopt(told())
        assert other.observe("scorer") == one.observe("scorer") != Serving()
        assert other.do("key", CACHE, cached) == one.do("key", CACHE, cached)
        assert other.undo("key") == one.undo("key")
        assert not one.observe("scorer").cache_enabled


def test_many_threads_adopt_and_change_without_losing_anything(world: World, told: Told) -> None:
    def live(number: int) -> None:
        world.adopt(told(f"service {number % 5}"))
        world.do(f"key {number}", CACHE.evolve(target=f"service {number % 5}"), cached)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(live, range(80)))
    assert all(world.look_up(f"key {number}") for number in range(80))


SECOND_PROCESS = """
import json, sys
from pathlib import Path
from aurora.domain import Step, Telemetry
from aurora.sandbox import World
from aurora.tools import build
folder, steps = Path(sys.argv[1]), json.loads(sys.argv[2])
with World(folder) as world:
    tools = {kind: build(kind, "sandbox", world) for kind, _ in steps}
    print("ready", flush=True)
    sys.stdin.readline()
    for number, (kind, step) in enumerate(steps):
        result = tools[kind].apply(Step.model_validate(step), f"key {number}")
        print(json.dumps(result.model_dump(), sort_keys=True))
"""


def test_one_key_acts_once_from_several_processes_at_a_time(folder: Path, world: World, told: Told) -> None:
    world.adopt(told(accuracy=0.7, traffic={"repeat_ratio": 0.5}))
    steps: list[tuple[str, dict[str, Any]]] = [
        ("routing", {"action": "route", "target": "scorer", "parameters": {"to_version": "0"}}),
        ("training", {"action": "retrain", "target": "scorer"}),
        ("alerting", {"action": "alert", "target": "x", "parameters": {"severity": "info", "message": "Hm."}}),
    ]
    for now in range(2, 42):
        scale = {"action": "scale", "target": "scorer", "parameters": {"replicas": now + 1, "from": now}}
        steps.append(("scaling", scale))
    processes = _started([sys.executable, "-c", SECOND_PROCESS, str(folder), json.dumps(steps)], 3)
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0] for process in processes]
    assert said == [said[0]] * 3
    assert [json.loads(line)["status"] for line in said[0].splitlines()] == ["ok"] * len(steps)
    assert world.observe("scorer").replicas == 42


def _started(command: list[str], count: int) -> list[subprocess.Popen[str]]:
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(count)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    return processes


def test_a_closed_world_says_so(folder: Path, told: Told) -> None:
    world = World(folder)
    world.close()
    world.close()
    with pytest.raises(Unavailable, match="closed"):
        world.adopt(told())


def test_a_folder_that_cannot_be_used_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(Unavailable, match="cannot be opened"):
        World(tmp_path / "file")


def test_books_that_are_no_database_are_said_in_one_sentence(folder: Path) -> None:
    folder.mkdir()
    (folder / "sandbox.db").write_bytes(b"certainly not a database, " * 100)
    with pytest.raises(Unavailable, match="not a database"):
        World(folder)


def test_books_of_another_format_are_left_alone(folder: Path) -> None:
    World(folder).close()
    connection = sqlite3.connect(folder / "sandbox.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Unavailable, match="format 99, not 2"):
        World(folder)


def test_books_that_do_not_answer_are_a_failure_and_not_a_crash(world: World, told: Told) -> None:
    from aurora.tools.caching.sandbox import SandboxCache

    world.adopt(told())
    tool = SandboxCache(world)
    world.close()
    assert tool.apply(CACHE, "key").status == "failed"
    assert tool.look_up("key").status == "failed"
    assert tool.undo(CACHE, "key", {}).status == "failed"
