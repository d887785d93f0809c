"""plan (Planner): recall cases like this one, and propose what to do about it."""

from collections.abc import Callable

from aurora.domain import Plan, Recalled
from aurora.errors import Unavailable
from aurora.graph.deps import Run
from aurora.graph.recorded import Draft, recorded
from aurora.graph.rounds import planning, the_situation
from aurora.graph.state import State
from aurora.observe import describe
from aurora.policy.engine import propose
from aurora.policy.features import features


@recorded("plan", Plan, planning)
def plan(state: State, run: Run) -> Draft[Plan]:
    """Propose; after a critique, without what it asked to avoid."""
    situation = the_situation(state)
    text, numbers = describe(situation), features(situation)
    recalled, gap = recall(lambda: run.memory.recall_cases(text, numbers, simulated=situation.simulated))
    proposal = propose(
        situation,
        recalled,
        avoid=state.critique.avoid if state.critique else (),
        round=planning(state, run),
        reversible=run.reversible,
    )
    return Draft(proposal.evolve(decision_id=state.decision_id, reasons=proposal.reasons + gap))


def recall(ask: Callable[[], tuple[Recalled, ...]]) -> tuple[tuple[Recalled, ...], tuple[str, ...]]:
    """Ask memory; return what it said, and where it could not answer the sentence that says so."""
    try:
        return ask(), ()
    except Unavailable as error:
        return (), (f"Decided without memory: {error}",)
