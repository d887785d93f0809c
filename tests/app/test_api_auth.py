"""Who may ask for what."""

import httpx
import pytest
from pydantic import SecretStr
from starlette.datastructures import Headers

from app.auth import LOCAL, Keyring, Role, refuse_foreign_page
from app.problems import Forbidden, Unauthenticated
from aurora.errors import Misconfigured

TELEMETRY = {"model_metrics": {"accuracy": 0.9}}


def keyring(*entries: str) -> Keyring:
    return Keyring(SecretStr(entry) for entry in entries)


# --- keys ------------------------------------------------------------------------------------------------------------


def test_without_keys_everybody_is_local_and_may_do_everything() -> None:
    caller = keyring().admit(Headers({"authorization": "Bearer whatever"}), Role.ADMIN)
    assert caller is LOCAL
    assert not caller.authenticated


@pytest.mark.parametrize(
    "header", [{"authorization": "Bearer s3cret"}, {"Authorization": "bearer  s3cret"}, {"x-api-key": "s3cret"}]
)
def test_a_key_comes_in_either_header(header: dict[str, str]) -> None:
    caller = keyring("otto:operator:s3cret").admit(Headers(header), Role.OPERATOR)
    assert (caller.owner, caller.role, caller.authenticated) == ("otto", Role.OPERATOR, True)


def test_a_key_may_hold_colons() -> None:
    assert keyring("anna:approver:a:b:c").admit(Headers({"x-api-key": "a:b:c"}), Role.VIEWER).owner == "anna"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": ""},
        {"x-api-key": "wrong"},
        {"x-api-key": "s3cre"},
        {"x-api-key": "s3cret\xe9"},
        {"authorization": "s3cret"},
        {"authorization": "Basic s3cret"},
        {"authorization": "Bearer"},
        {"authorization": "Bearer s3cret", "x-api-key": "s3cret"},
    ],
)
def test_without_exactly_one_valid_key_nobody_gets_in(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated):
        keyring("otto:operator:s3cret").admit(Headers(headers), Role.VIEWER)


@pytest.mark.parametrize(
    "entries",
    [
        ("hunter2",),
        ("otto:hunter2",),
        ("otto:operator:",),
        (":operator:hunter2",),
        ("otto:boss:hunter2",),
        ("otto:operator:hunter2 b",),
        ("otto:operator:hünter2",),
        ("o\x00tto:operator:hunter2",),
        ("otto:operator:hunter2", "anna:approver:hunter2"),
    ],
)
def test_an_entry_that_cannot_be_read_stops_the_start_without_showing_the_key(entries: tuple[str, ...]) -> None:
    with pytest.raises(Misconfigured, match="AURORA_API_KEYS: entry") as refused:
        keyring(*entries)
    assert "nter2" not in str(refused.value)


# --- roles, call by call ---------------------------------------------------------------------------------------------

READ = [
    ("GET", "/api/decisions", None),
    ("GET", "/api/decisions/dec_none", None),
    ("GET", "/api/approvals", None),
    ("GET", "/api/models", None),
    ("GET", "/api/models/nobody", None),
    ("GET", "/api/models/nobody/metrics", None),
    ("GET", "/api/mode", None),
    ("GET", "/api/evals/latest", None),
    ("GET", "/metrics", None),
    ("POST", "/api/memory/search", {"query": "drift"}),
]
OPERATE = [
    ("POST", "/api/analyze?dry_run=true", TELEMETRY),
    ("POST", "/api/metrics", {"model_name": "watched", "accuracy": 0.9}),
    ("POST", "/api/memory", {"kind": "incident", "text": "Told by a test."}),
    ("POST", "/api/decisions/dec_none/outcome", {"success": True}),
    ("POST", "/api/decisions/dec_none/undo", {"reason": "x"}),
    ("POST", "/api/chat", {"message": "what is the status?"}),
]
APPROVE = [("POST", "/api/approvals/apr_none", {"decision": "approve"})]
ADMINISTER = [("PUT", "/api/mode", {"mode": "autonomous"}), ("PUT", "/api/models/watched", {})]
CALLS = [
    *((Role.VIEWER, *call) for call in READ),
    *((Role.OPERATOR, *call) for call in OPERATE),
    *((Role.APPROVER, *call) for call in APPROVE),
    *((Role.ADMIN, *call) for call in ADMINISTER),
]


@pytest.mark.parametrize(("least", "method", "path", "body"), CALLS)
async def test_a_call_takes_its_role_and_those_above(
    locked_api: httpx.AsyncClient,
    bearer: dict[str, dict[str, str]],
    least: Role,
    method: str,
    path: str,
    body: object,
) -> None:
    anonymous = await locked_api.request(method, path, json=body)
    assert anonymous.status_code == 401
    assert anonymous.headers["www-authenticate"].startswith("Bearer")
    for role in Role:
        answer = await locked_api.request(method, path, json=body, headers=bearer[role.name.lower()])
        assert (answer.status_code == 403) == (role < least), answer.text
        assert answer.status_code not in (401, 405, 422, 500)


async def test_health_and_the_description_need_no_key(locked_api: httpx.AsyncClient) -> None:
    for path in ("/health", "/docs", "/openapi.json"):
        assert (await locked_api.get(path)).status_code == 200


async def test_a_body_is_not_even_read_without_a_key(locked_api: httpx.AsyncClient) -> None:
    answer = await locked_api.post("/api/analyze", content=b"{" * 2_000_000)
    assert answer.status_code == 401


async def test_with_keys_the_owner_approves_and_by_is_refused(
    locked_api: httpx.AsyncClient, bearer: dict[str, dict[str, str]]
) -> None:
    body = {"decision": "approve", "by": "somebody else"}
    answer = await locked_api.post("/api/approvals/apr_none", json=body, headers=bearer["approver"])
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["by"]


# --- foreign pages ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "keys_required"),
    [
        ({"host": "aurora.test"}, False),
        ({"host": "127.0.0.1:8000", "origin": "http://127.0.0.1:8501"}, False),
        ({"host": "127.0.0.1:8000", "origin": "http://localhost:3000"}, False),
        ({"host": "[::1]:8000", "origin": "http://[::1]:8501"}, False),
        ({"host": "10.0.0.7:8000", "origin": "http://10.0.0.7:8501"}, False),
        ({"host": "aurora.test", "origin": "https://aurora.test"}, True),
        ({"host": "aurora.test", "sec-fetch-site": "same-origin"}, False),
    ],
)
def test_programs_and_pages_of_this_host_may_change_things(headers: dict[str, str], keys_required: bool) -> None:
    refuse_foreign_page(Headers(headers), keys_required=keys_required)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1:8000", "origin": "https://evil.test"},
        {"host": "127.0.0.1:8000", "origin": "http://127.0.0.1.evil.test"},
        {"host": "127.0.0.1:8000", "origin": "http://localhost.evil.test"},
        {"host": "127.0.0.1:8000", "origin": "null"},
        {"host": "127.0.0.1:8000", "origin": ""},
        {"host": "127.0.0.1:8000", "origin": "http://[broken"},
        {"host": "127.0.0.1:8000", "origin": "http://10.0.0.7"},
        {"host": "127.0.0.1:8000", "sec-fetch-site": "cross-site"},
        {"host": "evil.test:8000", "origin": "http://evil.test:8000"},
    ],
)
def test_pages_of_other_sites_may_not_even_under_a_name_made_to_point_here(headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden):
        refuse_foreign_page(Headers(headers), keys_required=False)
