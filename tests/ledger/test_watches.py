"""Watches: due by themselves, claimed once, never in the way of points that arrive."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

from alembic import command

from aurora.domain import Action, MetricPoint, Mode, ModelSettings, Notice, Status
from aurora.ledger import Ledger, Store
from aurora.ledger.records import WatchRecord
from aurora.ledger.schema import configuration
from tests.ledger.story import NAME, Story, Watch, notice, telemetry

T = TypeVar("T")
INTERVAL = timedelta(seconds=60)


def arrive(ledger: Ledger, clock: Watch, *names: str) -> None:
    points = [MetricPoint(model_name=name, accuracy=0.9) for name in names or (NAME,)]
    ledger.metrics.add(points, clock.now, simulated=True)


def the_watch(ledger: Ledger, name: str = NAME) -> WatchRecord:
    found = ledger.watches.get(name)
    assert found is not None
    return found


def judged(watch: WatchRecord, now: Watch, **more: object) -> WatchRecord:
    return watch.evolve(judged=watch.heard, looked_at=now.now, due_at=now.now + INTERVAL, **more)


def claim(ledger: Ledger, watch: WatchRecord, id: str = "dec_1") -> bool:
    return ledger.watches.claim(watch, id, telemetry(watch.model_name), None, simulated=True)


def names(watches: list[WatchRecord]) -> list[str]:
    return [watch.model_name for watch in watches]


def at_once(count: int, work: Callable[[int], T]) -> list[T]:
    with ThreadPoolExecutor(count) as pool:
        return [done.result() for done in [pool.submit(work, number) for number in range(count)]]


def test_points_make_a_model_due_at_once(ledger: Ledger, clock: Watch) -> None:
    assert ledger.watches.get(NAME) is None
    arrive(ledger, clock, "b", "a", "a")
    assert names(ledger.watches.due(clock.now, 10)) == ["a", "b"]
    assert names(ledger.watches.due(clock.now, 1, after="a")) == ["b"]

    ledger.watches.keep([judged(the_watch(ledger, "a"), clock), judged(the_watch(ledger, "b"), clock)])
    assert ledger.watches.due(clock.now, 10) == []
    arrive(ledger, clock, "b")
    assert names(ledger.watches.due(clock.now, 10)) == ["b"]
    assert (the_watch(ledger, "b").heard, the_watch(ledger, "b").judged) == (2, 1)


def test_settings_alone_make_no_watch(ledger: Ledger) -> None:
    ledger.models.put_settings(NAME, ModelSettings(), "ada")
    assert ledger.watches.get(NAME) is None


def test_what_is_kept_comes_back(ledger: Ledger, clock: Watch) -> None:
    arrive(ledger, clock)
    kept = judged(
        the_watch(ledger),
        clock,
        word="held",
        held_by="storm",
        since=clock.now,
        signs=("accuracy 0.60 under 0.83", "ß"),
        signature={"accuracy_low": 1.5},
        usual_seconds=0.1,
        silent_at=clock.now,
        breach_at=clock.now,
        storm="storm:1",
        storm_until=clock.now,
        looks=3,
        decision_id="dec_1",
        next_allowed_at=clock.now,
        newest_at=clock.now,
        heard_before=clock.now,
    )
    ledger.watches.keep([kept], [notice("evt_1")])
    assert the_watch(ledger) == kept
    assert [one.event_id for one in ledger.outbox.pending()] == ["evt_1"]


def test_points_that_arrive_while_others_are_judged_stay_due(ledger: Ledger, clock: Watch) -> None:
    arrive(ledger, clock)
    seen = the_watch(ledger)
    arrive(ledger, clock)
    ledger.watches.keep([judged(seen, clock)])
    assert names(ledger.watches.due(clock.now, 10)) == [NAME]


def test_only_those_with_nothing_to_look_at_are_passed_over(ledger: Ledger, clock: Watch) -> None:
    told: dict[str, dict[str, object]] = {
        "calm": {},
        "doubtful": {"word": "suspicious"},
        "breaching": {"word": "breaching"},
        "silent": {"silent_at": clock.now + INTERVAL},
        "talking": {"silent_at": clock.now + 2 * INTERVAL},
    }
    arrive(ledger, clock, *told, "fresh")
    ledger.watches.keep([judged(the_watch(ledger, name), clock, **more) for name, more in told.items()])
    assert ledger.watches.pass_over(clock.now, clock.now + INTERVAL, clock.now) == 0

    now = clock.forward(seconds=60)
    assert ledger.watches.pass_over(now, now + INTERVAL, now - INTERVAL) == 3
    assert names(ledger.watches.due(now, 10)) == ["breaching", "fresh", "silent"]
    assert (the_watch(ledger, "calm").looked_at, the_watch(ledger, "calm").due_at) == (now, now + INTERVAL)


def test_a_claim_opens_its_decision_and_is_made_once(ledger: Ledger, clock: Watch) -> None:
    arrive(ledger, clock)
    watch = the_watch(ledger)
    won = at_once(4, lambda _: claim(ledger, watch))

    assert sorted(won) == [False, False, False, True]
    assert [one.id for one in ledger.decisions.list().items] == ["dec_1"]
    claimed = the_watch(ledger)
    assert (claimed.turn, claimed.looks, claimed.decision_id, claimed.held_by) == (1, 1, "dec_1", "in_flight")
    assert not claim(ledger, watch, "dec_2")
    assert ledger.audit.verify() == []


def test_what_was_judged_before_a_claim_does_not_overwrite_it(ledger: Ledger, clock: Watch) -> None:
    arrive(ledger, clock)
    stale = judged(the_watch(ledger), clock, word="quiet")
    assert claim(ledger, the_watch(ledger))
    ledger.watches.keep([stale])
    assert (the_watch(ledger).word, the_watch(ledger).decision_id) == ("held", "dec_1")


def test_nothing_is_claimed_while_something_is_in_flight(ledger: Ledger, clock: Watch, story: Story) -> None:
    arrive(ledger, clock, "running", "asking", "pending", "begun", "free")
    story.opened("running")
    story.asked(name="asking")
    story.executed("pending")
    story.begun("begun", Action.SCALE)

    assert not any(claim(ledger, the_watch(ledger, name)) for name in ("running", "asking", "pending", "begun"))
    assert claim(ledger, the_watch(ledger, "free"))
    assert the_watch(ledger, "running").turn == 0
    around = ledger.watches.surroundings([the_watch(ledger, name) for name in ("pending", "free")])
    assert around["pending"].in_flight
    assert ledger.watches.at_work(["asking", "running", "pending"]) == {"running", "pending"}


def test_nothing_is_claimed_once_it_is_stopped(ledger: Ledger, clock: Watch) -> None:
    arrive(ledger, clock)
    ledger.installation.set_mode(Mode.STOPPED, "", "ada")
    assert not claim(ledger, the_watch(ledger))
    assert ledger.watches.surroundings([the_watch(ledger)])[NAME].stopped

    ledger.installation.set_mode(Mode.AUTONOMOUS, "", "ada")
    ledger.models.put_settings(NAME, ModelSettings(mode=Mode.STOPPED), "ada")
    assert not claim(ledger, the_watch(ledger))


def test_a_decision_that_its_caller_holds_is_not_waited_for(ledger: Ledger, clock: Watch) -> None:
    arrive(ledger, clock)
    ledger.decisions.open(telemetry(), dry_run=False, mode=Mode.AUTONOMOUS, simulated=True, held=True)
    ledger.decisions.open(telemetry(), dry_run=True, mode=Mode.AUTONOMOUS, simulated=True)
    assert claim(ledger, the_watch(ledger))


def test_the_surroundings_tell_of_the_last_change_and_the_last_look(ledger: Ledger, clock: Watch, story: Story) -> None:
    arrive(ledger, clock)
    ledger.models.put_settings(NAME, ModelSettings(cooldown_minutes=7), "ada")
    changed_at = clock.forward(minutes=1)
    story.verified("better")
    clock.forward(minutes=1)
    assert claim(ledger, the_watch(ledger))

    known = ledger.watches.surroundings([the_watch(ledger)])[NAME]
    assert (known.settings.cooldown_minutes, known.changed_at) == (7, changed_at)
    assert known.last is not None
    assert (known.last.id, known.last.status) == ("dec_1", Status.RUNNING)


def test_a_look_at_nothing_that_can_be_decided_is_a_notice(ledger: Ledger, clock: Watch) -> None:
    arrive(ledger, clock)
    said = Notice(event_id="evt_1", model_name=NAME, severity="warning", message="look")
    assert ledger.watches.claim(the_watch(ledger), "dec_1", None, said, simulated=True)
    assert ledger.decisions.list().items == ()
    assert [one.event_id for one in ledger.outbox.pending()] == ["evt_1"]
    assert (the_watch(ledger).decision_id, the_watch(ledger).held_by) == (None, "same_evidence")


def test_a_storm_is_joined_once_and_told_once(ledger: Ledger, clock: Watch) -> None:
    arrive(ledger, clock, "a", "b", "c")
    ledger.watches.keep(
        [judged(the_watch(ledger, name), clock, word="breaching", breach_at=clock.now) for name in ("a", "b", "c")]
    )
    until = clock.now + INTERVAL
    ledger.watches.join_storm(["b", "a"], "storm:1", until, [notice("storm:1")])
    ledger.watches.join_storm(["a", "b"], "storm:2", until, [notice("storm:1")])
    ledger.watches.hold(["a"], "storm")

    assert [watch.storm for watch in ledger.watches.breaching(clock.now - INTERVAL)] == ["storm:1", "storm:1", None]
    assert names(ledger.watches.breaching(clock.now)) == ["a", "b"]
    assert len(ledger.outbox.pending()) == 1
    assert (the_watch(ledger, "a").word, the_watch(ledger, "a").held_by) == ("held", "storm")
    assert ledger.watches.reporting(clock.now - INTERVAL) == 3


def test_recent_points_of_several_models_are_those_of_each(ledger: Ledger, clock: Watch) -> None:
    many = [f"model-{number:03d}" for number in range(120)]
    for second in range(4):
        clock.forward(seconds=1)
        points = [MetricPoint(model_name=name, accuracy=second / 10, replicas=()) for name in many]
        ledger.metrics.add(points, clock.now)
    found = ledger.metrics.recent_of([*many, "nobody"], 3, clock.now)
    assert {name: known.points for name, known in found.items()} == {
        name: ledger.metrics.recent(name, limit=3) for name in [*many, "nobody"]
    }
    assert [point.accuracy for point in found["model-007"].points] == [0.1, 0.2, 0.3]


def test_points_and_rounds_do_not_wait_for_each_other(ledger: Ledger, clock: Watch) -> None:
    many = [f"model-{number:02d}" for number in range(30)]
    arrive(ledger, clock, *many)

    def work(number: int) -> None:
        for turn in range(10):
            if number % 4 == 0:
                arrive(ledger, clock, *reversed(many))
            elif number % 4 == 1:
                ledger.watches.keep(
                    [judged(watch, clock) for watch in reversed(list(ledger.watches.of(many).values()))]
                )
            elif number % 4 == 2:
                ledger.watches.pass_over(clock.now + 2 * INTERVAL, clock.now, clock.now)
                ledger.watches.hold(many, "storm")
            else:
                claim(ledger, the_watch(ledger, many[turn]), f"dec_{number}_{turn}")

    at_once(8, work)
    assert the_watch(ledger, many[0]).heard == 21
    assert len(ledger.decisions.list(500).items) == 10
    assert ledger.audit.verify() == []


def test_a_migrated_ledger_watches_the_models_it_knows(empty_url: str) -> None:
    store, clock = Store(empty_url), Watch()
    store.migrate()
    arrive(Ledger(store, clock), clock)
    with store.bare() as connection:
        command.downgrade(configuration(connection), "0002")
    store.migrate()
    ledger = Ledger(store, clock)
    assert names(ledger.watches.due(clock.now, 10)) == [NAME]
    arrive(ledger, clock)
    assert the_watch(ledger).heard == 2
    store.close()
