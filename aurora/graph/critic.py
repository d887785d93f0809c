"""critique (Critic): recall how this action turned out before, failures first, and judge the plan."""

from aurora.domain import Critique
from aurora.graph.deps import Run
from aurora.graph.planner import recall
from aurora.graph.recorded import Draft, recorded
from aurora.graph.rounds import planned, the_plan, the_situation
from aurora.graph.state import State
from aurora.observe import describe
from aurora.policy.critic import judge
from aurora.policy.features import features


@recorded("critique", Critique, planned)
def critique(state: State, run: Run) -> Draft[Critique]:
    """Judge the plan. What an earlier round ruled out stays ruled out."""
    situation, plan = the_situation(state), the_plan(state)
    text, numbers = describe(situation), features(situation)
    recalled, gap = recall(
        lambda: run.memory.recall_turned_out(plan.step.action, text, numbers, simulated=situation.simulated)
    )
    verdict = judge(plan, situation, recalled, reversible=run.reversible)
    earlier = state.critique.avoid if state.critique else ()
    return Draft(
        verdict.evolve(
            confidence=min(verdict.confidence, plan.confidence),
            reasoning=" ".join((verdict.reasoning, *gap)),
            avoid=tuple(dict.fromkeys(earlier + verdict.avoid)),
        )
    )
