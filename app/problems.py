"""Everything that is refused or goes wrong, as RFC 9457 problem documents.

`STATUS` is the one table from error to HTTP status. What AURORA's own code wrote into an error is shown; what other
code raised is not: it becomes a 500 with an incident number, and the log holds the rest (`app/instruments.py`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

from aurora.errors import (
    AuroraError,
    BackendFailed,
    Conflict,
    GateClosed,
    HomeInUse,
    IdempotencyMismatch,
    Invalid,
    Misconfigured,
    NotFound,
    Unavailable,
)

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 50
"""How many offending fields one answer names."""
MAX_ECHO = 200
"""How many characters of what the client sent come back in one place of a problem document."""


class Malformed(AuroraError):
    """The request cannot be read."""


class Unauthenticated(AuroraError):
    """A valid API key is required."""


class Forbidden(AuroraError):
    """This is not allowed."""


class MethodNotAllowed(AuroraError):
    """This path does not take this method."""


class TooLarge(AuroraError):
    """The body is too large."""


class WrongMediaType(AuroraError):
    """The body must be JSON in UTF-8."""


class InProgress(Conflict):
    """The first request with this Idempotency-Key is still being worked on."""


class Incident(AuroraError):
    """Something went wrong inside AURORA."""


STATUS: dict[type[AuroraError], HTTPStatus] = {
    Malformed: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    Conflict: HTTPStatus.CONFLICT,
    GateClosed: HTTPStatus.CONFLICT,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    WrongMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    IdempotencyMismatch: HTTPStatus.UNPROCESSABLE_ENTITY,
    Misconfigured: HTTPStatus.INTERNAL_SERVER_ERROR,
    HomeInUse: HTTPStatus.SERVICE_UNAVAILABLE,
    BackendFailed: HTTPStatus.BAD_GATEWAY,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    AuroraError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""A type that is missing here answers as its nearest ancestor."""

_HEADERS: dict[type[AuroraError], dict[str, str]] = {
    Unauthenticated: {"WWW-Authenticate": 'Bearer realm="AURORA"'},
    InProgress: {"Retry-After": "5"},
    Unavailable: {"Retry-After": "5"},
    TooLarge: {"Connection": "close"},
}

_KINDER = {
    "extra_forbidden": "unknown field",
    "missing": "is required",
    "model_type": "must be an object",
    "dict_type": "must be an object",
}
"""Sentences for people where pydantic's are for programmers."""

SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "An RFC 9457 problem document.",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:aurora:problem:invalid"]},
        "title": {"type": "string", "examples": ["The request is not valid."]},
        "status": {"type": "integer", "examples": [422]},
        "detail": {"type": "string", "examples": ["model_metrics.accuracy: Input should be less than or equal to 1"]},
        "instance": {"type": "string", "examples": ["/api/analyze"]},
        "incident": {"type": "string", "description": "With status 500: the number under which the log tells more."},
        "errors": {
            "type": "array",
            "description": "The offending fields, by their path.",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def field_error(field: str, message: str) -> dict[str, str]:
    """Return one entry of a problem's `errors`."""
    return {"field": printable(field), "message": printable(message)}


def printable(text: str) -> str:
    """Return `text` bounded and without anything that cannot be sent as UTF-8."""
    clipped = text if len(text) <= MAX_ECHO else f"{text[:MAX_ECHO]}…"
    return clipped.encode("utf-8", "backslashreplace").decode()


def path_of(location: Iterable[str | int]) -> str:
    """Return `("replicas", 0, "load")` as `replicas[0].load`."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def invalid_fields(errors: Sequence[Mapping[str, str]], total: int | None = None) -> Invalid:
    """Return the refusal that names the fields at fault; `total` says how many there are, if more than `errors`."""
    first, others = errors[0], (total or len(errors)) - 1
    more = f" (and {others} more)" if others else ""
    return Invalid(f"{first['field']}: {first['message']}{more}", errors=list(errors[:MAX_ERRORS]))


def from_validation(error: RequestValidationError) -> AuroraError:
    """Return what a failed validation means: an odd id in the path is one that does not exist."""
    found = error.errors()
    if any(entry["loc"][0] == "path" for entry in found):
        return NotFound()
    return invalid_fields([_field_error(entry) for entry in found[:MAX_ERRORS]], total=len(found))


def _field_error(entry: Mapping[str, Any]) -> dict[str, str]:
    place, *parts = entry["loc"]
    # "<…>" names a branch of a union and "[key]" the key of a mapping: no parts of the document.
    parts = [part for part in parts if part not in ("<one>", "<list>", "[key]")]
    message = _KINDER.get(entry["type"], str(entry["msg"]).removeprefix("Value error, "))
    return field_error(path_of(parts) or str(place), message)


def status_of(error: AuroraError) -> HTTPStatus:
    """Return the HTTP status that `error` answers with."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def response(request: Request, error: AuroraError | RequestValidationError) -> Response:
    """Return the problem document for `error`."""
    if isinstance(error, RequestValidationError):
        error = from_validation(error)
    status = status_of(error)
    document = _document(request, error, status)
    headers = {**_headers_for(error), **error.context.get("headers", {})}
    return Response(
        json.dumps(document, ensure_ascii=False).encode(), status_code=status, headers=headers, media_type=MEDIA_TYPE
    )


def _document(request: Request, error: AuroraError, status: HTTPStatus) -> dict[str, Any]:
    title = (type(error).__doc__ or "").strip().splitlines()[0]
    # A misconfiguration names addresses and paths; they are for the log.
    shown = error.detail if status != HTTPStatus.INTERNAL_SERVER_ERROR or isinstance(error, Incident) else ""
    document: dict[str, Any] = {
        "type": f"urn:aurora:problem:{_kebab(type(error).__name__)}",
        "title": title,
        "status": int(status),
        "detail": _sendable(shown) or title,
        "instance": quote(request.scope["path"])[:MAX_ECHO],
    }
    document |= {key: error.context[key] for key in ("incident", "errors") if key in error.context}
    if "errors" not in document and "field" in error.context:
        document["errors"] = [field_error(str(error.context["field"]), error.detail)]
    return document


def _headers_for(error: AuroraError) -> dict[str, str]:
    return next((_HEADERS[kind] for kind in type(error).__mro__ if kind in _HEADERS), {})


def _sendable(text: str) -> str:
    return text[:4000].encode("utf-8", "backslashreplace").decode()


def _kebab(name: str) -> str:
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")
