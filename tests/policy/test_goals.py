"""Each move's goal is about what the move is for."""

from typing import Any

import pytest

from aurora.policy.goals import goal_for
from aurora.policy.moves import Move, Side
from aurora.policy.view import view
from tests.policy.looking import look


def goal(move: Move, metrics: dict[str, Any], **load: Any) -> tuple[str, float | None, bool]:
    situation = look({"model_metrics": metrics, "system_load": load})
    found = goal_for(move, Side.SERVICE, view(situation))
    assert found is not None
    return found.metric, found.before, found.keep


FINE = {"accuracy": 0.9, "latency_ms": 200}


@pytest.mark.parametrize(
    ("move", "metrics", "load", "expected"),
    [
        (Move.SCALE_UP, {"latency_ms": 1500}, {"cpu_usage": 0.95}, ("latency_ms", 1500, False)),
        (Move.SCALE_UP, FINE, {"cpu_usage": 0.95, "memory_usage": 0.6}, ("usage", 0.95, False)),
        (Move.SCALE_UP, FINE, {"cpu_usage": 0.3, "memory_usage": 0.97}, ("memory_usage", 0.97, False)),
        (Move.SCALE_UP, FINE, {"cpu_usage": 0.99, "memory_usage": 0.9}, ("usage", 0.99, False)),
        (Move.SCALE_UP, FINE, {"cpu_usage": 0.3, "memory_usage": 0.7}, ("usage", 0.3, False)),
        (Move.SCALE_UP, FINE, {"cpu_usage": 0.92, "memory_usage": 0.97}, ("usage", 0.92, False)),
        (Move.ROUTE_BACK, FINE, {"cpu_usage": 0.3, "memory_usage": 0.97}, ("memory_usage", 0.97, False)),
        (
            Move.ROUTE_BACK,
            {"latency_ms": 1500},
            {"cpu_usage": 0.3, "memory_usage": 0.97},
            ("memory_usage", 0.97, False),
        ),
        (Move.ROUTE_BACK, {"error_rate": 0.4}, {"memory_usage": 0.97}, ("memory_usage", 0.97, False)),
        (Move.ROUTE_BACK, {"latency_ms": 1500}, {"cpu_usage": 0.3, "memory_usage": 0.8}, ("latency_ms", 1500, False)),
        (Move.ROUTE_BACK, {"latency_ms": 1500}, {"cpu_usage": 0.95, "memory_usage": 0.97}, ("latency_ms", 1500, False)),
        (Move.ROUTE_AWAY, FINE, {"cpu_usage": 0.3, "memory_usage": 0.97}, ("usage", 0.3, False)),
        (Move.SCALE_DOWN, FINE, {"cpu_usage": 0.05, "memory_usage": 0.97}, ("usage", 0.05, True)),
    ],
)
def test_the_goal_is_about_what_was_the_complaint(
    move: Move, metrics: dict[str, Any], load: dict[str, Any], expected: tuple[str, float, bool]
) -> None:
    assert goal(move, metrics, **load) == expected


def test_a_hot_replica_is_the_complaint_however_idle_the_others_are() -> None:
    replicas = [{"name": "r1", "load": 0.97}, {"name": "r2", "load": 0.1}]
    assert goal(Move.ROUTE_AWAY, FINE, cpu_usage=0.5, replicas=replicas) == ("usage", 0.97, False)
