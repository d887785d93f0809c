"""learn and report: every ending becomes a case in the ledger; only seen outcomes move belief. Then the last word."""

from aurora.crashes import Crash, crash_point
from aurora.domain import (
    Action,
    Ending,
    Lesson,
    MemoryKind,
    NewEntry,
    Notice,
    Outcome,
    Report,
    Standing,
    Status,
    Trust,
)
from aurora.graph.deps import Run
from aurora.graph.recorded import Draft, recorded, standing_of
from aurora.graph.rounds import the_situation, watched
from aurora.graph.state import State
from aurora.observe import describe
from aurora.policy.features import features

ENDINGS = {
    Ending.DENIED: "refused by a guardrail",
    Ending.CRITIC_REJECTED: "rejected by the critic",
    Ending.GAVE_UP: "given up after the last revision",
    Ending.HUMAN_REJECTED: "rejected by a person",
    Ending.EXPIRED: "expired before anybody answered",
    Ending.TOOL_FAILED: "failed in the tool",
    Ending.OVER_BUDGET: "stopped over its budget",
    Ending.TIMED_OUT: "stopped at its deadline",
}

OUTCOMES = {
    Outcome.PENDING: "its outcome is not known yet",
    Outcome.BETTER: "it helped",
    Outcome.NOT_BETTER: "it did not help",
    Outcome.UNDONE: "it was taken back",
    Outcome.CANNOT_TELL: "whether it helped cannot be told",
}


@recorded("lesson", Lesson, watched)
def learn(state: State, run: Run) -> Draft[Lesson]:
    """Write the case down. A dry run is no case: nothing came of it and nothing will."""
    if state.verification is not None:
        crash_point(Crash.OUTCOME_VERIFIED)
    situation, where = the_situation(state), standing_of(state)
    seen = describe(situation)
    # Whether it helped is told when the case is recalled: a person may still take it back.
    text = f"{seen} Action: {action_of(state)}. Result: {_ended(where)}."
    success, trust = judged(state)
    lesson = Lesson(entry_id=None, text=text, success=success, verified=trust is Trust.VERIFIED)
    if where.status is Status.PROPOSED:
        return Draft(lesson)
    if watched(state, run) > 0 and (0, "learn") in run.recorded:
        # What a person takes back after it had ended did not help after all.
        run.ledger.entries.set_outcome(state.decision_id, success, trust)
        return Draft(lesson)
    entry = NewEntry(
        id=f"mem_{state.decision_id.removeprefix('dec_')}",
        kind=MemoryKind.DECISION,
        text=text,
        situation=seen,
        model_name=situation.telemetry.model_name,
        decision_type=action_of(state),
        success=success,
        trust=trust,
        source="aurora",
        decision_id=state.decision_id,
        features=features(situation),
        telemetry=situation.telemetry.model_dump(mode="json", exclude_none=True, exclude={"notes"}),
        simulated=situation.simulated,
    )
    return Draft(lesson.evolve(entry_id=entry.id), entry=entry)


def judged(state: State) -> tuple[bool | None, Trust]:
    """Return whether the action helped, and how we know; None where nobody can tell."""
    seen = state.verification
    if seen is None or seen.outcome == "cannot_tell":
        # Taken back before anything was measured: that says nothing of what the action would have done.
        return None, Trust.TOLD
    if state.wake is not None and state.wake.reason == "undo_requested":
        return False, Trust.REPORTED
    return seen.outcome == "better", Trust.VERIFIED if seen.verified else Trust.REPORTED


@recorded("report", Report, watched)
def report(state: State, run: Run) -> Draft[Report]:
    """Say in one place what was decided, done and seen; tell people where it went wrong."""
    where, name = standing_of(state), the_situation(state).telemetry.model_name
    headline = f"{action_of(state)} for {name}: {_result(where)}"
    word = Report(headline=headline, text=" ".join(_sentences(state)))
    stuck = state.undo is not None and state.undo.status == "failed"
    if not stuck and where.status is not Status.FAILED and where.outcome not in (Outcome.NOT_BETTER, Outcome.UNDONE):
        return Draft(word)
    notice = Notice(
        event_id=f"{state.decision_id}:{watched(state, run)}:report",
        model_name=name,
        severity="critical" if stuck or where.status is Status.FAILED else "warning",
        message=f"{headline}. {_why_it_ended(state)}".strip(),
        decision_id=state.decision_id,
    )
    return Draft(word, notices=(notice,))


def _why_it_ended(state: State) -> str:
    """Return the newest reason alone: an alert is read on a phone."""
    nouns = (state.undo, state.verification, state.execution)
    return next((noun.reasoning for noun in nouns if noun is not None), "")


def action_of(state: State) -> Action:
    """Return what the decision was about in the end: what ran, else what was ruled, else what was planned."""
    for noun in (state.execution, state.ruling, state.plan):
        if noun is not None:
            return noun.step.action
    return Action.NO_ACTION


def _ended(where: Standing) -> str:
    return ENDINGS[where.ending] if where.ending else where.status.value.replace("_", " ")


def _result(where: Standing) -> str:
    return f"{_ended(where)}; {OUTCOMES[where.outcome]}" if where.outcome else _ended(where)


def _sentences(state: State) -> list[str]:
    nouns = (state.plan, state.critique, state.execution, state.verification, state.undo)
    said = [noun.reasoning for noun in nouns if noun is not None]
    rules = [finding.reason for finding in state.ruling.findings] if state.ruling else []
    return [*said[:2], *rules, *said[2:]]
