"""When the error of a model took its newest turn: the likeliest single change of level in a series of rates."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from aurora.policy.curves import sigmoid

LOOKED_BACK = 25
"""How many steps ago a turn may lie, at most; older ones have become the level."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The newest change of level."""

    steps: int
    """How many steps lie behind it, the newest one included."""
    before: float
    after: float
    """The error rates on both sides."""
    rows: float
    """How many labelled rows stand behind `after`."""
    score: float
    """The difference in its standard errors, always at least 0."""

    def surety(self, sure_score: float, sharpness: float) -> float:
        """Return the degree, from 0 to 1, to which it is more than noise: half at `sure_score`."""
        return sigmoid((self.score - sure_score) * sharpness)

    @property
    def rising(self) -> bool:
        """Whether the error went up."""
        return self.after > self.before


def newest_turn(wrong: Sequence[float], rows: Sequence[float]) -> Turn | None:
    """Return the split of the series that explains it best; None where it has fewer than two steps.

    `wrong` counts the wrong rows of each step, `rows` all labelled ones, oldest first. This is the two-sample test of
    proportions at every split, of which the greatest counts, as in a CUSUM test for one change.
    """
    if len(wrong) < 2:
        return None
    all_wrong, all_rows = sum(wrong), sum(rows)
    overall = min(max(all_wrong / all_rows, 0.02), 0.98)
    variance = overall * (1 - overall)
    late_wrong = late_rows = 0.0
    best: Turn | None = None
    for start in range(len(wrong) - 1, max(0, len(wrong) - LOOKED_BACK - 1), -1):
        late_wrong += wrong[start]
        late_rows += rows[start]
        early_rows = all_rows - late_rows
        if early_rows <= 0:
            # So few rows that they vanish in the sum of all tell nothing.
            break
        before, after = (all_wrong - late_wrong) / early_rows, late_wrong / late_rows
        score = abs(after - before) / math.sqrt(variance * (1 / late_rows + 1 / early_rows))
        if best is None or score > best.score:
            best = Turn(len(wrong) - start, before, after, late_rows, score)
    return best
