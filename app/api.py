"""The HTTP API: every call of the contract, on one AURORA."""

from datetime import datetime
from typing import Any

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from app import problems
from app.auth import Keyring
from app.chat import Chat
from app.idempotency import WAIT_SECONDS, Idempotency
from app.instruments import Front, Instruments
from app.openapi import DESCRIPTION, TAGS, describe
from app.problems import Malformed, MethodNotAllowed
from app.routes import analyze, approvals, chat, decisions, docs, evals, health, memory, mode, models
from aurora import Aurora, __version__
from aurora.errors import AuroraError, NotFound

ROUTERS = (
    models.router,
    models.named,
    analyze.router,
    decisions.router,
    approvals.router,
    memory.router,
    chat.router,
    mode.router,
    evals.router,
    health.router,
    docs.router,
)
"""Searched in this order for each request: metrics come in more often than anything else."""


def create_app(aurora: Aurora, *, reply_wait_seconds: float = WAIT_SECONDS) -> FastAPI:
    """Return the API of `aurora`, which stays its owner's to close.

    A repeated request with an `Idempotency-Key` waits up to `reply_wait_seconds` for the first one's answer.
    Raises `Misconfigured` for API keys that cannot be read.
    """
    app = FastAPI(
        title="AURORA",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.aurora = aurora
    app.state.keyring = Keyring(aurora.settings.api_keys)
    app.state.idempotency = Idempotency(aurora.ledger.replies, reply_wait_seconds, _alone_since(aurora))
    app.state.instruments = Instruments()
    app.state.chat = Chat(aurora.ledger, aurora.parts.deps.clock)
    app.add_middleware(Front, instruments=app.state.instruments)
    app.add_exception_handler(HTTPException, _no_such_call)
    for router in ROUTERS:
        app.include_router(router)
    _describe_once(app)
    return app


def _alone_since(aurora: Aurora) -> datetime | None:
    """Return the moment from which this process is the only one on its database; None where it need not be."""
    return None if aurora.settings.database_url.startswith("postgres") else aurora.parts.deps.clock()


def _describe_once(app: FastAPI) -> None:
    routes = [route for router in ROUTERS for route in router.routes]

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = describe(app, routes, keys_required=not app.state.keyring.open)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


async def _no_such_call(request: Request, error: Exception) -> Response:
    """Answer for what no route takes: unknown paths, wrong methods, and OPTIONS."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status != 405:
        return problems.response(request, NotFound() if status == 404 else Malformed())
    allow = {"Allow": ", ".join([*_allowed(request), "OPTIONS"])}
    if request.method == "OPTIONS":
        return Response(status_code=204, headers=allow)
    refused: AuroraError = MethodNotAllowed(f"It takes {allow['Allow']}.", headers=allow)
    return problems.response(request, refused)


def _allowed(request: Request) -> list[str]:
    """Return the methods that this path takes, by asking the routes."""
    found = [
        method
        for method in ("GET", "POST", "PUT")
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    ]
    return [*found, "HEAD"] if "GET" in found else found
