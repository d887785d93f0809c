"""Which noun each node of the graph records: how a record is read back."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

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
    Value,
    Verification,
    Wake,
)

if TYPE_CHECKING:
    from aurora.ledger.records import NounRecord

NOUNS: Mapping[str, type[Value]] = {
    "observe": Situation,
    "plan": Plan,
    "critique": Critique,
    "rule": Ruling,
    "approve": Approval,
    "execute": Execution,
    "watch": Wake,
    "verify": Verification,
    "undo": Undo,
    "learn": Lesson,
    "report": Report,
}


def by_node(rows: "Sequence[NounRecord]") -> dict[str, list[Any]]:
    """Return the nouns as they were recorded, by node, in the order of `rows`."""
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.node].append(NOUNS[row.node].model_validate_json(row.body))
    return dict(found)
