"""Which round a node is in. A round is one proposal: the planner's, a person's edit, or a stray executor's.

Pure: what the ledger knew of the decision comes with the run.
"""

from aurora.domain import Execution, Plan, Ruling, Situation
from aurora.graph.deps import Run
from aurora.graph.state import State


def first(_state: State, _run: Run) -> int:
    """There is one situation per decision."""
    return 0


def planning(state: State, _run: Run) -> int:
    """Each revision that the critic asks for is a new round."""
    return 0 if state.critique is None else state.critique.round + 1


def planned(state: State, _run: Run) -> int:
    """The critic looks at the plan of this round."""
    return the_plan(state).round


def ruling(state: State, _run: Run) -> int:
    """Whatever comes back to the gate after a ruling is a new proposal."""
    return the_plan(state).round if state.ruling is None else state.ruling.round + 1


def ruled(state: State, _run: Run) -> int:
    """Approval and execution belong to the ruling that sent them."""
    return the_ruling(state).round


def watching(_state: State, run: Run) -> int:
    """A wish to take the action back opens a second look, also at a decision that had ended."""
    return 1 if run.wanted_back else 0


def watched(state: State, _run: Run) -> int:
    """What follows the watch belongs to the wake that ended it."""
    return 0 if state.wake is None else state.wake.round


def the_situation(state: State) -> Situation:
    """Return the situation; the edges see to it that it is there."""
    if state.situation is None:
        raise LookupError("observe has not run")
    return state.situation


def the_plan(state: State) -> Plan:
    """Return the plan; the edges see to it that it is there."""
    if state.plan is None:
        raise LookupError("plan has not run")
    return state.plan


def the_ruling(state: State) -> Ruling:
    """Return the ruling; the edges see to it that it is there."""
    if state.ruling is None:
        raise LookupError("rule has not run")
    return state.ruling


def the_execution(state: State) -> Execution:
    """Return the execution; the edges see to it that it is there."""
    if state.execution is None:
        raise LookupError("execute has not run")
    return state.execution
