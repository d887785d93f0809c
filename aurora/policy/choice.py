"""The cheapest move, and what it was chosen from."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from aurora.domain import CHANGING, Action, Cause
from aurora.policy.diagnosis import blame, evidence_of
from aurora.policy.moves import MOVES, Move, Side
from aurora.policy.values import Assessment, Effect

EVEN = 0.5
"""Under this chance of being right, leaving it alone is only chosen for a clear gain."""
SLIVER = 0.07
"""That gain, in hours of wrong answers."""


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
        """The cause that speaks most for the move, and its probability: of a change, the likeliest met and cured."""
        if self.effect.action in CHANGING:
            return self._cured()
        cause = max(self.blamed, key=lambda cause: (self.blamed[cause], cause))
        return cause, self.blamed[cause]

    def _cured(self) -> tuple[Cause, float]:
        """Return the cause on the move's side that it is likeliest to meet and to cure."""
        found, effect = self.assessment.prospect, self.effect
        cut = len(found.diagnosis.quality)
        place = slice(0, cut) if effect.side is Side.QUALITY else slice(cut, None)
        rows = zip(found.seen.priors.causes, found.diagnosis.chances, effect.cures, strict=True)
        _, cause = max((p * q, cause) for cause, p, q in [*rows][place])
        states = found.seen.priors.states[effect.side]
        return cause, found.diagnosis.side(effect.side)[states.index(cause)]


def choose(found: Assessment, avoid: Collection[Action] = ()) -> Choice:
    """Return the cheapest move whose action is not to be avoided; with none left, people are told.

    Equal costs fall to the quieter move, the later one in `Move`.
    """
    allowed = [move for move in reversed(MOVES) if move in found.options and move.action not in avoid]
    move = min(allowed, key=lambda move: found.costs[move]) if allowed else Move.ALERT
    if move.action is Action.NO_ACTION:
        move = _surer(found, allowed, move)
    return Choice(move, found, avoid)


def _surer(found: Assessment, allowed: Collection[Move], leave: Move) -> Move:
    """Return `leave`, or where something is likely wrong and hardly dearer to see to, the likeliest right among those.

    Costs that differ by a sliver are no reason to keep silent about what is probably a fault.
    """
    if found.options[leave].chance >= EVEN:
        return leave
    near = [move for move in allowed if found.costs[move] <= found.costs[leave] + SLIVER]
    return max(near, key=lambda move: found.options[move].chance)
