"""`aurora demo` as people and programs see it: one incident from its first sign to the answer why, and nothing left."""

import json
import signal
import subprocess
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import psutil
import pytest

from app.cli import Incidents
from app.cli_demo import INCIDENTS
from aurora.domain import MetricPoint
from aurora.sandbox.fleet.catalogue import CATALOGUE, HOSTS
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

    assert last["event"] == "end"
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
def running(left: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [AURORA, "demo", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(left.parent / "home", {"TMPDIR": str(left)}),
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
