"""How sure: the chance that a move succeeds, shrunk from its prior to what outcomes of similar cases say.

A case counts by its similarity in numbers, by how its outcome is known, and by its age. What somebody merely told
moves nothing, and nothing simulated ever counts for what is real.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import exp

from aurora.domain import Action, Recalled, Situation, Trust
from aurora.policy.curves import beta_lower
from aurora.policy.features import features_of
from aurora.policy.view import View

Numbers = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Record:
    """How one action turned out in similar cases: sums of weights, no counts."""

    successes: float = 0.0
    failures: float = 0.0


NO_RECORD = Record()


def records(situation: Situation, seen: View, recalled: Iterable[Recalled]) -> dict[Action, Record]:
    """Return the record of every action that similar cases tell of. The same case counts once."""
    here = features_of(seen)
    found: dict[Action, Record] = {}
    for case in distinct(recalled):
        if case.decision_type is None or case.success is None:
            continue
        weight = case_weight(case, situation, here, seen.priors.numbers)
        if weight > 0:
            old = found.get(case.decision_type, NO_RECORD)
            found[case.decision_type] = _with(old, weight, case.success)
    return found


def _with(record: Record, weight: float, success: bool) -> Record:
    if success:
        return Record(record.successes + weight, record.failures)
    return Record(record.successes, record.failures + weight)


def distinct(recalled: Iterable[Recalled]) -> tuple[Recalled, ...]:
    """Return each case once, in an order that does not depend on the order given."""
    cases = {case.decision_id or case.id: case for case in sorted(recalled, key=lambda case: case.id, reverse=True)}
    return tuple(cases[key] for key in sorted(cases))


def case_weight(case: Recalled, situation: Situation, here: Mapping[str, float], numbers: Numbers) -> float:
    """Return how much one case counts here, from 0 to 1; `here` are the features of the situation."""
    if case.simulated and not situation.simulated:
        return 0.0
    trust = _worth(case.trust, numbers)
    if trust == 0 or case.decision_id == situation.decision_id:
        return 0.0
    return trust * similarity(case, here, numbers) * _youth(case.created_at, situation.observed_at, numbers)


def _worth(trust: Trust, numbers: Numbers) -> float:
    """Return what an outcome counts for, by how it is known. What was told is shown and moves nothing."""
    if trust is Trust.VERIFIED:
        return numbers["trust_verified"]
    return numbers["trust_reported"] if trust is Trust.REPORTED else 0.0


def similarity(case: Recalled, here: Mapping[str, float], numbers: Numbers) -> float:
    """Return how alike a case is, from 0 to 1: mostly in numbers; by its text alone it counts little."""
    text = max(case.similarity, 0.0)
    if not case.features or not here:
        return numbers["text_only_worth"] * text * text
    return kernel(here, case.features, numbers["kernel_bandwidth"]) * (1 + text) / 2


def kernel(here: Mapping[str, float], there: Mapping[str, float], bandwidth: float) -> float:
    """Return the similarity of two sets of features, from 0 to 1: Gaussian in what both know, less what one lacks."""
    shared = sorted(here.keys() & there.keys())
    if not shared:
        return 0.0
    distance = sum(((here[name] - there[name]) / bandwidth) ** 2 for name in shared)
    return exp(-distance / 2) * len(shared) / len(here.keys() | there.keys())


def _youth(created_at: datetime | None, now: datetime, numbers: Numbers) -> float:
    """Return how much of a case its age leaves; one of unknown age counts as one half-life old."""
    half_life = numbers["half_life_days"]
    days = half_life if created_at is None else max((now - created_at).total_seconds() / 86400, 0.0)
    return float(0.5 ** (days / half_life))


def believed(prior: float, record: Record, strength: float) -> float:
    """Return the chance of success: the prior, worth `strength` cases, moved by the record."""
    if record == NO_RECORD:
        return prior
    return (prior * strength + record.successes) / (strength + record.successes + record.failures)


def lower_bound(prior: float, record: Record, strength: float) -> float:
    """Return the value that the chance of success exceeds with 95 % belief."""
    # Rounded, so that the same belief is worked out once only.
    wins = round(prior * strength + record.successes, 4)
    return beta_lower(wins, round((1 - prior) * strength + record.failures, 4))


def failures_first(recalled: Sequence[Recalled], action: Action) -> tuple[Recalled, ...]:
    """Return the cases that tell how `action` turned out, the failures before the successes, the likest first."""
    told = [case for case in distinct(recalled) if case.decision_type is action and case.success is not None]
    return tuple(sorted(told, key=lambda case: (bool(case.success), -case.similarity, case.id)))
