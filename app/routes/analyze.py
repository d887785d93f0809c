"""The question that everything is about: what should be done about this model?"""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Query

from app.auth import Role
from app.routes import examples
from app.routes.route import Counters, Installation, KeyedDecisionId, Route, role
from aurora.answers import AnalyzeAnswer
from aurora.domain import Telemetry

router = APIRouter(route_class=Route, tags=["decisions"])

Look = Annotated[
    Telemetry, Body(openapi_examples=examples.sent(whole=examples.TELEMETRY, least=examples.SMALL_TELEMETRY))
]


@router.post("/api/analyze", openapi_extra=role(Role.OPERATOR), responses=examples.shown(examples.ANSWER))
async def analyze(
    telemetry: Look,
    aurora: Installation,
    counters: Counters,
    decision_id: KeyedDecisionId,
    dry_run: Annotated[Literal["true", "false"], Query(description="Plan, critique and rule; do nothing.")] = "false",
) -> AnalyzeAnswer:
    """Decide about one look at one model and, where the guardrails allow it, act."""
    with counters.in_flight.track_inprogress():
        future = aurora.submit_analyze(telemetry, dry_run=dry_run == "true", decision_id=decision_id)
        # Shielded: a client that goes away must not stop a decision half way.
        answer = await asyncio.shield(asyncio.wrap_future(future))
    counters.answered(answer)
    return answer
