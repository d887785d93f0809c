"""What AURORA remembers, and what people tell it."""

from typing import Annotated

from fastapi import APIRouter, Body

from app.auth import Caller, Role
from app.routes import examples
from app.routes.route import By, Installation, Route, role
from app.schemas import Found, Ids, MemorySearch, NewMemories, NewMemory, SearchResults
from aurora.domain import NewEntry, Recalled, Trust

router = APIRouter(route_class=Route, tags=["memory"])


@router.post(
    "/api/memory",
    status_code=201,
    openapi_extra=role(Role.OPERATOR),
    responses=examples.shown({"ids": [examples.MEMORY_ID]}, 201),
)
def remember(
    told: Annotated[NewMemories, Body(openapi_examples=examples.sent(one=examples.MEMORY, several=examples.MEMORIES))],
    aurora: Installation,
    caller: By,
) -> Ids:
    """Write one entry or up to 500 of them. What is told is shown beside similar cases, and moves no belief."""
    many = [told] if isinstance(told, NewMemory) else told
    return Ids(ids=tuple(aurora.memory.add([_entry(one, caller) for one in many])))


@router.post("/api/memory/search", openapi_extra=role(Role.VIEWER), responses=examples.shown(examples.FOUND))
def search(
    wanted: Annotated[MemorySearch, Body(openapi_examples=examples.sent(search=examples.SEARCH))], aurora: Installation
) -> SearchResults:
    """Find the entries whose meaning is nearest to the query, the nearest first."""
    found = aurora.memory.search(wanted.query, wanted.top_k)
    return SearchResults(results=tuple(_found(one) for one in found))


def _entry(told: NewMemory, caller: Caller) -> NewEntry:
    return NewEntry(
        kind=told.kind,
        text=told.text,
        model_name=told.model_name,
        decision_type=told.decision_type,
        success=told.success,
        trust=Trust.TOLD,
        source=caller.owner,
        telemetry=told.telemetry.model_dump(mode="json", exclude_none=True) if told.telemetry else None,
    )


def _found(one: Recalled) -> Found:
    shown = one.model_dump(include=set(Found.model_fields) - {"text"})
    return Found(text=one.summary, **shown)
