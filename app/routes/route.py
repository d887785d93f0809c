"""What every call goes through before its own code runs, in this order.

Foreign pages, keys and roles, the query, size and form of the body, `Idempotency-Key`: first what costs nothing. Then
FastAPI checks the body against the schema, and only what passed all of it reaches the code of the call.
"""

import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import Depends, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BeforeValidator, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from app import problems
from app.auth import LOCAL, Caller, Keyring, Role, refuse_foreign_page
from app.chat import Chat
from app.idempotency import Idempotency, slip_for
from app.instruments import Instruments
from app.limits import parse, read_body, refuse_unknown_query, require_json
from app.problems import Malformed
from app.schemas import Id, Whole
from aurora import Aurora
from aurora.domain import Name
from aurora.errors import AuroraError

Endpoint = Callable[[Request], Awaitable[Response]]

ROLE = "x-role"
"""Where an operation of the OpenAPI document says which role it takes."""
_AT_ONCE = 20_000
"""Bodies of up to so many bytes are parsed on the event loop."""


def role(least: Role) -> dict[str, Any]:
    """Declare the role that a call takes, as its `openapi_extra`."""
    return {ROLE: least.name.lower()}


class ReadRequest(Request):
    """A request whose body was read and parsed within the limits."""

    def __init__(self, request: Request, raw: bytes, document: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._raw = raw
        self._document = document

    async def body(self) -> bytes:
        """Return the body as it came."""
        return self._raw

    async def json(self) -> Any:
        """Return the document that the body holds."""
        return self._document


class Route(APIRoute):
    """A call of AURORA's API."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's own handling of the call, behind the gate."""
        endpoint = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await self._guarded(request, endpoint)
            except (AuroraError, RequestValidationError) as error:
                return problems.response(request, error)

        return answer

    async def _guarded(self, request: Request, endpoint: Endpoint) -> Response:
        keyring: Keyring = request.app.state.keyring
        least = (self.openapi_extra or {}).get(ROLE)
        caller = keyring.admit(request.headers, Role[least.upper()]) if least else LOCAL
        request.state.caller = caller
        request.state.decision_id = None
        refuse_unknown_query(request.query_params, [field.alias for field in self.dependant.query_params])
        if request.method == "GET":
            return await endpoint(request)
        refuse_foreign_page(request.headers, keys_required=not keyring.open)
        read = await self._read(request)
        if request.method != "POST":
            return await endpoint(read)
        return await self._once(read, caller, endpoint)

    async def _read(self, request: Request) -> ReadRequest:
        aurora: Aurora = request.app.state.aurora
        raw = await read_body(request, aurora.settings.max_body_bytes)
        if not raw:
            raise Malformed("The body is empty; a JSON document is expected.")
        require_json(request.headers)
        # A large body takes its time; the other requests go on meanwhile.
        document = parse(raw) if len(raw) <= _AT_ONCE else await run_in_threadpool(parse, raw)
        return ReadRequest(request, raw, document)

    async def _once(self, request: ReadRequest, caller: Caller, endpoint: Endpoint) -> Response:
        slip = slip_for(request, caller, f"POST {self.path_format}", await request.body())
        if slip is not None:
            request.state.decision_id = slip.decision_id

        async def work() -> Response:
            try:
                return await endpoint(request)
            except (AuroraError, RequestValidationError) as error:
                return problems.response(request, error)

        idempotency: Idempotency = request.app.state.idempotency
        return await idempotency.once(slip, work)


class NamedRoute(Route):
    """A call whose path holds a model's name, which may hold anything printable, slashes too.

    It is matched against the path as it was sent: a slash sent as `%2F` belongs to the name, whatever follows it.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match like any other route, with `%2F` and `%25` still encoded."""
        if scope["type"] == "http" and "raw_path" in scope:
            sent = scope["raw_path"].partition(b"?")[0].decode("utf-8", "surrogateescape")
            scope = {**scope, "path": re.sub(r"(?:%(?!2[Ff5])[0-9A-Fa-f]{2})+", _decoded, sent)}
        return super().matches(scope)


def _decoded(part: re.Match[str]) -> str:
    # What is no UTF-8 becomes a surrogate, which no name may hold.
    return unquote(part[0], errors="surrogateescape")


ModelName = Annotated[
    Name, BeforeValidator(unquote), Path(description="May hold slashes, best sent as %2F.", examples=["fraud-scorer"])
]
DecisionId = Annotated[Id, Path(alias="id", examples=["dec_0c5f9a52d3a14c3f8e6f5c1f0d1b2a3c"])]
ApprovalId = Annotated[Id, Path(alias="id", examples=["apr_5f0c9a52d3a14c3f8e6f5c1f0d1b2a3c"])]


Limit = Annotated[Whole, Field(ge=1, le=500), Query(description="How many at most.")]


async def _aurora(request: Request) -> Aurora:
    found: Aurora = request.app.state.aurora
    return found


async def _caller(request: Request) -> Caller:
    found: Caller = request.state.caller
    return found


async def _instruments(request: Request) -> Instruments:
    found: Instruments = request.app.state.instruments
    return found


async def _chat(request: Request) -> Chat:
    found: Chat = request.app.state.chat
    return found


async def _decision_id(request: Request) -> str | None:
    found: str | None = request.state.decision_id
    return found


Installation = Annotated[Aurora, Depends(_aurora)]
By = Annotated[Caller, Depends(_caller)]
Counters = Annotated[Instruments, Depends(_instruments)]
Talk = Annotated[Chat, Depends(_chat)]
KeyedDecisionId = Annotated[str | None, Depends(_decision_id)]
"""The id that an analysis sent with an `Idempotency-Key` must have."""
