"""approve: holds the interrupt and nothing else.

The answer is settled in the ledger before the run is woken, and read back from there. What a resume carries is not
looked at, so that no text, no chat and no replayed message can ever be consent.
"""

import asyncio

from langgraph.types import interrupt

from aurora.domain import Approval, Ruling
from aurora.graph.deps import Deps, Run
from aurora.graph.recorded import Draft, recorded
from aurora.graph.rounds import ruled, the_ruling
from aurora.graph.state import State


@recorded("approval", Approval, ruled)
async def approve(state: State, run: Run) -> Draft[Approval]:
    """Wait until the ledger holds a person's answer, or until it expired."""
    ruling = the_ruling(state)
    while (answer := await asyncio.to_thread(_settled, state.decision_id, ruling, run)) is None:
        interrupt(question(ruling))
    return Draft(answer)


def question(ruling: Ruling) -> dict[str, object]:
    """Return the interrupt's payload, in LangChain's human-in-the-loop form with our ids beside it."""
    return {
        "stage": "approve",
        "approval_id": ruling.approval_id,
        "action_requests": [
            {
                "name": ruling.step.action.value,
                "args": ruling.step.parameters,
                "description": " ".join(finding.reason for finding in ruling.findings),
            }
        ],
        "review_configs": [
            {"action_name": ruling.step.action.value, "allowed_decisions": ["approve", "edit", "reject"]}
        ],
    }


def _settled(decision_id: str, ruling: Ruling, deps: Deps) -> Approval | None:
    row = deps.ledger.approvals.for_round(decision_id, ruling.round)
    if row is None or row.status == "waiting":
        return None
    return Approval(
        id=row.id,
        round=row.round,
        answer=row.status,
        by=row.by or "aurora",
        authenticated=row.authenticated,
        reason=row.reason,
        step=row.edited_step,
        fingerprint=row.fingerprint,
        settled_at=row.settled_at or deps.clock(),
    )
