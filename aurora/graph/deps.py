"""What the nodes act through, and what is on record of the decision they act on.

What a run makes flows by `State`; what was there before it, parts and records, comes by `Runtime[Run]`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Self

from aurora.domain import Action
from aurora.ports import Clock, Tool

if TYPE_CHECKING:
    from aurora.ledger import Ledger
    from aurora.ledger.records import DecisionRecord
    from aurora.memory import Memory


@dataclass(frozen=True)
class Deps:
    """The parts, chosen once in `aurora/bootstrap.py`."""

    ledger: "Ledger"
    memory: "Memory"
    tools: Mapping[Action, Tool]
    clock: Clock
    began: datetime
    """When this process began to look: what went on while none did uses up nobody's patience."""
    approval_hours: float
    tool_timeout_seconds: float
    fleet_share_in_change: float | None
    """None: a quarter of a real fleet; the sandbox's services have nothing in common, so all of them at once."""

    @property
    def reversible(self) -> frozenset[Action]:
        """The actions whose backend can take them back."""
        return frozenset(action for action, tool in self.tools.items() if tool.effect.reversible)

    @property
    def largest_share_in_change(self) -> float:
        """Share of the fleet, from 0 to 1, that may be in change at once."""
        return self.fleet_share_in_change or (1.0 if self.simulated else 0.25)

    @property
    def simulated(self) -> bool:
        """Whether every action lands in the sandbox; one real backend makes the installation real."""
        return all(tool.simulated for tool in self.tools.values() if tool.effect.changes)


@dataclass(frozen=True)
class Run(Deps):
    """The parts, and what was on record about one decision when its run began."""

    decision: "DecisionRecord"
    recorded: Mapping[tuple[int, str], str]
    """The JSON of its nouns, by round and node."""
    wanted_back: bool
    """Whether somebody asked for it to be undone."""

    @classmethod
    def of(cls, deps: Deps, decision_id: str) -> Self:
        """Read the decision. Raises `NotFound`."""
        decision, nouns = deps.ledger.decisions.history(decision_id)
        parts = {field.name: getattr(deps, field.name) for field in fields(Deps)}
        recorded = {(noun.round, noun.node): noun.body for noun in nouns}
        wish = deps.ledger.decisions.undo_requested(decision_id) if recorded else None
        return cls(**parts, decision=decision, recorded=recorded, wanted_back=wish is not None)
