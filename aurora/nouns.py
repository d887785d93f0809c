"""Which noun each node of the graph records: how a record is read back."""

from collections.abc import Mapping

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
