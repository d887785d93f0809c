"""What flows through the graph. Each node adds one noun and edits no other's."""

from dataclasses import dataclass

from aurora.domain import (
    Approval,
    Critique,
    Execution,
    Lesson,
    Plan,
    Report,
    Ruling,
    Situation,
    Undo,
    Verification,
    Wake,
)


@dataclass(kw_only=True)
class Request:
    """What a run starts from: everything else is read from the ledger."""

    decision_id: str


@dataclass(kw_only=True)
class State(Request):
    """The newest noun of each node; the ledger keeps them all."""

    situation: Situation | None = None
    """observe: what was seen."""
    plan: Plan | None = None
    """plan: what is proposed, why, and how sure."""
    critique: Critique | None = None
    """critique: the second look."""
    ruling: Ruling | None = None
    """rule: whether it may run."""
    approval: Approval | None = None
    """approve: what a person said."""
    execution: Execution | None = None
    """execute: what was done."""
    wake: Wake | None = None
    """watch: why the wait for the outcome ended."""
    verification: Verification | None = None
    """verify: what the world says about it."""
    undo: Undo | None = None
    """undo: what was taken back."""
    lesson: Lesson | None = None
    """learn: the case as it is remembered."""
    report: Report | None = None
    """report: the last word, for people."""


@dataclass(kw_only=True)
class Answer:
    """What a run that reached its end gives back."""

    decision_id: str
    report: Report | None = None
