"""From a change to its outcome: when it is looked at, what counts, and that what is taken back is seen to be back."""

import json
from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from aurora import Aurora
from aurora.answers import AnalyzeAnswer
from aurora.bootstrap import Tools
from aurora.crashes import Crash
from aurora.domain import (
    MetricPoint,
    Mode,
    ModelSettings,
    Outcome,
    OutcomeReport,
    Serving,
    Step,
    ToolResult,
    Undo,
    Verification,
)

from .conftest import FAILING, DiesAt, ShiftedClock
from .hands import Hand, with_training, world

HOUR = timedelta(hours=1)
Open = Callable[..., Aurora]
Refit = Callable[[Tools], Tools]


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


@dataclass
class Line:
    """The line to a service: some of its look-ups, by number, get no answer."""

    silent: Container[int] = ()
    looks: int = 0


ALL = range(10**9)
"""Every look-up."""


class Cut(Scripted):
    """A training whose service is out of reach whenever its line is silent."""

    def __init__(self, tool: Any, line: Line, **answer: Any) -> None:
        super().__init__(tool, **answer)
        self._line = line

    def look_up(self, key: str) -> ToolResult:
        self._line.looks += 1
        if self._line.looks in self._line.silent:
            raise ConnectionError("503: come back later")
        return super().look_up(key)


class Lost(Cut):
    """Does what it is told, and its answer is lost on the way."""

    def apply(self, step: Step, key: str) -> ToolResult:
        self._tool.apply(step, key)
        raise ConnectionError("reset by peer")


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


def decided(open_aurora: Open, clock: ShiftedClock, refit: Refit) -> tuple[Aurora, AnalyzeAnswer]:
    """Return an AURORA with these tools that has just ordered a training for a model that reports itself."""
    aurora = open_aurora(refit)
    hourly(aurora)
    reports(aurora, clock() - HOUR, 0.72)
    return aurora, aurora.analyze(FAILING)


VERIFYING = 3
"""Which look-up of a change is that of its verification: the sweep and the watch look first."""


def to_be_judged(open_aurora: Open, accuracy: float, hand: type[Cut] = Cut) -> tuple[Aurora, Line, AnalyzeAnswer]:
    """Return an AURORA with a training of this accuracy that has ended, and whose window has not."""
    line = Line()
    aurora = open_aurora(with_training(lambda tool: hand(tool, line, **measured(accuracy))))
    hourly(aurora)
    return aurora, line, aurora.analyze(FAILING)


def scripted_by(says: dict[str, Any], hand: Scripted) -> Scripted:
    """Let `hand` say what `says` holds at the time."""
    hand.answer = says
    return hand


def alerts(aurora: Aurora) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (aurora.parts.home / "alerts.jsonl").read_text().splitlines()]


def nouns(aurora: Aurora, decision: AnalyzeAnswer) -> tuple[Verification, Undo | None]:
    made = aurora.nouns(decision.decision_id)
    return made["verify"][-1], made.get("undo", [None])[-1]


# --- when ------------------------------------------------------------------------------------------------------------


def test_the_window_begins_when_the_change_has_taken_hold(open_aurora: Open, clock: ShiftedClock) -> None:
    start = clock()
    effective = start + 3 * HOUR
    aurora, decision = decided(
        open_aurora, clock, with_training(lambda tool: Scripted(tool, effective_at=effective.isoformat()))
    )

    assert after(aurora, clock, 1.1, decision) is Outcome.PENDING
    assert aurora.ledger.decisions.get(decision.decision_id).verify_at == effective + HOUR
    clock.pass_hours(1.0)
    reports(aurora, start + HOUR, 0.40)
    assert after(aurora, clock, 1.5, decision) is Outcome.PENDING
    clock.pass_hours(0.5)
    reports(aurora, effective, 0.92)
    assert after(aurora, clock, 0.0, decision) is Outcome.BETTER

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
    aurora, decision = decided(
        open_aurora, clock, with_training(lambda tool: Scripted(tool, **measured(0.99, control=0.5)))
    )
    assert after(aurora, clock, 1.1, decision) is Outcome.PENDING
    assert after(aurora, clock, 2.0, decision) is Outcome.PENDING
    assert after(aurora, clock, 1.0, decision) is Outcome.CANNOT_TELL

    seen, undone = nouns(aurora, decision)
    assert "silence is no success" in seen.reasoning
    assert undone is None


