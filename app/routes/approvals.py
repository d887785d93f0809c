"""The questions that wait for a person."""

from typing import Annotated

from fastapi import APIRouter, Body, Query

from app.auth import Role
from app.problems import field_error, invalid_fields
from app.routes import examples
from app.routes.route import ApprovalId, By, Installation, Limit, Route, role
from app.schemas import ApprovalAnswer, ApprovalStatus, Id, Page
from aurora.answers import AnalyzeAnswer
from aurora.errors import NotFound
from aurora.ledger.records import ApprovalRecord

router = APIRouter(route_class=Route, tags=["approvals"])


@router.get("/api/approvals", openapi_extra=role(Role.VIEWER), responses=examples.page(examples.APPROVAL))
def approvals(
    aurora: Installation,
    status: Annotated[ApprovalStatus, Query()] = "waiting",
    limit: Limit = 20,
    before: Annotated[Id | None, Query(description="An approval id: list those asked before it.")] = None,
) -> Page[ApprovalRecord]:
    """List what waits for a person (or, by `status`, what was settled), newest first."""
    if before is not None:
        try:
            aurora.ledger.approvals.get(before)
        except NotFound:
            raise invalid_fields([field_error("before", "there is no such approval")]) from None
    found = aurora.ledger.approvals.list(status, limit, before)
    return Page(items=tuple(found.items), next=found.next)


@router.post("/api/approvals/{id}", openapi_extra=role(Role.APPROVER), responses=examples.shown(examples.ANSWER))
def settle(
    approval_id: ApprovalId,
    answer: Annotated[
        ApprovalAnswer, Body(openapi_examples=examples.sent(approve=examples.APPROVE, edit=examples.EDIT))
    ],
    aurora: Installation,
    caller: By,
) -> AnalyzeAnswer:
    """Approve, reject or edit, once; 409 when it was settled or has expired. Answers with the decision's new state.

    With API keys the key's owner is the person who says so; without, it is `by`, recorded as unauthenticated.
    """
    if caller.authenticated and answer.by is not None:
        raise invalid_fields([field_error("by", "the owner of the API key says so; leave it out")])
    return aurora.settle(
        approval_id,
        answer.decision,
        by=caller.owner if caller.authenticated else answer.by or caller.owner,
        authenticated=caller.authenticated,
        reason=answer.reason,
        action=answer.action,
    )
