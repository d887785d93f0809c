"""What is behind a situation: a probability over the causes, with the evidence for each.

A log-linear model. Each sign shows under each cause with a fitted probability p; a sign of degree d then has the
likelihood d·p + (1 - d)·(1 - p), smooth in the telemetry and bounded by what the fit has seen. Evidence that is
missing contributes nothing. A cause that shows in ways that exclude each other has a row for each, a face; its
probability is their sum. The quality of the answers and the service behind them are diagnosed side by side, since
both may be ill at once; `blame` joins the two into one distribution by the share of harm that each cause does.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import mul

from aurora.domain import Cause, CauseProbability
from aurora.policy.moves import Side
from aurora.policy.priors import Priors, Row
from aurora.policy.signs import DEGREES, freshness
from aurora.policy.view import View
from aurora.policy.wording import WORDS

TELLING = 0.4
"""By how much a sign must favour a cause over the others, in log odds, to be named as evidence for it."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The probability of each cause on each side, in the order of `Priors.states`."""

    quality: tuple[float, ...]
    service: tuple[float, ...]
    degrees: Mapping[str, float]
    """The signs that are known."""

    def side(self, side: Side) -> tuple[float, ...]:
        """Return the probabilities of one side."""
        return self.quality if side is Side.QUALITY else self.service

    @property
    def chances(self) -> Row:
        """Both sides as one row; each sums to 1."""
        return self.quality + self.service


def diagnose(seen: View) -> Diagnosis:
    """Return the diagnosis of what is seen."""
    degrees = known_degrees(seen)
    fresh = freshness(seen)
    return Diagnosis(
        quality=posterior(Side.QUALITY, degrees, fresh, seen.priors),
        service=posterior(Side.SERVICE, degrees, fresh, seen.priors),
        degrees=degrees,
    )


def known_degrees(seen: View) -> dict[str, float]:
    """Return the degree of every sign that is known."""
    return {name: value for name, degree in DEGREES.items() if (value := degree(seen)) is not None}


def posterior(side: Side, degrees: Mapping[str, float], fresh: float, numbers: Priors) -> tuple[float, ...]:
    """Return the probability of each cause of one side under the signs that are known.

    `fresh`, from 0 to 1, is how much of the accuracy counts.
    """
    scores = [math.log(base) for base in numbers.face_base[side]]
    sharpness = numbers.sharpness[side]
    for name, chances in numbers.signs[side].items():
        if (degree := degrees.get(name)) is None:
            continue
        weight = sharpness * _counts(name, fresh)
        scores = [score + weight * log for score, log in zip(scores, _log_likelihoods(chances, degree), strict=True)]
    return _by_cause(_normalised(scores), side, numbers)


def _by_cause(chances: tuple[float, ...], side: Side, numbers: Priors) -> tuple[float, ...]:
    """Return the probability of each cause, of which each face is a part."""
    states = numbers.states[side]
    summed = list(chances[: len(states)])
    for face, chance in zip(numbers.faces[side][len(states) :], chances[len(states) :], strict=True):
        summed[states.index(face.cause)] += chance
    return tuple(summed)


@lru_cache(maxsize=8192)
def _log_likelihoods(chances: tuple[float, ...], degree: float) -> tuple[float, ...]:
    return tuple(math.log(degree * chance + (1 - degree) * (1 - chance)) for chance in chances)


def _normalised(scores: list[float]) -> tuple[float, ...]:
    top = max(scores)
    weights = [math.exp(score - top) for score in scores]
    total = sum(weights)
    return tuple(weight / total for weight in weights)


def blame(diagnosis: Diagnosis, harm: Row, states: Mapping[Side, tuple[Cause, ...]]) -> dict[Cause, float]:
    """Return one probability over all causes: where both sides are ill, each is blamed by its share of the harm.

    `harm` holds the hourly harm of each cause, `states` the causes of each side.
    """
    blamed = dict.fromkeys(Cause, 0.0)
    cut = len(diagnosis.quality)
    service = list(zip(states[Side.SERVICE], diagnosis.service, harm[cut:], strict=True))
    for first, p, first_harm in zip(states[Side.QUALITY], diagnosis.quality, harm[:cut], strict=True):
        for second, q, second_harm in service:
            share = _share(first, second, first_harm, second_harm)
            blamed[first] += p * q * share
            blamed[second] += p * q * (1 - share)
    return blamed


def _share(first: Cause, second: Cause, first_harm: float, second_harm: float) -> float:
    """Return the first cause's part of the blame; a healthy side takes none."""
    if first is Cause.HEALTHY or second is Cause.HEALTHY:
        return 0.0 if first is Cause.HEALTHY else 1.0
    total = first_harm + second_harm
    return first_harm / total if total > 0 else 0.5


def explained(blamed: Mapping[Cause, float], evidence: Mapping[Cause, tuple[str, ...]]) -> tuple[CauseProbability, ...]:
    """Return the causes with their evidence, the likeliest first."""
    order = sorted(blamed, key=lambda cause: (-blamed[cause], cause))
    return tuple(
        CauseProbability(
            cause=cause,
            probability=min(max(round(blamed[cause], 6), 0.0), 1.0),
            evidence=evidence[cause],
        )
        for cause in order
    )


def _counts(name: str, fresh: float) -> float:
    """Return how much a sign counts: what labels tell only as far as they are fresh."""
    return fresh if name == "accuracy_low" else 1.0


def evidence_of(seen: View, diagnosis: Diagnosis) -> dict[Cause, tuple[str, ...]]:
    """Return for each cause the signs that speak for it, the most telling first, in sentences with their numbers."""
    telling: dict[Cause, dict[str, float]] = {cause: {} for cause in Cause}
    for side in Side:
        for name, favours in _favours(side, diagnosis, seen).items():
            for face, by in zip(seen.priors.faces[side], favours, strict=True):
                if by > max(TELLING, telling[face.cause].get(name, 0.0)):
                    telling[face.cause][name] = by
    said = {name: WORDS[name](seen) for name in diagnosis.degrees}
    return {
        cause: tuple(said[name] for name in sorted(signs, key=lambda name: -signs[name]))
        for cause, signs in telling.items()
    }


def _favours(side: Side, diagnosis: Diagnosis, seen: View) -> dict[str, tuple[float, ...]]:
    """Return by how much each known sign of one side favours each face of a cause over the average of all."""
    favours, fresh = {}, freshness(seen)
    for name, chances in seen.priors.signs[side].items():
        if (degree := diagnosis.degrees.get(name)) is not None:
            present = sum(map(mul, seen.priors.face_base[side], chances)) / sum(seen.priors.face_base[side])
            average = math.log(degree * present + (1 - degree) * (1 - present))
            weight = _counts(name, fresh)
            favours[name] = tuple(weight * (log - average) for log in _log_likelihoods(chances, degree))
    return favours
