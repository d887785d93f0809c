"""Rounds of the monitor on a real ledger, with a clock that the test moves and a loop that ends as the test says."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import event

from aurora.domain import Ending, MetricPoint, Mode, ModelSettings, Outcome, Standing, Status
from aurora.graph.attention import INTERVAL
from aurora.graph.deps import Deps
from aurora.graph.monitor import Monitor
from aurora.graph.storms import HOLD
from aurora.graph.window import Watched, evidence
from aurora.ledger import Ledger, Store
from aurora.ledger.metrics import Recent
from aurora.ledger.records import WatchRecord
from tests.ledger.story import OK, PENDING, Watch, allow, execution, report, ruling, step, telemetry, verification

HOUR = timedelta(hours=1)
SETTINGS = ModelSettings.model_validate(
    {"baseline": {"accuracy": 0.88, "latency_ms": 300.0, "throughput_rps": 100.0}, "cooldown_minutes": 10}
)
FINE: dict[str, Any] = {"accuracy": 0.88, "latency_ms": 300.0, "labels": 1000}
SLOW: dict[str, Any] = {**FINE, "latency_ms": 1200.0}


@dataclass(frozen=True)
class Part:
    """What the monitor needs of AURORA's parts."""

    ledger: Ledger
    clock: Watch
    simulated: bool = True


@dataclass
class Loop:
    """Takes each decision to the end that the test has in mind."""

    ending: Callable[[str], None] = lambda _: None
    started: list[str] = field(default_factory=list)

    async def start(self, decision_id: str) -> None:
        self.started.append(decision_id)
        await asyncio.to_thread(self.ending, decision_id)


@dataclass
class World:
    """A ledger that is watched."""

    ledger: Ledger
    clock: Watch
    loop: Loop

    def feed(self, values: dict[str, Any], count: int = 1, *names: str, seconds: float = 1.0) -> None:
        """Let so many points of each model arrive, one a second."""
        for _ in range(count):
            now = self.clock.forward(seconds=seconds)
            self.ledger.metrics.add([MetricPoint(model_name=name, **values) for name in names or ("m",)], now)

    def round(self) -> int:
        """Let the monitor make a round."""
        monitor = Monitor(cast(Deps, Part(self.ledger, self.clock)), self.loop)
        return asyncio.run(monitor.round())

    def watch(self, name: str = "m") -> WatchRecord:
        """Return what the monitor makes of a model."""
        found = self.ledger.watches.get(name)
        assert found is not None
        return found

    def opened(self) -> list[str]:
        """Return the ids of all decisions, oldest first."""
        return [one.id for one in reversed(self.ledger.decisions.list(500).items)]

    def notices(self) -> list[str]:
        return [notice.message for notice in self.ledger.outbox.pending()]

    # --- how a decision may end ---

    def denied(self, id: str) -> None:
        self.ledger.decisions.record(id, 0, "rule", ruling(step(target="m"), "deny"), DENIED)

    def changed(self, id: str) -> None:
        """Make a change whose outcome is pending."""
        what, key = step(target="m"), f"{id}:0:retrain"
        self.ledger.intents.begin(key, id, what, "test", allow)
        self.ledger.intents.finish(key, OK.evolve(answer={"version": "v2"}))
        done, due = execution(what, key, self.clock.now), self.clock.now + timedelta(hours=2)
        self.ledger.decisions.record(id, 0, "execute", done, PENDING, verify_at=due)

    def verified(self, id: str, outcome: Any) -> None:
        standing = Standing(status=Status.EXECUTED, outcome=Outcome(outcome))
        self.ledger.decisions.record(id, 0, "verify", verification(outcome, by_code=True), standing)
        self.ledger.decisions.record(id, 0, "learn", report(), standing)


DENIED = Standing(status=Status.REJECTED, ending=Ending.DENIED)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    store, clock = Store(f"sqlite:///{tmp_path / 'ledger.db'}"), Watch()
    store.migrate()
    made = World(Ledger(store, clock), clock, Loop())
    made.loop.ending = made.denied
    made.ledger.models.put_settings("m", SETTINGS, "ada")
    made.feed(FINE, 40)
    yield made
    store.close()


