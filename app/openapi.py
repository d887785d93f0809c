"""The OpenAPI document: what FastAPI reads off the code, and what holds for every call."""

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from app.idempotency import HEADER, REPLAYED
from app.problems import MEDIA_TYPE, SCHEMA
from app.routes.route import ROLE, Route

DESCRIPTION = (
    "AURORA is an on-call ML engineer for deployed models: it watches them, decides what to do, asks when it is "
    "unsure, does it, checks whether it helped, takes it back if it did not, and can say why. Unknown fields and query "
    "parameters are refused; every error is an RFC 9457 problem document that names the offending field."
)

TAGS = [
    {"name": "decisions", "description": "Ask for a decision, read it, report what came of it, take it back."},
    {"name": "approvals", "description": "What waits for a person."},
    {"name": "models", "description": "The models, their settings and their history."},
    {"name": "memory", "description": "What AURORA remembers."},
    {"name": "chat", "description": "Questions in plain words."},
    {"name": "mode", "description": "The mode of the whole installation, and the kill switch."},
    {"name": "evals", "description": "How good the decisions are, measured offline."},
    {"name": "health", "description": "How AURORA is doing."},
]

_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}

_KEY_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": f"The same key with the same request gives the first answer again, marked `{REPLAYED}: true`; with "
    "another request it is refused (422). What was refused before any work was done may be sent again under its key.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}

_SAID = {
    "400": "The request cannot be read.",
    "401": "A valid API key is required.",
    "403": "The key's role may not do this, or a page of another site asked for it.",
    "404": "There is no such thing.",
    "409": "Settled before, or the world moved on; or the first request with this Idempotency-Key is still under way.",
    "413": "The body is too large.",
    "415": "The body must be JSON in UTF-8.",
    "422": "The request is not valid; `errors` names the fields.",
    "500": "Something went wrong inside; `incident` is its number in the log.",
    "503": "A part that is needed for this is not available; try again later.",
}


def describe(app: FastAPI, routes: Iterable[BaseRoute], *, keys_required: bool) -> dict[str, Any]:
    """Return the OpenAPI document of `app` and its `routes`; security is described only where keys are configured."""
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
    )
    document["components"]["schemas"]["Problem"] = SCHEMA
    for route in routes:
        if isinstance(route, Route):
            method = min(route.methods or {"GET"}).lower()
            _complete(document["paths"][route.path_format][method], route, method, keys_required=keys_required)
    if keys_required:
        document["components"]["securitySchemes"] = _SCHEMES
    return document


def _complete(operation: dict[str, Any], route: Route, method: str, *, keys_required: bool) -> None:
    least = operation.get(ROLE)
    for status, answer in route.responses.items():
        # FastAPI leaves every null out of an example, but that they are there is what a reader must know.
        for media_type, shown in answer["content"].items():
            operation["responses"][str(status)]["content"][media_type]["example"] = shown["example"]
    if keys_required:
        operation["security"] = [{name: []} for name in _SCHEMES] if least else []
    if method == "post":
        operation.setdefault("parameters", []).append(_KEY_PARAMETER)
    for status in _refusals(route.path_format, method, keyed=keys_required and least is not None):
        operation["responses"][status] = {
            "description": _SAID[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }


def _refusals(path: str, method: str, *, keyed: bool) -> list[str]:
    found = ["422", "500", "503"]
    found += ["401"] if keyed else []
    found += ["403"] if keyed or method != "get" else []
    found += ["404"] if "{" in path else []
    found += ["409"] if method == "post" else []
    found += ["400", "413", "415"] if method != "get" else []
    return sorted(found)
