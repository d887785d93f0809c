"""Where two implementations exist: the hands of AURORA, one Protocol for all of them.

Every backend under `aurora/tools/` is a `Tool`. Tools answer with values (`ToolResult`); they raise only for a bug.
Nothing but the executor and the undoer calls `apply` and `undo`, and both go through the gate and the intent ledger.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel

from aurora.domain import Action, Preview, Serving, Step, Telemetry, ToolResult


@dataclass(frozen=True)
class Effect:
    """What a tool does to the world, declared beside it."""

    changes: bool
    """False for a tool that only tells people."""
    reversible: bool
    """Whether `undo` brings back what was before."""


class Tool(Protocol):
    """One backend for one or more actions."""

    name: str
    """`backend.kind`, such as `sandbox.training`; unique over all tools."""
    actions: frozenset[Action]
    effect: Effect
    arguments: dict[Action, type[BaseModel]]
    """The parameters of each action as a strict schema; what a model is later bound to."""
    simulated: bool

    def adopt(self, telemetry: Telemetry) -> None:
        """Make the target known if this backend can; a real backend does nothing."""

    def preview(self, step: Step) -> Preview:
        """Say what `step` would change. Reads only."""

    def apply(self, step: Step, key: str) -> ToolResult:
        """Do `step` once under `key`; a second call with the same key does nothing more and gives the same answer."""

    def look_up(self, key: str) -> ToolResult:
        """Return what `apply` or `undo` did under `key`: `no_data` where the target knows nothing of it.

        `answer["state"]` is `running`, `done` or `failed`. Where the tool knows it, `answer["effective_at"]` is the
        ISO time from which the change was in force. A tool that measures says so in `answer["metrics"][metric]`:
        `before`, `after`, `samples` and, of the same samples without the change, `control`.
        """

    def observe(self, target: str) -> Serving:
        """Return the present state of `target`, with None for what this backend cannot tell. Reads only."""

    def undo(self, step: Step, key: str, before: dict[str, object]) -> ToolResult:
        """Take back what `apply` did under `key`, given its `before`; again once only."""


class Clock(Protocol):
    """Tells the time, so that tests and evals can."""

    def __call__(self) -> datetime: ...
