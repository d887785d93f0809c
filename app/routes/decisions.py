"""The decisions that were made, what came of them, and taking one back."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query

from app.auth import Role
from app.problems import field_error, invalid_fields
from app.routes import examples
from app.routes.route import By, DecisionId, Installation, Limit, Route, role
from app.routes.summaries import summaries
from app.schemas import DecisionSummary, Id, Page, UndoReason
from aurora.answers import AnalyzeAnswer
from aurora.domain import Name, OutcomeReport, Status
from aurora.errors import NotFound

router = APIRouter(route_class=Route, tags=["decisions"])


@router.get("/api/decisions", openapi_extra=role(Role.VIEWER), responses=examples.page(examples.SUMMARY))
def decisions(
    aurora: Installation,
    limit: Limit = 20,
    model_name: Annotated[Name | None, Query()] = None,
    status: Annotated[Status | None, Query()] = None,
    before: Annotated[Id | None, Query(description="A decision id: list those made before it.")] = None,
) -> Page[DecisionSummary]:
    """List decisions, newest first."""
    if before is not None:
        try:
            aurora.ledger.decisions.get(before)
        except NotFound:
            raise invalid_fields([field_error("before", "there is no such decision")]) from None
    found = aurora.ledger.decisions.list(limit, model_name, status.value if status else None, before)
    return Page(items=summaries(found.items, aurora.ledger), next=found.next)


@router.get("/api/decisions/{id}", openapi_extra=role(Role.VIEWER), responses=examples.shown(examples.RECORD))
def decision(decision_id: DecisionId, aurora: Installation) -> dict[str, Any]:
    """Tell all about a decision: what was seen, recalled, proposed, judged, approved and done, and its outcome."""
    return aurora.record(decision_id)


@router.post(
    "/api/decisions/{id}/outcome",
    openapi_extra=role(Role.OPERATOR),
    responses=examples.shown(examples.ANSWER),
)
def outcome(
    decision_id: DecisionId,
    report: Annotated[OutcomeReport, Body(openapi_examples=examples.sent(success=examples.REPORT))],
    aurora: Installation,
    caller: By,
) -> AnalyzeAnswer:
    """Record what came of a decision, as verified outside AURORA."""
    return aurora.report_outcome(decision_id, report, by=caller.owner)


@router.post("/api/decisions/{id}/undo", openapi_extra=role(Role.OPERATOR), responses=examples.shown(examples.ANSWER))
def undo(
    decision_id: DecisionId,
    why: Annotated[UndoReason, Body(openapi_examples=examples.sent(reason=examples.UNDO))],
    aurora: Installation,
    caller: By,
) -> AnalyzeAnswer:
    """Take the action of a decision back, through the gate."""
    return aurora.undo(decision_id, why.reason, by=caller.owner)
