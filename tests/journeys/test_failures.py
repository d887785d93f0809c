"""What AURORA does when a hand fails, lies, hangs, or does not help."""

import time
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from aurora import Aurora
from aurora.answers import AnalyzeAnswer
from aurora.bootstrap import Tools
from aurora.crashes import Crash
from aurora.domain import Action, Mode, ModelSettings, OutcomeReport, Step, ToolResult
from aurora.errors import Conflict
from aurora.graph import executor
from tests.ledger.story import allow

from .conftest import FAILING, Died, DiesAt, ShiftedClock
from .hands import Hand, with_training, world


class Refusing(Hand):
    """A service that is out of quota."""

    def apply(self, step: Step, key: str) -> ToolResult:
        return ToolResult(status="failed", called="sandbox.training.apply", detail="429: quota exceeded for GPUs")


class Raising(Hand):
    """A tool with a bug."""

    def apply(self, step: Step, key: str) -> ToolResult:
        raise RuntimeError("this is a bug")


class Hanging(Hand):
    """A service that does not answer in time."""

    def apply(self, step: Step, key: str) -> ToolResult:
        time.sleep(1)
        return ToolResult(status="ok", called="late")


class Useless(Hand):
    """A training whose model is no better."""

    def look_up(self, key: str) -> ToolResult:
        found: ToolResult = self._tool.look_up(key)
        worse = {"accuracy": {"before": 0.72, "after": 0.55, "samples": 500}}
        done = found.status == "ok" and found.answer.get("state") == "done" and not key.endswith(":undo")
        return found.evolve(answer={**found.answer, "metrics": worse}) if done else found


@pytest.mark.parametrize(
    ("hand", "ending", "said"),
    [
        (Refusing, "tool_failed", "429: quota exceeded for GPUs"),
        (Raising, "tool_failed", "this is a bug"),
        (Hanging, "timed_out", "not known"),
    ],
)
def test_a_tool_that_fails_leaves_a_failed_decision_with_what_it_said(
    open_aurora: Callable[..., Aurora], hand: type[Hand], ending: str, said: str
) -> None:
    aurora = open_aurora(with_training(hand), tool_timeout_seconds=0.3)
    answer = aurora.analyze(FAILING)
    assert (answer.status, answer.ending) == ("failed", ending)
    assert answer.execution_result is not None
    assert said in answer.execution_result.context["detail"]


def test_what_did_not_help_is_undone_and_the_world_is_as_before(open_aurora: Callable[..., Aurora]) -> None:
    aurora = open_aurora(with_training(Useless))
    aurora.analyze(FAILING, dry_run=True)
    before = world(aurora)
    answer = aurora.analyze(FAILING)
    assert aurora.drain(60)
    after = aurora.answer(answer.decision_id)
    assert (after.status, after.outcome) == ("executed", "undone")
    assert world(aurora) == before
    assert aurora.record(answer.decision_id)["steps"]["learn"][0]["success"] is False


@pytest.mark.parametrize("wait", [0, 60])
def test_a_person_can_take_an_action_back_before_and_after_it_was_verified(aurora: Aurora, wait: float) -> None:
    aurora.analyze(FAILING, dry_run=True)
    before = world(aurora)
    answer = aurora.analyze(FAILING)
    aurora.drain(wait)
    after = aurora.undo(answer.decision_id, "we changed our mind", "ada")
    assert after.outcome == "undone"
    assert world(aurora) == before
    with pytest.raises(Conflict):
        aurora.undo(answer.decision_id, "again", "ada")
    # Before its outcome was seen nobody knows whether it would have helped.
    cases = aurora.memory.recall_turned_out(Action.RETRAIN, "a model that loses accuracy", simulated=True, top_k=50)
    assert [one.success for one in cases if one.decision_id == answer.decision_id] == ([False] if wait else [])


