"""From a change to its outcome: when it is looked at, what counts, and that what is taken back is seen to be back."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from aurora import Aurora
from aurora.answers import AnalyzeAnswer
from aurora.domain import MetricPoint, ModelSettings, Outcome, Serving, Step, ToolResult, Undo, Verification

from .conftest import FAILING, ShiftedClock
from .hands import Hand, with_training, world

HOUR = timedelta(hours=1)
Open = Callable[..., Aurora]


class Scripted(Hand):
    """A training that has ended, and says of itself what a test lets it say."""

    def __init__(self, tool: Any, **answer: Any) -> None:
        super().__init__(tool)
        self.answer: dict[str, Any] = {"state": "done", **answer}

    def look_up(self, key: str) -> ToolResult:
        found: ToolResult = self._tool.look_up(key)
        if found.status == "no_data" or key.endswith(":undo"):
            return found
        return found.evolve(status="ok", answer=self.answer)


def measured(after: float, **more: float) -> dict[str, Any]:
    return {"metrics": {"accuracy": {"before": 0.72, "after": after, "samples": 500, **more}}}


def hourly(aurora: Aurora) -> None:
    """Let a change of the default model be looked at after an hour."""
    settings = {"verify_minutes": 60, "cooldown_minutes": 0}
    aurora.put_settings("default", ModelSettings.model_validate(settings), "ada")


def reports(aurora: Aurora, start: datetime, accuracy: float, **more: Any) -> None:
    """Let the default model report every five minutes for an hour."""
    told = {"model_name": "default", "accuracy": accuracy, "labels": 400, "throughput_rps": 50.0} | more
    times = [start + number * timedelta(minutes=5) for number in range(12)]
    aurora.add_metrics([MetricPoint.model_validate({**told, "timestamp": at}) for at in times])


def after(aurora: Aurora, clock: ShiftedClock, hours: float, decision: AnalyzeAnswer) -> Outcome | None:
    """Let hours pass, look, and return how it stands."""
    clock.pass_hours(hours)
    aurora.sweep()
    return aurora.ledger.decisions.get(decision.decision_id).outcome


def nouns(aurora: Aurora, decision: AnalyzeAnswer) -> tuple[Verification, Undo | None]:
    made = aurora.nouns(decision.decision_id)
    return made["verify"][-1], made.get("undo", [None])[-1]


# --- when ------------------------------------------------------------------------------------------------------------


def test_the_window_begins_when_the_change_has_taken_hold(open_aurora: Open, clock: ShiftedClock) -> None:
    start = clock()
    effective = start + 3 * HOUR
    aurora = open_aurora(with_training(lambda tool: Scripted(tool, effective_at=effective.isoformat())))
    hourly(aurora)
    reports(aurora, start - HOUR, 0.72)
    decision = aurora.analyze(FAILING)

    reports(aurora, start + HOUR, 0.40)
    assert after(aurora, clock, 1.1, decision) is Outcome.PENDING
    assert aurora.ledger.decisions.get(decision.decision_id).verify_at == effective + HOUR
    reports(aurora, effective, 0.92)
    assert after(aurora, clock, 2.5, decision) is Outcome.PENDING
    assert after(aurora, clock, 0.5, decision) is Outcome.BETTER

    seen, _ = nouns(aurora, decision)
    assert (seen.source, seen.before, seen.after) == ("history", 0.72, 0.92)


@pytest.mark.parametrize(
    ("told", "hours"), [("2999-01-01T00:00:00Z", 5.1), ("soon", 1.1), (17, 1.1), ("2001-01-01T00:00:00Z", 1.1)]
)
def test_a_tool_that_tells_nonsense_of_the_time_is_not_waited_for_longer_than_any_other(
    open_aurora: Open, clock: ShiftedClock, told: Any, hours: float
) -> None:
    aurora = open_aurora(with_training(lambda tool: Scripted(tool, effective_at=told, **measured(0.92))))
    hourly(aurora)
    decision = aurora.analyze(FAILING)
    assert after(aurora, clock, hours - 0.2, decision) is Outcome.PENDING
    assert after(aurora, clock, 0.2, decision) is Outcome.BETTER


def test_a_model_that_used_to_report_and_keeps_silent_is_waited_for_and_never_better(
    open_aurora: Open, clock: ShiftedClock
) -> None:
    aurora = open_aurora(with_training(lambda tool: Scripted(tool, **measured(0.99, control=0.5))))
    hourly(aurora)
    reports(aurora, clock() - HOUR, 0.72)
    decision = aurora.analyze(FAILING)
    assert after(aurora, clock, 1.1, decision) is Outcome.PENDING
    assert after(aurora, clock, 2.0, decision) is Outcome.PENDING
    assert after(aurora, clock, 1.0, decision) is Outcome.CANNOT_TELL

    seen, undone = nouns(aurora, decision)
    assert "silence is no success" in seen.reasoning
    assert undone is None


def test_a_model_that_reports_late_is_judged_once_it_has(open_aurora: Open, clock: ShiftedClock) -> None:
    aurora = open_aurora(with_training(Scripted))
    hourly(aurora)
    reports(aurora, clock() - HOUR, 0.72)
    decision = aurora.analyze(FAILING)
    assert after(aurora, clock, 1.1, decision) is Outcome.PENDING
    reports(aurora, clock(), 0.92)
    assert after(aurora, clock, 0.9, decision) is Outcome.BETTER


# --- what counts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (measured(0.86, control=0.9), "without: worse"),
        (measured(0.9, control=0.9), "without: no better"),
        ({"phase": "withdrawn"}, "withdrawn"),
    ],
)
def test_a_canary_that_lost_is_taken_back_and_the_service_is_seen_to_be_as_before(
    open_aurora: Open, answer: dict[str, Any], said: str
) -> None:
    aurora = open_aurora(with_training(lambda tool: Scripted(tool, **answer)))
    aurora.analyze(FAILING, dry_run=True)
    before = world(aurora)
    decision = aurora.analyze(FAILING)
    assert aurora.drain(60)
    assert aurora.answer(decision.decision_id).outcome == "undone"
    assert world(aurora) == before

    seen, undone = nouns(aurora, decision)
    assert said in seen.reasoning
    assert undone is not None
    assert (undone.status, undone.restored) == ("undone", True)
    assert "seen to be as before" in undone.reasoning


# --- what is taken back ----------------------------------------------------------------------------------------------


class Useless(Scripted):
    """A training whose model is worse, told once it serves."""

    def __init__(self, tool: Any) -> None:
        super().__init__(tool, **measured(0.55))

    def look_up(self, key: str) -> ToolResult:
        found: ToolResult = self._tool.look_up(key)
        return found if found.answer.get("state") == "running" else super().look_up(key)


class Stubborn(Useless):
    """Says that it has taken it back, and has not."""

    def undo(self, step: Step, key: str, before: dict[str, object]) -> ToolResult:
        return ToolResult(status="ok", called="sandbox.training.undo", answer={"state": "done"})


class Slow(Useless):
    """Has taken it back by the third look."""

    looks: int | None = None
    asked: tuple[Any, ...] = ()

    def undo(self, *asked: Any) -> ToolResult:
        self.looks, self.asked = 0, asked
        return ToolResult(status="ok", called="sandbox.training.undo", answer={"state": "running"})

    def observe(self, target: str) -> Serving:
        if self.looks is not None:
            self.looks += 1
            if self.looks == 3:
                self._tool.undo(*self.asked)
        seen: Serving = self._tool.observe(target)
        return seen


class Blind(Useless):
    """Cannot see what serves."""

    def observe(self, target: str) -> Serving:
        return Serving()


def test_an_undo_that_did_not_bring_back_what_was_is_a_failed_one_and_people_are_told(open_aurora: Open) -> None:
    aurora = open_aurora(with_training(Stubborn), tool_timeout_seconds=1.0)
    decision = aurora.analyze(FAILING)
    assert aurora.drain(60)

    assert aurora.answer(decision.decision_id).outcome == "not_better"
    _, undone = nouns(aurora, decision)
    assert undone is not None
    assert (undone.status, undone.restored) == ("failed", False)
    assert "version 2 instead of 1" in undone.reasoning
    told = [json.loads(line) for line in (aurora.parts.home / "alerts.jsonl").read_text().splitlines()]
    assert [one["severity"] for one in told] == ["critical"]
    assert "not seen to be as before" in told[0]["message"]


def test_a_person_is_told_too_when_what_they_wanted_back_is_not_back(open_aurora: Open) -> None:
    aurora = open_aurora(with_training(Stubborn), tool_timeout_seconds=1.0)
    decision = aurora.analyze(FAILING)
    assert aurora.drain(60)
    answer = aurora.undo(decision.decision_id, "we changed our mind", "ada")
    _, undone = nouns(aurora, decision)
    assert answer.outcome == "not_better"
    assert undone is not None
    assert undone.reasoning.startswith("ada asked for it: we changed our mind")
    assert undone.restored is False


def test_a_tool_that_needs_a_moment_is_given_it(open_aurora: Open) -> None:
    aurora = open_aurora(with_training(Slow))
    aurora.analyze(FAILING, dry_run=True)
    before = world(aurora)
    decision = aurora.analyze(FAILING)
    assert aurora.drain(60)
    _, undone = nouns(aurora, decision)
    assert undone is not None
    assert (undone.status, undone.restored) == ("undone", True)
    assert world(aurora) == before


def test_where_the_tool_cannot_see_it_nobody_claims_to_have_seen_it(open_aurora: Open) -> None:
    aurora = open_aurora(with_training(Blind))
    decision = aurora.analyze(FAILING)
    assert aurora.drain(60)
    _, undone = nouns(aurora, decision)
    assert undone is not None
    assert (undone.status, undone.restored) == ("undone", None)
    assert "cannot tell" in undone.reasoning
