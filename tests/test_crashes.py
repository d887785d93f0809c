"""Crash points: each is somewhere in the source, once, and does nothing unless a program asks for it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from aurora import crashes
from aurora.crashes import Crash, crash_point, install

SOURCE = Path(crashes.__file__).parent


@pytest.fixture
def passed() -> Iterator[list[Crash]]:
    points: list[Crash] = []
    install(points.append)
    yield points
    install(None)


def test_a_point_that_nobody_asks_for_is_passed() -> None:
    crash_point(Crash.EFFECT_APPLIED)


def test_the_hook_is_told_of_each_passing(passed: list[Crash]) -> None:
    crash_point(Crash.EFFECT_APPLIED)
    crash_point(Crash.NOUN_DRAFTED)
    assert passed == [Crash.EFFECT_APPLIED, Crash.NOUN_DRAFTED]


def test_a_hook_that_was_taken_away_is_told_of_nothing(passed: list[Crash]) -> None:
    install(None)
    crash_point(Crash.EFFECT_APPLIED)
    assert passed == []


def test_each_point_is_in_one_place_of_the_source() -> None:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    asked = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "crash_point"]
    named = [node.attr for argument in asked for node in ast.walk(argument) if isinstance(node, ast.Attribute)]
    assert sorted(named) == sorted(Crash.__members__)


def test_nothing_but_a_program_installs_a_hook() -> None:
    said = [path.name for path in SOURCE.rglob("*.py") if re.search(r"\binstall\(", path.read_text(encoding="utf-8"))]
    assert said == ["crashes.py"]
