"""What a refusal looks like, and what of AURORA it shows."""

import inspect
import json
from http import HTTPStatus

import pytest
from starlette.requests import Request

from app import problems
from app.problems import STATUS, field_error, invalid_fields, path_of, response, status_of
from aurora import errors
from aurora.errors import AuroraError, Conflict, Invalid, Misconfigured, NotFound, Unavailable


def request(path: str = "/api/analyze") -> Request:
    return Request({"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""})


def test_a_problem_has_the_members_of_rfc_9457() -> None:
    answer = response(request(), NotFound("No decision dec_1."))
    document = json.loads(bytes(answer.body))
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert document == {
        "type": "urn:aurora:problem:not-found",
        "title": "There is no such thing.",
        "status": 404,
        "detail": "No decision dec_1.",
        "instance": "/api/analyze",
    }


@pytest.mark.parametrize(
    "kind", [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, AuroraError)]
)
def test_every_error_of_the_domain_has_a_status(kind: type[AuroraError]) -> None:
    assert kind in STATUS
    assert status_of(kind()) is STATUS[kind]


def test_an_unlisted_error_answers_as_its_nearest_ancestor() -> None:
    class Newcomer(Conflict):
        """Something newer than the table."""

    assert status_of(Newcomer()) is HTTPStatus.CONFLICT


def test_a_misconfiguration_is_not_told_to_the_client() -> None:
    answer = response(request(), Misconfigured("postgresql://user:secret@host/db does not answer."))
    assert answer.status_code == 500
    assert b"secret" not in bytes(answer.body)


def test_what_may_pass_says_when_to_come_back() -> None:
    assert response(request(), Unavailable()).headers["retry-after"] == "5"


def test_an_error_that_names_its_field_is_shown_with_it() -> None:
    document = json.loads(bytes(response(request(), Invalid("must be larger.", field="action.replicas")).body))
    assert document["errors"] == [{"field": "action.replicas", "message": "must be larger."}]


def test_only_so_many_fields_are_named_and_the_rest_is_counted() -> None:
    many = [field_error(f"f{n}", "unknown field") for n in range(1000)]
    document = json.loads(bytes(response(request(), invalid_fields(many)).body))
    assert len(document["errors"]) == problems.MAX_ERRORS
    assert document["detail"] == "f0: unknown field (and 999 more)"


def test_what_is_sent_back_is_clipped_and_can_be_sent() -> None:
    error = field_error("\ud800" + "x" * 10_000, "unknown field")
    document = json.loads(bytes(response(request("/" + "x" * 10_000), invalid_fields([error])).body))
    assert document["errors"][0]["field"].startswith("\\ud800xxx")
    assert len(document["errors"][0]["field"]) < 300
    assert len(document["instance"]) <= 200


@pytest.mark.parametrize(
    ("location", "path"),
    [
        (("model_metrics", "accuracy"), "model_metrics.accuracy"),
        (("system_load", "replicas", 0, "load"), "system_load.replicas[0].load"),
        ((3, "timestamp"), "[3].timestamp"),
        ((), ""),
    ],
)
def test_a_path_reads_as_one_would_write_it(location: tuple[str | int, ...], path: str) -> None:
    assert path_of(location) == path
