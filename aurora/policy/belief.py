"""How sure: the chance that a move succeeds, shrunk from its prior to what outcomes of similar cases say.

Only outcomes that code has verified count, each by the similarity of its situation and by its age. What people told or
reported is shown and moves nothing, however much of it there is: whoever may write into memory has no say in what runs.
Nothing simulated ever counts for what is real.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aurora.domain import Action, Recalled, Situation, Trust
from aurora.policy.curves import beta_lower
from aurora.policy.features import features_of, kernel, same_cause
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
    if case.trust is not Trust.VERIFIED or case.decision_id == situation.decision_id:
        return 0.0
    return similarity(case, here, numbers) * _youth(case.created_at, situation.observed_at, numbers)


def similarity(case: Recalled, here: Mapping[str, float], numbers: Numbers) -> float:
    """Return how alike a case is, from 0 to 1: in what was measured and in what was behind it.

    By how it was found it counts at most twice as much as without; where it has no numbers, by that alone and little.
    """
    found = max(case.similarity, 0.0)
    if not case.features or not here:
        return numbers["text_only_worth"] * found * found
    alike = kernel(here, case.features, numbers["kernel_bandwidth"]) * same_cause(here, case.features)
    return alike * (1 + found) / 2


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
