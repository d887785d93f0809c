"""What JSON is taken, and how much of it."""

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.types import Message

from app.limits import MAX_DEPTH, parse, read_body, refuse_unknown_query, require_json
from app.problems import Malformed, TooLarge, WrongMediaType
from aurora.errors import Invalid

texts = st.text(st.characters(exclude_categories=["Cs"]))
documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(documents)
def test_what_json_can_say_is_read_as_it_was_meant(document: Any) -> None:
    assert parse(json.dumps(document).encode()) == document


@given(st.binary(max_size=200))
def test_whatever_is_sent_is_read_or_refused(body: bytes) -> None:
    with suppress(Malformed, Invalid):
        parse(body)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 5000, str(2**63)])
def test_a_number_without_bounds_is_refused_by_the_path_of_its_field(word: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(f'{{"a": [0, {{"b": {word}}}]}}'.encode())
    assert [error["field"] for error in refused.value.context["errors"]] == ["a[1].b"]


HOLE = "<hole>"
holed = st.recursive(
    st.just(HOLE),
    lambda inner: (
        st.builds(lambda one, hole, other: [one, hole, other], documents, inner, documents)
        | st.builds(lambda others, hole: {**others, "in": hole}, st.dictionaries(texts, documents, max_size=3), inner)
    ),
    max_leaves=1,
)


@given(holed, st.sampled_from(["NaN", "-1e999", str(2**63), str(-(2**63) - 1), '"\\uDfff"', '{"b": 1, "b": 2}']))
def test_a_loophole_is_found_wherever_it_is(document: Any, loophole: str) -> None:
    with pytest.raises((Invalid, Malformed)):
        parse(json.dumps(document).replace(json.dumps(HOLE), loophole).encode())


@pytest.mark.parametrize("body", [b'{"a": "\\ud800"}', b'{"\\udfff": 1}', b'["\\ud83d"]'])
def test_a_lone_surrogate_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid, match="surrogate"):
        parse(body)


def test_a_pair_of_surrogates_is_a_character() -> None:
    assert parse(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


def test_a_name_that_is_given_twice_is_refused_by_its_path() -> None:
    with pytest.raises(Malformed, match=r"a\[0\]\.b is given twice"):
        parse(b'{"a": [{"b": 1, "c": 2, "b": 3}]}')


def test_nesting_is_taken_to_its_limit_and_no_further() -> None:
    parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    for depth in (MAX_DEPTH + 1, 500, 100_000, 900_000):
        with pytest.raises(Malformed, match="nested"):
            parse(b"[" * depth + b"]" * depth)


def test_names_nested_without_end_are_refused_too() -> None:
    with pytest.raises(Malformed, match="nested"):
        parse(b'{"a":' * 10_000 + b"1" + b"}" * 10_000)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "empty"),
        (b'{"a": 1,}', "line 1 column"),
        (b'{\n"a" 1}', "line 2 column 5"),
        (b"\xff\xfe", "UTF-8 at byte 0"),
        (b"\xef\xbb\xbf{}", "BOM"),
        (b"{} {}", "column 4"),
        (b"'a'", "column 1"),
        (b'"\x00"', "control character"),
    ],
)
def test_what_is_no_json_is_refused_with_its_position(body: bytes, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        parse(body)


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=UTF-8", "application/ld+json"])
def test_json_is_taken_by_its_media_type(kind: str) -> None:
    require_json(Headers({"content-type": kind}))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": ""},
        {"content-type": "text/plain"},
        {"content-type": "text/json"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
def test_anything_else_is_the_wrong_media_type(headers: dict[str, str]) -> None:
    with pytest.raises(WrongMediaType):
        require_json(Headers(headers))


class Endless:
    """A client that never stops sending; it counts what was taken off it."""

    def __init__(self) -> None:
        self.sent = 0

    async def __call__(self) -> Message:
        self.sent += 1000
        return {"type": "http.request", "body": b"x" * 1000, "more_body": True}


async def test_reading_stops_as_soon_as_a_body_is_too_large() -> None:
    client = Endless()
    with pytest.raises(TooLarge):
        await read_body(Request({"type": "http", "headers": []}, client), 10_000)
    assert client.sent == 11_000


@pytest.mark.parametrize("length", [b"10001", b"9" * 5000])
async def test_a_body_that_says_it_is_too_large_is_not_read_at_all(length: bytes) -> None:
    client = Endless()
    with pytest.raises(TooLarge):
        await read_body(Request({"type": "http", "headers": [(b"content-length", length)]}, client), 10_000)
    assert client.sent == 0


async def test_a_client_that_goes_away_is_no_incident() -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(Malformed):
        await read_body(Request({"type": "http", "headers": []}, gone), 10)


def test_unknown_and_repeated_query_parameters_are_named() -> None:
    with pytest.raises(Invalid) as refused:
        refuse_unknown_query(QueryParams("limt=5&before=a&before=b"), ["limit", "before"])
    assert [error["field"] for error in refused.value.context["errors"]] == ["limt", "before"]


def test_finite_numbers_of_any_size_pass() -> None:
    assert parse(b"[1e308, -0.0, 5e-324]") == [1e308, -0.0, math.ulp(0.0)]
