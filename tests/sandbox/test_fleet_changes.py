"""What AURORA does to a living service: how it takes hold, how it fails, and that taking it back leaves no trace."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from numpy.typing import NDArray

from aurora.domain import Action, Telemetry
from aurora.sandbox import World
from aurora.sandbox.fleet.fleet import Fleet
from aurora.sandbox.fleet.runtime import HOT_KEYS, LABELLED, NEW_KEYS, Point, Runtime
from aurora.sandbox.models import Model
from aurora.sandbox.service import Canary, Drift, Service
from aurora.sandbox.store import Store
from aurora.sandbox.streams import Rows
from aurora.sandbox.traffic import lived
from aurora.sandbox.workbench import Workbench
from tests.sandbox.living import befalls, drifted, hosted
from tests.sandbox.stage import Clock, Stage, mean

LABELS = int(LABELLED * 240)

_numbers = itertools.count()


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[World]:
    """One world for the whole module, so that its training process starts once."""
    with World(tmp_path_factory.mktemp("home") / "sandbox", clock) as opened:
        yield opened


Put = Callable[[Service], Stage]


@pytest.fixture
def put(shared: World, clock: Clock) -> Iterator[Put]:
    """Let a service live from tick 0 on, under a name of its own and with a fleet of its own."""
    stages = []

    def opened(service: Service) -> Stage:
        stages.append(Stage(shared, clock, service.evolve(name=f"{service.name}-{next(_numbers)}")))
        return stages[-1]

    yield opened
    for stage in stages:
        stage.close()


def ill(host: str = "fraud-scorer", failures: float = 0.0) -> Service:
    """A service whose inputs mean something else from tick 2 on; its trainings never fail."""
    return drifted(hosted(host, failures=failures), 2)


def loads(points: list[Point]) -> dict[str, float]:
    """The mean load of each replica over the points that tell of it."""
    told: dict[str, list[float]] = {}
    for point in points:
        for replica in point["replicas"]:
            told.setdefault(replica["name"], []).append(replica["load"])
    return {name: fmean(values) for name, values in told.items()}


# --- cache -----------------------------------------------------------------------------------------------------------


@dataclass
class Counting(Model):
    """A model that counts the rows it is asked about."""

    asked: list[int] = field(default_factory=list)

    def right(self, rows: Rows) -> NDArray[np.bool_]:
        self.asked.append(len(rows.y))
        return super().right(rows)


class Ticking:
    """One service at work outside any fleet, whose models count the requests that reach them."""

    def __init__(self, folder: Path, service: Service) -> None:
        self.service = service
        self._runtime = Runtime()
        self._store = Store(folder)
        with self._store.write() as books:
            books.put_service(service)
        bench = Workbench(self._store, service.name)
        self._models = {name: bench.model(name) for name in ("1.0", "1.1")}

    def close(self) -> None:
        self._store.close()

    def tick(self, **changes: Any) -> Counter[str]:
        """Change the service, let a tick pass, and return how many requests reached each version."""
        live = lived(self.service)
        self.service = self.service.evolve(live=live.evolve(now=live.now + 1), **changes)
        reached: Counter[str] = Counter()

        def models(name: str) -> Model:
            model = self._models[name]
            counting = Counting(model.family, model.classifier, model.classes)
            counted.append((name, counting))
            return counting

        counted: list[tuple[str, Counting]] = []
        self._runtime.step(self.service, models)
        for name, model in counted:
            reached[name] += sum(model.asked)
        return reached


@pytest.fixture
def ticking(tmp_path: Path) -> Iterator[Ticking]:
    """A service in a burst: of 960 requests of a tick 240 are new, and 720 repeat a dozen of them."""
    found = Ticking(tmp_path, hosted("search-ranker", befalls("repeating_burst", 0, lasts=100)))
    yield found
    found.close()


def test_a_cache_answers_whatever_it_was_asked_before_and_only_new_requests_reach_a_replica(ticking: Ticking) -> None:
    on = {"cache_enabled": True, "cache_ttl_seconds": 600.0}
    assert [ticking.tick()["1.1"] for _ in range(6)] == [240, *[960] * 5]
    assert ticking.tick(**on)["1.1"] == 240 + HOT_KEYS
    assert [ticking.tick()["1.1"] for _ in range(5)] == [240 + NEW_KEYS] * 5
    assert ticking.tick(cache_enabled=False, cache_ttl_seconds=None)["1.1"] == 960


def test_another_version_does_not_give_the_answers_of_the_one_before(ticking: Ticking) -> None:
    ticking.tick(cache_enabled=True, cache_ttl_seconds=600.0)
    for _ in range(6):
        ticking.tick()
    assert ticking.tick(version="1.0") == {"1.0": 240 + HOT_KEYS}
    assert ticking.tick() == {"1.0": 240 + NEW_KEYS}


def test_an_answer_is_kept_no_longer_than_it_may_live(ticking: Ticking) -> None:
    ticking.tick(cache_enabled=True, cache_ttl_seconds=30.0)
    assert [ticking.tick()["1.1"] for _ in range(6)][-1] == 240 + HOT_KEYS
    assert [ticking.tick(cache_ttl_seconds=60.0)["1.1"] for _ in range(6)][-1] < 240 + HOT_KEYS


def test_a_cache_in_a_burst_lightens_the_replicas_and_quickens_the_answers_and_off_again_it_does_not(put: Put) -> None:
    stage = put(hosted("search-ranker", befalls("repeating_burst", 5, lasts=100)))
    slo = stage.settings().latency_slo_ms
    without = stage.tick(14)[-8:]
    assert mean(without, "latency_ms") > slo
    done = stage.order(Action.CACHE, enabled=True, ttl_seconds=300.0)
    assert (done.state, done.effective_at) == ("done", stage.clock.now.isoformat())
    assert "metrics" not in stage.look_up().answer
    cached = stage.tick(14)[-8:]
    assert sum(loads(cached).values()) < 0.5 * sum(loads(without).values())
    assert mean(cached, "latency_ms") < slo / 2
    assert mean(cached, "repeat_ratio") == mean(without, "repeat_ratio")
    stage.order(Action.CACHE, "off", enabled=False)
    again = stage.tick(14)[-8:]
    assert sum(loads(again).values()) == pytest.approx(sum(loads(without).values()), rel=0.1)
    assert mean(again, "latency_ms") > slo


# --- route and scale -------------------------------------------------------------------------------------------------


def test_a_replica_without_weight_answers_nothing_and_the_others_answer_for_it(put: Put) -> None:
    stage = put(hosted("fraud-scorer"))
    before = loads(stage.tick(10))
    stage.order(Action.ROUTE, weights={"r1": 0, "r2": 50, "r3": 50})
    assert stage.effect().effective_at == stage.clock.now.isoformat()
    points = stage.tick(10)
    after = loads(points)
    assert sum(after.values()) == pytest.approx(sum(before.values()), rel=0.1)
    assert after.get("r1", 0.0) == 0.0
    assert not any(one["name"] == "r1" and "latency_ms" in one for point in points for one in point["replicas"])
    assert after["r2"] == pytest.approx(1.5 * before["r2"], rel=0.15)
    assert after["r3"] == pytest.approx(1.5 * before["r3"], rel=0.15)
    assert mean(points, "error_rate") == 0.0


def test_shares_of_the_traffic_are_those_that_were_asked_for(put: Put) -> None:
    stage = put(hosted("fraud-scorer"))
    stage.order(Action.ROUTE, weights={"r1": 10, "r2": 30, "r3": 60})
    found = loads(stage.tick(25))
    share = {name: load / sum(found.values()) for name, load in found.items()}
    assert share == pytest.approx({"r1": 0.1, "r2": 0.3, "r3": 0.6}, abs=0.03)


def test_back_to_the_version_before_a_bad_deployment_answers_are_right_again(put: Put) -> None:
    stage = put(hosted("cheque-reader", befalls("bad_deployment", 8)))
    floor = stage.settings().accuracy_floor
    assert stage.tick(14)[-1]["accuracy"] < floor
    stage.order(Action.ROUTE, to_version="1.1")
    points = stage.tick(8)
    assert {point["model_version"] for point in points} == {"1.1"}
    assert [("accuracy" in point) for point in points] == [False] * 3 + [True] * 5
    assert min(point["accuracy"] for point in points[3:]) > floor
    assert stage.service.previous_version == "1.2"


def test_a_new_replica_boots_before_it_serves_and_only_then_the_scaling_is_in_force(put: Put) -> None:
    stage = put(hosted("fraud-scorer", boot=3))
    before = loads(stage.tick(10))
    stage.order(Action.SCALE, replicas=5)
    for _ in range(2):
        assert [replica["name"] for replica in stage.tick()[0]["replicas"]] == ["r1", "r2", "r3"]
        answer = stage.look_up().answer
        assert (answer["state"], answer["phase"]) == ("running", "booting")
        assert "effective_at" not in answer
    first = stage.tick()[0]
    assert [replica["name"] for replica in first["replicas"]] == ["r1", "r2", "r3", "r4", "r5"]
    answer = stage.look_up().answer
    assert (answer["state"], answer["effective_at"]) == ("done", stage.clock.now.isoformat())
    assert "phase" not in answer
    assert "metrics" not in answer
    after = loads(stage.tick(10))
    assert after["r4"] == pytest.approx(0.6 * before["r1"], rel=0.25)
    assert sum(after.values()) == pytest.approx(sum(before.values()), rel=0.1)


def test_replicas_that_are_given_back_are_gone_at_once(put: Put) -> None:
    stage = put(hosted("triage-model"))
    stage.tick(2)
    assert stage.order(Action.SCALE, replicas=3).state == "done"
    assert [replica["name"] for replica in stage.tick()[0]["replicas"]] == ["r1", "r2", "r3"]


# --- training --------------------------------------------------------------------------------------------------------


def test_a_retrain_trains_then_shows_itself_on_a_share_and_then_serves_beside_its_forerunner(put: Put) -> None:
    stage = put(ill())
    floor = stage.settings().accuracy_floor
    assert stage.tick(14)[-1]["accuracy"] < floor
    stage.order(Action.RETRAIN)
    stage.trained()
    assert len(stage.until("canary")) == lived(stage.service).training
    assert stage.service.canary == Canary(version="1.2", share=10.0, since=lived(stage.service).now, key=stage.name)
    assert (stage.service.version, stage.service.previous_version) == ("1.1", "1.0")
    assert "effective_at" not in stage.look_up().answer

    tried = stage.until("promoted")
    assert len(tried) == lived(stage.service).canary + lived(stage.service).label_delay
    assert {point["model_version"] for point in tried[:-1]} == {"1.1"}
    assert tried[-1]["model_version"] == "1.2"
    assert (stage.service.version, stage.service.previous_version) == ("1.2", "1.1")
    assert not stage.service.canary
    assert {"1.1", "1.2"} <= stage.service.versions.keys()

    told = stage.look_up()
    assert (told.status, told.answer["state"], told.answer["phase"]) == ("ok", "done", "promoted")
    assert told.answer["effective_at"] == stage.clock.now.isoformat()
    found = told.answer["metrics"]["accuracy"]
    assert found["samples"] == 5 * LABELS
    assert found["before"] == found["control"] < floor
    assert found["after"] > found["control"] + 0.2
    assert told.detail.endswith("it serves now.")

    after = stage.tick(10)
    assert {point["model_version"] for point in after} == {"1.2"}
    assert min(point["accuracy"] for point in after if "accuracy" in point) > floor
    shadow = stage.look_up().answer["metrics"]["accuracy"]
    assert shadow["before"] == found["before"]
    assert shadow["samples"] == 8 * LABELS
    assert shadow["control"] < floor < shadow["after"]


def test_a_canary_gets_its_share_of_the_requests_and_no_more(ticking: Ticking) -> None:
    canary = Canary(version="1.0", share=10.0, since=0, key="key")
    reached: Counter[str] = sum((ticking.tick(canary=canary) for _ in range(20)), Counter())
    assert reached.total() == 240 + 19 * 960
    assert reached["1.0"] / reached.total() == pytest.approx(0.1, abs=0.01)


def test_a_candidate_that_learnt_from_wrong_labels_is_withdrawn_and_all_is_as_before(put: Put) -> None:
    stage = put(hosted("fraud-scorer", befalls("corrupt_labels", 1, lasts=100), failures=0.0))
    stage.tick(12)
    before = stage.as_served()
    stage.order(Action.RETRAIN)
    stage.until("canary")
    stage.until("withdrawn")
    told = stage.look_up()
    assert (told.status, told.answer["state"]) == ("failed", "failed")
    assert told.detail.endswith("it does not beat it and takes no traffic.")
    assert told.answer["metrics"]["accuracy"]["after"] < told.answer["metrics"]["accuracy"]["control"]
    assert "effective_at" not in told.answer
    assert stage.as_served() == before
    assert stage.tick()[0]["model_version"] == "1.1"


@pytest.mark.parametrize(("action", "after", "whole"), [(Action.RETRAIN, 2, 4), (Action.FINE_TUNE, 1, 2)])
def test_a_training_that_breaks_off_does_so_halfway_and_changes_nothing(
    put: Put, action: Action, after: int, whole: int
) -> None:
    stage = put(ill(failures=1.0))
    stage.tick(12)
    before = stage.as_served()
    stage.order(action)
    stage.trained()
    for _ in range(after):
        assert stage.look_up().answer["state"] == "running"
        stage.tick()
    told = stage.look_up()
    assert (told.status, told.answer["state"]) == ("failed", "failed")
    assert told.detail == f"The training broke off after {after} of {whole} minutes: out of memory."
    assert stage.as_served() == before


def test_trainings_fail_as_often_as_they_are_said_to() -> None:
    live = lived(hosted("fraud-scorer"))
    fails = [live.evolve(now=tick).training_fails() for tick in range(4000)]
    assert fmean(fails) == pytest.approx(live.failures, abs=0.01)


def _learnt(model: Model) -> float:
    """How much a model has learnt so far: trees, rows that it counted, or steps after the one it begins with."""
    found = model.classifier
    if model.family == "forest":
        return len(found.estimators_)
    return float(found.class_count_.sum()) if model.family == "bayes" else found.t_ - 1


@pytest.mark.parametrize("host", ["wine-grader", "search-ranker", "fraud-scorer"])
def test_a_fine_tune_goes_on_where_its_base_stands_in_half_the_time(put: Put, host: str) -> None:
    stage = put(ill(host))
    stage.tick(14)
    stage.order(Action.FINE_TUNE)
    assert len(stage.until("canary")) == 2
    recipe = stage.service.versions["1.2"]
    assert (recipe.origin, recipe.base) == ("fine_tune", "1.1")
    bench = Workbench(stage.store, stage.name)
    base, tuned = bench.model("1.1"), bench.model("1.2")
    fresh = bench.made(recipe.evolve(origin="retrain", base=None))
    assert _learnt(base) > 0
    assert _learnt(tuned) == _learnt(base) + _learnt(fresh)
    if base.family == "forest":
        trees = [[tree.tree_.threshold.tolist() for tree in one.classifier.estimators_] for one in (base, tuned)]
        assert trees[1][: len(trees[0])] == trees[0]


def test_a_deployment_by_the_team_makes_a_training_fail_and_nothing_else(put: Put) -> None:
    stage = put(hosted("fraud-scorer", befalls("bad_deployment", 16), failures=0.0))
    stage.tick(14)
    stage.order(Action.RETRAIN)
    stage.trained()
    points = stage.tick(14)
    told = stage.look_up()
    assert (told.status, told.answer["state"]) == ("failed", "failed")
    assert "was changed while" in told.detail
    assert [point["model_version"] for point in points] == ["1.1"] + ["1.2"] * 13
    assert stage.service.versions["1.2"].origin == "deployed"
    assert stage.service.canary is None
    stage.order(Action.ROUTE, "back", to_version="1.1")
    assert stage.tick()[0]["model_version"] == "1.1"


def test_a_deployment_by_the_team_takes_a_canary_away(put: Put) -> None:
    stage = put(hosted("fraud-scorer", befalls("bad_deployment", 16), failures=0.0))
    stage.tick(10)
    stage.order(Action.RETRAIN)
    stage.until("canary")
    assert stage.service.canary is not None
    stage.tick(6)
    told = stage.look_up()
    assert (told.status, told.detail) == ("failed", "The canary was taken away by another change.")
    assert (stage.service.version, stage.service.previous_version) == ("1.3", "1.1")
    assert not stage.service.canary


# --- taking it back --------------------------------------------------------------------------------------------------


def _training(stage: Stage) -> None:
    stage.order(Action.RETRAIN)
    stage.trained()
    stage.tick()


def _canary(stage: Stage) -> None:
    stage.order(Action.RETRAIN)
    stage.until("canary")
    stage.tick(2)


def _promoted(stage: Stage) -> None:
    stage.order(Action.FINE_TUNE)
    stage.until("promoted")
    stage.tick(2)


def _scaled(stage: Stage) -> None:
    stage.order(Action.SCALE, replicas=5)
    stage.tick(4)


CHANGES: dict[str, Callable[[Stage], object]] = {
    "training": _training,
    "canary": _canary,
    "promoted": _promoted,
    "booting": lambda stage: stage.order(Action.SCALE, replicas=5),
    "scaled": _scaled,
    "given back": lambda stage: stage.order(Action.SCALE, replicas=2),
    "weights": lambda stage: stage.order(Action.ROUTE, weights={"r1": 0, "r2": 50, "r3": 50}),
    "version": lambda stage: stage.order(Action.ROUTE, to_version="1.0"),
    "cache": lambda stage: stage.order(Action.CACHE, enabled=True, ttl_seconds=300.0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_undone_leaves_the_world_as_it_was_and_undone_again_it_stays_so(put: Put, change: str) -> None:
    stage = put(ill())
    stage.tick(14)
    before = stage.as_served()
    CHANGES[change](stage)
    if change != "training":
        assert stage.as_served() != before
    first = stage.undo()
    assert first.status == "ok"
    assert stage.as_served() == before
    assert stage.effect().undone
    again = stage.undo()
    assert (again.status, again.answer, again.detail) == (first.status, first.answer, first.detail)
    seen = stage.tick(14)
    assert stage.as_served() == before
    assert {point["model_version"] for point in seen} == {"1.1"}
    assert {len(point["replicas"]) for point in seen[3:]} == {3}
    assert stage.look_up().answer["undone"] is True


def test_a_training_that_is_cancelled_while_its_process_is_at_it_comes_to_nothing(put: Put, shared: World) -> None:
    stage = put(ill())
    stage.tick(14)
    before = stage.as_served()
    with FileLock(shared.folder / "training.lock"):
        stage.order(Action.RETRAIN)
        stage.tick(6)
        assert stage.look_up().answer["state"] == "running"
        assert stage.undo().status == "ok"
    stage.tick(14)
    told = stage.look_up()
    assert (told.status, told.detail) == ("failed", "It was cancelled.")
    assert stage.as_served() == before


def test_a_second_change_of_another_kind_can_be_kept_while_the_first_is_taken_back(put: Put) -> None:
    stage = put(ill())
    stage.tick(14)
    stage.order(Action.ROUTE, weights={"r1": 0, "r2": 50, "r3": 50})
    stage.order(Action.CACHE, "cache", enabled=True, ttl_seconds=300.0)
    assert stage.undo().status == "ok"
    assert stage.service.cache_enabled
    assert {round(replica.weight, 6) for replica in stage.service.replicas} == {round(100 / 3, 6)}


# --- starting again --------------------------------------------------------------------------------------------------


def test_a_fleet_that_is_started_again_goes_on_with_a_training_and_with_a_canary(put: Put) -> None:
    stage = put(ill())
    stage.tick(14)
    stage.order(Action.RETRAIN)
    stage.trained()
    stage.tick()
    stage.start_again()
    assert len(stage.until("canary")) == lived(stage.service).training - 1
    stage.tick(3)
    stage.start_again()
    points = stage.until("promoted")
    assert len(points) == lived(stage.service).canary + lived(stage.service).label_delay - 3
    assert stage.service.version == "1.2"
    assert stage.look_up().answer["effective_at"] == stage.clock.now.isoformat()
    assert not any("accuracy" in point for point in points[:3])
    assert stage.tick(5)[-1]["accuracy"] > stage.settings().accuracy_floor


def test_the_forerunner_of_a_promoted_version_answers_in_its_shadow_also_for_the_next_fleet(put: Put) -> None:
    stage = put(ill())
    stage.tick(14)
    stage.order(Action.RETRAIN)
    stage.until("promoted")
    stage.tick(5)
    stage.start_again()
    before = stage.look_up().answer["metrics"]
    stage.tick(4)
    assert stage.look_up().answer["metrics"] != before


def test_a_model_that_cannot_be_read_any_more_is_made_again_when_the_canary_is_compared(put: Put) -> None:
    stage = put(ill())
    stage.tick(14)
    stage.order(Action.RETRAIN)
    stage.until("canary")
    stage.start_again()
    for file in (stage.world.folder / "artefacts").rglob("*.joblib"):
        file.write_bytes(b"no model")
    stage.until("promoted")
    assert stage.service.version == "1.2"


def test_replicas_that_come_back_by_an_undo_boot_before_they_serve(put: Put) -> None:
    stage = put(hosted("quiet-scorer"))
    stage.tick(3)
    stage.order(Action.SCALE, replicas=1)
    stage.tick(3)
    stage.undo()
    assert stage.look_up(f"{stage.name}:undo").answer["state"] == "running"
    assert [len(point["replicas"]) for point in stage.tick(4)] == [1, 3, 3, 3]
    assert stage.look_up(f"{stage.name}:undo").answer["state"] == "done"


def test_a_training_that_was_at_work_when_everything_ended_is_done_by_the_next_world(
    tmp_path: Path, clock: Clock
) -> None:
    with World(tmp_path, clock) as world:
        stage = Stage(world, clock, ill())
        stage.tick(14)
        with FileLock(tmp_path / "training.lock"):
            stage.order(Action.RETRAIN)
            stage.close()
            world.close()
    with World(tmp_path, clock) as world:
        stage.world = world
        stage.start_again()
        stage.until("promoted")
        assert stage.service.version == "1.2"


def test_a_fleet_that_is_started_again_tells_the_same_settings_whatever_was_changed_meanwhile(put: Put) -> None:
    stage = put(ill())
    told = stage.settings()
    stage.tick(14)
    stage.order(Action.RETRAIN)
    stage.until("promoted")
    stage.order(Action.SCALE, "scale", replicas=1)
    stage.tick(2)
    stage.start_again()
    assert stage.settings() == told


def test_incidents_that_began_do_not_begin_again_with_the_next_fleet(put: Put) -> None:
    stage = put(hosted("cheque-reader", befalls("bad_deployment", 4)))
    stage.tick(6)
    stage.start_again()
    stage.tick(6)
    assert (stage.service.version, stage.service.previous_version) == ("1.2", "1.1")
    assert len(stage.service.versions) == 3


def test_a_name_that_was_adopted_before_the_fleet_came_lives_from_then_on(tmp_path: Path) -> None:
    look = Telemetry.model_validate({"model_name": "fraud-scorer", "model_metrics": {"accuracy": 0.7}})
    with World(tmp_path) as world:
        world.adopt(look)
        assert world.service("fraud-scorer").live is None
        stage = Stage(world, Clock(), hosted("fraud-scorer"))
        points = stage.tick(5)
        assert points[-1]["accuracy"] > 0.85
        lives = world.service("fraud-scorer")
        assert lives.live is not None
        world.adopt(look)
        assert world.service("fraud-scorer") == lives
        stage.close()


def test_a_service_that_comes_late_is_befallen_as_late_as_it_would_have_been(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = Fleet(store, [hosted("fraud-scorer")])
    for _ in range(7):
        first.tick()
    both = Fleet(store, [hosted("fraud-scorer"), hosted("cheque-reader", befalls("bad_deployment", 3))])
    versions = [[point["model_version"] for point in both.tick()] for _ in range(4)]
    store.close()
    assert versions == [["1.1", "1.1"], ["1.1", "1.1"], ["1.1", "1.2"], ["1.1", "1.2"]]


def test_inputs_that_turned_turn_back_with_the_next_drift_and_both_can_be_seen(put: Put) -> None:
    first, second = befalls("abrupt_drift", 4), befalls("abrupt_drift", 20, 30)
    stage = put(hosted("parcel-sorter", first.evolve(lasts=10), second))
    seen = stage.tick(30)
    (drift,) = stage.service.drifts
    assert [drift.share(tick) for tick in (3, 4, 19, 20)] == [0, 1, 1, 0]
    assert seen[18]["data_drift_score"] > 0.5 > seen[28]["data_drift_score"]
    assert seen[18]["accuracy"] < 0.75 < seen[28]["accuracy"]


def test_a_gradual_drift_comes_and_goes_little_by_little() -> None:
    drift = Drift(target=0.6, against="1.1", begins=10, ramp=10, ends=40, fade=10)
    shares = [drift.share(tick) for tick in range(60)]
    assert shares[9] == 0
    assert shares[14] == pytest.approx(0.5)
    assert shares[19:40] == [1.0] * 21
    assert shares[44] == pytest.approx(0.5)
    assert shares[49:] == [0.0] * 11