# --- breaches --------------------------------------------------------------------------------------------------------


def test_a_healthy_model_is_quiet_and_a_blip_leaves_no_decision(world: World) -> None:
    for values in (FINE, SLOW, SLOW, FINE, FINE, {**SLOW, "latency_ms": 1e6}, FINE):
        world.feed(values)
        assert world.round() == 0
    assert world.opened() == []
    assert world.watch().word == "suspicious"

    world.feed(FINE, 6)
    world.round()
    assert (world.watch().word, world.watch().signs) == ("quiet", ())


def test_a_lasting_breach_opens_one_decision_however_many_rounds_there_are(world: World) -> None:
    opened = []
    for _ in range(30):
        world.feed(SLOW)
        opened.append(world.round())

    assert opened == [0, 0, 0, 1, *[0] * 26]
    (decision,) = world.opened()
    assert world.loop.started == [decision]
    assert (world.watch().word, world.watch().held_by) == ("held", "same_evidence")
    assert world.watch().signs == ("latency 1200 ms over 900 ms",)


def test_the_decision_is_shown_the_newest_points(world: World) -> None:
    world.feed(SLOW, 4)
    world.round()
    record = world.ledger.decisions.get(world.opened()[0])
    assert record.telemetry.model_metrics.model_dump(exclude_none=True) == {"accuracy": 0.88, "latency_ms": 1200.0}
    assert record.telemetry.timestamp == world.clock.now
    assert record.telemetry.notes == "Seen by the monitor: latency 1200 ms over 900 ms."
    assert (record.mode, record.simulated, record.dry_run) == (Mode.AUTONOMOUS, True, False)


def test_two_rounds_at_once_open_one_decision(world: World) -> None:
    names = [f"n{number}" for number in range(4)]
    world.feed(FINE, 40, *names)
    world.feed(SLOW, 4, *names)

    with ThreadPoolExecutor(4) as pool:
        opened = [done.result() for done in [pool.submit(world.round) for _ in range(4)]]

    assert sum(opened) == 4
    assert sorted(world.loop.started) == sorted(world.opened())
    assert {world.watch(name).turn for name in names} == {1}


def test_whatever_is_in_flight_holds_the_next_look(world: World) -> None:
    world.loop.ending = world.changed
    world.feed(SLOW, 4)
    assert world.round() == 1
    for _ in range(20):
        world.feed({**SLOW, "error_rate": 0.9}, seconds=60)
        assert world.round() == 0
        assert world.watch().held_by == "in_flight"


def test_a_decision_that_somebody_else_opened_holds_it_too(world: World) -> None:
    world.feed(SLOW, 4)
    other = world.ledger.decisions.open(telemetry("m"), dry_run=False, mode=Mode.AUTONOMOUS, simulated=True)
    assert world.round() == 0
    assert world.watch().held_by == "in_flight"
    world.denied(other)
    world.feed(SLOW)
    assert world.round() == 1


def test_a_change_is_given_its_cooldown_and_a_success_ends_the_matter(world: World) -> None:
    world.loop.ending = world.changed
    world.feed(SLOW, 4)
    world.round()
    world.verified(world.opened()[0], "better")

    world.feed(SLOW, seconds=9 * 60)
    assert world.round() == 0
    assert world.watch().held_by == "cooldown"
    world.feed(SLOW, seconds=61)
    assert world.round() == 1


def test_the_pause_after_looks_in_vain_doubles(world: World) -> None:
    world.feed(SLOW, 4)
    looked = [0] if world.round() else []
    for minute in range(1, 160):
        world.feed(SLOW, seconds=60)
        looked += [minute] if world.round() else []
    assert looked == [0, 10, 30, 70, 150]


