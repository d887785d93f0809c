"""What `aurora eval` found last on this installation."""

import json
from typing import Any

from fastapi import APIRouter

from app.auth import Role
from app.routes import examples
from app.routes.route import Installation, Route, role
from aurora.errors import NotFound
from evals.suites import LATEST

router = APIRouter(route_class=Route, tags=["evals"])


@router.get("/api/evals/latest", openapi_extra=role(Role.VIEWER), responses=examples.shown(examples.EVALS))
def latest(aurora: Installation) -> dict[str, Any]:
    """Give the newest eval report, with every table, target and plot as values; 404 where there is none yet."""
    try:
        text = (aurora.settings.home.expanduser() / LATEST).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound("Nothing was evaluated here yet; `aurora eval` does.") from None
    return dict(json.loads(text))
