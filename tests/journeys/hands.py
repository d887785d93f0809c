"""Tools for journeys: the real ones, but for what a test changes."""

from collections.abc import Callable
from typing import Any

from aurora import Aurora
from aurora.bootstrap import Tools
from aurora.domain import Action, Serving


class Hand:
    """The real tool, but for what a test changes."""

    def __init__(self, tool: Any) -> None:
        self._tool = tool

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tool, name)


def with_training(hand: Callable[[Any], Hand]) -> Callable[[Tools], Tools]:
    """Return what exchanges the training for `hand` of it."""

    def refit(tools: Tools) -> Tools:
        training: Any = hand(tools[Action.RETRAIN])
        return {**tools, Action.RETRAIN: training, Action.FINE_TUNE: training}

    return refit


def world(aurora: Aurora) -> Serving:
    """Everything the tools see of the default model."""
    tools = {tool.name: tool for action, tool in aurora.tools.items() if tool.effect.changes}
    merged: dict[str, Any] = {}
    for tool in tools.values():
        merged |= {name: value for name, value in tool.observe("default") if value is not None}
    return Serving.model_validate(merged)
