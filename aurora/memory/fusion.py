"""One vector out of words, numbers, diagnosis and time, so that one look into the index weighs all four.

Each part has length 1 and is scaled by the root of its share: the scalar product of two such vectors is the mean of how
alike they are in each part, weighed by the shares. Numbers and diagnosis are those of `aurora.policy.features`. What an
entry lacks goes into one dimension that no question has, so that every entry has length 1, as the index's cosine wants
it, and lacking the same thing makes nothing alike.

Text alone tells 0.72 from 0.95 hardly at all; measured in the memory suite of the evals. Time is in it so that years of
old cases, which count for next to nothing, do not take the places of the few of this month, which count.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from aurora.policy.features import FEATURES, causes, coordinates
from aurora.policy.priors import priors

Vector = list[float]

PERIODS = (1.5, 4.0, 11.0)
"""In years. The mean cosine of these is 1 for the same moment, 0.8 for a season apart, and below a half for each time
from 8 months to 8 years apart: about a third or less but for some months around 7.6 years."""
YEAR_SECONDS = 365.25 * 86400
SHARES = ("share_of_words", "share_of_numbers", "share_of_causes", "share_of_time")
"""Of what each part is called in `priors.json`; together they are 1."""


@dataclass(frozen=True, slots=True)
class Cue:
    """What a question looks for."""

    words: Vector
    """Its text alone, of length 1: for what people wrote, and for a search."""
    fused: Vector
    """All of it. Where there are only words, so long that these count as much as all else would."""

    @property
    def length(self) -> float:
        """The length of `fused`: the index's cosine times this is the scalar product."""
        return math.hypot(*self.fused)


def cue(words: Vector, features: Mapping[str, float], now: datetime) -> Cue:
    """Return what to look for where a situation has this text, as a vector, and these features."""
    if not features:
        return Cue(words, [*_scaled((words, *coordinates({}), _no_moment()), 1 / _shares()[0]), 0.0])
    return Cue(words, [*_scaled((words, *coordinates(features), _moment(now))), 0.0])


def fused(words: Vector, features: Mapping[str, float], at: datetime) -> Vector:
    """Return the vector of an entry that was written `at` that time, of length 1."""
    parts = _scaled((words, *coordinates(features), _moment(at)))
    return [*parts, math.sqrt(max(1.0 - math.hypot(*parts) ** 2, 0.0))]


@cache
def layout() -> str:
    """Return 8 hexadecimal digits that change with what the dimensions mean: other vectors are never compared."""
    meaning = json.dumps([list(FEATURES), causes(), _shares(), PERIODS])
    return hashlib.sha256(meaning.encode()).hexdigest()[:8]


def _scaled(parts: tuple[Vector, ...], by: float = 1.0) -> Vector:
    return [by * math.sqrt(share) * value for share, part in zip(_shares(), parts, strict=True) for value in part]


def _moment(at: datetime) -> Vector:
    turns = [2 * math.pi * at.timestamp() / (period * YEAR_SECONDS) for period in PERIODS]
    one = 1 / math.sqrt(len(PERIODS))
    return [one * part for turn in turns for part in (math.cos(turn), math.sin(turn))]


def _no_moment() -> Vector:
    return [0.0] * (2 * len(PERIODS))


def _shares() -> tuple[float, ...]:
    numbers = priors().numbers
    return tuple(numbers[share] for share in SHARES)
