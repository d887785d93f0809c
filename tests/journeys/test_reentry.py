"""SQL is the truth: a checkpoint, an index, a process may go at any moment, and nothing but time is lost."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aurora import Aurora
from aurora.answers import AnalyzeAnswer
from aurora.bootstrap import Tools
from aurora.domain import ModelSettings
from aurora.errors import Misconfigured
from aurora.settings import Settings

from .conftest import FAILING, ShiftedClock


def forget_checkpoints(home: Path) -> None:
    for path in home.glob("checkpoints.db*"):
        path.unlink()


def nouns(aurora: Aurora, decision_id: str) -> list[Any]:
    return [(row.node, row.round, row.body) for row in aurora.ledger.decisions.nouns(decision_id)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_without_its_checkpoint_an_approved_decision_goes_on_from_the_ledger(
    open_aurora: Callable[..., Aurora], home: Path
) -> None:
    aurora = open_aurora()
    aurora.put_settings("default", ModelSettings.model_validate({"mode": "ask"}), "ada")
    waiting = aurora.analyze(FAILING)
    before = nouns(aurora, waiting.decision_id)
    aurora.close()
    forget_checkpoints(home)

    aurora = open_aurora()
    assert waiting.approval_id is not None
    after = aurora.settle(waiting.approval_id, "approve", by="ada")
    assert after.status == "executed"
    assert nouns(aurora, waiting.decision_id)[: len(before)] == before


def test_without_its_checkpoint_an_executed_decision_is_verified_and_acts_once(
    open_aurora: Callable[..., Aurora], home: Path
) -> None:
    aurora = open_aurora()
    answer = aurora.analyze(FAILING)
    aurora.close()
    forget_checkpoints(home)

    aurora = open_aurora()
    assert aurora.drain(60)
    assert aurora.answer(answer.decision_id).outcome == "better"
    assert len(aurora.ledger.intents.of_decision(answer.decision_id)) == 1


def test_damaged_checkpoints_are_put_aside_and_the_decision_goes_on(
    open_aurora: Callable[..., Aurora], home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    aurora = open_aurora()
    answer = aurora.analyze(FAILING)
    aurora.close()
    forget_checkpoints(home)
    (home / "checkpoints.damaged-1.db").write_bytes(b"an earlier one")
    (home / "checkpoints.db").write_bytes(b"no database at all " * 100)

    aurora = open_aurora()

    assert aurora.drain(60)
    assert aurora.answer(answer.decision_id).outcome == "better"
    (kept,) = home.glob("checkpoints.damaged-*")
    assert kept.read_bytes().startswith(b"no database")
    assert "checkpoints were damaged" in caplog.text


def test_a_start_that_fails_leaves_the_folder_to_the_next(home: Path, clock: ShiftedClock) -> None:
    def broken(_: Tools) -> Tools:
        raise Misconfigured("no such backend")

    for _ in range(2):
        with pytest.raises(Misconfigured, match="no such backend"):
            Aurora.open(Settings(home=home), clock, broken)

    with Aurora.open(Settings(home=home), clock) as aurora:
        assert aurora.health()["components"]["database"] == "operational"


def test_an_index_that_is_gone_is_rebuilt_from_the_ledger(open_aurora: Callable[..., Aurora], home: Path) -> None:
    aurora = open_aurora()
    aurora.analyze(FAILING)
    assert aurora.drain(60)
    before = [one.id for one in aurora.memory.search("drift and low accuracy", top_k=5)]
    aurora.close()
    shutil.rmtree(home / "chroma")

    aurora = open_aurora()
    assert aurora.memory.wait_ready(60)
    assert [one.id for one in aurora.memory.search("drift and low accuracy", top_k=5)] == before


def test_a_decision_that_was_only_recorded_is_carried_on_by_the_sweep(aurora: Aurora, clock: ShiftedClock) -> None:
    """What a process that died right after accepting a request leaves behind."""
    from aurora.domain import Telemetry

    opened = aurora.open_decision(Telemetry.model_validate(FAILING))
    assert aurora.sweep() == 0
    assert aurora.answer(opened).status == "running"
    clock.pass_hours(0.01)
    assert aurora.sweep() == 1
    assert aurora.answer(opened).status == "executed"


def test_advancing_again_changes_nothing(aurora: Aurora, waiting: AnalyzeAnswer) -> None:
    before = nouns(aurora, waiting.decision_id)
    for _ in range(3):
        aurora.submit_advance(waiting.decision_id).result()
    assert nouns(aurora, waiting.decision_id) == before


def test_a_wish_to_take_back_whose_process_died_is_carried_out_by_the_sweep(
    aurora: Aurora, clock: ShiftedClock
) -> None:
    answer = aurora.analyze(FAILING)
    assert aurora.drain(60)
    assert aurora.answer(answer.decision_id).outcome == "better"
    aurora.ledger.decisions.request_undo(answer.decision_id, "we changed our mind", "ada")
    clock.pass_hours(0.01)
    assert aurora.sweep() == 1
    assert aurora.answer(answer.decision_id).outcome == "undone"
    assert aurora.sweep() == 0


@pytest.mark.parametrize("node", ["observe", "plan", "critique", "rule", "execute", "learn", "report"])
def test_a_run_that_broke_off_before_a_node_goes_on_from_there_after_a_restart(
    open_aurora: Callable[..., Aurora],
    clock: ShiftedClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    node: str,
) -> None:
    """A process that dies in the middle, as its checkpoint and its ledger see it."""
    from aurora.ledger.decisions import Decisions

    record = Decisions.record

    def broken(self: Decisions, id: str, round: int, name: str, *rest: Any, **more: Any) -> str:
        if name == node:
            raise ConnectionError("the process is gone")
        return record(self, id, round, name, *rest, **more)

    aurora = open_aurora()
    monkeypatch.setattr(Decisions, "record", broken)
    with pytest.raises(ConnectionError):
        aurora.analyze({"model_metrics": {"error_rate": 0.4}}, decision_id="dec_broken")
    monkeypatch.setattr(Decisions, "record", record)

    aurora = open_aurora()
    clock.pass_hours(0.01)
    aurora.sweep()
    after = aurora.record("dec_broken")
    assert (after["status"], list(after["steps"])[-1]) == ("executed", "report")
    assert all(len(made) == 1 for made in after["steps"].values())
    assert len(after["intents"]) == 1
    assert "Blocked deserialization" not in caplog.text
