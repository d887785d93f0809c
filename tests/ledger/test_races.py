"""Who comes first wins, once, whether the others are threads or processes."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Barrier
from typing import TypeVar

import pytest

from aurora.domain import Action, Facts, Mode, Ruling
from aurora.errors import Conflict, GateClosed
from aurora.ledger import Ledger, Store
from tests.ledger.settler import Answer
from tests.ledger.settler import settling as settling_at_once
from tests.ledger.story import NAME, OK, RUNNING, WAITING, Story, allow, entry, plan, question, ruling, step, telemetry
from tests.racing import race

T = TypeVar("T")


def at_once(count: int, do: Callable[[int], T]) -> list[T]:
    """Run `do(0)` … `do(count - 1)` in as many threads, which start together."""
    barrier = Barrier(count, timeout=30)

    def one(number: int) -> T:
        barrier.wait()
        return do(number)

    with ThreadPoolExecutor(count) as pool:
        return [done.result(timeout=120) for done in [pool.submit(one, number) for number in range(count)]]


def test_one_of_two_threads_settles_an_approval(ledger: Ledger, story: Story) -> None:
    for round in range(10):
        id = f"apr_{round}"
        story.asked(id)

        def settle(number: int, id: str = id) -> str:
            try:
                return ledger.approvals.settle(id, "approved", f"person {number}").by or ""
            except Conflict as lost:
                return f"lost to {lost.context['by']}"

        first, second = sorted(at_once(2, settle))
        assert first == f"lost to {second}"
        assert ledger.approvals.get(id).by == second


SETTLE = """
import sys
from aurora.errors import Conflict
from aurora.ledger import Ledger, Store
from tests.ledger.story import Watch
url, person = sys.argv[1:]
ledger = Ledger(Store(url), Watch())
ledger.installation.mode()
print("ready", flush=True)
for line in sys.stdin:
    try:
        ledger.approvals.settle(line.strip(), "approved", person)
        print("won", flush=True)
    except Conflict:
        print("lost", flush=True)
"""


def test_one_of_two_processes_settles_an_approval(url: str, ledger: Ledger, story: Story) -> None:
    ids = [f"apr_{number}" for number in range(20)]
    for id in ids:
        story.asked(id)
    said: list[list[str]] = []
    with settling(url, "ada") as ada, settling(url, "bo") as bo:
        for id in ids:
            ada.ask(id)
            bo.ask(id)
            said.append([ada.answer(), bo.answer()])

    assert [sorted(pair) for pair in said] == [["lost", "won"]] * 20
    winners = {item.id: item.by for item in ledger.approvals.list(limit=50).items}
    assert winners == {id: "ada" if pair[0] == "won" else "bo" for id, pair in zip(ids, said, strict=True)}
    assert ledger.audit.verify() == []


@pytest.mark.slow
def test_of_two_processes_that_answer_at_once_one_wins_two_hundred_times(
    url: str, ledger: Ledger, story: Story
) -> None:
    """Half of the time both approve, half of the time one approves and the other rejects."""
    ids = [f"apr_{number}" for number in range(200)]
    for number, id in enumerate(ids):
        story.asked(id, f"model-{number}")
    answers: list[tuple[Answer, Answer]] = [("approved", "approved"), ("approved", "rejected")] * 100
    rounds = [((id, one), (id, other)) for id, (one, other) in zip(ids, answers, strict=True)]

    went = race(settling_at_once, url, rounds)

    assert all(said.count("conflict") == 1 for said in went.said)
    assert went.overlapping > 100, went.apart
    for id, (ada, bo), (one, other) in zip(ids, went.said, answers, strict=True):
        won = ("ada", one, ada) if bo == "conflict" else ("bo", other, bo)
        found = ledger.approvals.get(id)
        assert (found.by, found.status, found.status) == won
        told = [event for event in ledger.audit.events(f"model:{found.model_name}") if "approval." in event.event]
        assert [(event.event, event.actor) for event in told] == [(f"approval.{found.status}", found.by)]
    assert {answer for said in went.said for answer in said} == {"approved", "rejected", "conflict"}
    assert ledger.audit.verify() == []


@dataclass
class Person:
    """A process that settles what it is asked to."""

    process: subprocess.Popen[str]

    def ask(self, id: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{id}\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@contextmanager
def settling(url: str, name: str) -> Iterator[Person]:
    command = [sys.executable, "-c", SETTLE, url, name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        person = Person(process)
        assert person.answer() == "ready"
        yield person


def test_a_person_and_the_clock_do_not_both_settle(ledger: Ledger, story: Story) -> None:
    story.asked("apr_1", hours=1)
    now = story.clock.forward(hours=1)

    expired = at_once(4, lambda _: [record.id for record in ledger.approvals.expire_due(now)])

    assert sorted(expired) == [[], [], [], ["apr_1"]]


def test_one_of_many_begins_of_a_key_is_fresh(ledger: Ledger, story: Story) -> None:
    decision = story.opened()

    begun = at_once(6, lambda number: ledger.intents.begin("key", decision, step(), f"tool {number}", allow))

    assert sorted(intent.fresh for intent in begun) == [False] * 5 + [True]
    assert len({intent.tool for intent in begun}) == 1


def test_one_of_many_decisions_gets_to_change_a_model(ledger: Ledger, story: Story) -> None:
    """Each sees the others' intents or makes them wait: two never pass one gate at the same moment."""
    decisions = [story.opened() for _ in range(6)]

    def alone(facts: Facts, _: Mode) -> Ruling:
        return ruling(step(), "deny" if facts.in_flight else "allow", "another change is in flight")

    def begin(number: int) -> str:
        try:
            ledger.intents.begin(f"key {number}", decisions[number], step(), "tool", alone)
        except GateClosed as closed:
            return closed.detail
        return "begun"

    assert Counter(at_once(6, begin)) == {"begun": 1, "another change is in flight": 5}