def test_a_model_that_reports_late_is_judged_once_it_has(open_aurora: Open, clock: ShiftedClock) -> None:
    aurora, decision = decided(open_aurora, clock, with_training(Scripted))
    assert after(aurora, clock, 1.1, decision) is Outcome.PENDING
    clock.pass_hours(0.9)
    reports(aurora, clock() - HOUR, 0.92)
    assert after(aurora, clock, 0.0, decision) is Outcome.BETTER


def test_an_outage_of_the_tool_at_the_end_of_the_window_ends_no_training(
    open_aurora: Open, clock: ShiftedClock
) -> None:
    start, line, says = clock(), Line(), {"state": "running"}
    aurora, decision = decided(open_aurora, clock, with_training(lambda tool: scripted_by(says, Cut(tool, line))))

    line.silent = ALL
    clock.pass_hours(1.1)
    reports(aurora, start, 0.40)
    assert after(aurora, clock, 0.0, decision) is Outcome.PENDING
    assert after(aurora, clock, 1.0, decision) is Outcome.PENDING
    line.silent = ()
    says |= {"state": "done", "effective_at": (start + 2 * HOUR).isoformat()}
    assert after(aurora, clock, 0.5, decision) is Outcome.PENDING
    clock.pass_hours(0.6)
    reports(aurora, start + 2 * HOUR, 0.92)
    assert after(aurora, clock, 0.0, decision) is Outcome.BETTER


def test_a_tool_that_stays_silent_is_no_verdict_and_people_are_told(open_aurora: Open, clock: ShiftedClock) -> None:
    start, line = clock(), Line()
    aurora, decision = decided(open_aurora, clock, with_training(lambda tool: Cut(tool, line)))
    line.silent = ALL
    clock.pass_hours(4.9)
    reports(aurora, start, 0.40)
    assert after(aurora, clock, 0.0, decision) is Outcome.PENDING
    assert after(aurora, clock, 0.3, decision) is Outcome.CANNOT_TELL

    seen, undone = nouns(aurora, decision)
    assert "503: come back later" in seen.reasoning
    assert undone is None
    assert (
        "its tool cannot be asked (ConnectionError: 503: come back later). Nobody verifies"
        in alerts(aurora)[-1]["message"]
    )


@pytest.mark.parametrize(("success", "outcome"), [(True, "better"), (False, "undone")])
def test_a_person_is_heard_while_the_tool_is_silent(
    open_aurora: Open, clock: ShiftedClock, success: bool, outcome: str
) -> None:
    start, line = clock(), Line()
    aurora, decision = decided(open_aurora, clock, with_training(lambda tool: Cut(tool, line)))
    line.silent = ALL
    clock.pass_hours(1.1)
    reports(aurora, start, 0.40)
    assert after(aurora, clock, 0.0, decision) is Outcome.PENDING
    # At the look of the verification the tool is still silent, at that of the undo it is back.
    line.silent = range(line.looks + 2)
    aurora.report_outcome(decision.decision_id, OutcomeReport(success=success), "ada")
    assert aurora.answer(decision.decision_id).outcome == outcome
    assert nouns(aurora, decision)[0].source == "person"


def test_a_tool_that_goes_silent_just_when_it_is_to_be_judged_is_asked_again(
    open_aurora: Open, clock: ShiftedClock
) -> None:
    aurora, line, decision = to_be_judged(open_aurora, 0.92)
    line.silent = range(VERIFYING, 10**9)
    assert after(aurora, clock, 1.1, decision) is Outcome.PENDING
    assert "verify" not in aurora.nouns(decision.decision_id)
    line.silent = ()
    assert after(aurora, clock, 0.1, decision) is Outcome.BETTER


