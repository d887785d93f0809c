"""What a chat turn may read: decisions, what each node wrote, approvals and models. Nothing here changes anything."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aurora.domain import (
    Action,
    Approval,
    Critique,
    Execution,
    Plan,
    Ruling,
    Situation,
    Undo,
    Verification,
)
from aurora.errors import NotFound
from aurora.nouns import NOUNS

if TYPE_CHECKING:
    from aurora.ledger.records import ApprovalRecord, DecisionRecord, ModelRecord, ModeRecord, NounRecord, Page

FIRST_PAGE, PAGE = 20, 500
"""How many decisions are read at first, as most questions are about one of the newest, and then at a time."""
FARTHEST = 5000
"""How many decisions one question may look at."""


class Decisions(Protocol):
    """The part of the ledger's decisions that is read."""

    def get(self, id: str) -> "DecisionRecord": ...
    def list(
        self, limit: int, model_name: str | None, status: str | None, before: str | None
    ) -> "Page[DecisionRecord]": ...
    def nouns(self, id: str) -> "Sequence[NounRecord]": ...


class Approvals(Protocol):
    """The part of the ledger's approvals that is read."""

    def get(self, id: str) -> "ApprovalRecord": ...
    def list(self, status: str | None, limit: int, before: str | None) -> "Page[ApprovalRecord]": ...


class Models(Protocol):
    """The part of the ledger's models that is read."""

    def get(self, name: str) -> "ModelRecord": ...
    def list(self, limit: int, after: str | None, q: str | None) -> "Page[ModelRecord]": ...
    def names(self, limit: int, q: str | None) -> "Sequence[str]": ...


class Installation(Protocol):
    """The part of the ledger's installation that is read."""

    def mode_record(self) -> "ModeRecord": ...


class Records(Protocol):
    """The ledger, as far as a chat reads it."""

    @property
    def decisions(self) -> Decisions: ...
    @property
    def approvals(self) -> Approvals: ...
    @property
    def models(self) -> Models: ...
    @property
    def installation(self) -> Installation: ...


@dataclass(frozen=True)
class Case:
    """One decision with the newest noun of each of its nodes."""

    decision: "DecisionRecord"
    situation: Situation | None = None
    plan: Plan | None = None
    critique: Critique | None = None
    ruling: Ruling | None = None
    approval: Approval | None = None
    execution: Execution | None = None
    verification: Verification | None = None
    undo: Undo | None = None

    @property
    def action(self) -> Action | None:
        """What was done, else what was proposed last."""
        if self.execution is not None:
            return self.execution.step.action
        return self.decision.decision_type


_FIELDS = {
    "observe": "situation",
    "plan": "plan",
    "critique": "critique",
    "rule": "ruling",
    "approve": "approval",
    "execute": "execution",
    "verify": "verification",
    "undo": "undo",
}
"""Which field of a case each node fills."""


def read_case(records: Records, decision: "DecisionRecord") -> Case:
    """Read what the nodes of `decision` wrote; of each node the newest round counts."""
    fields: dict[str, Any] = {
        _FIELDS[noun.node]: NOUNS[noun.node].model_validate_json(noun.body)
        for noun in records.decisions.nouns(decision.id)
        if noun.node in _FIELDS
    }
    return Case(decision, **fields)


def newest_first(records: Records, model_name: str | None = None, most: int = FARTHEST) -> "Iterator[DecisionRecord]":
    """Go through the decisions, newest first, at most `most` of them."""
    before: str | None = None
    size, left = FIRST_PAGE, most
    while left > 0:
        page = records.decisions.list(min(size, left), model_name, None, before)
        yield from page.items
        before, left, size = page.next, left - size, PAGE
        if before is None:
            return


def model_names(records: Records, message: str) -> list[str]:
    """Return the names that `message` may speak of: a first page; where there are more, also those its words are in."""
    names = set(records.models.names(PAGE + 1, None))
    if len(names) > PAGE:
        for word in {word for word in message.replace("?", " ").split() if len(word) > 2}:
            names.update(records.models.names(50, word[:200]))
    return sorted(names)


def find_decision(records: Records, wanted: str) -> "DecisionRecord | None":
    """Find the decision with the id `wanted`, or whose approval has it; a beginning will do where only one fits."""
    try:
        return records.decisions.get(records.approvals.get(wanted).decision_id if wanted.startswith("apr_") else wanted)
    except NotFound:
        pass
    fitting = [
        decision
        for decision in newest_first(records)
        if decision.id.startswith(wanted) or (decision.approval_id or "").startswith(wanted)
    ]
    return fitting[0] if len(fitting) == 1 else None
