"""The training process: takes nobody down with it, leaves no orphan, and loses no training."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from aurora.domain import Action, Telemetry
from aurora.sandbox import World
from aurora.sandbox.effects import Effect
from aurora.sandbox.store import Store

Told = Callable[..., Telemetry]
Train = Callable[..., Effect]
Ended = Callable[[World, str], Effect]

PARENT = """
import sys
from pathlib import Path
from aurora.domain import Action, Step, Telemetry
from aurora.sandbox import World
from aurora.tools import build
world = World(Path(sys.argv[1]))
tool = build("training", "sandbox", world)
tool.adopt(Telemetry.model_validate({"model_name": "scorer", "model_metrics": {"accuracy": 0.7}}))
print(tool.apply(Step(action=Action.RETRAIN, target="scorer"), "key").status, flush=True)
if sys.argv[2] == "stay":
    sys.stdin.read()
"""


def parent(folder: Path, then: str = "stay") -> subprocess.Popen[str]:
    """A process that orders a training in the folder under `key`, and then stays or goes."""
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT, folder, then], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ok\n"
    return process


def worker_of(pid: int, folder: Path) -> psutil.Process:
    ours = {"aurora.sandbox.worker", str(folder)}
    found = [one for one in psutil.Process(pid).children() if ours <= set(one.cmdline())]
    assert len(found) == 1
    return found[0]


def gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def until(true: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)


def begun(folder: Path) -> bool:
    store = Store(folder)
    try:
        with store.read() as books:
            effect = books.effect("key")
        return effect is not None and (effect.worker is not None or effect.state != "running")
    finally:
        store.close()


@pytest.mark.parametrize("moment", ["while it starts", "while it waits", "while it trains"])
def test_a_parent_that_is_killed_leaves_no_orphan_and_its_training_is_done_later(
    folder: Path, ended: Ended, training_held_up: Callable[[], None], moment: str
) -> None:
    doomed = parent(folder)
    worker = worker_of(doomed.pid, folder)
    if moment == "while it waits":
        until(lambda: any(file.path.endswith("sandbox.db") for file in worker.open_files()))
    if moment == "while it trains":
        training_held_up()
        until(lambda: begun(folder))
    doomed.kill()
    doomed.communicate()
    until(lambda: gone(worker), seconds=15)
    training_held_up()
    with World(folder) as world:
        done = ended(world, "key")
        assert done.state == "done"
        assert done.result["metrics"]["accuracy"]["after"] > 0.85
        assert world.observe("scorer").version == "2"


def test_a_parent_that_just_ends_is_not_kept_alive(folder: Path, training_held_up: Callable[[], None]) -> None:
    leaving = parent(folder, then="go")
    leaving.communicate(timeout=10)
    assert leaving.returncode == 0


def test_closing_the_world_ends_the_process_and_the_next_one_goes_on(
    folder: Path, told: Told, train: Train, ended: Ended, training_held_up: Callable[[], None]
) -> None:
    with World(folder) as world:
        world.adopt(told(accuracy=0.7))
        train(world, "scorer", "key")
        worker = worker_of(os.getpid(), folder)
    assert gone(worker)
    training_held_up()
    with World(folder) as world:
        assert ended(world, "key").state == "done"


def test_a_ctrl_c_in_the_terminal_does_not_reach_it(
    folder: Path, world: World, told: Told, train: Train, ended: Ended
) -> None:
    world.adopt(told(accuracy=0.7))
    train(world, "scorer", "key")
    worker = worker_of(os.getpid(), folder)
    assert os.getpgid(worker.pid) != os.getpgid(0)
    assert ended(world, "key").state == "done"
    worker.send_signal(signal.SIGINT)
    train(world, "scorer", "another")
    assert ended(world, "another").state == "done"
    assert worker_of(os.getpid(), folder) == worker


def test_one_process_serves_all_trainings_of_a_world(
    folder: Path, world: World, told: Told, train: Train, ended: Ended
) -> None:
    for name in ("a", "b", "c"):
        world.adopt(told(name, accuracy=0.7))
        train(world, name, name)
    assert [ended(world, name).state for name in ("a", "b", "c")] == ["done"] * 3
    worker_of(os.getpid(), folder)


def test_another_world_takes_over_what_a_dying_one_leaves(
    folder: Path, ended: Ended, training_held_up: Callable[[], None]
) -> None:
    doomed = parent(folder)
    with World(folder) as world:
        doomed.kill()
        doomed.communicate()
        training_held_up()
        assert ended(world, "key").state == "done"


def test_a_training_that_is_undone_while_it_runs_is_cancelled(
    world: World, told: Told, train: Train, ended: Ended, training_held_up: Callable[[], None]
) -> None:
    world.adopt(told(accuracy=0.7))
    before = world.observe("scorer")
    train(world, "scorer", "unwanted")
    undone = world.undo("unwanted")
    assert undone is not None
    assert "was cancelled" in undone.detail
    train(world, "scorer", "wanted")
    training_held_up()
    assert ended(world, "wanted").state == "done"
    cancelled = world.look_up("unwanted")
    assert cancelled is not None
    assert (cancelled.state, cancelled.ending) == ("failed", "It was cancelled.")
    world.undo("wanted")
    assert world.observe("scorer") == before


def test_a_process_that_dies_by_itself_is_replaced_and_what_it_died_over_twice_has_failed(
    world: World, folder: Path, told: Told, train: Train, ended: Ended, training_held_up: Callable[[], None]
) -> None:
    world.adopt(told(accuracy=0.7))
    train(world, "scorer", "key")
    for _ in range(2):
        worker = worker_of(os.getpid(), folder)
        claim(folder, worker.pid)
        worker.kill()
        until(lambda: gone(worker))  # noqa: B023
        world.look_up("key")
    failed = ended(world, "key")
    assert failed.state == "failed"
    assert failed.ending == "The training process died 2 times over it."
    assert world.observe("scorer").version == "1"
    training_held_up()
    train(world, "scorer", "after it", Action.FINE_TUNE)
    assert ended(world, "after it").state == "done"


def claim(folder: Path, worker: int) -> None:
    """Write down that the process works on the training, as it does itself when it begins."""
    store = Store(folder)
    with store.write() as books:
        books.put_effect(books.running()[0].evolve(worker=worker))
    store.close()


def test_a_training_that_goes_wrong_has_failed_with_what_was_said(
    world: World, folder: Path, told: Told, train: Train, ended: Ended, training_held_up: Callable[[], None]
) -> None:
    world.adopt(told(accuracy=0.7))
    world.adopt(told("other", accuracy=0.7))
    (folder / "artefacts").write_text("in the way")
    train(world, "scorer", "key")
    training_held_up()
    failed = ended(world, "key")
    assert failed.state == "failed"
    assert "artefacts" in failed.ending
    (folder / "artefacts").unlink()
    train(world, "other", "next")
    assert ended(world, "next").state == "done"
