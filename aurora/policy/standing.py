"""Where a decision stands, read off its nouns. Nothing else decides it; the ledger keeps the answer beside them."""

from aurora.domain import (
    CHANGING,
    Action,
    Approval,
    Critique,
    Ending,
    Execution,
    Outcome,
    Ruling,
    Standing,
    Status,
    Undo,
    Verification,
)

MAX_REVISIONS = 2
"""How often the critic may send a plan back before the decision gives up."""


def gave_up(critique: Critique) -> bool:
    """Whether the critic still wants a revision after the last one that there is."""
    return critique.verdict == "revise" and critique.round >= MAX_REVISIONS


def standing(
    *,
    critique: Critique | None = None,
    ruling: Ruling | None = None,
    approval: Approval | None = None,
    execution: Execution | None = None,
    verification: Verification | None = None,
    undo: Undo | None = None,
) -> Standing:
    """Return status, ending and outcome for the newest nouns of one decision."""
    if execution is not None and execution.status == "done":
        return Standing(status=Status.EXECUTED, outcome=_outcome(execution, verification, undo))
    if execution is not None and execution.status == "failed":
        undone = Outcome.UNDONE if undo is not None and undo.status == "undone" else None
        return Standing(status=Status.FAILED, ending=execution.ending or Ending.TOOL_FAILED, outcome=undone)
    if ruling is not None:
        return _ruled(ruling, approval)
    if critique is not None and critique.verdict == "reject":
        return Standing(status=Status.REJECTED, ending=Ending.CRITIC_REJECTED)
    if critique is not None and gave_up(critique):
        return Standing(status=Status.REJECTED, ending=Ending.GAVE_UP)
    return Standing(status=Status.RUNNING)


def _ruled(ruling: Ruling, approval: Approval | None) -> Standing:
    if ruling.verdict == "deny":
        return Standing(status=Status.REJECTED, ending=Ending.DENIED)
    if ruling.step.action is Action.NO_ACTION:
        return Standing(status=Status.NO_ACTION)
    if ruling.propose_only:
        return Standing(status=Status.PROPOSED)
    if approval is not None and approval.round == ruling.round:
        return _answered(approval)
    if ruling.verdict == "needs_approval":
        return Standing(status=Status.AWAITING_APPROVAL)
    return Standing(status=Status.RUNNING)


def _answered(approval: Approval) -> Standing:
    if approval.answer == "rejected":
        return Standing(status=Status.REJECTED, ending=Ending.HUMAN_REJECTED)
    if approval.answer == "expired":
        return Standing(status=Status.REJECTED, ending=Ending.EXPIRED)
    return Standing(status=Status.RUNNING)


def _outcome(execution: Execution, verification: Verification | None, undo: Undo | None) -> Outcome | None:
    if execution.step.action not in CHANGING:
        return None
    if undo is not None and undo.status == "undone":
        return Outcome.UNDONE
    return Outcome(verification.outcome) if verification is not None else Outcome.PENDING
