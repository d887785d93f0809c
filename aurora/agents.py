"""The agents one by one, for those who drive them themselves: the same nodes, the same records, the same gate.

`plan = await aurora.planner.execute(telemetry)`, `critique = await aurora.critic.execute(plan)`, then
`await aurora.executor.execute(plan.decision_id)`. Until the last call the decision waits for its caller; nothing else
advances it.
"""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from langgraph.runtime import Runtime

from aurora.answers import ExecutionResult
from aurora.domain import Critique, Plan, Situation, Telemetry
from aurora.errors import Conflict
from aurora.graph.critic import critique
from aurora.graph.deps import Run
from aurora.graph.observer import observe
from aurora.graph.planner import plan
from aurora.graph.state import State
from aurora.parsing import parse

if TYPE_CHECKING:
    from aurora.face import Aurora


class Agent:
    """What the three agents share: the AURORA that they belong to."""

    def __init__(self, aurora: "Aurora") -> None:
        self._aurora = aurora

    async def _runtime(self, decision_id: str) -> Runtime[Run]:
        return Runtime(context=await asyncio.to_thread(Run.of, self._aurora.parts.deps, decision_id))

    async def _noun(self, decision_id: str, node: str) -> Any:
        return (await asyncio.to_thread(self._aurora.nouns, decision_id)).get(node, [None])[-1]


class PlannerAgent(Agent):
    """Proposes what to do about one look at one model."""

    async def execute(self, context: Mapping[str, Any] | Telemetry) -> Plan:
        """Return the plan for the telemetry in `context`; `plan.decision_id` names its record. Raises `Invalid`."""
        look = parse(Telemetry, context)
        decision_id = await asyncio.to_thread(self._aurora.open_decision, look, held=True)
        runtime = await self._runtime(decision_id)
        seen = await observe(State(decision_id=decision_id), runtime)
        made = await plan(State(decision_id=decision_id, situation=seen["situation"]), runtime)
        return cast(Plan, made["plan"])


class CriticAgent(Agent):
    """Judges a plan with the memory of how its action turned out before."""

    async def execute(self, plan: Plan) -> Critique:
        """Return the critique of a plan that the planner made. Raises `Conflict` for any but its decision's newest."""
        situation = cast(Situation, await self._noun(plan.decision_id, "observe"))
        recorded = await self._noun(plan.decision_id, "plan")
        if recorded != plan:
            raise Conflict(f"This is not the newest plan on record for decision {plan.decision_id}.")
        state = State(decision_id=plan.decision_id, situation=situation, plan=plan)
        judged = await critique(state, await self._runtime(plan.decision_id))
        return cast(Critique, judged["critique"])


class ExecutorAgent(Agent):
    """Carries a decision out, as far as the gate lets it."""

    async def execute(self, decision_id: str) -> ExecutionResult | None:
        """Run the decision through critique, gate and tools; return what was done, or None where nothing was."""
        await asyncio.to_thread(self._aurora.ledger.decisions.release, decision_id)
        await asyncio.wrap_future(self._aurora.submit_advance(decision_id))
        return (await asyncio.to_thread(self._aurora.answer, decision_id)).execution_result