def test_nothing_is_taken_back_under_a_change_that_is_under_way(aurora: Aurora) -> None:
    first = aurora.analyze(FAILING)
    assert aurora.drain(60)
    later, step = aurora.analyze(FAILING, dry_run=True).decision_id, Step(action=Action.SCALE, target="default")
    aurora.ledger.intents.begin("later", later, step, "sandbox.scaling", allow)
    with pytest.raises(Conflict, match="take that back first, or wait for its outcome"):
        aurora.undo(first.decision_id, "the older one", "ada")
    assert aurora.ledger.decisions.undo_requested(first.decision_id) is None


def test_nothing_is_taken_back_of_a_decision_that_did_nothing(aurora: Aurora) -> None:
    answer = aurora.analyze({"model_metrics": {"accuracy": 0.9}, "baseline": {"accuracy": 0.9}})
    assert answer.status == "no_action"
    with pytest.raises(Conflict):
        aurora.undo(answer.decision_id, "…", "ada")
    with pytest.raises(Conflict):
        aurora.report_outcome(answer.decision_id, OutcomeReport(success=True), "ada")


def test_an_executor_that_strays_goes_back_to_the_gate(aurora: Aurora, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever chooses the call, what runs is what was ruled."""
    stray = Step(action=Action.SCALE, target="default", parameters={"replicas": 5000, "from": 2})
    monkeypatch.setattr(executor, "choose_call", lambda ruling: stray)
    answer = aurora.analyze(FAILING)
    assert (answer.status, answer.ending) == ("rejected", "denied")
    assert aurora.ledger.intents.of_decision(answer.decision_id) == []


@pytest.mark.parametrize(
    ("mode", "status", "ending"),
    [
        (Mode.STOPPED, "rejected", "denied"),
        (Mode.OBSERVE, "proposed", None),
        (Mode.ASK, "awaiting_approval", None),
        (Mode.AUTONOMOUS, "executed", None),
    ],
)
def test_the_mode_of_the_installation_holds(aurora: Aurora, mode: Mode, status: str, ending: str | None) -> None:
    aurora.ledger.installation.set_mode(mode, "test", "ada")
    answer = aurora.analyze(FAILING)
    assert (answer.status, answer.ending) == (status, ending)
    if status != "executed":
        assert answer.execution_result is None
        assert aurora.ledger.intents.of_decision(answer.decision_id) == []


@pytest.mark.parametrize("success", [True, False])
def test_an_outcome_that_a_person_reports_is_shown_and_moves_no_confidence(aurora: Aurora, success: bool) -> None:
    def looked() -> AnalyzeAnswer:
        return aurora.analyze(FAILING, dry_run=True)

    before = looked()
    answer = aurora.analyze(FAILING)
    aurora.report_outcome(answer.decision_id, OutcomeReport(success=success), "ada")
    after = looked()
    ending = "It helped." if success else "It did not help."
    assert any(case.summary.endswith(ending) for case in after.recalled)
    assert before.planner_decision is not None
    assert after.planner_decision is not None
    assert after.planner_decision.confidence == before.planner_decision.confidence


class Broken(Hand):
    """A service whose every question fails: `effects` counts what it was told to do."""

    effects = 0

    def look_up(self, key: str) -> ToolResult:
        raise ConnectionError("503")

    def apply(self, step: Step, key: str) -> ToolResult:
        type(self).effects += 1
        raise ConnectionError("reset by peer")


def test_an_effect_of_which_nothing_is_known_is_neither_repeated_nor_called_a_success(
    open_aurora: Callable[..., Aurora], clock: ShiftedClock
) -> None:
    aurora = open_aurora(with_training(Broken))
    answer = aurora.analyze(FAILING)
    assert (answer.status, answer.ending) == ("failed", "tool_failed")
    clock.pass_hours(1)
    aurora.sweep()
    aurora.sweep()
    assert Broken.effects == 1
    assert [intent.state for intent in aurora.ledger.intents.of_decision(answer.decision_id)] == ["unknown"]
    assert aurora.health()["components"]["database"] == "operational"


class Late(Hand):
    """A service that answers too late, and does what it was told all the same."""

    def apply(self, step: Step, key: str) -> ToolResult:
        time.sleep(1)
        found: ToolResult = self._tool.apply(step, key)
        return found


def test_what_comes_after_its_decision_failed_is_taken_back(
    open_aurora: Callable[..., Aurora], clock: ShiftedClock
) -> None:
    aurora = open_aurora(with_training(Late), tool_timeout_seconds=0.3)
    aurora.analyze(FAILING, dry_run=True)
    before = world(aurora)
    answer = aurora.analyze(FAILING)
    assert answer.ending == "timed_out"
    until = time.monotonic() + 20
    while aurora.tools[Action.RETRAIN].look_up(f"{answer.decision_id}:0:retrain").status == "no_data":
        assert time.monotonic() < until
        time.sleep(0.05)
    clock.pass_hours(1)
    aurora.sweep()
    assert world(aurora) == before
    assert [intent.state for intent in aurora.ledger.intents.of_decision(answer.decision_id)] == ["failed"]


class Merciless(Late):
    """A late service that takes back as often as it is told to, and goes on telling of what it had done."""

    undone: ClassVar[list[str]] = []

    def look_up(self, key: str) -> ToolResult:
        found: ToolResult = self._tool.look_up(key)
        return found if found.status == "no_data" else found.evolve(status="ok")

    def undo(self, step: Step, key: str, before: dict[str, object]) -> ToolResult:
        self.undone.append(key)
        found: ToolResult = self._tool.undo(step, key, before)
        return found


def test_a_process_that_died_after_taking_back_what_came_late_does_not_do_so_twice(
    open_aurora: Callable[..., Aurora], clock: ShiftedClock, dies_at: DiesAt
) -> None:
    Merciless.undone.clear()
    aurora = open_aurora(with_training(Merciless), tool_timeout_seconds=0.3)
    answer = aurora.analyze(FAILING)
    until = time.monotonic() + 20
    while aurora.tools[Action.RETRAIN].look_up(f"{answer.decision_id}:0:retrain").status == "no_data":
        assert time.monotonic() < until
        time.sleep(0.05)
    clock.pass_hours(1)
    with dies_at(Crash.LATE_UNDONE), pytest.raises(Died):
        aurora.sweep()
    aurora.sweep()
    assert len(Merciless.undone) == 1
    assert [intent.state for intent in aurora.ledger.intents.of_decision(answer.decision_id)] == ["failed"]


def test_an_alert_that_cannot_be_delivered_holds_nobody_up_and_is_tried_again(
    open_aurora: Callable[..., Aurora],
) -> None:
    def refit(tools: Tools) -> Tools:
        return {**tools, Action.ALERT: Raising(tools[Action.ALERT])}

    aurora = open_aurora(refit)
    aurora.put_settings("default", ModelSettings.model_validate({"mode": "ask"}), "ada")
    assert aurora.analyze(FAILING).status == "awaiting_approval"
    aurora.sweep()
    assert len(aurora.ledger.outbox.pending(10)) == 1


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"autonomy": {"retrain": "never"}}, "autonomy"),
        ({"mode": "ask", "limits": {"actions_per_day": 0}}, "actions_per_day"),
        ({"mode": "observe"}, None),
        ({"mode": "stopped"}, "kill_switch"),
    ],
)
def test_what_a_person_changes_while_an_approval_waits_holds_when_it_is_given(
    aurora: Aurora, waiting: AnalyzeAnswer, change: dict[str, Any], rule: str | None
) -> None:
    aurora.put_settings("default", ModelSettings.model_validate(change), "ada")
    assert waiting.approval_id is not None
    after = aurora.settle(waiting.approval_id, "approve", by="bob")
    assert aurora.ledger.intents.of_decision(waiting.decision_id) == []
    assert after.status == ("proposed" if rule is None else "rejected")
    assert rule is None or rule in [finding.rule for finding in after.rules]
