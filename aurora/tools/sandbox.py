"""What the sandbox backends of all kinds share: validate, then let the pretend world do it under the key."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from aurora.domain import Action, Preview, Serving, Step, Telemetry, ToolResult
from aurora.errors import Conflict, Invalid, Unavailable
from aurora.sandbox import World
from aurora.sandbox.effects import Change, Effect
from aurora.sandbox.service import Service
from aurora.tools.kind import Arguments, Kind

A = TypeVar("A", bound=Arguments)


class SandboxTool(ABC, Generic[A]):
    """A tool whose effects land in the pretend world."""

    simulated = True

    def __init__(self, world: World, kind: Kind[A], taken_back: str) -> None:
        self.name = f"sandbox.{kind.name}"
        self.actions = kind.actions
        self.effect = kind.effect
        self.arguments = kind.schemas()
        self._world = world
        self._kind = kind
        self._taken_back = taken_back

    @abstractmethod
    def preview(self, step: Step) -> Preview:
        """Say what `step` would change. Raises `Invalid` naming the field that is wrong."""

    @abstractmethod
    def done(self, step: Step, key: str, arguments: A) -> Effect:
        """Let the world do `step` once under `key`. Raises `Invalid` or `Conflict` where it does not fit."""

    def adopt(self, telemetry: Telemetry) -> None:
        """Make the target a service of the pretend world."""
        self._world.adopt(telemetry)

    def apply(self, step: Step, key: str) -> ToolResult:
        """Do `step` once under `key`."""
        called = f"{self.name}.apply"
        try:
            arguments = self._kind.parsed(step)
            effect = self.done(step, key, arguments)
        except (Invalid, Conflict) as error:
            return self._not_done("refused", called, error)
        except Unavailable as error:
            return self._not_done("failed", called, error)
        return ToolResult(
            status="ok", called=called, answer=effect.answer, before=effect.before, detail=effect.detail, simulated=True
        )

    def look_up(self, key: str) -> ToolResult:
        """Return what was done under `key`, as far as it has come."""
        called = f"{self.name}.look_up"
        try:
            effect = self._world.look_up(key)
        except Unavailable as error:
            return self._not_done("failed", called, error)
        if effect is None:
            return ToolResult(status="no_data", called=called, detail=f"Nothing was done under {key}.", simulated=True)
        return ToolResult(
            status="failed" if effect.state == "failed" else "ok",
            called=called,
            answer=effect.report(),
            before=effect.before,
            detail=effect.ending or effect.detail,
            simulated=True,
        )

    def observe(self, target: str) -> Serving:
        """Return the present state of `target`; empty for an unknown one."""
        return self._world.observe(target)

    def undo(self, step: Step, key: str, before: dict[str, object]) -> ToolResult:  # noqa: ARG002
        """Take back what was done under `key`, once. The world keeps its own record of what was before."""
        called = f"{self.name}.undo"
        if not self.effect.reversible:
            return ToolResult(status="refused", called=called, detail=self._taken_back, simulated=True)
        try:
            effect = self._world.undo(key)
        except (Invalid, Conflict) as error:
            return self._not_done("refused", called, error)
        except Unavailable as error:
            return self._not_done("failed", called, error)
        if effect is None:
            return ToolResult(status="no_data", called=called, detail=f"Nothing was done under {key}.", simulated=True)
        return ToolResult(
            status="ok", called=called, answer=effect.answer, before=effect.before, detail=effect.detail, simulated=True
        )

    def _not_done(self, status: str, called: str, error: Invalid | Conflict | Unavailable) -> ToolResult:
        return ToolResult(
            status="refused" if status == "refused" else "failed", called=called, detail=error.detail, simulated=True
        )


class SandboxChange(SandboxTool[A]):
    """A sandbox tool that changes a service; a backend adds only what its step makes of one."""

    @abstractmethod
    def change(self, service: Service, action: Action, arguments: A) -> Change:
        """Return what the step would make of `service`. Raises `Invalid` where it does not fit. Pure."""

    def preview(self, step: Step) -> Preview:
        """Say what `step` would change. Raises `Invalid` naming the field that is wrong."""
        service = self._world.service(step.target)
        after = self.change(service, step.action, self._kind.parsed(step)).service
        now, then = dict(service.serving()), dict(after.serving())
        return Preview(
            changes={field: (now[field], then[field]) for field in now if now[field] != then[field]},
            undoable=self.effect.reversible,
            undo=self._taken_back,
            backend=self.name,
            simulated=True,
        )

    def done(self, step: Step, key: str, arguments: A) -> Effect:
        """Change the target of `step` once under `key`."""
        return self._world.do(key, step, lambda service: self.change(service, step.action, arguments))
