"""`aurora demo` as people and programs see it: one incident from its first sign to the answer why, and nothing left."""

import json
import signal
import subprocess
import time
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import psutil
import pytest

import app.demo
from app.cli import Incidents
from app.cli_demo import INCIDENTS, show
from aurora.domain import Action, MetricPoint
from aurora.sandbox.effects import Effect, Work
from aurora.sandbox.fleet.catalogue import CATALOGUE, HOSTS, made
from aurora.sandbox.service import Version
from aurora.sandbox.store import Store
from tests.app.running import AURORA, command, environment

BEGINS = 6
END_SECONDS = 3


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """The folder for temporary files of this test's demo, and beside it the home that it does not need."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def demo(left: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return command(left.parent / "home", "demo", *options, settings={"TMPDIR": str(left)})


def remains(left: Path) -> list[Path]:
    """What the demo has left of its own; torch leaves a folder for its caches whoever uses it."""
    return [path for path in left.iterdir() if not path.name.startswith("torchinductor")]


def events_of(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.slow
def test_a_drift_is_seen_judged_cured_verified_and_explained_by_the_decision_that_did_it(left: Path) -> None:
    done = demo(left, "--json", "--speed", "3")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == ["Starting an AURORA of its own for the demo …"]
    events = events_of(done.stdout)
    first, *between, last = events
    assert first == {
        "event": "begin",
        "incident": "abrupt_drift",
        "model_name": "fraud-scorer",
        "incident_at_tick": BEGINS,
    }

    points = [event for event in between if event["event"] == "telemetry"]
    assert [point["tick"] for point in points] == list(range(1, len(points) + 1))
    assert [point["incident"] for point in points] == [tick >= BEGINS for tick in range(1, len(points) + 1)]
    for point in points:
        told = {name: value for name, value in point.items() if name not in ("event", "tick", "incident")}
        assert MetricPoint.model_validate(told).model_name == "fraud-scorer"

    deciding = last["decisions"][0]["decision_id"]
    steps = [event for event in between if event.get("decision_id") == deciding]
    assert [step["event"] for step in steps] == ["plan", "critique", "rule", "execute", "verify"]
    plan, *_, verified = steps
    assert plan["step"]["action"] in ("retrain", "fine_tune")
    assert all(case["id"].startswith("mem_") for case in plan["recalled"])
    assert verified["outcome"] == "better"
    assert verified["after"] > plan["goal"]["threshold"] > verified["before"]
    assert any(event.get("incident") for event in between[: between.index(plan)])

    assert (last["event"], last["complete"]) == ("end", True)
    assert last["question"] == f"why did you {plan['step']['action'].replace('_', '-')}?"
    assert deciding in last["citations"]
    assert deciding in last["answer"]
    assert last["decisions"][0] == {
        "decision_id": deciding,
        "status": "executed",
        "ending": None,
        "outcome": "better",
    }
    assert remains(left) == []
    assert not (left.parent / "home").exists()


def test_what_only_looked_bad_is_left_alone_and_that_is_said_in_plain_text(left: Path) -> None:
    done = demo(left, "--incident", "blip", "--speed", "5")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "menu-tagger: blip, on a real model in a pretend world."
    assert sum(" min  accuracy " in line for line in lines) > BEGINS
    told = next(number for number, line in enumerate(lines) if INCIDENTS["blip"] in line)
    assert lines[told - 1].split()[:2] == [str(BEGINS - 1), "min"]
    assert lines[told + 1].split()[:2] == [str(BEGINS), "min"]
    assert "decided nothing" in lines[-1] or "no action" in done.stdout
    shown = set(done.stdout) - {"\n"}
    assert [character for character in shown if unicodedata.category(character).startswith("C")] == []
    assert remains(left) == []


def test_every_incident_that_may_be_chosen_has_a_host_in_the_fleet_and_a_sentence() -> None:
    kinds = set(get_args(Incidents))
    assert set(INCIDENTS) == kinds
    assert set(HOSTS) == kinds
    assert {HOSTS[kind] for kind in HOSTS} <= {entry.name for entry in CATALOGUE}
    assert all(sentence.endswith(".") for sentence in INCIDENTS.values())
    assert len(set(INCIDENTS.values())) == len(INCIDENTS)


@pytest.mark.parametrize("options", [("--incident", "earthquake"), ("--speed", "0"), ("--speed", "50")])
def test_what_cannot_be_shown_is_refused_with_what_can(left: Path, options: tuple[str, str]) -> None:
    done = demo(left, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert options[0] in done.stderr
    assert remains(left) == []


@contextmanager
def running(left: Path, *options: str, settings: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [AURORA, "demo", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(left.parent / "home", {"TMPDIR": str(left), **(settings or {})}),
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def interrupted(process: subprocess.Popen[str]) -> float:
    """Press Ctrl-C; return how long the end took, once all that came from it is gone and nothing was wailed about."""
    family = psutil.Process(process.pid).children(recursive=True)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    seconds = time.monotonic() - began
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert psutil.wait_procs(family, timeout=1)[1] == []
    return seconds


def test_ctrl_c_while_it_starts_ends_it(left: Path) -> None:
    with running(left, "--json") as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Starting")
        while not list(left.iterdir()):
            time.sleep(0.01)
        assert interrupted(process) < END_SECONDS
    assert remains(left) == []


@pytest.mark.slow
def test_ctrl_c_in_the_middle_of_a_training_ends_it_and_leaves_nothing_behind(left: Path) -> None:
    with running(left, "--json", "--speed", "5") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["event"] == "execute":
                break
        else:
            pytest.fail("it never came to a training")
        assert interrupted(process) < END_SECONDS
    assert remains(left) == []


def test_nothing_that_the_environment_names_is_used(left: Path) -> None:
    ledger = left.parent / "mine.db"
    mine = {"AURORA_DATABASE_URL": f"sqlite:///{ledger}", "AURORA_TRAINER": "nonsense"}
    with running(left, "--json", "--speed", "5", settings=mine) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["event"] == "telemetry":
                break
        else:
            pytest.fail("it did not begin")
        assert interrupted(process) < END_SECONDS
    assert not ledger.exists()
    assert not (left.parent / "home").exists()


# --- where it does not come to an end --------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "value"), [("LONGEST", 3), ("LONGEST_SECONDS", 0.0)])
def test_giving_up_is_told_as_such_and_is_no_proper_end(
    limit: str, value: float, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app.demo, limit, value)
    assert not show(app.demo.events("abrupt_drift", speed=5), as_json=True)
    *_, point, last = events_of(capsys.readouterr().out)
    assert point["tick"] == (value or 1)
    assert last == {
        "event": "end",
        "complete": False,
        "question": None,
        "answer": app.demo.GIVEN_UP,
        "citations": [],
        "model_name": "fraud-scorer",
        "decisions": [],
    }


@pytest.mark.parametrize(
    ("tick", "base", "late"), [(13, None, False), (14, None, True), (11, "1.1", False), (12, "1.1", True)]
)
def test_a_training_that_is_under_way_longer_than_planned_is_late(
    tmp_path: Path, tick: int, base: str | None, late: bool
) -> None:
    store, service = Store(tmp_path), made(CATALOGUE[0], 1)
    recipe = Version(origin="fine_tune" if base else "retrain", concept=1, base=base)
    work = Work(kind="train", version="1.2", serving="1.1", recipe=recipe)
    training = Effect(
        key="k", target=service.name, action=Action.RETRAIN, parameters={}, state="running", done_at="", work=work
    )
    with store.write() as books:
        books.put_service(service)
        books.put_effect(training.evolve(tick=10))
        books.put_tick(tick)
    assert app.demo._is_late(store, service.name) is late
    with store.write() as books:
        books.put_effect(training.evolve(tick=10, state="rollout"))
    assert not app.demo._is_late(store, service.name)
    store.close()


# --- how it is shown -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "status", "said"),
    [
        ("execute", "done", "executor  executed: So it went."),
        ("execute", "failed", "executor  failed: So it went."),
        ("execute", "out_of_bounds", "executor  out of bounds: So it went."),
        ("undo", "undone", "undo  undone: So it went."),
        ("undo", "failed", "undo  failed: So it went."),
        ("undo", "nothing_to_undo", "undo  nothing to undo: So it went."),
    ],
)
def test_what_failed_is_not_told_as_if_it_had_worked(
    event: str, status: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = {"event": event, "status": status, "reasoning": "So it went.", "decision_id": "dec_1"}
    assert not show(iter([told]), as_json=False)
    assert capsys.readouterr().out.split() == [*said.split(), "[dec_1]"]