def test_patience_is_not_used_up_while_aurora_is_not_there(open_aurora: Open, clock: ShiftedClock) -> None:
    start, says = clock(), {"state": "running"}
    refit = with_training(lambda tool: scripted_by(says, Scripted(tool)))
    aurora, decision = decided(open_aurora, clock, refit)

    clock.pass_hours(8)
    aurora = open_aurora(refit)
    reports(aurora, start, 0.40)
    assert after(aurora, clock, 0.0, decision) is Outcome.PENDING
    assert after(aurora, clock, 1.0, decision) is Outcome.PENDING
    says |= {"state": "done", "effective_at": clock().isoformat()}
    clock.pass_hours(1.1)
    reports(aurora, clock() - HOUR, 0.92)
    assert after(aurora, clock, 0.0, decision) is Outcome.BETTER


def test_a_training_that_ended_while_aurora_was_asleep_is_judged_from_when_it_took_hold(
    open_aurora: Open, clock: ShiftedClock
) -> None:
    start, says = clock(), {"state": "running"}
    aurora, decision = decided(open_aurora, clock, with_training(lambda tool: scripted_by(says, Scripted(tool))))
    clock.pass_hours(8.1)
    reports(aurora, start + 5 * HOUR, 0.40)
    reports(aurora, start + 7 * HOUR, 0.92)
    says |= {"state": "done", "effective_at": (start + 7 * HOUR).isoformat()}
    assert after(aurora, clock, 0.0, decision) is Outcome.BETTER


def test_a_training_that_runs_for_too_long_is_no_verdict_and_people_are_told(
    open_aurora: Open, clock: ShiftedClock
) -> None:
    aurora, decision = decided(open_aurora, clock, with_training(lambda tool: Scripted(tool, state="running")))
    assert after(aurora, clock, 3.9, decision) is Outcome.PENDING
    assert after(aurora, clock, 0.2, decision) is Outcome.CANNOT_TELL
    assert "is waited for no longer: it is still running. Nobody verifies" in alerts(aurora)[-1]["message"]


def test_a_model_cannot_be_silent_to_an_aurora_that_is_not_there(open_aurora: Open, clock: ShiftedClock) -> None:
    refit = with_training(Scripted)
    aurora, decision = decided(open_aurora, clock, refit)

    clock.pass_hours(8)
    aurora = open_aurora(refit)
    assert after(aurora, clock, 0.0, decision) is Outcome.PENDING
    clock.pass_hours(1)
    reports(aurora, clock() - HOUR, 0.92)
    assert after(aurora, clock, 0.0, decision) is Outcome.BETTER


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
    told = alerts(aurora)
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


def test_an_undo_outlives_an_outage_of_the_tool(open_aurora: Open, clock: ShiftedClock) -> None:
    aurora, line, decision = to_be_judged(open_aurora, 0.55)
    line.silent = range(VERIFYING + 1, 10**9)
    for hours in (1.1, 0.1):
        assert after(aurora, clock, hours, decision) is Outcome.NOT_BETTER
        assert nouns(aurora, decision)[1] is None
    line.silent = ()
    assert after(aurora, clock, 0.01, decision) is Outcome.UNDONE
    assert world(aurora).version == "1"
    assert intents(aurora, decision) == ["done", "done"]


def test_an_undo_outlives_a_hiccup_at_once(open_aurora: Open, clock: ShiftedClock) -> None:
    aurora, line, decision = to_be_judged(open_aurora, 0.55)
    line.silent = range(VERIFYING + 1, VERIFYING + 3)
    assert after(aurora, clock, 1.1, decision) is Outcome.UNDONE


def test_an_undo_fails_once_the_tool_has_been_silent_for_long_and_people_are_told(
    open_aurora: Open, clock: ShiftedClock
) -> None:
    aurora, line, decision = to_be_judged(open_aurora, 0.55)
    line.silent = range(VERIFYING + 1, 10**9)
    assert after(aurora, clock, 1.1, decision) is Outcome.NOT_BETTER
    clock.pass_hours(8)
    aurora = open_aurora(with_training(lambda tool: Cut(tool, line, **measured(0.55))))
    assert after(aurora, clock, 0.1, decision) is Outcome.NOT_BETTER
    assert nouns(aurora, decision)[1] is None
    assert after(aurora, clock, 0.1, decision) is Outcome.NOT_BETTER

    _, undone = nouns(aurora, decision)
    assert undone is not None
    assert (undone.status, undone.restored) == ("failed", None)
    assert [one["severity"] for one in alerts(aurora)] == ["critical"]
    assert "503: come back later" in alerts(aurora)[0]["message"]


