"""What a request may be: bounded in size and depth, JSON without its loopholes, and nothing unknown in its query.

Python's own parser takes NaN, lets the last of two equal keys win, makes lone surrogates and numbers without a bound;
none of it gets past here. Field names, types and ranges are the business of the schemas.
"""

import json
import math
from collections import Counter
from collections.abc import Collection, Iterator
from email.message import Message
from itertools import chain
from typing import Any

from starlette.datastructures import Headers, QueryParams
from starlette.requests import ClientDisconnect, Request

from app.problems import Malformed, TooLarge, WrongMediaType, field_error, invalid_fields, path_of, printable

MAX_DEPTH = 32
MAX_INTEGER = 2**63
_MAX_DIGITS = 25
"""Longer integers are not even converted: that costs quadratic time."""

Crumbs = tuple["Crumbs", str | int] | None
"""The way to a value, innermost step first."""


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Return the body, and stop reading it as soon as it is larger than `max_bytes`. Raises `TooLarge`."""
    too_large = TooLarge(f"At most {max_bytes} bytes are read.")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > max_bytes):
        raise too_large
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise too_large
    except ClientDisconnect:
        raise Malformed("The connection ended before the body did.") from None
    return bytes(body)


def require_json(headers: Headers) -> None:
    """Raise `WrongMediaType` unless the headers announce plain JSON in UTF-8."""
    message = Message()
    message["content-type"] = headers.get("content-type", "")
    kind = message.get_content_type() if headers.get("content-type") else ""
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise WrongMediaType("Send Content-Type: application/json.")
    if str(message.get_content_charset("utf-8")).lower() not in ("utf-8", "utf8", "us-ascii"):
        raise WrongMediaType("Only UTF-8 is read.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise WrongMediaType("A compressed body is not read.")


def parse(body: bytes) -> Any:
    """Return the JSON document in `body`.

    Raises `Malformed` where it is no such document, and `Invalid` naming the field where a value cannot be taken.
    """
    if not body:
        raise Malformed("The body is empty; a JSON document is expected.")
    try:
        text = body.decode()
        document = json.loads(text, object_pairs_hook=_object, parse_int=_integer)
    except UnicodeDecodeError as error:
        raise Malformed(f"The body is not UTF-8 at byte {error.start}.") from None
    except json.JSONDecodeError as error:
        raise Malformed(f"Not JSON: {error.msg} at line {error.lineno} column {error.colno}.") from None
    except RecursionError:
        raise Malformed(_TOO_DEEP) from None
    if not _is_plain(document, text):
        _refuse_loopholes(document)
    return document


SEVERAL = ("name",)
"""The query parameters that may be sent several times."""


def refuse_unknown_query(query: QueryParams, known: Collection[str]) -> None:
    """Raise `Invalid` for a query parameter that is not known or, unless it is one of `SEVERAL`, is given twice."""
    names = [name for name, _ in query.multi_items()]
    errors = [field_error(name, "unknown query parameter") for name in dict.fromkeys(names) if name not in known]
    errors += [field_error(name, "is given twice") for name in known if name not in SEVERAL and names.count(name) > 1]
    if errors:
        raise invalid_fields(errors)


_TOO_DEEP = f"The body is nested deeper than {MAX_DEPTH} levels."


class _Twice(dict[str, Any]):
    """A JSON object in which one name occurs twice."""

    name: str


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    twice = _Twice(found)
    twice.name = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
    return twice


def _integer(digits: str) -> float:
    return int(digits) if len(digits) <= _MAX_DIGITS else math.inf


_NESTS = frozenset({dict, list, _Twice})
_NUMBERS = frozenset({float, int})


def _is_plain(document: Any, text: str) -> bool:
    """Whether `document`, read from `text`, surely holds no loophole.

    Seen level by level, without the way to each value: a fraction of the time that it takes to say what is wrong.
    """
    # A lone surrogate can only have come from such an escape.
    if "\\ud" in text or "\\uD" in text:
        return False
    level = [document]
    for _ in range(MAX_DEPTH):
        inner = [value for value in level if type(value) in _NESTS]
        numbers = [value for value in level if type(value) in _NUMBERS]
        # No sum with a NaN in it is less than anything.
        bounded = sum(map(abs, numbers)) < MAX_INTEGER
        if _Twice in map(type, inner) or not bounded:
            return False
        if not inner:
            return True
        level = list(chain.from_iterable(value.values() if type(value) is dict else value for value in inner))
    return False


def _refuse_loopholes(document: Any) -> None:
    errors = []
    for value, crumbs, depth in _walk(document):
        if depth > MAX_DEPTH:
            raise Malformed(_TOO_DEEP)
        if isinstance(value, _Twice):
            path = printable(_path((crumbs, value.name)))
            raise Malformed(f"{path} is given twice.", errors=[field_error(path, "is given twice")])
        if message := _loophole(value):
            errors.append(field_error(_path(crumbs) or "body", message))
    if errors:
        raise invalid_fields(errors)


def _walk(document: Any) -> Iterator[tuple[Any, Crumbs, int]]:
    """Yield every value and every name in `document`, without recursion."""
    waiting: list[tuple[Any, Crumbs, int]] = [(document, None, 1)]
    while waiting:
        value, crumbs, depth = waiting.pop()
        yield value, crumbs, depth if isinstance(value, dict | list) else 0
        if isinstance(value, dict):
            for name, inner in value.items():
                waiting += [(inner, (crumbs, name), depth + 1), (name, (crumbs, name), 0)]
        elif isinstance(value, list):
            waiting += [(inner, (crumbs, index), depth + 1) for index, inner in enumerate(value)]


def _loophole(value: Any) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return "must be a finite number"
    if isinstance(value, int) and not -MAX_INTEGER <= value < MAX_INTEGER:
        return "is too large a number"
    if isinstance(value, str) and not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
        return "must not hold lone surrogates"
    return None


def _path(crumbs: Crumbs) -> str:
    parts: list[str | int] = []
    while crumbs is not None:
        crumbs, part = crumbs
        parts.append(part)
    return path_of(reversed(parts))
