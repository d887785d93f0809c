"""observe: telemetry, history, settings and the present state of the targets become a `Situation`."""

import asyncio
from functools import partial

from aurora.domain import CHANGING, Serving, Situation, Telemetry
from aurora.graph.deps import Deps, Run
from aurora.graph.hands import Silence, ask
from aurora.graph.recorded import Draft, recorded
from aurora.graph.rounds import first
from aurora.graph.state import State
from aurora.observe import observe as look
from aurora.ports import Tool


@recorded("situation", Situation, first)
async def observe(_state: State, run: Run) -> Draft[Situation]:
    """Look once; every later node judges this same situation."""
    present, silences = await serving(run.decision.telemetry, run)
    return Draft(await asyncio.to_thread(_observe, run, present, silences))


def _observe(run: Run, present: Serving, silences: tuple[str, ...]) -> Situation:
    decision, health = run.decision, run.memory.status()
    name = decision.model_name
    forgetful = () if health.word == "operational" else (f"Memory is {health.word}: {health.detail}",)
    return look(
        decision.telemetry,
        run.ledger.models.settings(name),
        run.ledger.metrics.recent(name, until=decision.created_at),
        present,
        decision_id=decision.id,
        now=run.clock(),
        simulated=decision.simulated,
        notices=forgetful + silences,
    )


async def serving(telemetry: Telemetry, deps: Deps) -> tuple[Serving, tuple[str, ...]]:
    """Ask every tool for what it can tell of the target; return that, and who could not be asked."""
    known: dict[str, object] = {}
    silences = []
    tools = {tool.name: tool for action, tool in deps.tools.items() if action in CHANGING}
    for tool in tools.values():
        seen = await ask(deps, tool, "observe", partial(_meet, tool, telemetry))
        if isinstance(seen, Silence):
            silences.append(f"{seen.called}: {seen.detail}")
        else:
            known |= {field: value for field, value in seen if value is not None}
    return Serving.model_validate({**known, "simulated": deps.simulated}), tuple(silences)


def _meet(tool: Tool, telemetry: Telemetry) -> Serving:
    tool.adopt(telemetry)
    return tool.observe(telemetry.model_name)
