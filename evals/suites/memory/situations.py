"""Situations of known causes, drawn for the memory suite out of `evals/episodes.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from aurora.domain import Cause, Situation
from aurora.policy.moves import Side
from aurora.policy.priors import Face, priors
from evals.episodes import BLOCKS, drawn

HEALTHY = Face(Cause.HEALTHY)
SPARSE = 0.7
"""How many of the situations tell less than all there is."""
LEFT_OUT = 0.35
"""How often each block is missing in those."""
VERSIONS = ("41", "40")
SERVICES = 40


@dataclass(frozen=True, slots=True)
class Known:
    """A situation, and what is behind it on each side."""

    quality: Cause
    service: Cause
    situation: Situation

    @property
    def causes(self) -> tuple[Cause, Cause]:
        """What recall is to find more of."""
        return self.quality, self.service


def ill(side: Side) -> tuple[Face, ...]:
    """Return the faces of one side under which something is wrong, or seems to be."""
    return tuple(face for face in priors().faces[side] if face.cause is not Cause.HEALTHY)


def one_cause(random: Random) -> Known:
    """Draw a situation in which one thing is wrong, each of all as likely as another."""
    pairs = [(face, HEALTHY) for face in ill(Side.QUALITY)] + [(HEALTHY, face) for face in ill(Side.SERVICE)]
    return known(random, *random.choice(pairs), sparse=SPARSE)


def two_causes(random: Random) -> Known:
    """Draw a situation in which two things are wrong at once."""
    return known(random, random.choice(ill(Side.QUALITY)), random.choice(ill(Side.SERVICE)), sparse=SPARSE)


def known(random: Random, quality: Face, service: Face, *, sparse: float, name: str = "") -> Known:
    """Draw a situation of these faces, with a share of `sparse` that tell less than all."""
    (episode,) = drawn(random, quality, service, 1)
    gone = [block for block in BLOCKS if random.random() < LEFT_OUT] if random.random() < sparse else []
    name = name or f"service-{random.randrange(SERVICES)}"
    return Known(quality.cause, service.cause, _named(episode.situation, name, gone))


def _named(situation: Situation, name: str, gone: Sequence[str]) -> Situation:
    """Return `situation` under that name, with versions to go back to, and without the blocks that are `gone`."""
    telemetry = situation.telemetry.evolve(model_name=name, model_version=VERSIONS[0])
    if telemetry.deployment is not None:
        telemetry = telemetry.evolve(deployment=telemetry.deployment.evolve(previous_version=VERSIONS[1]))
    baseline = situation.baseline
    if "baseline" in gone:
        baseline = type(baseline)()
    telemetry = telemetry.evolve(**dict.fromkeys(gone))
    return situation.evolve(telemetry=telemetry, baseline=baseline)
