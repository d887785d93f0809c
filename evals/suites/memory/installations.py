"""Installations whose true chances differ from the engine's priors, and what every decision costs there.

The cost of a decision is exact: the harm of the hidden cause by the hour, until the move has its effect if it succeeds,
and if it does not until the next look, at which people are told. What is left alone, or what people do not find, goes
on for a day. An hour of a cause is priced as the engine would price it if it knew the cause: what differs here is what
helps, and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from aurora.domain import Cause
from aurora.policy.diagnosis import diagnose
from aurora.policy.harm import hourly_harm
from aurora.policy.moves import MOVES, Move, Side
from aurora.policy.priors import Face, priors
from aurora.policy.view import view
from evals.judged import CURE
from evals.suites.memory.situations import HEALTHY, Known, ill, known

USUAL = 0.7
"""Share of decisions about the installation's own trouble; the rest is about any other, where the priors are right."""
HORIZON_HOURS = 24.0
LOOK_HOURS = 2.0


@dataclass(frozen=True, slots=True)
class Installation:
    """One place that AURORA works at."""

    name: str
    trouble: tuple[Side, Cause]
    """What mostly goes wrong there."""
    chances: Mapping[Move, float]
    """The true chances of success against that trouble, where they differ from the priors."""


INSTALLATIONS = (
    Installation("as judged", (Side.QUALITY, Cause.CONCEPT_DRIFT), {}),
    Installation(
        "training never helps",
        (Side.QUALITY, Cause.CONCEPT_DRIFT),
        {Move.RETRAIN: 0.05, Move.FINE_TUNE: 0.05, Move.ALERT: 0.9},
    ),
    Installation("fine-tuning never helps", (Side.QUALITY, Cause.CONCEPT_DRIFT), {Move.FINE_TUNE: 0.05}),
    Installation("going back never helps", (Side.QUALITY, Cause.BAD_DEPLOYMENT), {Move.ROUTE_BACK: 0.05}),
    Installation("replicas never help", (Side.SERVICE, Cause.SATURATION), {Move.SCALE_UP: 0.05, Move.CACHE: 0.9}),
    Installation("the cache never helps", (Side.SERVICE, Cause.CACHEABLE_BURST), {Move.CACHE: 0.05}),
    Installation(
        "other replicas are no better",
        (Side.SERVICE, Cause.HOT_REPLICA),
        {Move.ROUTE_AWAY: 0.05, Move.SCALE_UP: 0.85},
    ),
)


def trouble(random: Random, installation: Installation) -> Known:
    """Draw what goes wrong next."""
    own = random.random() < USUAL
    side, cause = installation.trouble
    if not own:
        side = random.choice(tuple(Side))
        cause = random.choice(ill(side)).cause
    face = Face(cause)
    pair = (face, HEALTHY) if side is Side.QUALITY else (HEALTHY, face)
    return known(random, *pair)


def chance(installation: Installation, one: Known, move: Move) -> float:
    """Return the true chance that `move` reaches its goal."""
    side, cause = _wrong(one)
    if (side, cause) == installation.trouble and move in installation.chances:
        return installation.chances[move]
    return float(CURE[side].get(move, {}).get(cause, 0.0))


def costs(installation: Installation, one: Known) -> dict[Move, float]:
    """Return what each move is expected to cost, in hours of wrong answers, whether or not it can be made."""
    return {move: _cost(installation, one, move) for move in MOVES}


def _cost(installation: Installation, one: Known, move: Move) -> float:
    settled, harm, numbers = chance(installation, one, move), _harm(one), priors()
    if move is Move.LEAVE:
        return (1 - settled) * harm * HORIZON_HOURS
    price = one.situation.settings.costs.of(move.action)
    helped = harm * numbers.hours[move]
    if move is Move.ALERT:
        failed = harm * HORIZON_HOURS
    else:
        failed = numbers.harm[move] + helped + harm * LOOK_HOURS + _cost(installation, one, Move.ALERT)
    return price + settled * helped + (1 - settled) * failed


def _wrong(one: Known) -> tuple[Side, Cause]:
    if one.quality is not Cause.HEALTHY:
        return Side.QUALITY, one.quality
    return Side.SERVICE, one.service


def _harm(one: Known) -> float:
    side, cause = _wrong(one)
    seen = view(one.situation)
    row, cut = hourly_harm(seen, diagnose(seen)), len(seen.priors.states[Side.QUALITY])
    place = seen.priors.states[side].index(cause)
    return row[place if side is Side.QUALITY else cut + place]
