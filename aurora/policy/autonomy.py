"""Earned autonomy: what AURORA may start by itself, for one kind of action on one model, and why.

What can be undone starts within the confidence bands, what cannot starts by asking. A miss narrows either to asking;
verified successes in a row widen it to the bands, once the chance of success that they speak for is over a bar by its
lower credible bound. What a person set in place of `earned` is a pin: the record is shown beside it and moves nothing.
"""

import math
from collections.abc import Collection, Mapping
from typing import Literal

from aurora.domain import CHANGING, Action, ActionAutonomy, Autonomy, AutonomySettings, TrackRecord

SHARE = 0.05
"""The bound is what the chance of success exceeds with 1 - `SHARE` belief."""
BAR, FINAL_BAR = 0.5, 0.7
"""The bar for what can be undone, and for what cannot: there a mistake stays, so it takes a longer record."""
NO_TRACK = TrackRecord()

State = Literal["within_bands", "asks", "never"]


def autonomy(
    settings: AutonomySettings, tracks: Mapping[Action, TrackRecord], reversible: Collection[Action]
) -> dict[Action, ActionAutonomy]:
    """Return what each kind of action may do by itself; `reversible` are those that can be undone."""
    return {
        action: autonomy_of(
            action, setting_of(settings, action), tracks.get(action, NO_TRACK), undoable=action in reversible
        )
        for action in CHANGING
    }


def setting_of(settings: AutonomySettings, action: Action) -> Autonomy:
    """Return what is set for `action`, one that changes something."""
    return Autonomy(getattr(settings, action.value))


def autonomy_of(action: Action, setting: Autonomy, track: TrackRecord, *, undoable: bool) -> ActionAutonomy:
    """Return what `action` may do by itself under `setting`, with a `track` of verified outcomes."""
    misses = track.outcomes.count(False)
    state, reason = _pinned(action, setting) if setting is not Autonomy.EARNED else _earned(track, undoable)
    return ActionAutonomy(
        setting=setting,
        pinned=setting is not Autonomy.EARNED,
        state=state,
        undoable=undoable,
        verified_successes=len(track.outcomes) - misses,
        misses=misses,
        in_a_row=in_a_row(track),
        needed=needed(bar(undoable)),
        lower_bound=lower_bound(in_a_row(track)),
        bar=bar(undoable),
        reason=reason,
    )


def bar(undoable: bool) -> float:
    """Return the chance of success, by its lower bound, that earns the right."""
    return BAR if undoable else FINAL_BAR


def in_a_row(track: TrackRecord) -> int:
    """Return how many verified successes there were since the last miss, or since the beginning."""
    return next((n for n, success in enumerate(reversed(track.outcomes)) if not success), len(track.outcomes))


def lower_bound(successes: int) -> float:
    """Return the lower credible bound of the chance of success after so many successes in a row.

    n successes and no miss on a flat prior make a Beta(n + 1, 1) belief, whose 5 % quantile is 0.05 ** (1 / (n + 1)).
    """
    return float(SHARE ** (1 / (successes + 1)))


def needed(least: float) -> int:
    """Return how many successes in a row bring the lower bound to `least`, a chance between 0 and 1."""
    return math.ceil(math.log(SHARE) / math.log(least)) - 1


def _pinned(action: Action, setting: Autonomy) -> tuple[State, str]:
    if setting is Autonomy.NEVER:
        return "never", f"Pinned by a person: AURORA may never {action} this model."
    if setting is Autonomy.ASK:
        return "asks", f"Pinned by a person: AURORA asks before every {action} of this model."
    return "within_bands", "Pinned by a person: it runs within the confidence bands, whatever its record."


def _earned(track: TrackRecord, undoable: bool) -> tuple[State, str]:
    """Return state and reason by the record alone."""
    row, least, missed = in_a_row(track), needed(bar(undoable)), False in track.outcomes
    if undoable and not missed:
        so_far = f" {_successes(row)} and no miss so far." if row else ""
        return "within_bands", f"It can be undone, so it runs within the confidence bands until a first miss.{so_far}"
    since = " since the last miss" if missed else ""
    if row >= least:
        return "within_bands", f"{_successes(row)}{since} have earned it to run within the confidence bands."
    why = "A miss took the right to run by itself back" if missed else "It cannot be undone"
    return "asks", f"{why}: it asks until {least} verified successes in a row have earned it; {row} so far."


def _successes(count: int) -> str:
    return f"{count} verified success{'es' if count != 1 else ''}"
