"""observe: telemetry, history, settings and the present state of the targets become a `Situation`."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from aurora.domain import CHANGING, MetricPoint, Serving, Situation, Telemetry
from aurora.graph.deps import Deps, Run
from aurora.graph.hands import Silence, ask
from aurora.graph.recorded import Draft, recorded
from aurora.graph.rounds import first
from aurora.graph.state import State
from aurora.observe import observe as look
from aurora.observe.versions import runs
from aurora.policy.moves import Move
from aurora.policy.priors import priors
from aurora.policy.retraining import retrain_outlook
from aurora.policy.scaling import growth
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
    points, now = run.ledger.metrics.recent(name, until=decision.created_at), run.clock()
    settings = run.ledger.models.settings(name)
    seen = look(
        decision.telemetry,
        settings,
        points,
        present,
        decision_id=decision.id,
        now=now,
        simulated=decision.simulated,
        notices=forgetful + silences,
    )
    versions = [run.points for run in runs(points, now)]
    retrain = retrain_outlook(versions, settings, now)
    return seen.evolve(history=seen.history.evolve(load_growth=load_growth(points, now), retrain=retrain))


def load_growth(points: Sequence[MetricPoint], now: datetime) -> float | None:
    """Return how the load is likely to grow until a replica that is ordered now serves; None where nothing tells."""
    loads = [
        (point.timestamp.timestamp() / 60, point.throughput_rps)
        for point in points
        if point.timestamp is not None and point.throughput_rps is not None
    ]
    return growth(loads, now.timestamp() / 60, 60 * priors().hours[Move.SCALE_UP]) if loads else None


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