def test_the_share_of_the_fleet_in_change_is_kept_across_models(ledger: Ledger, story: Story) -> None:
    decisions = [story.opened(f"model-{number}") for number in range(6)]

    def few(facts: Facts, _: Mode) -> Ruling:
        return ruling(step(), "deny" if facts.models_in_change >= 2 else "allow", "too many")

    def begin(number: int) -> bool:
        try:
            return ledger.intents.begin(f"key {number}", decisions[number], step(), "tool", few).fresh
        except GateClosed:
            return False

    assert sum(at_once(6, begin)) == 2


def test_nothing_begins_after_the_kill_switch(ledger: Ledger, story: Story) -> None:
    decisions = [story.opened(f"model-{number}") for number in range(6)]

    def running(_: Facts, mode: Mode) -> Ruling:
        return ruling(step(), "deny" if mode is Mode.STOPPED else "allow", "stopped")

    def act(number: int) -> bool:
        if number == 0:
            ledger.installation.set_mode(Mode.STOPPED, "", "ada")
        try:
            return ledger.intents.begin(f"key {number}", decisions[number], step(), "tool", running).fresh
        except GateClosed:
            return False

    begun = at_once(6, act)

    assert not begun[0]
    assert {intent.key for intent in ledger.intents.open_intents()} == {f"key {n}" for n in range(6) if begun[n]}


def test_one_of_many_records_of_a_noun_is_kept(ledger: Ledger, story: Story) -> None:
    decision = story.opened()
    until = story.clock.now.replace(year=2027)

    def record(number: int) -> str:
        said = plan(step(attempt=number))
        asking = question(f"apr_{number}", until)
        return ledger.decisions.record(decision, 0, "plan", said, WAITING, ask=asking, entry=entry(id=f"mem_{number}"))

    returned = at_once(6, record)

    assert len(set(returned)) == 1
    assert returned[0] == ledger.decisions.noun(decision, 0, "plan")
    assert (len(ledger.approvals.list().items), ledger.entries.count()) == (1, 1)
    assert ledger.audit.verify() == []


def test_eight_threads_that_write_decisions_lose_nothing(ledger: Ledger, clock: object) -> None:
    def write(number: int) -> list[str]:
        return [whole_decision(ledger, f"model-{(number + turn) % 3}", number) for turn in range(6)]

    ids = [id for some in at_once(8, write) for id in some]

    kept = ledger.decisions.list(limit=100).items
    assert len(ids) == 48
    assert {item.id for item in kept} == set(ids)
    assert {len(ledger.decisions.nouns(id)) for id in ids} == {5}
    assert len(ledger.intents.open_intents()) == 0
    assert ledger.audit.verify() == []


def whole_decision(ledger: Ledger, name: str, number: int) -> str:
    id = ledger.decisions.open(telemetry(name), dry_run=False, mode=Mode.AUTONOMOUS, simulated=True)
    what = step(Action.SCALE, name, replicas=number)
    for round in range(5):
        ledger.decisions.record(id, round, "plan", plan(what), RUNNING)
    ledger.intents.begin(id, id, what, "sandbox.scaling", allow)
    ledger.intents.finish(id, OK)
    return id


def test_two_stores_on_one_file_take_turns(url: str, ledger: Ledger, story: Story) -> None:
    """Two processes have no lock in common but the database's own."""
    stores = [Store(url), Store(url)]
    ledgers = [Ledger(store, story.clock) for store in stores]

    ids = at_once(2, lambda number: [whole_decision(ledgers[number], NAME, number) for _ in range(10)])

    assert {item.id for item in ledger.decisions.list(limit=50).items} == {*ids[0], *ids[1]}
    assert ledger.audit.verify() == []
    for store in stores:
        store.close()
