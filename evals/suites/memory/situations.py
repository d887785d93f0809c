"""Situations of known causes, drawn for the memory suite out of `evals/episodes.py`."""

from dataclasses import dataclass
from random import Random

from aurora.domain import Cause, Situation
from aurora.policy.moves import Side
from aurora.policy.priors import Face, priors
from evals.episodes import drawn

HEALTHY = Face(Cause.HEALTHY)
VERSIONS = ("41", "40")
SERVICES = 40


@dataclass(frozen=True, slots=True)
class Known:
    """A situation, and what is behind it on each side."""

    quality: Cause
    service: Cause
    situation: Situation


def ill(side: Side) -> tuple[Face, ...]:
    """Return the faces of one side under which something is wrong, or seems to be."""
    return tuple(face for face in priors().faces[side] if face.cause is not Cause.HEALTHY)


def known(random: Random, quality: Face, service: Face) -> Known:
    """Draw a situation of these faces, in which everything is told."""
    (episode,) = drawn(random, quality, service, 1)
    return Known(quality.cause, service.cause, _named(episode.situation, f"service-{random.randrange(SERVICES)}"))


def _named(situation: Situation, name: str) -> Situation:
    """Return `situation` under that name, with a version to go back to."""
    telemetry = situation.telemetry.evolve(model_name=name, model_version=VERSIONS[0])
    if telemetry.deployment is not None:
        telemetry = telemetry.evolve(deployment=telemetry.deployment.evolve(previous_version=VERSIONS[1]))
    return situation.evolve(telemetry=telemetry)