def test_another_sign_or_a_clearly_worse_level_is_looked_at_without_a_pause(world: World) -> None:
    world.feed(SLOW, 4)
    assert world.round() == 1
    world.feed({**SLOW, "accuracy": 0.6}, 4)
    assert world.round() == 1
    world.feed({**SLOW, "accuracy": 0.6, "latency_ms": 2500.0}, 6)
    assert world.round() == 1
    world.feed({**SLOW, "accuracy": 0.6, "latency_ms": 2500.0}, 6)
    assert world.round() == 0


def test_a_model_that_flaps_is_looked_at_once_per_pause(world: World) -> None:
    opened = 0
    for _ in range(12):
        for values in (SLOW, FINE):
            for _ in range(5):
                world.feed(values)
                opened += world.round()
    assert opened == 1
    world.feed(SLOW, 5)
    world.round()
    assert (world.watch().word, world.watch().held_by) == ("held", "flapping")


def test_observe_works_as_any_mode_and_stopped_opens_nothing(world: World) -> None:
    world.ledger.installation.set_mode(Mode.STOPPED, "", "ada")
    world.feed(SLOW, 6)
    assert world.round() == 0
    assert world.watch().word == "breaching"

    world.ledger.installation.set_mode(Mode.OBSERVE, "", "ada")
    world.feed(SLOW)
    assert world.round() == 1
    assert world.ledger.decisions.get(world.opened()[0]).mode is Mode.OBSERVE


def test_a_model_without_anything_to_decide_on_is_told_of(world: World) -> None:
    world.feed({"memory_usage": 0.99}, 40, "leaky")
    assert world.round() == 0
    assert world.round() == 0
    assert len(world.notices()) == 1
    assert world.notices()[0].startswith("leaky is outside its limits: memory 99% over 93%.")
    assert world.watch("leaky").held_by == "same_evidence"


@pytest.mark.parametrize(("outcome", "deployed"), [("better", False), ("not_better", True)])
def test_the_version_that_aurora_itself_brought_in_is_no_deployment_once_it_was_measured_to_help(
    world: World, outcome: str, deployed: bool
) -> None:
    world.loop.ending = world.changed
    world.feed({**SLOW, "model_version": "v1"}, 4)
    world.round()
    world.verified(world.opened()[0], outcome)
    world.feed({**SLOW, "model_version": "v2", "accuracy": 0.5}, 8, seconds=90)
    assert world.round() == 1
    look = world.ledger.decisions.get(world.opened()[1]).telemetry
    assert (look.model_version, look.deployment is not None) == ("v2", deployed)


def test_a_version_that_somebody_else_brings_in_after_it_is_a_deployment(world: World) -> None:
    world.loop.ending = world.changed
    world.feed({**SLOW, "model_version": "v1"}, 4)
    world.round()
    world.verified(world.opened()[0], "better")
    world.feed({**FINE, "model_version": "v2"}, 8, seconds=90)
    world.feed({**SLOW, "model_version": "v3"}, 4)
    assert world.round() == 1
    deployment = world.ledger.decisions.get(world.opened()[1]).telemetry.deployment
    assert deployment is not None
    assert deployment.previous_version == "v2"


# --- crashes ---------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


def test_a_crash_before_the_claim_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **__: object) -> None:
        raise Killed

    world.feed(SLOW, 4)
    with monkeypatch.context() as broken:
        broken.setattr(world.ledger.decisions, "open_in", killed)
        with pytest.raises(Killed):
            world.round()
    assert world.opened() == []
    assert world.watch().turn == 0

    world.clock.forward(seconds=INTERVAL.total_seconds() - 1)
    world.feed(SLOW)
    assert world.round() == 1


