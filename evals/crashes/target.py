"""A training backend that writes down whatever it is told to do, and does it again if it is told again.

A real backend does nothing more for a key that it knows; this one has no such mercy, so that AURORA alone sees to it
that nothing happens twice. `look_up` tells of what was done, as every backend's does.
"""

import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from aurora.bootstrap import Tools
from aurora.domain import TRAINING, Preview, Serving, Step, Telemetry, ToolResult
from aurora.ports import Clock
from aurora.tools.training import KIND

UNDO = ":undo"
WORSE, LATE = "worse", "late"
"""Models whose retrain does not help, and whose training service hangs up before it begins."""
LATE_BY = timedelta(seconds=10)
BEFORE, BETTER = 0.6, 0.95


class Target:
    """Keeps each `apply` and each `undo` as a line of `target.jsonl` in `folder`."""

    name = "recorded.training"
    actions = KIND.actions
    effect = KIND.effect
    simulated = True

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.arguments = KIND.schemas()
        self._path = folder / "target.jsonl"
        self._clock = clock

    def adopt(self, telemetry: Telemetry) -> None:
        """Do nothing: every model is known."""

    def preview(self, step: Step) -> Preview:
        """Say that another version will serve."""
        now = self._version(step.target)
        return Preview(
            changes={"version": (str(now), str(now + 1))},
            undoable=True,
            undo="Let the version serve again that serves now.",
            backend=self.name,
            simulated=True,
        )

    def apply(self, step: Step, key: str) -> ToolResult:
        """Let a new version serve, whether or not `key` was used before."""
        late = step.target == LATE
        self._write("apply", step.target, key, self._clock() + LATE_BY if late else self._clock())
        if late:
            raise ConnectionError("the training service hung up")
        return self._told("apply", step.target, key)

    def undo(self, step: Step, key: str, before: dict[str, object]) -> ToolResult:  # noqa: ARG002
        """Let the version before serve again, whether or not this was taken back before."""
        self._write("undo", step.target, key, self._clock())
        return self._told("undo", step.target, f"{key}{UNDO}")

    def look_up(self, key: str) -> ToolResult:
        """Return what was done under `key`."""
        verb = "undo" if key.endswith(UNDO) else "apply"
        for line in self._lines():
            if (line["verb"], line["key"]) == (verb, key.removesuffix(UNDO)):
                return self._told("look_up", line["model"], key)
        return ToolResult(status="no_data", called=f"{self.name}.look_up", simulated=True)

    def observe(self, target: str) -> Serving:
        """Return which version serves."""
        return Serving(version=str(self._version(target)), simulated=True)

    def _version(self, model: str) -> int:
        mine = [line["verb"] for line in self._lines() if line["model"] == model]
        return 1 + mine.count("apply") - mine.count("undo")

    def _told(self, verb: str, model: str, key: str) -> ToolResult:
        after = BEFORE / 2 if model.startswith(WORSE) else BETTER
        measured = {"accuracy": {"before": BEFORE, "after": after, "samples": 1000}}
        answer: dict[str, Any] = {"state": "done"} if key.endswith(UNDO) else {"state": "done", "metrics": measured}
        return ToolResult(status="ok", called=f"{self.name}.{verb}", answer=answer, simulated=True)

    def _write(self, verb: Literal["apply", "undo"], model: str, key: str, shown_at: datetime) -> None:
        write(self._path, {"verb": verb, "model": model, "key": key, "shown_at": shown_at.isoformat()})

    def _lines(self) -> Iterator[dict[str, Any]]:
        now = self._clock()
        return (line for line in read(self._path) if datetime.fromisoformat(line["shown_at"]) <= now)


def refit(tools: Tools, target: Target) -> Tools:
    """Return `tools` with `target` for all that is trained."""
    return {**tools, **dict.fromkeys(TRAINING, target)}


def write(path: Path, line: dict[str, Any]) -> None:
    """Append a line, and return once the disk has it."""
    earlier = path.read_bytes() if path.exists() else b""
    with path.open("ab") as file:
        file.write((b"\n" if earlier and not earlier.endswith(b"\n") else b"") + json.dumps(line).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> list[dict[str, Any]]:
    """Return the lines; what a kill left half-written is none."""
    raw = path.read_bytes() if path.exists() else b""
    return [line for line in map(_understood, raw.splitlines()) if line is not None]


def _understood(raw: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(raw)
    except ValueError:
        return None
    return line if isinstance(line, dict) else None
