"""A training really trains: the old version is worse on the newest rows, the new one better on rows it has not seen."""

from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import pytest

from aurora.domain import Action, Step, Telemetry
from aurora.sandbox import World
from aurora.sandbox.effects import Effect
from aurora.sandbox.models import Cancelled, Model, untrained
from aurora.sandbox.service import Service
from aurora.sandbox.streams import Rows, Stream
from aurora.tools.routing.sandbox import SandboxRouter

Told = Callable[..., Telemetry]
Train = Callable[..., Effect]
Ended = Callable[[World, str], Effect]

NAMES = [f"seed {number}" for number in range(8)]
"""Names are seeds; these eight cover both data sets and both families of models."""


def test_the_names_cover_every_data_set_and_family(told: Told, old_world: World) -> None:
    for name in NAMES:
        old_world.adopt(told(name, accuracy=0.72))
    services = [old_world.service(name) for name in NAMES]
    assert len({(service.dataset, service.family) for service in services}) == 4


@pytest.mark.parametrize("accuracy", [0.5, 0.72, 0.84])
@pytest.mark.parametrize("name", NAMES)
def test_a_retrain_and_a_fine_tune_are_better_on_rows_they_have_not_seen(
    old_world: World, told: Told, train: Train, ended: Ended, name: str, accuracy: float
) -> None:
    for action in (Action.RETRAIN, Action.FINE_TUNE):
        target = f"{name} {accuracy}"
        old_world.adopt(told(target, accuracy=accuracy, data_drift={"detected": True}))
        train(old_world, target, f"{target} {action}", action)
        done = ended(old_world, f"{target} {action}")
        assert done.state == "done"
        seen = done.result["metrics"]["accuracy"]
        assert seen["before"] == pytest.approx(accuracy, abs=0.1)
        assert seen["after"] > max(0.85, seen["before"] + 0.03)
        assert seen["samples"] >= 200
        old_world.undo(f"{target} {action}")


def test_it_serves_once_it_is_done_and_the_one_before_is_kept(
    world: World, folder: Path, told: Told, train: Train, ended: Ended
) -> None:
    world.adopt(told(model_version="1.4", deployment={"previous_version": "1.3"}, accuracy=0.7))
    ordered = train(world, "scorer", "key")
    assert world.observe("scorer").version == "1.4"
    assert ordered.answer["training_job_id"].startswith("training-")
    done = ended(world, "key")
    assert (world.observe("scorer").version, world.observe("scorer").previous_version) == ("1.5", "1.4")
    assert done.before == {"version": "1.4", "previous_version": "1.3"}
    assert len(list((folder / "artefacts").rglob("*.joblib"))) == 2
    world.undo("key")
    assert (world.observe("scorer").version, world.observe("scorer").previous_version) == ("1.4", "1.3")


def test_another_loss_of_accuracy_can_be_cured_again(old_world: World, told: Told, train: Train, ended: Ended) -> None:
    for turn in range(3):
        old_world.adopt(told("unlucky", accuracy=0.72))
        train(old_world, "unlucky", f"loss {turn}")
        seen = ended(old_world, f"loss {turn}").result["metrics"]["accuracy"]
        assert seen["before"] == pytest.approx(0.72, abs=0.1)
        assert seen["after"] > 0.85
    assert old_world.observe("unlucky").version == "4"


def test_a_second_training_on_the_same_window_gains_nothing(
    old_world: World, told: Told, train: Train, ended: Ended
) -> None:
    old_world.adopt(told("twice", accuracy=0.72))
    for key in ("once", "and again"):
        train(old_world, "twice", key)
        seen = ended(old_world, key).result["metrics"]["accuracy"]
    assert seen["after"] == seen["before"]


def test_fewer_rows_teach_less(old_world: World, told: Told, train: Train, ended: Ended) -> None:
    learnt = []
    for window in (200, "newest"):
        target = f"digits {window}"
        name = next(n for n in (f"{target} {i}" for i in range(99)) if _is_digits(old_world, told, n))
        train(old_world, name, name, window=window)
        learnt.append(ended(old_world, name).result["metrics"]["accuracy"]["after"])
    assert learnt[0] < learnt[1]


def _is_digits(world: World, told: Told, name: str) -> bool:
    world.adopt(told(name, accuracy=0.6))
    service = world.service(name)
    return (service.dataset, service.family) == ("digits", "sgd")


def back(world: World, target: str) -> None:
    step = Step(action=Action.ROUTE, target=target, parameters={"to_version": "1.3"})
    assert SandboxRouter(world).apply(step, f"{target}: back").status == "ok"


def test_a_broken_deployment_is_cured_by_the_version_before_it(old_world: World, told: Told, ended: Ended) -> None:
    deployment = {"minutes_since_deploy": 30, "previous_version": "1.3", "previous_accuracy": 0.88}
    old_world.adopt(told("broken", model_version="1.4", accuracy=0.62, deployment=deployment))
    back(old_world, "broken")
    assert old_world.observe("broken").version == "1.3"
    seen = ended(old_world, "broken: back").report()["metrics"]["accuracy"]
    assert seen["before"] == pytest.approx(0.62, abs=0.1)
    assert seen["after"] > 0.85