@pytest.mark.parametrize(("accuracy", "silent_from"), [(0.92, VERIFYING), (0.55, VERIFYING + 1)])
def test_a_wish_to_take_it_back_is_heard_wherever_the_run_waits_for_the_tool(
    open_aurora: Open, clock: ShiftedClock, accuracy: float, silent_from: int
) -> None:
    aurora, line, decision = to_be_judged(open_aurora, accuracy)
    line.silent = range(silent_from, 10**9)
    after(aurora, clock, 1.1, decision)
    line.silent = ()
    assert aurora.undo(decision.decision_id, "we changed our mind", "ada").outcome == "undone"
    _, undone = nouns(aurora, decision)
    assert undone is not None
    assert undone.by == "ada"
    assert intents(aurora, decision) == ["done", "done"]


def test_what_failed_without_an_answer_is_taken_back_once_by_its_own_decision(
    open_aurora: Open, clock: ShiftedClock
) -> None:
    line = Line(silent=ALL)
    aurora = open_aurora(with_training(lambda tool: Lost(tool, line)))
    decision = aurora.analyze(FAILING)
    assert decision.status == "failed"
    line.silent = ()
    clock.pass_hours(0.1)
    aurora.sweep()
    undone = aurora.nouns(decision.decision_id)["undo"][-1]
    assert (undone.status, undone.restored) == ("undone", True)
    assert world(aurora).version == "1"


class Counted(Scripted):
    """A training that takes back as often as it is told to."""

    def __init__(self, tool: Any, undone: list[str]) -> None:
        super().__init__(tool, **measured(0.55))
        self._undone = undone

    def undo(self, step: Step, key: str, before: dict[str, object]) -> ToolResult:
        self._undone.append(key)
        found: ToolResult = self._tool.undo(step, key, before)
        return found


@pytest.mark.parametrize("point", [Crash.UNDO_APPLIED, Crash.UNDO_FINISHED])
def test_a_process_that_died_after_taking_back_does_not_do_so_twice(
    open_aurora: Open, clock: ShiftedClock, dies_at: DiesAt, point: Crash
) -> None:
    undone: list[str] = []
    aurora = open_aurora(with_training(lambda tool: Counted(tool, undone)))
    decision = aurora.analyze(FAILING)
    clock.pass_hours(0.1)
    with dies_at(point):
        aurora.sweep()
    assert (len(undone), nouns(aurora, decision)[1]) == (1, None)
    assert after(aurora, clock, 0.1, decision) is Outcome.UNDONE
    assert len(undone) == 1
    assert intents(aurora, decision) == ["done", "done"]


def test_what_was_to_be_taken_back_stays_when_aurora_was_stopped_before_it_was(
    open_aurora: Open, clock: ShiftedClock, dies_at: DiesAt
) -> None:
    undone: list[str] = []
    aurora = open_aurora(with_training(lambda tool: Counted(tool, undone)))
    decision = aurora.analyze(FAILING)
    clock.pass_hours(0.1)
    with dies_at(Crash.UNDO_BEGUN):
        aurora.sweep()
    aurora.ledger.installation.set_mode(Mode.STOPPED, "", "ada")
    assert after(aurora, clock, 0.1, decision) is Outcome.NOT_BETTER
    _, undo = nouns(aurora, decision)
    assert undo is not None
    assert (undo.status, "AURORA is stopped" in undo.reasoning, undone) == ("failed", True, [])
    assert intents(aurora, decision) == ["done", "failed"]


def intents(aurora: Aurora, decision: AnalyzeAnswer) -> list[str]:
    return [intent.state for intent in aurora.ledger.intents.of_decision(decision.decision_id)]
