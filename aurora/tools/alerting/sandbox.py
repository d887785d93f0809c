"""alert in the pretend world."""

import uuid

from aurora.domain import Preview, Step
from aurora.sandbox import World
from aurora.sandbox.effects import Effect
from aurora.tools.alerting import KIND, AlertArguments
from aurora.tools.sandbox import SandboxTool


class SandboxPager(SandboxTool[AlertArguments]):
    """Rings a pretend pager: the message is kept in the sandbox's books, and nobody hears it."""

    def __init__(self, world: World) -> None:
        super().__init__(world, KIND, "A message that was sent cannot be taken back.")

    def preview(self, step: Step) -> Preview:
        """Say that nothing changes. Raises `Invalid` naming the field that is wrong."""
        self._kind.parsed(step)
        return Preview(undoable=False, undo=self._taken_back, backend=self.name, simulated=True)

    def done(self, step: Step, key: str, arguments: AlertArguments) -> Effect:
        """Keep the message once under `key`, whether or not the sandbox knows the model that it is about."""
        answer = {"state": "done", "alert_id": f"alert-{uuid.uuid4().hex}", **arguments.model_dump()}
        return self._world.note(key, step, answer, f"The pretend pager rang ({arguments.severity}).")
