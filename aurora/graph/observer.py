"""observe: telemetry, history, settings and the present state of the targets become a `Situation`."""

import asyncio

from aurora.domain import CHANGING, Serving, Situation, Telemetry
from aurora.graph.deps import Deps
from aurora.graph.recorded import Draft, recorded
from aurora.graph.rounds import first
from aurora.graph.state import State
from aurora.observe import observe as look


@recorded("situation", Situation, first)
async def observe(state: State, deps: Deps) -> Draft[Situation]:
    """Look once; every later node judges this same situation."""
    return Draft(await asyncio.to_thread(_observe, state.decision_id, deps))


def _observe(decision_id: str, deps: Deps) -> Situation:
    decision = deps.ledger.decisions.get(decision_id)
    name = decision.telemetry.model_name
    health = deps.memory.status()
    return look(
        decision.telemetry,
        deps.ledger.models.settings(name),
        deps.ledger.metrics.recent(name, until=decision.created_at),
        serving(decision.telemetry, deps),
        decision_id=decision_id,
        now=deps.clock(),
        simulated=decision.simulated,
        notices=() if health.word == "operational" else (f"Memory is {health.word}: {health.detail}",),
    )


def serving(telemetry: Telemetry, deps: Deps) -> Serving:
    """Ask every tool for what it can tell of the target, and put the answers together."""
    tools = {tool.name: tool for action, tool in deps.tools.items() if action in CHANGING}
    for tool in tools.values():
        tool.adopt(telemetry)
    seen = [tool.observe(telemetry.model_name) for tool in tools.values()]
    known: dict[str, object] = {}
    for one in seen:
        known |= {field: value for field, value in one if value is not None and field != "simulated"}
    return Serving.model_validate({**known, "simulated": all(one.simulated for one in seen)})
