"""alert into the log: Python's logging, and a JSON line in a file of its own so that a key can be looked up."""

import json
import logging
import os
import threading
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from aurora.domain import Preview, Serving, Step, Telemetry, ToolResult
from aurora.errors import Conflict, Invalid, Unavailable
from aurora.ports import Clock
from aurora.tools.alerting import KIND

log = logging.getLogger("aurora.alerts")

LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "critical": logging.CRITICAL}
PATIENCE_SECONDS = 20.0


class LogAlerts:
    """Writes each alert once to `alerts.jsonl` in `folder` and to the logger `aurora.alerts`.

    Safe for threads, and for several processes on one folder.
    """

    name = "log.alerting"
    simulated = False

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.actions = KIND.actions
        self.effect = KIND.effect
        self.arguments = KIND.schemas()
        self._path = folder / "alerts.jsonl"
        self._clock = clock
        self._lines: dict[str, int] = {}
        """Where in the file each key's line begins."""
        self._read_up_to = 0
        self._lock = threading.Lock()

    def adopt(self, telemetry: Telemetry) -> None:
        """Do nothing: people can be told about any model."""

    def preview(self, step: Step) -> Preview:
        """Say that nothing changes. Raises `Invalid` naming the field that is wrong."""
        KIND.parsed(step)
        return Preview(undoable=False, undo="A line in a log cannot be taken back.", backend=self.name)

    def apply(self, step: Step, key: str) -> ToolResult:
        """Write the alert once under `key`."""
        called = f"{self.name}.apply"
        try:
            said = KIND.parsed(step)
            line, fresh = self._once({"key": key, "model_name": step.target, **said.model_dump()})
        except (Invalid, Conflict) as error:
            return ToolResult(status="refused", called=called, detail=error.detail)
        except Unavailable as error:
            return ToolResult(status="failed", called=called, detail=error.detail)
        if fresh:
            # As JSON, so that no message can pretend to be a line of its own.
            log.log(LEVELS[said.severity], "%s: %s", json.dumps(step.target), json.dumps(said.message))
        return self._told(called, line)

    def look_up(self, key: str) -> ToolResult:
        """Return the alert that was written under `key`."""
        called = f"{self.name}.look_up"
        try:
            with self._lock:
                line = self._found(key)
        except OSError as error:
            return ToolResult(status="failed", called=called, detail=f"{self._path} cannot be read: {error}")
        if line is None:
            return ToolResult(status="no_data", called=called, detail=f"No alert was written under {key}.")
        return self._told(called, line)

    def observe(self, target: str) -> Serving:  # noqa: ARG002
        """Return nothing: a log knows no services."""
        return Serving()

    def undo(self, step: Step, key: str, before: dict[str, object]) -> ToolResult:  # noqa: ARG002
        """Refuse: what was said was said."""
        detail = "A line in a log cannot be taken back."
        return ToolResult(status="refused", called=f"{self.name}.undo", detail=detail)

    def _once(self, alert: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """Return the line that stands under the alert's key, and whether it was written just now."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock, FileLock(f"{self._path}.lock", timeout=PATIENCE_SECONDS):
                line = self._found(alert["key"])
                fresh = line is None
                if line is None:
                    line = {**alert, "at": self._clock().isoformat()}
                    self._append(line)
        except (OSError, Timeout) as error:
            raise Unavailable(f"{self._path} cannot be written: {error}") from error
        if {**line, **alert} != line:
            raise Conflict(f"The key {alert['key']} was used for another alert.", field="key")
        return line, fresh

    def _append(self, line: dict[str, Any]) -> None:
        with self._path.open("ab") as file:
            # Ends what a crash may have left half-written, so that this line stands alone.
            broken = file.tell() > self._read_up_to
            file.write((b"\n" if broken else b"") + json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _found(self, key: str) -> dict[str, Any] | None:
        """Return the line of `key`, after a look at what others have written since."""
        if not self._path.exists() or self._path.stat().st_size < self._read_up_to:
            self._lines, self._read_up_to = {}, 0
        if not self._path.exists():
            return None
        with self._path.open("rb") as file:
            self._catch_up(file)
            if key not in self._lines:
                return None
            file.seek(self._lines[key])
            line: dict[str, Any] = json.loads(file.readline())
            return line

    def _catch_up(self, file: BinaryIO) -> None:
        file.seek(self._read_up_to)
        for raw in file:
            if not raw.endswith(b"\n"):
                break
            key = _key(raw)
            if key is not None:
                self._lines.setdefault(key, self._read_up_to)
            self._read_up_to += len(raw)

    def _told(self, called: str, line: dict[str, Any]) -> ToolResult:
        answer = {"state": "done", "written_to": self._path.name, **line}
        return ToolResult(status="ok", called=called, answer=answer, detail=f"Written to {self._path.name}.")


def _key(raw: bytes) -> str | None:
    """Return the key of a line; None for one that is not ours or was cut short by a crash."""
    try:
        line = json.loads(raw)
    except ValueError:
        return None
    return line["key"] if isinstance(line, dict) and isinstance(line.get("key"), str) else None
