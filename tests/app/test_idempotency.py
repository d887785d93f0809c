"""The same request, sent twice, is done once and answered alike."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.auth import LOCAL, Caller, Role
from app.idempotency import REPLAYED, Idempotency, Slip, slip_for
from app.problems import InProgress
from aurora.errors import IdempotencyMismatch, Invalid
from aurora.ledger import Ledger, Store


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Work:
    """Counts how often it is done."""

    def __init__(self, status: int = 200, gate: asyncio.Event | None = None) -> None:
        self.done = 0
        self._status = status
        self._gate = gate

    async def __call__(self) -> Response:
        self.done += 1
        if self._gate is not None:
            await self._gate.wait()
        return JSONResponse({"done": self.done}, self._status)


SLIP = Slip("key", "local", "POST /api/analyze", "hash")


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("replies")
    opened = Store(f"sqlite:///{folder / 'aurora.db'}")
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def ledger(store: Store, clock: Clock) -> Iterator[Ledger]:
    ledger = Ledger(store, clock)
    yield ledger
    ledger.replies.forget_before(clock.now + timedelta(days=1))


@pytest.fixture
def idempotency(ledger: Ledger) -> Idempotency:
    return Idempotency(ledger.replies, wait_seconds=5)


async def test_the_first_answer_is_given_again_and_marked(idempotency: Idempotency) -> None:
    work = Work(202)
    first, second = await idempotency.once(SLIP, work), await idempotency.once(SLIP, work)
    assert work.done == 1
    assert (second.status_code, second.body) == (first.status_code, first.body)
    assert (first.headers.get(REPLAYED), second.headers[REPLAYED]) == (None, "true")
    assert second.headers["content-type"] == "application/json"


async def test_without_a_key_every_request_is_done(idempotency: Idempotency) -> None:
    work = Work()
    await idempotency.once(None, work)
    await idempotency.once(None, work)
    assert work.done == 2


async def test_another_body_under_the_same_key_is_refused(idempotency: Idempotency) -> None:
    await idempotency.once(SLIP, Work())
    with pytest.raises(IdempotencyMismatch):
        await idempotency.once(Slip("key", "local", SLIP.route, "other"), Work())


async def test_two_owners_may_use_the_same_key(idempotency: Idempotency) -> None:
    work = Work()
    await idempotency.once(SLIP, work)
    await idempotency.once(Slip("key", "otto", SLIP.route, "other"), work)
    assert work.done == 2


@pytest.mark.parametrize("status", [400, 401, 403, 413, 415, 422, 429, 500, 502, 503])
async def test_what_was_refused_or_failed_leaves_the_key_free(idempotency: Idempotency, status: int) -> None:
    await idempotency.once(SLIP, Work(status))
    corrected = Slip("key", "local", SLIP.route, "corrected")
    assert (await idempotency.once(corrected, Work(200))).status_code == 200


@pytest.mark.parametrize("status", [200, 201, 202, 404, 409])
async def test_what_came_from_the_work_itself_is_kept(idempotency: Idempotency, status: int) -> None:
    work = Work(status)
    await idempotency.once(SLIP, work)
    assert (await idempotency.once(SLIP, work)).status_code == status
    assert work.done == 1


async def test_work_that_breaks_leaves_the_key_free(idempotency: Idempotency) -> None:
    async def broken() -> Response:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        await idempotency.once(SLIP, broken)
    assert (await idempotency.once(SLIP, Work())).headers.get(REPLAYED) is None


async def test_twenty_at_once_are_done_once(idempotency: Idempotency) -> None:
    gate = asyncio.Event()
    work = Work(gate=gate)
    waiting = [asyncio.create_task(idempotency.once(SLIP, work)) for _ in range(20)]
    await asyncio.sleep(0.1)
    gate.set()
    answers = await asyncio.gather(*waiting)
    assert work.done == 1
    assert {answer.body for answer in answers} == {b'{"done":1}'}
    assert sum(REPLAYED in answer.headers for answer in answers) == 19


async def test_who_waits_too_long_is_told_to_come_back(ledger: Ledger) -> None:
    impatient, gate = Idempotency(ledger.replies, wait_seconds=0.1), asyncio.Event()
    first = asyncio.create_task(impatient.once(SLIP, Work(gate=gate)))
    await asyncio.sleep(0.05)
    with pytest.raises(InProgress):
        await impatient.once(SLIP, Work())
    gate.set()
    assert (await first).status_code == 200


async def test_what_a_dead_process_began_is_done_by_the_next_one(ledger: Ledger, clock: Clock) -> None:
    ledger.replies.begin(SLIP.key, SLIP.owner, SLIP.route, SLIP.body_hash)
    clock.now += timedelta(seconds=1)
    work, restarted = Work(), Idempotency(ledger.replies, wait_seconds=5, alone_since=clock.now)
    answers = await asyncio.gather(*(restarted.once(SLIP, work) for _ in range(10)))
    assert work.done == 1
    assert {answer.body for answer in answers} == {b'{"done":1}'}


async def test_where_others_may_be_at_work_nothing_is_taken_over(ledger: Ledger, clock: Clock) -> None:
    ledger.replies.begin(SLIP.key, SLIP.owner, SLIP.route, SLIP.body_hash)
    clock.now += timedelta(seconds=1)
    with pytest.raises(InProgress):
        await Idempotency(ledger.replies, wait_seconds=0.1).once(SLIP, Work())


# --- slips -----------------------------------------------------------------------------------------------------------


def keyed(*keys: str, path: str = "/api/analyze", query: str = "") -> Request:
    headers = [(b"idempotency-key", key.encode("latin-1")) for key in keys]
    return Request({"type": "http", "path": path, "query_string": query.encode(), "headers": headers})


def slip(request: Request, body: bytes = b"{}", caller: Caller = LOCAL) -> Slip | None:
    return slip_for(request, caller, "POST /api/analyze", body)


@pytest.mark.parametrize("keys", [("",), ("a b",), ("é",), ("x" * 256,), ("a\tb",), ("a", "b"), ("a", "a")])
def test_a_key_is_one_value_of_visible_ascii(keys: tuple[str, ...]) -> None:
    with pytest.raises(Invalid, match="Idempotency-Key"):
        slip(keyed(*keys))


def test_no_key_no_slip() -> None:
    assert slip(keyed()) is None


def test_the_decision_id_follows_from_the_request_alone() -> None:
    def decision_id(request: Request, body: bytes = b"{}", caller: Caller = LOCAL) -> str:
        found = slip(request, body, caller)
        assert found is not None
        return found.decision_id

    same = decision_id(keyed("a"))
    others = [
        decision_id(keyed("b")),
        decision_id(keyed("a"), b"{ }"),
        decision_id(keyed("a", query="dry_run=true")),
        decision_id(keyed("a", path="/api/decisions/x/undo")),
        decision_id(keyed("a"), caller=Caller("otto", Role.OPERATOR, authenticated=True)),
    ]
    assert same == decision_id(keyed("a"))
    assert same.startswith("dec_")
    assert len({same, *others}) == 6
