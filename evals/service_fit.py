"""What the engine learns from published service worlds: how often causes are met, which signs they show, what they
cost where they are left, and how its stated chances are to be read.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from aurora.domain import CHANGING, Cause
from aurora.policy.choice import Choice, choose
from aurora.policy.curves import logit, sigmoid
from aurora.policy.diagnosis import known_degrees
from aurora.policy.goals import goal_for
from aurora.policy.moves import Move, Side
from aurora.policy.priors import READ_AS, Face, Priors
from aurora.policy.steps import blocked_by_names
from aurora.policy.values import assess
from aurora.policy.view import view
from evals.causes import faces_of
from evals.judged import BASE_RATES
from evals.worlds.services.catalogue import for_fitting, published
from evals.worlds.services.rollout import Episode, reached
from evals.worlds.services.store import priced_all

RARE = 0.5
"""How many episodes every cause is met in besides those that it was met in."""
LOOMING = {
    Side.QUALITY: (Cause.LABEL_TROUBLE,),
    Side.SERVICE: (
        Cause.SATURATION,
        Cause.CACHEABLE_BURST,
        Cause.SLOW_VERSION,
    ),
}
"""The causes whose harm may still be to come when they show."""
LOOMS = 0.75
"""The part of what such a cause cost that is expected of it where it shows."""
YOUNG = ("leaking", "filling")
"""The faces that are looked at in these worlds long before they show: memory with room left is left alone."""
EARLY, IN_TIME = "early", 0.5
"""The face that some causes have as long as the degree to which answers come too late is under this."""
RIGHT = 0.15
"""Leaving it was right if until the next look no more hours were lost than these."""
CAREFUL = 10.0
"""How many successes and failures as told before count beside those that were seen."""

Sightings = Mapping[Side, Mapping[Face, Sequence[Mapping[str, float]]]]
"""The degrees of the signs that are known, of every episode with a face."""


def learnt_from(processes: int) -> list[Episode]:
    """Return the episodes that a fit may read."""
    return priced_all([*published(), *for_fitting()], processes)


def base_rates(episodes: Sequence[Episode]) -> dict[Side, dict[Cause, float]]:
    """Return how often each cause is behind a look: the geometric mean of what is judged and of what was met.

    The worlds hold far more trouble than there is, so that each kind of it is met often enough.
    """
    found = {}
    for side, judged in BASE_RATES.items():
        met = dict.fromkeys(judged, RARE)
        for episode in episodes:
            met[faces_of(episode.entry)[side].cause] += 1
        rates = {cause: math.sqrt(rate * met[cause] / len(episodes)) for cause, rate in judged.items()}
        found[side] = {cause: round(rate / sum(rates.values()), 5) for cause, rate in rates.items()}
    return found


def sightings(episodes: Iterable[Episode], numbers: Priors) -> Sightings:
    """Return which signs each face showed."""
    seen: dict[Side, dict[Face, list[Mapping[str, float]]]] = {
        side: {face: [] for face in numbers.faces[side]} for side in Side
    }
    for episode in episodes:
        degrees = known_degrees(view(episode.situation, numbers))
        for side, face in faces_of(episode.entry).items():
            if face.name not in YOUNG:
                seen[side][_shown(face, degrees, numbers.faces[side])].append(degrees)
    return seen


def _shown(face: Face, degrees: Mapping[str, float], known: Sequence[Face]) -> Face:
    """Return the early face of a cause where answers are in time as yet: then none of its signs may show in full."""
    early = Face(face.cause, EARLY)
    return early if early in known and not face.name and degrees.get("latency_high", 1.0) < IN_TIME else face


def looms(episodes: Sequence[Episode]) -> dict[Side, dict[Cause, float]]:
    """Return a part of what a cause that came alone cost on average where it was left: it may never come to it."""
    return {
        side: {cause: round(LOOMS * fmean(_left(episodes, side, cause)), 3) for cause in causes}
        for side, causes in LOOMING.items()
    }


def _left(episodes: Sequence[Episode], side: Side, cause: Cause) -> list[float]:
    alone = [episode for episode in episodes if len(episode.entry.shapes) == 1]
    return [one.costs[Move.LEAVE] for one in alone if faces_of(one.entry)[side].cause is cause]


# --- how chances are to be read --------------------------------------------------------------------------------------


def readings(episodes: Sequence[Episode], numbers: Priors) -> dict[str, dict[str, float]]:
    """Return how the log odds of success are to be read: of leaving it, telling people, training and other changes."""
    told: dict[str, list[tuple[float, bool]]] = {name: [] for name in (*READ_AS.values(), "change")}
    for episode in episodes:
        choice = chosen(episode, numbers)
        raw = numbers.readings[choice.move].back(choice.effect.chance)
        told[READ_AS.get(choice.move, "change")].append((raw, succeeded(episode, choice)))
    return {name: _reading(pairs) for name, pairs in told.items()}


def chosen(episode: Episode, numbers: Priors) -> Choice:
    """Return what the engine chooses with these numbers."""
    situation = episode.situation
    blocked = blocked_by_names(situation)
    return choose(assess(view(situation, numbers), blocked, {}, CHANGING))


def succeeded(episode: Episode, choice: Choice) -> bool:
    """Whether the choice did what it was for; see `succeeds`."""
    goal = goal_for(choice.move, choice.effect.side, choice.assessment.seen)
    met = goal is not None and choice.move in episode.after and reached(goal, episode.after[choice.move])
    return succeeds(episode, choice.move, met=met)


def succeeds(episode: Episode, move: Move, *, met: bool) -> bool:
    """Whether a move did what it was for.

    Leaving it: whether hardly anything was lost until the next look. Telling people: whether it was worth their
    attention. A change: whether its goal was `met`.
    """
    if move is Move.LEAVE:
        return episode.after[move].harm <= RIGHT
    return episode.cost(move) <= episode.costs[Move.LEAVE] if move is Move.ALERT else met


def _reading(pairs: Sequence[tuple[float, bool]]) -> dict[str, float]:
    """Return shift and slope of the log odds under which the outcomes are likeliest, by Newton's method.

    Some outcomes as they were told are added at either end, so that little evidence changes little.
    """
    rows = [(logit(p), 1.0, float(happened)) for p, happened in pairs]
    rows += [(logit(p), CAREFUL * part, float(happened)) for p in (0.5, 0.9) for happened, part in ((1, p), (0, 1 - p))]
    shift, slope = 0.0, 1.0
    for _ in range(30):
        a = b = aa = ab = bb = 0.0
        for x, weight, happened in rows:
            p = sigmoid(shift + slope * x)
            error, spread = weight * (happened - p), weight * p * (1 - p)
            a, b = a + error, b + error * x
            aa, ab, bb = aa + spread, ab + spread * x, bb + spread * x * x
        size = aa * bb - ab * ab
        shift, slope = shift + (bb * a - ab * b) / size, slope + (aa * b - ab * a) / size
    return {"shift": round(shift, 4), "slope": round(slope, 4)}
