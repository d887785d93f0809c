"""Many clients at once, on a server in a process of its own: nothing is lost, nothing doubled, and one of two wins."""

import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx
import pytest

from aurora.domain import Telemetry
from aurora.ledger import Ledger, Store
from aurora.ledger.records import DecisionRecord
from tests.app.approver import settling
from tests.app.running import Running, running
from tests.ledger.story import Watch
from tests.racing import race

pytestmark = pytest.mark.slow

CLIENTS = 16
AGAIN = (409, 429)
"""What the contract lets a client try again: somebody else is at it, or there is too much of it."""
BUSY: dict[str, Any] = {
    "model_metrics": {"accuracy": 0.9, "latency_ms": 700},
    "baseline": {"accuracy": 0.9, "latency_ms": 300},
    "system_load": {"cpu_usage": 0.95, "gpu_usage": 0.95, "memory_usage": 0.6},
}
FAILING: dict[str, Any] = {
    "model_metrics": {"accuracy": 0.72, "latency_ms": 650},
    "data_drift": {"detected": True, "score": 0.65},
}
FINE: dict[str, Any] = {"model_metrics": {"accuracy": 0.9, "latency_ms": 120}, "baseline": {"accuracy": 0.9}}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> str:
    """The URL of the server's database; empty for its own SQLite."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("fresh_postgres_url"))


@pytest.fixture
def server(tmp_path: Path, database: str) -> Iterator[Running]:
    """A server whose memory is open: how it starts is not what is proved here."""
    with running(tmp_path, "--no-ui", settings={"AURORA_DATABASE_URL": database}) as served:
        until = time.monotonic() + 240
        while httpx.get(f"{served.url}/health").json()["status"] != "healthy":
            assert time.monotonic() < until
            time.sleep(0.1)
        yield served


@pytest.fixture
def ledger(server: Running, database: str) -> Iterator[Ledger]:
    """The server's ledger, read beside it."""
    store = Store(database or f"sqlite:///{server.home / 'aurora.db'}")
    yield Ledger(store, Watch())
    store.close()


@dataclass(frozen=True)
class Ask:
    """One analysis that a client asks for; where it has a key, two clients ask at the same moment."""

    model: str
    look: dict[str, Any]
    dry_run: bool = False
    key: str = ""

    def send(self, http: httpx.Client) -> httpx.Response:
        """Ask, and again where the contract says so."""
        headers = {"Idempotency-Key": self.key} if self.key else {}
        query = {"dry_run": "true"} if self.dry_run else {}
        until = time.monotonic() + 60
        while True:
            answer = http.post(
                "/api/analyze", json={"model_name": self.model, **self.look}, params=query, headers=headers
            )
            if answer.status_code not in AGAIN or time.monotonic() > until:
                return answer
            time.sleep(0.1)


def mixed() -> list[list[Ask]]:
    """200 analyses, in the order in which they are taken up; those in one list are sent at the same moment."""
    looks = [BUSY, FINE, FINE, BUSY, FINE]
    many = [Ask(f"model-{number}", looks[number % 5]) for number in range(80)]
    hot = [Ask(f"hot-{number % 4}", FINE if number < 20 else BUSY) for number in range(28)]
    drifting = [Ask(f"drifting-{number}", FAILING) for number in range(4)]
    dry = [Ask(f"model-{number}", [BUSY, FAILING][number % 2], dry_run=True) for number in range(40)]
    keyed = [Ask(f"keyed-{number}", looks[number % 5], key=f"key-{number}") for number in range(24)]
    all_ = [[one] for one in (*many, *hot, *drifting, *dry)] + [[one, one] for one in keyed]
    random.Random(7).shuffle(all_)
    return all_


def at_once(url: str, asked: list[list[Ask]]) -> list[tuple[Ask, httpx.Response]]:
    """Let 16 clients work all of it off; those of one list meet before they send."""

    def send(ask: Ask, meet: Barrier) -> tuple[Ask, httpx.Response]:
        meet.wait()
        return ask, ask.send(http)

    limits = httpx.Limits(max_connections=CLIENTS)
    http = httpx.Client(base_url=url, timeout=120, limits=limits, trust_env=False)
    with http, ThreadPoolExecutor(CLIENTS) as clients:
        sent = []
        for some in asked:
            meet = Barrier(len(some), timeout=120)
            sent += [clients.submit(send, one, meet) for one in some]
        return [one.result() for one in sent]


