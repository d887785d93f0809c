"""Finds the decisions that a question is about, and says what had to be assumed for that or was not found."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import takewhile, tee
from typing import TYPE_CHECKING

from app.chat_answers import NOUN
from app.chat_question import Question
from app.chat_records import PAGE, Records, find_decision, newest_first
from app.chat_words import Intent
from aurora.domain import CHANGING, TRAINING, Status

if TYPE_CHECKING:
    from aurora.ledger.records import DecisionRecord


@dataclass(frozen=True)
class Thread:
    """What was talked about last."""

    decision_id: str | None = None
    model: str | None = None


@dataclass(frozen=True)
class Focus:
    """The decision a question is about, and what had to be assumed or was not found."""

    decision: "DecisionRecord | None"
    note: str = ""
    found: bool = True
    """Whether the decision is what was asked for, and not just the last one there is."""


_FITTING: dict[Intent, Callable[["DecisionRecord"], bool]] = {
    Intent.OUTCOME: lambda decision: decision.outcome is not None,
    Intent.WHO: lambda decision: decision.decision_type in CHANGING,
    Intent.JOB: lambda decision: decision.decision_type in TRAINING,
    Intent.COST: lambda decision: decision.decision_type in CHANGING,
}
"""Which decisions such a question can be about when it names none."""

_OF_A_CHANGE = (Intent.WHY_NOT, Intent.FLIP, Intent.CONFIDENCE, Intent.ALTERNATIVES, Intent.RECALLED)
"""The questions that mean a change, where there was one, before a later decision to leave things alone."""


# --- one decision ----------------------------------------------------------------------------------------------------


def find_one(records: Records, question: Question, thread: Thread) -> Focus:
    """Find the decision: the one that is named, else that of the thread where it fits, else the newest that does."""
    if question.decision_id is not None:
        decision = find_decision(records, question.decision_id)
        return Focus(decision, "" if decision else f"There is no decision {question.decision_id} on record.")
    if question.bare and question.window is None and thread.decision_id is not None:
        return Focus(find_decision(records, thread.decision_id))
    last = _change_of_thread(records, question, thread)
    if last is not None:
        return Focus(last)
    if question.model is None and thread.model is not None:
        assumed = _newest(records, question, thread.model)
        if assumed.found and assumed.decision is not None:
            return assumed
    return _newest(records, question, question.model)


def find_where_not_done(records: Records, question: Question, thread: Thread) -> Focus:
    """Find the decision in which something was not done: the thread's, if it can be, before the newest."""
    if question.about_nothing:
        return find_one(records, question, thread)
    last = _last_of_thread(records, question, thread)
    if last is not None and question.decision_id is None and last.decision_type is not question.action:
        return Focus(last)
    return find_one(records, replace(question, action=None, other=question.action), thread)


def _change_of_thread(records: Records, question: Question, thread: Thread) -> "DecisionRecord | None":
    """Return the decision of the thread, if the question means a change and it can be that one."""
    why_not_another = question.other is not None and not question.compares
    if question.intent not in _OF_A_CHANGE or question.about_nothing or why_not_another:
        return None
    last = _last_of_thread(records, question, thread)
    return last if last is not None and question.action in (None, last.decision_type) else None


def _last_of_thread(records: Records, question: Question, thread: Thread) -> "DecisionRecord | None":
    """Return the decision of the thread, unless the question names a time or another model."""
    if thread.decision_id is None or question.window is not None:
        return None
    last = find_decision(records, thread.decision_id)
    return last if last is not None and question.model in (None, last.model_name) else None


def _newest(records: Records, question: Question, model: str | None) -> Focus:
    """Find the newest fitting decision, an executed one before one that was only proposed; else the last one."""
    change = _newest_change(records, question, model)
    if change is not None:
        return change
    fitting = None
    for decision in newest_first(records, model):
        if not _asked_for(question, decision):
            continue
        fitting = fitting or decision
        if question.action is None or decision.status is Status.EXECUTED:
            return Focus(decision, _assumed(records, question, model, decision))
    if fitting is not None:
        return Focus(fitting, _assumed(records, question, model, fitting))
    last = next(newest_first(records, model, most=1), None)
    return Focus(last, none_on_record(question, model, last), found=False)


def _newest_change(records: Records, question: Question, model: str | None) -> Focus | None:
    """Find the change that was more likely meant than the newest decision, and say that it was passed over."""
    if question.intent not in _OF_A_CHANGE or question.action is not None or question.about_nothing:
        return None
    fitting, told = tee(d for d in newest_first(records, model, PAGE) if _asked_for(question, d))
    change = next((d for d in fitting if d.decision_type in CHANGING), None)
    if change is None or (change.status is Status.EXECUTED and change.decision_type is question.other):
        return None
    note = _assumed(records, replace(question, action=change.decision_type), model, change)
    if change is not next(told) and not note:
        note = f"This is about the newest decision on a change of {change.model_name}; a later one changed nothing."
    return Focus(change, note)


def _assumed(records: Records, question: Question, model: str | None, decision: "DecisionRecord") -> str:
    if question.model is not None or len(records.models.names(2, None)) < 2:
        return ""
    if model is not None:
        return f"I take it you still mean {model}."
    what = NOUN[question.action] if question.action else "decision"
    return f"You named no model; this is about my newest {what}, on {decision.model_name}."


def _asked_for(question: Question, decision: "DecisionRecord") -> bool:
    fits = _FITTING.get(question.intent)
    return (
        _within(question, decision)
        and question.action in (None, decision.decision_type)
        and (fits is None or fits(decision))
    )


def none_on_record(question: Question, model: str | None, last: "DecisionRecord | None") -> str:
    """Say that there is no such decision, leading over to the `last` one where there is any."""
    where = f" for {model}" if model else ""
    when = f" {question.window.words}" if question.window else ""
    what = NOUN[question.action] if question.action else "decision"
    if question.intent is Intent.OUTCOME and question.action is None:
        what = "decision with an outcome"
    said = f"There is no {what} on record{where}{when}."
    return f"{said} The last decision was:" if last is not None else said


# --- several decisions -----------------------------------------------------------------------------------------------


def find_all(records: Records, question: Question) -> Iterator["DecisionRecord"]:
    """Go through the decisions that a question about several of them means, newest first."""
    start = question.window.start if question.window else None
    inside = takewhile(lambda d: start is None or d.created_at >= start, newest_first(records, question.model))
    return (d for d in inside if _within(question, d) and question.action in (None, d.decision_type))


def _within(question: Question, decision: "DecisionRecord") -> bool:
    return question.window is None or question.window.start <= decision.created_at <= question.window.end
