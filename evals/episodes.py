"""Simulated episodes of a service with one hidden cause on each side: what AURORA would and would not be shown.

How a cause shows is told in `evals/symptoms.py`. Stdlib `random` only, so that a seed gives the same episodes
anywhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from aurora.domain import Baseline, Cause, History, ModelSettings, Situation, Telemetry
from aurora.policy.moves import Side
from aurora.policy.priors import Face
from evals.judged import BASE_RATES, FACES
from evals.symptoms import Fields, calm, mishaps, show_quality, show_service

HURT = (Cause.CONCEPT_DRIFT, Cause.BAD_DEPLOYMENT, Cause.LABEL_TROUBLE, Cause.UNKNOWN, Cause.BLIP)
"""Causes under which accuracy shows a full loss."""
LEFT_OUT = 0.35
"""How often each block of the telemetry is missing in a mixed episode."""
BLOCKS = ("data_drift", "system_load", "data_quality", "deployment", "traffic", "labels", "baseline")


@dataclass(frozen=True, slots=True)
class Episode:
    """One service at one moment."""

    quality: Cause
    service: Cause
    situation: Situation


def drawn(random: Random, quality: Face, service: Face, count: int) -> Iterator[Episode]:
    """Yield episodes of one pair of faces, with every field present."""
    for _ in range(count):
        yield _episode(random, quality, service, left_out=0.0)


def mixed(random: Random, count: int) -> Iterator[Episode]:
    """Yield episodes by the base rates of causes, with fields left out at random."""
    for _ in range(count):
        yield _episode(random, _face(random, Side.QUALITY), _face(random, Side.SERVICE), left_out=LEFT_OUT)


def healthy_accuracy(random: Random) -> float:
    """Draw the accuracy of a model with which nothing is wrong."""
    return min(max(random.gauss(0.90, 0.042), 0.72), 0.985)


def drop(random: Random, cause: Cause) -> float:
    """Draw what accuracy loses, or seems to lose, under a cause."""
    if cause not in (*HURT, Cause.DATA_BUG) or (cause is Cause.DATA_BUG and random.random() < 0.3):
        return 0.0
    return min(max(random.lognormvariate(-2.4, 0.6), 0.015), 0.45)


def _face(random: Random, side: Side) -> Face:
    rates = BASE_RATES[side]
    cause = random.choices(list(rates), weights=list(rates.values()))[0]
    shares = {name: share for name, share in FACES[side].get(cause, {}).items() if name != "early"}
    faces = [Face(cause), *(Face(cause, name) for name in shares)]
    return random.choices(faces, weights=[1 - sum(shares.values()), *shares.values()])[0]


def _episode(random: Random, first: Face, second: Face, left_out: float) -> Episode:
    quality, service = first.cause, second.cause
    healthy, lost = healthy_accuracy(random), drop(random, quality)
    fields = calm(random, healthy)
    show_quality(random, fields, quality, healthy - lost)
    show_service(random, fields, second)
    mishaps(random, fields)
    points, trend = random.choice((0, 0, 30)), fields.pop("history")
    breaching = _breaching(random, quality, service)
    for block in BLOCKS:
        if random.random() < left_out:
            fields.pop(block)
    history = History(points=points, breaching_points=breaching, **trend) if points else History()
    situation = _situation(fields, history)
    return Episode(quality, service, situation)


def _situation(fields: Fields, history: History) -> Situation:
    telemetry = Telemetry.model_validate(fields)
    return Situation(
        decision_id="dec_simulated",
        observed_at=datetime(2026, 1, 1, tzinfo=UTC),
        telemetry=telemetry,
        settings=ModelSettings(),
        baseline=telemetry.baseline or Baseline(),
        baseline_sources={},
        history=history,
        simulated=True,
    )


def _breaching(random: Random, quality: Cause, service: Cause) -> int:
    harmless = (Cause.HEALTHY, Cause.COVARIATE_DRIFT, Cause.OVER_PROVISIONED)
    if quality in harmless and service in harmless:
        return 0
    return random.choice((0, 1, 1)) if Cause.BLIP in (quality, service) else random.choice((1, 2, 3, 5, 8))
