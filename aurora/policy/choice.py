"""The cheapest move, and what it was chosen from."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from aurora.domain import Action, Cause
from aurora.policy.diagnosis import blame, evidence_of
from aurora.policy.moves import MOVES, Move
from aurora.policy.values import Assessment, Effect


@dataclass(frozen=True)
class Choice:
    """One move out of an assessment."""

    move: Move
    assessment: Assessment
    avoid: Collection[Action] = ()

    @property
    def effect(self) -> Effect:
        """What the chosen move does."""
        return self.assessment.options[self.move]

    @property
    def cost(self) -> float:
        """What it is expected to cost in all."""
        return self.assessment.costs[self.move]

    @cached_property
    def blamed(self) -> dict[Cause, float]:
        """The probability of each cause."""
        found = self.assessment.prospect
        return blame(found.diagnosis, found.harm, found.seen.priors.states)

    @cached_property
    def evidence(self) -> dict[Cause, tuple[str, ...]]:
        """What speaks for each cause."""
        found = self.assessment.prospect
        return evidence_of(found.seen, found.diagnosis)

    @property
    def leading(self) -> tuple[Cause, float]:
        """The likeliest cause and its probability."""
        cause = max(self.blamed, key=lambda cause: (self.blamed[cause], cause))
        return cause, self.blamed[cause]


def choose(found: Assessment, avoid: Collection[Action] = ()) -> Choice:
    """Return the cheapest move whose action is not to be avoided; with none left, people are told.

    Equal costs fall to the quieter move, the later one in `Move`.
    """
    allowed = [move for move in reversed(MOVES) if move in found.options and move.action not in avoid]
    move = min(allowed, key=lambda move: found.costs[move]) if allowed else Move.ALERT
    return Choice(move, found, avoid)