def test_the_version_before_does_not_cure_a_drift(old_world: World, told: Told, ended: Ended) -> None:
    deployment = {"minutes_since_deploy": 9000, "previous_version": "1.3", "previous_accuracy": 0.88}
    drifted = told("old", model_version="1.4", accuracy=0.62, deployment=deployment, data_drift={"detected": True})
    old_world.adopt(drifted)
    back(old_world, "old")
    assert ended(old_world, "old: back").report()["metrics"]["accuracy"]["after"] < 0.8


def test_taking_back_a_route_before_it_was_measured_needs_no_measurement(old_world: World, told: Told) -> None:
    old_world.adopt(told("hasty", model_version="1.4", accuracy=0.7, deployment={"previous_version": "1.3"}))
    before = old_world.observe("hasty")
    back(old_world, "hasty")
    old_world.undo("hasty: back")
    assert old_world.observe("hasty") == before
    effect = old_world.look_up("hasty: back")
    assert effect is not None
    assert effect.state == "done"


def test_an_artefact_that_is_lost_or_damaged_is_made_again(
    world: World, folder: Path, told: Told, train: Train, ended: Ended
) -> None:
    world.adopt(told(accuracy=0.7))
    train(world, "scorer", "first")
    first = ended(world, "first").result["metrics"]["accuracy"]
    for number, artefact in enumerate((folder / "artefacts").rglob("*.joblib")):
        artefact.unlink() if number else artefact.write_bytes(b"not a model")
    train(world, "scorer", "second", Action.FINE_TUNE, base_version="1")
    second = ended(world, "second").result["metrics"]["accuracy"]
    assert second["before"] == first["after"]


def test_a_version_that_was_deployed_meanwhile_is_not_replaced(
    world: World, told: Told, train: Train, ended: Ended, training_held_up: Callable[[], None]
) -> None:
    world.adopt(told(model_version="1.4", accuracy=0.7))
    train(world, "scorer", "key")
    world.adopt(told(model_version="2.0", accuracy=0.9))
    training_held_up()
    failed = ended(world, "key")
    assert failed.state == "failed"
    assert "2.0 was deployed while it trained" in failed.ending
    assert world.observe("scorer").version == "2.0"


def test_no_name_from_outside_becomes_part_of_a_path(
    world: World, folder: Path, told: Told, train: Train, ended: Ended
) -> None:
    for name in ("../../../escape", "ein Dienst 💥/\\:*?", "CON", "n" * 200, "con:aux|nul"):
        world.adopt(told(name, accuracy=0.7, model_version=f"../{name[:100]}"))
        train(world, name, name)
        assert ended(world, name).state == "done"
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    assert all(set(str(path)) <= set("0123456789abcdefghijklmnopqrstuvwxyz./-") for path in files)
    assert {path.name for path in folder.parent.iterdir()} == {"sandbox"}


# --- the models themselves -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["sgd", "forest"])
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def rows(told: Told) -> dict[str, Rows]:
    from aurora.sandbox.adoption import born

    stream = Stream(born(told("digits?")).evolve(dataset="digits"))
    return {"old": stream.rows("past", []), "new": stream.rows("fresh", [0.9]), "unseen": stream.rows("unseen", [0.9])}


def always() -> bool:
    return True


def test_a_fine_tune_goes_on_from_what_was_learnt(family: str, rows: dict[str, Rows]) -> None:
    base = untrained(family, 1, 10)
    base.learn(rows["old"], always)
    tuned = base.copied()
    tuned.learn(rows["new"], always)
    if family == "sgd":
        assert tuned.classifier.t_ > base.classifier.t_ > 1
    else:
        assert len(tuned.classifier.estimators_) == 2 * len(base.classifier.estimators_)
        old = zip(base.classifier.estimators_, tuned.classifier.estimators_, strict=False)
        assert all(np.array_equal(one.tree_.threshold, other.tree_.threshold) for one, other in old)
    assert tuned.accuracy(rows["unseen"]) > base.accuracy(rows["unseen"]) + 0.1


def test_the_same_seed_learns_the_same(family: str, rows: dict[str, Rows]) -> None:
    learnt = []
    for _ in range(2):
        model = untrained(family, 7, 10)
        model.learn(rows["new"], always)
        learnt.append(model.classifier.predict(rows["unseen"].x))
    assert np.array_equal(*learnt)


def test_a_model_that_nobody_wants_any_more_stops_learning(family: str, rows: dict[str, Rows]) -> None:
    wanted = iter([True, True, False])
    with pytest.raises(Cancelled):
        untrained(family, 1, 10).learn(rows["old"], lambda: next(wanted))


def test_a_model_survives_being_written_down(family: str, rows: dict[str, Rows], tmp_path: Path) -> None:
    model = untrained(family, 1, 10)
    model.learn(rows["old"], always)
    joblib.dump(model, tmp_path / "model.joblib")
    again = joblib.load(tmp_path / "model.joblib")
    assert isinstance(again, Model)
    assert again.accuracy(rows["unseen"]) == model.accuracy(rows["unseen"])


@pytest.mark.parametrize("dataset", ["digits", "breast_cancer"])
def test_no_row_is_ever_in_two_piles(told: Told, dataset: str) -> None:
    service: Service = _service(told, dataset)
    stream = Stream(service)
    piles = [{row.tobytes() for row in stream.rows(pile, []).x} for pile in ("past", "fresh", "unseen")]
    assert not piles[2] & (piles[0] | piles[1])
    assert len(piles[2]) >= 200


def _service(told: Told, dataset: str) -> Service:
    from aurora.sandbox.adoption import born

    return born(told()).evolve(dataset=dataset)
