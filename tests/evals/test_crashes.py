"""Kills at crash points, in small: what was promised is kept, and the control shows that a loss would be seen."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self, cast

import pytest
from rich.console import Console
from starlette.responses import JSONResponse, Response

from app.idempotency import Idempotency, Slip
from aurora.crashes import Crash, install
from aurora.ledger import Ledger, Store
from evals.crashes.__main__ import Results, held, run, table
from evals.crashes.client import BODY, KEY, OWNER, ROUTE, Client
from evals.crashes.guards import CONTROLS
from evals.crashes.kills import Came, Database, Hand, control, planned
from evals.crashes.process import Order, play
from evals.crashes.target import read, write
from evals.living import VirtualClock

ONCE = dict.fromkeys(Crash, 1)
NOTICED = (Crash.METRICS_KEPT, Crash.NOUN_DRAFTED, Crash.EFFECT_APPLIED, Crash.UNDO_APPLIED, Crash.REPLY_MADE)
FINE = [
    Came("forked-0", Crash.METRICS_KEPT, nth=1, cold=False, guard=None, killed=True, faults=(), promises=3),
    Came("cold-1", Crash.UNDO_APPLIED, nth=2, cold=True, guard=None, killed=True, faults=()),
]
FAILED = [
    Came(f"sweep-{number}", point, nth=1, cold=False, guard="sweep", killed=True, faults=("lost",))
    for number, point in enumerate(NOTICED)
]


@pytest.fixture(autouse=True)
def _no_hook() -> Iterator[None]:
    yield
    install(None)


def test_what_is_played_passes_every_point(tmp_path: Path) -> None:
    play(Order("play", str(tmp_path)))
    passes = json.loads((tmp_path / "play.json").read_text())["passes"]
    # The sandbox's trainer is played alone, and passed in the slow test.
    assert set(Crash) - passes.keys() == {Crash.EFFECT_BOOKED}


def test_kills_are_spread_over_all_points_and_the_cold_ones_as_well() -> None:
    kills = planned(300, 50, ONCE | {Crash.NOUN_DRAFTED: 90})
    assert [kill.seed for kill in kills] == list(range(300))
    assert {kill.point for kill in kills} == set(Crash)
    assert len({kill.nth for kill in kills if kill.point is Crash.NOUN_DRAFTED}) > 5
    cold = [kill.point for kill in kills if kill.cold]
    assert (len(cold), set(cold)) == (50, set(Crash))
    assert planned(300, 50, ONCE) == planned(300, 50, ONCE)


def test_the_control_kills_at_each_of_its_points_without_its_guard() -> None:
    kills = control(2, ONCE, CONTROLS)
    assert {kill.point: kill.guard for kill in kills} == CONTROLS
    assert len(kills) == 2 * len(CONTROLS)


def test_what_was_done_is_not_done_again_and_half_a_line_is_no_result(tmp_path: Path) -> None:
    Results(tmp_path, "sqlite").add(FINE[0])
    with (tmp_path / "sqlite.jsonl").open("a") as file:
        file.write(json.dumps(asdict(FINE[1]))[:20])
    again = Results(tmp_path, "sqlite")
    assert again.came == {FINE[0].id: FINE[0]}
    again.add(FINE[1])
    assert set(Results(tmp_path, "sqlite").came) == {FINE[0].id, FINE[1].id}
    assert Results(tmp_path, "postgresql").came == {}


def test_lines_that_a_kill_cut_short_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    write(path, {"number": 1})
    with path.open("ab") as file:
        file.write(b'{"numb\n\n')
    write(path, {"number": 2})
    assert read(path) == [{"number": 1}, {"number": 2}]


def test_it_holds_only_if_nothing_is_lost_and_a_loss_would_be_seen() -> None:
    assert held(FINE, FAILED)
    assert not held(FINE, FAILED[:3])
    assert not held([replace(FINE[0], faults=("an effect happened 2 times",))], FAILED)
    assert not held([replace(FINE[0], killed=False)], FAILED)


def test_the_table_tells_of_every_miss() -> None:
    wrong = [replace(FINE[0], faults=("an effect happened\n2 times",)), replace(FINE[1], killed=False)]
    told = table([*FINE, *wrong], FAILED)
    assert "| metrics kept | 2 | 2 | 1 | commit | 1 | 1 |" in told
    assert "- metrics_kept passed for the 1. time (forked-0): an effect happened 2 times" in told
    assert "- undo_applied passed for the 2. time (cold-1): it was not killed there" in told
    assert "The control failed at 5 of 5 points." in told
    assert "- none" in table(FINE, FAILED)


def test_the_fork_server_holds_nothing_and_ends_with_whoever_asked_for_it(tmp_path: Path) -> None:
    hand = Hand(tmp_path, Database(""))
    hand.prepare(Order("prepare", str(tmp_path)))  # raises where it held a thread or a socket
    hand.close()
    assert (tmp_path / "home" / "aurora.db").exists()


@dataclass
class Side:
    """One ledger, and how often its side did the work."""

    ledger: Ledger
    works: int = 0

    @classmethod
    def at(cls, path: Path, before: str) -> Self:
        """Open a ledger to which the request came never, whose process died over it, or which has the answer."""
        store = Store(f"sqlite:///{path}")
        store.migrate()
        side = cls(Ledger(store))
        if before != "never":
            side.ledger.replies.begin(KEY, OWNER, ROUTE, BODY)
        if before == "answered":
            side.ledger.replies.finish(KEY, OWNER, 200, "dec_1")
        return side

    def work(self, *_: Any, **__: Any) -> SimpleNamespace:
        """Do it, for the client."""
        self.works += 1
        return SimpleNamespace(decision_id="dec_1")

    async def respond(self) -> Response:
        """Do it, for the app."""
        self.works += 1
        return JSONResponse("dec_1")

    def kept(self) -> tuple[Any, ...]:
        """Return what is on record of the request."""
        reply = self.ledger.replies.begin(KEY, OWNER, ROUTE, BODY)
        assert reply is not None
        return reply.key, reply.owner, reply.route, reply.status_code


@pytest.mark.parametrize(("before", "works"), [("never", 1), ("died", 1), ("answered", 0)])
async def test_a_request_with_a_key_leaves_in_the_ledger_what_the_app_would(
    before: str, works: int, tmp_path: Path
) -> None:
    theirs, ours = Side.at(tmp_path / "theirs.db", before), Side.at(tmp_path / "ours.db", before)

    app = Idempotency(theirs.ledger.replies, alone_since=datetime.now(UTC) + timedelta(seconds=1))
    await app.once(Slip(KEY, OWNER, ROUTE, BODY), theirs.respond)
    aurora = SimpleNamespace(ledger=ours.ledger, analyze=ours.work)
    Client(cast(Any, aurora), VirtualClock(), tmp_path).keyed()

    assert (theirs.works, ours.works) == (works, works)
    assert theirs.kept() == ours.kept()
    assert theirs.kept()[-1] == 200


@pytest.mark.slow
def test_every_point_is_survived_and_the_control_is_not(tmp_path: Path) -> None:
    whole, without = run(
        Database(""),
        Results(tmp_path, "sqlite"),
        kills=len(Crash),
        cold=1,
        control_kills=1,
        processes=2,
        console=Console(quiet=True),
        points=NOTICED,
    )
    assert [(one.point, one.faults) for one in whole if one.faults or not one.killed] == []
    assert {one.point for one in whole} == set(Crash)
    assert {one.point for one in without if one.faults} == set(NOTICED)


@pytest.mark.slow
@pytest.mark.postgres
def test_effects_are_survived_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    whole, _ = run(
        Database(postgres_url),
        Results(tmp_path, "postgresql"),
        kills=12,
        cold=0,
        control_kills=0,
        processes=2,
        console=Console(quiet=True),
    )
    assert [(one.point, one.faults) for one in whole if one.faults or not one.killed] == []