def test_without_new_points_a_breach_that_was_not_looked_at_comes_back_on_its_interval(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.feed(FINE, 40, "slow", seconds=30)
    world.feed({**SLOW, "latency_ms": 1500.0}, 4, "slow", seconds=30)
    with monkeypatch.context() as broken:
        broken.setattr(world.ledger.watches, "claim", lambda *_, **__: False)
        assert world.round() == 0
    assert world.round() == 0
    world.clock.forward(seconds=61)
    assert world.round() == 1


def test_a_crash_after_the_claim_leaves_the_decision_to_the_sweep(world: World) -> None:
    def killed(_: str) -> None:
        raise RuntimeError("the process ends here")

    world.loop.ending = killed
    world.feed(SLOW, 4)
    assert world.round() == 1
    assert [one.id for one in world.ledger.decisions.unfinished()] == world.opened()

    world.feed(SLOW, 4)
    assert world.round() == 0
    assert len(world.opened()) == 1


# --- storms ----------------------------------------------------------------------------------------------------------

FLEET = [f"model-{number:02d}" for number in range(12)]


def test_a_storm_gives_one_notice_and_holds_all_looks_until_its_time_has_passed(world: World) -> None:
    world.feed(FINE, 40, *FLEET)
    for _ in range(6):
        world.feed(SLOW, 1, *FLEET)
        assert world.round() == 0

    assert len(world.notices()) == 1
    assert world.notices()[0].startswith("12 of 13 models that report began to breach at once")
    assert {world.watch(name).held_by for name in FLEET} == {"storm"}
    assert world.opened() == []

    world.clock.forward(seconds=HOLD.total_seconds())
    opened = []
    for _ in range(14):
        world.feed(SLOW, 1, *FLEET)
        opened.append(world.round())
    assert opened == [*[1] * 12, 0, 0]
    assert len(world.notices()) == 1


def test_once_a_storm_is_over_those_that_still_breach_are_looked_at_one_at_a_time(world: World) -> None:
    world.loop.ending = lambda _: None
    world.feed(FINE, 40, *FLEET)
    world.feed(SLOW, 5, *FLEET)
    world.round()
    for _ in range(6):
        world.feed(FINE, 1, *FLEET[2:])
        world.feed(SLOW, 1, *FLEET[:2])
    opened = [world.round(), world.round()]
    world.feed(SLOW, 1, *FLEET[:2])
    opened.append(world.round())
    assert opened == [1, 0, 0]

    world.ledger.decisions.record(world.opened()[0], 0, "rule", ruling(step(), "deny"), DENIED)
    world.feed(SLOW, 1, *FLEET[:2])
    assert world.round() == 1


def test_four_models_that_break_at_once_are_no_storm(world: World) -> None:
    world.feed(FINE, 40, *FLEET)
    world.feed(SLOW, 5, *FLEET[:4])
    assert world.round() == 4
    assert world.notices() == []


# --- silence ---------------------------------------------------------------------------------------------------------


def silent_for(world: World, minutes: int) -> None:
    """Let time pass in which nobody reports, with a round every half minute."""
    for _ in range(2 * minutes):
        world.clock.forward(seconds=30)
        world.round()


def test_a_model_that_falls_silent_is_told_of_once_and_never_decided_on(world: World) -> None:
    world.round()
    silent_for(world, 60)
    assert world.notices() == [
        "m: no metrics for 2 minutes, usually every 1 second. Nothing is changed on what is not known."
    ]
    assert (world.watch().word, world.watch().signs) == (
        "suspicious",
        ("no metrics for 2 minutes, usually every 1 second",),
    )
    assert world.opened() == []

    for _ in range(60):
        world.feed(FINE)
        world.round()
    assert world.watch().word == "quiet"
    silent_for(world, 10)
    assert len(world.notices()) == 2


def test_a_silent_model_that_breached_is_not_decided_on_by_what_it_said_before(world: World) -> None:
    world.feed(SLOW, 4)
    assert world.round() == 1
    silent_for(world, 60)
    assert len(world.opened()) == 1


def test_whoever_was_away_itself_does_not_call_others_silent(world: World) -> None:
    world.round()
    world.clock.forward(hours=8)
    world.round()
    world.feed(FINE)
    world.round()
    assert world.notices() == []


@pytest.mark.parametrize("values", [FINE, SLOW])
@pytest.mark.parametrize("rounds_before_it_reports", [0, 1, 3])
def test_the_time_in_which_aurora_was_off_is_no_habit_of_a_model(
    world: World, values: dict[str, Any], rounds_before_it_reports: int
) -> None:
    for _ in range(10):
        world.feed(values, seconds=60)
        world.round()
    world.clock.forward(hours=8)
    for _ in range(rounds_before_it_reports):
        world.clock.forward(seconds=10)
        world.round()
    world.feed(values, seconds=10)
    world.round()
    assert world.watch().usual_seconds == 60.0


def test_nor_of_one_whose_next_report_was_not_missing_yet(world: World) -> None:
    world.ledger.watches.keep([world.watch().evolve(usual_seconds=600.0, silent_at=world.clock.now + HOUR)])
    world.round()
    world.clock.forward(minutes=40)
    world.round()
    world.feed(FINE, seconds=60)
    world.round()
    usual = world.watch().usual_seconds
    assert usual is not None
    assert usual <= 600.0


def test_models_that_fall_silent_together_are_told_of_in_one_notice(world: World) -> None:
    world.feed(FINE, 5, *FLEET, "m")
    world.round()
    silent_for(world, 10)
    (notice,) = world.notices()
    assert notice.startswith("13 of 13 models send no metrics any more")


def spread(world: World, names: Sequence[str], minutes: int, talking: Sequence[str] = ()) -> None:
    """Let models report once a minute, each at its own second, then some of them not any more."""
    for minute in range(minutes):
        for place, name in enumerate(names):
            if minute < 4 or name in talking:
                world.feed(FINE, 1, name, seconds=60 / len(names))
            else:
                world.clock.forward(seconds=60 / len(names))
            if place % 3 == 0:
                world.round()


def test_models_that_report_at_different_seconds_fall_silent_in_one_notice(world: World) -> None:
    spread(world, FLEET, 30)
    notices = [told for told in world.notices() if not told.startswith("m:")]
    assert len(notices) == 1
    assert "which points to one shared cause" in notices[0]
    assert {world.watch(name).word for name in FLEET} == {"suspicious"}


def test_a_part_of_the_fleet_that_falls_silent_together_is_one_notice_as_well(world: World) -> None:
    spread(world, FLEET, 12, talking=FLEET[5:])
    notices = [told for told in world.notices() if not told.startswith("m:")]
    assert len(notices) == 1
    assert notices[0].startswith("5 models send no metrics any more: model-00, model-01, model-02, model-03, model-04.")


def test_a_fleet_larger_than_a_batch_falls_silent_in_one_notice(world: World) -> None:
    many = [f"many-{number:03d}" for number in range(600)]
    world.feed(FINE, 2, *many, "m")
    world.round()
    for _ in range(4):
        world.clock.forward(seconds=31)
        world.round()
    (notice,) = world.notices()
    assert notice.startswith("601 of 601 models send no metrics any more")


def test_a_silence_does_not_hold_a_breach_that_begins_after_it(world: World) -> None:
    world.feed(FINE, 5, *FLEET)
    world.round()
    silent_for(world, 3)
    world.feed(SLOW, 4, *FLEET[:4])
    assert world.round() == 4


# --- what it costs ---------------------------------------------------------------------------------------------------


def test_a_thousand_models_with_nothing_new_cost_a_few_statements(world: World) -> None:
    many = [f"many-{number}" for number in range(1000)]
    world.feed(FINE, 1, *many)
    world.round()
    world.feed(FINE, 1, "m", seconds=61)
    world.round()
    world.clock.forward(seconds=30)
    statements: list[str] = []
    engine = world.ledger.store._engine
    event.listen(engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    assert world.round() == 0
    assert len(statements) <= 8


def test_points_that_arrive_while_a_round_runs_are_seen_in_the_next(world: World) -> None:
    world.round()
    read = world.ledger.metrics.recent_of

    def reading(*of: Any) -> dict[str, Recent]:
        found = read(*of)
        world.ledger.metrics.add([MetricPoint(model_name="m", **SLOW)], world.clock.now)
        return found

    world.feed(FINE)
    with pytest.MonkeyPatch.context() as slow:
        slow.setattr(world.ledger.metrics, "recent_of", reading)
        world.round()
    assert world.watch().word == "quiet"
    world.round()
    assert world.watch().word == "suspicious"


# --- clocks ----------------------------------------------------------------------------------------------------------


def feed_ahead(world: World, values: dict[str, Any], count: int, **ahead: float) -> int:
    """Let points arrive whose clock runs ahead, with a round after each; return how many decisions were opened."""
    opened = 0
    for _ in range(count):
        now = world.clock.forward(seconds=1)
        world.ledger.metrics.add([MetricPoint(model_name="m", timestamp=now + timedelta(**ahead), **values)], now)
        opened += world.round()
    return opened


@pytest.mark.parametrize("ahead", [{"seconds": 0.2}, {"seconds": 20}, {"hours": 2}, {"hours": 23}])
def test_a_model_whose_clock_runs_ahead_is_judged_by_when_its_points_arrive(
    world: World, ahead: dict[str, float]
) -> None:
    assert feed_ahead(world, FINE, 210, **ahead) == 0
    assert feed_ahead(world, SLOW, 4, **ahead) == 1
    assert world.watch().newest_at == world.clock.now
    (decision,) = world.opened()
    assert world.ledger.decisions.get(decision).telemetry.model_metrics.latency_ms == 1200.0


def test_a_clock_that_runs_far_ahead_is_shown_and_told_of_once(world: World) -> None:
    feed_ahead(world, FINE, 5, hours=2)
    assert (world.watch().word, world.watch().signs) == ("suspicious", ("its clock is 120 minutes ahead",))
    assert world.notices() == ["m: its clock is 120 minutes ahead. Its points are judged by when they arrive."]

    feed_ahead(world, SLOW, 4, hours=2)
    assert world.watch().word == "held"
    assert world.watch().signs == ("latency 1200 ms over 900 ms", "its clock is 120 minutes ahead")
    assert len(world.notices()) == 1


def test_once_the_clock_is_right_again_it_is_forgotten_and_what_it_said_stays_in_its_time(world: World) -> None:
    feed_ahead(world, {**FINE, "latency_ms": 500.0}, 20, minutes=2)
    for _ in range(200):
        world.feed(FINE)
        assert world.round() == 0
        assert world.watch().newest_at == world.clock.now
    assert (world.watch().word, world.watch().signs) == ("quiet", ())


def test_what_arrived_before_a_change_never_counts_as_after_it(world: World) -> None:
    feed_ahead(world, SLOW, 5, hours=2)
    made = execution(step(target="m"), "key", world.clock.forward(seconds=1))
    feed_ahead(world, FINE, 3, hours=2)

    seen = evidence(cast(Deps, Part(world.ledger, world.clock)), Watched(made, None, timedelta(minutes=1)), OK, None)
    assert [point.latency_ms for point in seen.points_before[-5:]] == [1200.0] * 5
    assert [point.latency_ms for point in seen.points_after] == [300.0] * 3


def test_what_arrives_while_a_round_has_begun_is_judged_in_it_or_after_it(world: World) -> None:
    world.round()
    passing = world.ledger.watches.pass_over

    def passed(*of: Any, **more: Any) -> int:
        found = passing(*of, **more)
        world.feed(SLOW)
        return found

    with pytest.MonkeyPatch.context() as late:
        late.setattr(world.ledger.watches, "pass_over", passed)
        world.feed(FINE)
        world.round()
    world.round()
    assert world.watch().newest_at == world.clock.now


def test_a_clock_that_is_a_little_ahead_is_none_to_speak_of(world: World) -> None:
    feed_ahead(world, FINE, 3, seconds=50)
    assert (world.watch().word, world.notices()) == ("quiet", [])