def left(server: Running, ledger: Ledger, seconds: float) -> list[DecisionRecord]:
    """Reject what waits for a person, wait until every decision has had its last word; return those that have not."""
    until = time.monotonic() + seconds
    while True:
        for waiting in ledger.approvals.list("waiting", 500).items:
            httpx.post(f"{server.url}/api/approvals/{waiting.id}", json={"decision": "reject"}).raise_for_status()
        open_ = [one for one in ledger.decisions.list(limit=500).items if not one.reported]
        if not open_ or time.monotonic() > until:
            return open_
        time.sleep(0.5)


def effects(home: Path) -> list[str]:
    """The keys under which something happened to the pretend services: every row is one thing that was done."""
    with sqlite3.connect(home / "sandbox" / "sandbox.db") as books:
        return [str(key) for (key,) in books.execute("SELECT key FROM effects")]


def test_of_two_hundred_analyses_from_sixteen_clients_none_is_lost_and_none_doubled(
    server: Running, ledger: Ledger
) -> None:
    asked = mixed()
    assert sum(map(len, asked)) == 200

    answers = at_once(server.url, asked)

    assert Counter(answer.status_code for _, answer in answers) == {200: 200}
    told = [(ask, answer.json()["decision_id"]) for ask, answer in answers]
    kept = ledger.decisions.list(limit=500).items
    assert sorted(one.id for one in kept) == sorted({id for _, id in told})
    assert len({id for ask, id in told if not ask.key}) == 152
    assert Counter(Counter(ask.key for ask, _ in told if ask.key).values()) == {2: 24}
    assert len({(ask.key, id) for ask, id in told if ask.key}) == len({id for ask, id in told if ask.key}) == 24
    by_id = {one.id: one for one in kept}
    for ask, id in told:
        look = Telemetry.model_validate({"model_name": ask.model, **ask.look})
        assert (by_id[id].telemetry, by_id[id].dry_run) == (look, ask.dry_run)
    assert left(server, ledger, 120) == []
    _nothing_is_doubled(server.home, ledger)


def _nothing_is_doubled(home: Path, ledger: Ledger) -> None:
    """Every effect was promised first, every promise was kept once, and no decision acted twice."""
    kept = ledger.decisions.list(limit=500).items
    intents = [intent for one in kept for intent in ledger.intents.of_decision(one.id)]
    done = Counter(effects(home))
    assert set(done.values()) == {1}
    assert done.keys() <= {intent.key for intent in intents}
    acted = {intent.key for intent in intents if intent.tool.startswith("sandbox.") and intent.state == "done"}
    assert acted <= done.keys()
    deeds = Counter(intent.decision_id for intent in intents if not intent.undo)
    assert set(deeds.values()) == {1}
    assert not {one.id for one in kept if one.dry_run} & deeds.keys()
    assert len(deeds) > 20
    assert ledger.audit.verify() == []


def test_of_two_approvers_in_two_processes_one_wins_every_time(
    server: Running, ledger: Ledger, full_size: bool
) -> None:
    """Half of the time both approve, half of the time one approves and the other rejects; 200 times at full size."""
    times = 200 if full_size else 50
    with httpx.Client(base_url=server.url, timeout=120, trust_env=False) as http, ThreadPoolExecutor(8) as clients:
        http.put("/api/mode", json={"mode": "ask", "reason": "Two people are there."}).raise_for_status()

        def ask(number: int) -> Any:
            return http.post("/api/analyze", json={"model_name": f"asking-{number}", **BUSY}).json()

        waiting = list(clients.map(ask, range(times)))
    assert {one["status"] for one in waiting} == {"awaiting_approval"}
    answers = [("approve", "approve"), ("approve", "reject")] * (times // 2)
    ids = [one["approval_id"] for one in waiting]
    rounds = [((id, one), (id, other)) for id, (one, other) in zip(ids, answers, strict=True)]

    went = race(settling, server.url, rounds)

    assert {tuple(sorted(codes)) for codes in went.said} == {(200, 409)}
    assert went.overlapping > times / 2, went.apart
    words = {"approve": "approved", "reject": "rejected"}
    for asked, codes, (one, other) in zip(waiting, went.said, answers, strict=True):
        by, answer = ("ada", one) if codes[0] == 200 else ("bo", other)
        found = ledger.approvals.get(asked["approval_id"])
        assert (found.by, found.status) == (by, words[answer])
        events = ledger.audit.events(f"model:{asked['model_name']}")
        told = [(event.event, event.actor) for event in events if event.event.startswith("approval.")]
        assert told == [(f"approval.{words[answer]}", by)]
        decision = ledger.decisions.get(asked["decision_id"])
        assert decision.status == {"approve": "executed", "reject": "rejected"}[answer]
    assert ledger.audit.verify() == []
