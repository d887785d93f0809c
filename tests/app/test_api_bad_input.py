"""What must be refused: each refusal has its status, names its field, and leaves the ledger as it was."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlmodel import SQLModel

from app.schemas import MAX_ENTRIES, MAX_POINTS
from aurora import Aurora

JSON = {"content-type": "application/json"}
METRICS = {"accuracy": 0.7}
POINT = {"model_name": "m", "accuracy": 0.5}
NOTE = {"kind": "incident", "text": "x"}


@dataclass(frozen=True)
class Bad:
    """A request that must be refused, and how."""

    name: str
    status: int
    path: str
    body: Any = None
    field: str | None = None
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def look(name: str, field: str, **telemetry: Any) -> Bad:
    return Bad(name, 422, "/api/analyze", {"model_metrics": METRICS, **telemetry}, field)


def raw(name: str, status: int, body: bytes, field: str | None = None) -> Bad:
    return Bad(name, status, "/api/analyze", body, field)


def get(name: str, status: int, path: str, field: str | None = None) -> Bad:
    return Bad(name, status, path, b"", field, method="GET")


BROKEN = [
    raw("an empty body", 400, b""),
    raw("broken json", 400, b'{"model_metrics": '),
    raw("a trailing comma", 400, b'{"model_metrics": {"accuracy": 0.7,}}'),
    raw("two documents", 400, b"{}{}"),
    raw("single quotes", 400, b"{'model_metrics': 1}"),
    raw("no utf-8", 400, b'{"notes": "\xff"}'),
    raw("a byte order mark", 400, b'\xef\xbb\xbf{"model_metrics": {"accuracy": 0.7}}'),
    raw("utf-16", 400, '{"model_metrics": {"accuracy": 0.7}}'.encode("utf-16")),
    raw("a name given twice", 400, b'{"model_metrics": {"accuracy": 1, "accuracy": 0}}', "model_metrics.accuracy"),
    raw("lists nested 100,000 deep", 400, b"[" * 100_000),
    raw("objects nested 33 deep", 400, b'{"a":' * 33 + b"1" + b"}" * 33),
    raw("a control character in a string", 400, b'{"notes": "\x01", "model_metrics": {"accuracy": 0.7}}'),
    raw("more than a megabyte", 413, b'{"notes": "' + b"x" * 1_000_000 + b'"}'),
    Bad("plain text", 415, "/api/analyze", {"model_metrics": METRICS}, headers=(("content-type", "text/plain"),)),
    Bad("a form", 415, "/api/analyze", b"a=1", headers=(("content-type", "application/x-www-form-urlencoded"),)),
    Bad("another charset", 415, "/api/analyze", b"{}", headers=(("content-type", "application/json; charset=cp1252"),)),
    Bad("a compressed body", 415, "/api/analyze", b"{}", headers=(*JSON.items(), ("content-encoding", "gzip"))),
]

DOCUMENTS = [
    raw("null", 422, b"null", "body"),
    raw("a list", 422, b"[]", "body"),
    raw("a number", 422, b"1", "body"),
    raw("a string", 422, b'"{}"', "body"),
    raw("an empty object", 422, b"{}", "model_metrics"),
    raw("NaN", 422, b'{"model_metrics": {"accuracy": NaN}}', "model_metrics.accuracy"),
    raw("infinity", 422, b'{"model_metrics": {"latency_ms": Infinity}}', "model_metrics.latency_ms"),
    raw("minus infinity", 422, b'{"model_metrics": {"latency_ms": -Infinity}}', "model_metrics.latency_ms"),
    raw("a float that overflows", 422, b'{"model_metrics": {"latency_ms": 1e999}}', "model_metrics.latency_ms"),
    raw("an integer of 5,000 digits", 422, b'{"labels": {"count": ' + b"9" * 5000 + b"}}", "labels.count"),
    raw("a lone surrogate", 422, b'{"model_metrics": {"accuracy": 0.7}, "notes": "\\ud800"}', "notes"),
    raw("a lone surrogate in a name", 422, b'{"\\udc00": 1}', "\\udc00"),
]

TELEMETRY = [
    look("an unknown field", "modle_name", modle_name="m"),
    look("an unknown field inside", "model_metrics.acuracy", model_metrics={"accuracy": 0.7, "acuracy": 0.7}),
    look("no metric at all", "model_metrics", model_metrics={}),
    look("metrics that are all null", "model_metrics", model_metrics={"accuracy": None}),
    look("a boolean for a number", "model_metrics.accuracy", model_metrics={"accuracy": True}),
    look("a number in a string", "model_metrics.accuracy", model_metrics={"accuracy": "0.7"}),
    look("a ratio over one", "model_metrics.accuracy", model_metrics={"accuracy": 1.0000001}),
    look("a ratio in percent", "model_metrics.accuracy", model_metrics={"accuracy": 72}),
    look("a negative latency", "model_metrics.latency_ms", model_metrics={"latency_ms": -1}),
    look("an absurd latency", "model_metrics.latency_ms", model_metrics={"latency_ms": 1e10}),
    look("a number for a boolean", "data_drift.detected", data_drift={"detected": 1}),
    look("a word for a boolean", "data_drift.detected", data_drift={"detected": "true"}),
    look("a fraction for a count", "labels.count", labels={"count": 1.5}),
    look("an empty name", "model_name", model_name=""),
    look("a blank name", "model_name", model_name=" \t"),
    look("a name with a NUL", "model_name", model_name="a\x00b"),
    look("a name with a line break", "model_name", model_name="a\nb"),
    look("a name that turns the text around", "model_name", model_name="a\u202eb"),
    look("a name that is too long", "model_name", model_name="x" * 201),
    look("a number for a name", "model_name", model_name=5),
    look("a number for a time", "timestamp", timestamp=1700000000),
    look("no time at all", "timestamp", timestamp="yesterday"),
    look("a list for an object", "data_drift", data_drift=[]),
    look("an object for a list", "system_load.replicas", system_load={"replicas": {"name": "r1"}}),
    look(
        "a bad replica",
        "system_load.replicas[1].load",
        system_load={"replicas": [{"name": "a"}, {"name": "b", "load": 2}]},
    ),
    look("two replicas of one name", "system_load.replicas", system_load={"replicas": [{"name": "a"}, {"name": "a"}]}),
    look(
        "too many replicas", "system_load.replicas", system_load={"replicas": [{"name": f"r{n}"} for n in range(1001)]}
    ),
    look("a bad feature", "data_drift.features.amount", data_drift={"features": {"amount": 2}}),
    look("an unnamed feature", "data_drift.features.", data_drift={"features": {"": 0.1}}),
    look("notes with a NUL", "notes", notes="a\x00"),
    look("notes without end", "notes", notes="x" * 4001),
]

QUERIES = [
    Bad("a number for dry_run", 422, "/api/analyze?dry_run=1", {"model_metrics": METRICS}, "dry_run"),
    Bad("another case of true", 422, "/api/analyze?dry_run=True", {"model_metrics": METRICS}, "dry_run"),
    Bad("an empty dry_run", 422, "/api/analyze?dry_run=", {"model_metrics": METRICS}, "dry_run"),
    Bad("dry_run twice", 422, "/api/analyze?dry_run=true&dry_run=false", {"model_metrics": METRICS}, "dry_run"),
    Bad("an unknown query parameter", 422, "/api/analyze?dryrun=true", {"model_metrics": METRICS}, "dryrun"),
    get("a limit of nothing", 422, "/api/decisions?limit=0", "limit"),
    get("a limit beyond 500", 422, "/api/decisions?limit=501", "limit"),
    get("a limit in words", 422, "/api/decisions?limit=ten", "limit"),
    get("a limit with a point", 422, "/api/decisions?limit=5.0", "limit"),
    get("a limit with an underscore", 422, "/api/decisions?limit=1_0", "limit"),
    get("a limit in other digits", 422, "/api/decisions?limit=%D9%A5", "limit"),
    get("a limit without end", 422, f"/api/decisions?limit={'9' * 5000}", "limit"),
    get("a status that is none", 422, "/api/decisions?status=done", "status"),
    get("a page before nothing", 422, "/api/decisions?before=dec_none", "before"),
    get("a page before nonsense", 422, "/api/decisions?before=%00", "before"),
    get("a model's name that is none", 422, "/api/decisions?model_name=%00", "model_name"),
    get("an approval status that is none", 422, "/api/approvals?status=open", "status"),
    get("approvals before nothing", 422, "/api/approvals?before=apr_none", "before"),
    get("a query for health", 422, "/health?verbose=1", "verbose"),
    get("a step of nothing", 422, "/api/models/known/metrics?step=0", "step"),
    get("a step that makes too many points", 422, "/api/models/known/metrics?from=2000-01-01T00:00:00Z&step=1", "step"),
    get(
        "a series backwards", 422, "/api/models/known/metrics?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from"
    ),
    get("a history without end", 422, "/api/models?history=501", "history"),
    get("a history of less than nothing", 422, "/api/models?history=-1", "history"),
    get("a name that is none", 422, "/api/models?name=a&name=%00", "name[1]"),
    get("more names than are taken", 422, f"/api/models?{'&'.join(['name=a'] * 101)}", "name"),
    get("a series from no time", 422, "/api/models/known/metrics?from=noon", "from"),
    get("a series to the beginning of time", 422, "/api/models/known/metrics?to=0001-01-01T00:00:00Z", "to"),
]

BODIES = [
    Bad("a point without a name", 422, "/api/metrics", {"accuracy": 0.5}, "model_name"),
    Bad("a point without a metric", 422, "/api/metrics", {"model_name": "m"}, "body"),
    Bad("a point of replicas alone", 422, "/api/metrics", {"model_name": "m", "replicas": [{"name": "a"}]}, "body"),
    Bad("a point with a bad replica", 422, "/api/metrics", {**POINT, "replicas": [{"name": ""}]}, "replicas[0].name"),
    Bad("a point with twins", 422, "/api/metrics", {**POINT, "replicas": [{"name": "a"}, {"name": "a"}]}, "replicas"),
    Bad("a point with an unknown field", 422, "/api/metrics", {**POINT, "acc": 1}, "acc"),
    Bad("one bad point among many", 422, "/api/metrics", [POINT, POINT, {**POINT, "accuracy": 2}], "[2].accuracy"),
    Bad("no points", 422, "/api/metrics", [], "body"),
    Bad("too many points", 422, "/api/metrics", [{"model_name": "m", "labels": 1}] * (MAX_POINTS + 1), "body"),
    Bad("a point from the future", 422, "/api/metrics", {**POINT, "timestamp": "2999-01-01T00:00:00Z"}, "timestamp"),
    Bad("a late point", 422, "/api/metrics", [POINT, {**POINT, "timestamp": "2999-01-01T00:00:00Z"}], "[1].timestamp"),
    Bad("a point that is a list", 422, "/api/metrics", [[POINT]], "[0]"),
    Bad("an unknown kind of memory", 422, "/api/memory", {**NOTE, "kind": "rumour"}, "kind"),
    Bad("a memory of nothing", 422, "/api/memory", {**NOTE, "text": "  "}, "text"),
    Bad("a memory that claims trust", 422, "/api/memory", {**NOTE, "trust": "verified"}, "trust"),
    Bad("a memory that names its source", 422, "/api/memory", {**NOTE, "source": "aurora"}, "source"),
    Bad(
        "a memory with bad telemetry", 422, "/api/memory", {**NOTE, "telemetry": {"acc": 1}}, "telemetry.model_metrics"
    ),
    Bad("too many memories", 422, "/api/memory", [NOTE] * (MAX_ENTRIES + 1), "body"),
    Bad("one bad memory among many", 422, "/api/memory", [NOTE, {"kind": "incident"}], "[1].text"),
    Bad("a search for nothing", 422, "/api/memory/search", {"query": ""}, "query"),
    Bad("a search for too much", 422, "/api/memory/search", {"query": "x", "top_k": 51}, "top_k"),
    Bad("a search for no number", 422, "/api/memory/search", {"query": "x", "top_k": "5"}, "top_k"),
    Bad("a chat about nothing", 422, "/api/chat", {"message": "\n"}, "message"),
    Bad("a chat in an odd thread", 422, "/api/chat", {"message": "why?", "thread_id": "../x"}, "thread_id"),
    Bad("an outcome in words", 422, "/api/decisions/dec_none/outcome", {"success": "yes"}, "success"),
    Bad(
        "an outcome with bad metrics",
        422,
        "/api/decisions/dec_none/outcome",
        {"success": True, "metrics": {"a": "1"}},
        "metrics.a",
    ),
    Bad("a reason that is none", 422, "/api/decisions/dec_none/undo", {"reason": 5}, "reason"),
    Bad("an answer that is none", 422, "/api/approvals/apr_none", {"decision": "yes"}, "decision"),
    Bad("an edit without an action", 422, "/api/approvals/apr_none", {"decision": "edit"}, "body"),
    Bad("an approval with an action", 422, "/api/approvals/apr_none", {"decision": "approve", "action": {}}, "body"),
    Bad("an approval by nobody", 422, "/api/approvals/apr_none", {"decision": "approve", "by": ""}, "by"),
    Bad("a mode that is none", 422, "/api/mode", {"mode": "off"}, "mode", "PUT"),
    Bad("no mode", 422, "/api/mode", {"reason": "x"}, "mode", "PUT"),
    Bad("settings with a typo", 422, "/api/models/known", {"acuracy_floor": 0.7}, "acuracy_floor", "PUT"),
    Bad("a floor over one", 422, "/api/models/known", {"accuracy_floor": 7}, "accuracy_floor", "PUT"),
    Bad("an unknown autonomy", 422, "/api/models/known", {"autonomy": {"retrain": "yes"}}, "autonomy.retrain", "PUT"),
    Bad("a cost below nothing", 422, "/api/models/known", {"costs": {"retrain": -1}}, "costs.retrain", "PUT"),
]

MISSING = [
    get("no such path", 404, "/api/nothing"),
    get("a slash at the end", 404, "/api/decisions/"),
    get("no such decision", 404, "/api/decisions/dec_none"),
    get("a NUL for an id", 404, "/api/decisions/%00"),
    get("a slash in an id", 404, "/api/decisions/a%2Fb"),
    get("a path for an id", 404, "/api/decisions/..%2F..%2Fetc%2Fpasswd"),
    get("an id of 10,000 characters", 404, "/api/decisions/" + "x" * 10_000),
    get("an id in bytes that are no text", 404, "/api/decisions/%FF%FE"),
    get("no such model", 404, "/api/models/nobody"),
    get("a model named by bytes that are no text", 404, "/api/models/%FF"),
    get("the series of no model", 404, "/api/models/nobody/metrics"),
    Bad("the outcome of nothing", 404, "/api/decisions/dec_none/outcome", {"success": True}),
    Bad("taking back nothing", 404, "/api/decisions/dec_none/undo", {"reason": "x"}),
    Bad("settling nothing", 404, "/api/approvals/apr_none", {"decision": "approve"}),
    Bad("settling nonsense", 404, "/api/approvals/%00", {"decision": "approve"}),
    Bad("settings of a name that cannot be", 404, "/api/models/%00", {}, method="PUT"),
]

REST = [
    get("reading what is only sent", 405, "/api/analyze"),
    Bad("another method", 405, "/api/mode", {}, method="PATCH"),
    Bad("a method of nobody's", 405, "/api/decisions", {}, method="BREW"),
    Bad(
        "a page of another site",
        403,
        "/api/analyze",
        {"model_metrics": METRICS},
        headers=(("origin", "https://evil.test"),),
    ),
    Bad("a page of nowhere", 403, "/api/analyze", {"model_metrics": METRICS}, headers=(("origin", "null"),)),
    Bad(
        "an empty key",
        422,
        "/api/analyze",
        {"model_metrics": METRICS},
        "Idempotency-Key",
        headers=(("idempotency-key", ""),),
    ),
    Bad(
        "a key with a blank",
        422,
        "/api/chat",
        {"message": "x"},
        "Idempotency-Key",
        headers=(("idempotency-key", "a b"),),
    ),
]

ALL = [*BROKEN, *DOCUMENTS, *TELEMETRY, *QUERIES, *BODIES, *MISSING, *REST]


def rows(aurora: Aurora) -> dict[str, int]:
    with aurora.ledger.store.read() as session:
        tables = SQLModel.metadata.sorted_tables
        return {table.name: session.execute(select(func.count()).select_from(table)).scalar_one() for table in tables}


@pytest.fixture
async def untouched(aurora: Aurora) -> AsyncIterator[None]:
    aurora.ledger.models.seen("known", simulated=True)
    before = rows(aurora)
    yield
    assert rows(aurora) == before


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("bad", ALL, ids=lambda bad: bad.name)
async def test_is_refused(api: httpx.AsyncClient, bad: Bad) -> None:
    headers = [*JSON.items(), *bad.headers] if "content-type" not in dict(bad.headers) else list(bad.headers)
    answer = await api.request(bad.method, bad.path, content=bad.content, headers=headers)
    problem = answer.json()
    assert answer.status_code == bad.status, problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == bad.status
    assert problem["detail"]
    assert len(answer.content) < 20_000
    if bad.field is not None:
        assert bad.field in [error["field"] for error in problem["errors"]]


@pytest.mark.usefixtures("untouched")
async def test_a_body_without_a_length_is_stopped_at_the_limit(api: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 50_000_000:
            sent += 100_000
            yield b" " * 100_000

    answer = await api.post("/api/analyze", content=endless(), headers=JSON)
    assert answer.status_code == 413
    assert "content-length" not in answer.request.headers


@pytest.mark.usefixtures("untouched")
async def test_what_is_refused_under_a_key_leaves_no_trace_of_the_key(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/analyze", json={"typo": 1}, headers={"Idempotency-Key": "refused"})
    assert answer.status_code == 422


def test_the_table_is_long_and_names_each_case_once() -> None:
    assert len(ALL) >= 60
    assert len({bad.name for bad in ALL}) == len(ALL)
