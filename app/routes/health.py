"""How AURORA is doing, for people and for Prometheus."""

from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from app.auth import Role
from app.routes import examples
from app.routes.route import Counters, Installation, Route, role
from app.schemas import HealthView

router = APIRouter(route_class=Route, tags=["health"])

_EXAMPLE = {"text/plain": {"schema": {"type": "string"}, "example": "aurora_analyses_in_flight 0.0\n"}}
_TEXT: dict[int | str, dict[str, Any]] = {200: {"content": _EXAMPLE}}


@router.get("/health", responses=examples.shown(examples.HEALTH))
def health(aurora: Installation) -> HealthView:
    """Say how every part is doing. Needs no key; answers 200 as long as it can answer at all."""
    return HealthView.model_validate(aurora.health())


@router.get("/metrics", openapi_extra=role(Role.VIEWER), response_class=Response, responses=_TEXT)
def metrics(aurora: Installation, counters: Counters) -> Response:
    """Give AURORA's own counters as Prometheus text."""
    return Response(counters.exposition(aurora.health()["components"]), media_type=CONTENT_TYPE_LATEST)
