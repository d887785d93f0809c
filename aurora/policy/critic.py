"""The built-in second look at a plan, whoever made it. It may lower confidence and ask for more, never raise or
allow.

Its checks read the situation itself and not the engine's diagnosis, so that a mistake of the one is no mistake of
the other. Each is a small function that returns a doubt or None.
"""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from aurora.domain import CHANGING, TRAINING, Action, Critique, Plan, Recalled, Risk, Situation, Step
from aurora.policy.belief import NO_RECORD, believed, failures_first, records
from aurora.policy.effects import unsound_training
from aurora.policy.moves import Move
from aurora.policy.priors import Priors
from aurora.policy.sizing import load_after_leaving
from aurora.policy.standing import MAX_REVISIONS
from aurora.policy.steps import current_version, move_of, unfit, whole
from aurora.policy.view import View, replica_count, usage, view

__all__ = ["MAX_REVISIONS", "judge", "risk_of"]

POOR_RECORD = 0.35
"""Under this chance of success, by the record alone, another action has to be found."""
ENOUGH_FAILURES = 1.5
"""How much weight of failures it takes for that."""
CERTAINTY = 2.0
"""How many standard errors two accuracies must be apart to differ."""
SLIPPED = 0.05
"""How far under its baseline a version may be and still serve: the monitor would not complain of it."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """What speaks against a plan."""

    reason: str
    factor: float = 1.0
    """What the confidence is multiplied with."""
    avoid: tuple[Action, ...] = ()
    """Not empty: the plan must be revised without these."""
    reject: bool = False
    ask: bool = False
    """Whether a person must look."""


@dataclass(frozen=True, slots=True)
class Case:
    """All that a check may look at."""

    plan: Plan
    situation: Situation
    seen: View
    recalled: tuple[Recalled, ...]

    @property
    def step(self) -> Step:
        """What would be done."""
        return self.plan.step

    @property
    def move(self) -> Move:
        """What kind of step that is."""
        return move_of(self.plan.step, self.situation)


def judge(
    plan: Plan,
    situation: Situation,
    recalled: Sequence[Recalled],
    *,
    reversible: Collection[Action],
    priors: Priors | None = None,
) -> Critique:
    """Return the verdict on `plan`; `recalled` tells how its action turned out before.

    `priors` stands in for the shipped numbers.
    """
    told = failures_first(recalled, plan.step.action)
    case = Case(plan, situation, view(situation, priors), told)
    doubts = [doubt for check in CHECKS if (doubt := check(case)) is not None]
    confidence = min(plan.confidence, _by_record(case))
    for doubt in doubts:
        confidence *= doubt.factor
    risk = risk_of(plan.step, situation, reversible=reversible)
    return Critique(
        round=plan.round,
        verdict=_verdict(doubts),
        reasoning=_reasoning(case, doubts, confidence, risk),
        confidence=confidence,
        risk=risk,
        requires_approval=any(doubt.ask for doubt in doubts),
        avoid=tuple(dict.fromkeys(action for doubt in doubts for action in doubt.avoid)),
        recalled=told,
    )


def _verdict(doubts: Sequence[Doubt]) -> str:
    if any(doubt.reject for doubt in doubts):
        return "reject"
    return "revise" if any(doubt.avoid for doubt in doubts) else "approve"


def _by_record(case: Case) -> float:
    """Return the chance of success that the plan's confidence becomes with what the planner had not recalled."""
    known = {recalled.decision_id or recalled.id for recalled in case.plan.recalled}
    new = [one for one in case.recalled if (one.decision_id or one.id) not in known]
    record = records(case.situation, case.seen, new).get(case.step.action, NO_RECORD)
    return believed(case.plan.confidence, record, case.seen.priors.numbers["prior_strength"])


# --- checks ----------------------------------------------------------------------------------------------------------


def _is_fit(case: Case) -> Doubt | None:
    """A step aimed elsewhere or with parameters that do not hold is no plan at all."""
    wrong = unfit(case.step, case.situation)
    return None if wrong is None else Doubt(wrong, factor=0.0, reject=True)


def _stays_within_limits(case: Case) -> Doubt | None:
    if case.step.action is not Action.SCALE:
        return None
    wanted, most = case.step.parameters.get("replicas"), case.situation.settings.limits.max_replicas
    if not whole(wanted) or wanted <= most:
        return None
    return Doubt(f"{wanted} replicas are over the limit of {most}.", avoid=(Action.SCALE,))


def _trains_on_sound_data(case: Case) -> Doubt | None:
    if case.step.action not in TRAINING:
        return None
    unsound = unsound_training(case.seen)
    return None if unsound is None else Doubt(f"Nothing may be trained now: {unsound}.", avoid=TRAINING)


def _trains_for_a_reason(case: Case) -> Doubt | None:
    """Training must have a loss to make good: one that fresh labels show, or a drift whose labels are still out."""
    if case.step.action not in TRAINING:
        return None
    seen, limits = case.seen, case.situation.settings
    accuracy, baseline = seen.get("model_metrics.accuracy"), seen.get("baseline.accuracy")
    fresh = (seen.get("labels.delay_hours") or 0.0) <= limits.thresholds.label_delay_hours
    if accuracy is not None and baseline is not None and fresh and accuracy >= max(baseline, limits.accuracy_floor):
        return Doubt(f"Accuracy {accuracy:.2f} is not under its baseline {baseline:.2f}.", avoid=TRAINING)
    if _no_drift(case) and accuracy is None:
        return Doubt("There is neither a drift nor an accuracy to train for.", avoid=TRAINING)
    if _no_drift(case):
        return Doubt("No drift was seen that a training would follow.", factor=0.8)
    return None


def _no_drift(case: Case) -> bool:
    score, detected = case.seen.get("data_drift.score"), case.seen.get("data_drift.detected")
    limit = case.situation.settings.thresholds.drift_score
    if detected is not None:
        return not detected and (score is None or score < limit)
    return score is not None and score < limit / 2


def _scales_with_the_load(case: Case) -> Doubt | None:
    used, limits = usage(case.seen), case.situation.settings.thresholds
    if case.step.action is not Action.SCALE or used is None:
        return None
    latency = case.seen.get("model_metrics.latency_ms")
    late = latency is not None and latency > case.situation.settings.latency_slo_ms
    if case.move is Move.SCALE_UP and used < limits.usage_high / 2:
        return Doubt(f"Usage {used:.2f} does not call for more replicas.", avoid=(Action.SCALE,))
    if case.move is Move.SCALE_DOWN and (used > limits.usage_high / 2 or late):
        return Doubt(f"At usage {used:.2f} no replica can be spared.", avoid=(Action.SCALE,))
    return None


def _caches_what_repeats(case: Case) -> Doubt | None:
    ratio = case.seen.get("traffic.repeat_ratio")
    if case.step.action is not Action.CACHE or case.step.parameters.get("enabled") is not True or ratio is None:
        return None
    if ratio >= case.situation.settings.thresholds.repeat_ratio / 2:
        return None
    return Doubt(f"Only {ratio:.0%} of the requests repeat.", avoid=(Action.CACHE,))


def _routes_to_what_works(case: Case) -> Doubt | None:
    if case.move is Move.ROUTE_BACK:
        return _goes_back_to_better(case)
    if case.move is not Move.ROUTE_AWAY:
        return None
    load = case.situation.telemetry.system_load
    ill = {replica.name for replica in load.replicas if replica.healthy is False} if load is not None else set()
    weights = case.step.parameters.get("weights")
    if isinstance(weights, dict) and any(weights.get(name, 0) > 0 for name in ill):
        return Doubt("Traffic would go to a replica that is not healthy.", avoid=(Action.ROUTE,))
    crowded = load_after_leaving(case.seen)
    if crowded is not None and crowded > 1:
        return Doubt(f"The other replicas would be at load {crowded:.2f}.", avoid=(Action.ROUTE,))
    return None


def _goes_back_to_better(case: Case) -> Doubt | None:
    if case.step.parameters.get("to_version") == current_version(case.situation):
        return Doubt("That version serves already.", avoid=(Action.ROUTE,))
    if not _was_less_accurate(case.seen):
        return None
    previous, accuracy = case.seen.get("deployment.previous_accuracy"), case.seen.get("model_metrics.accuracy")
    return Doubt(f"The version before scored {previous or 0:.2f}, this one {accuracy or 0:.2f}.", factor=0.7, ask=True)


def _was_less_accurate(seen: View) -> bool:
    """Whether the version before is known to have been less accurate, by more than chance, and than it may be."""
    previous, accuracy = seen.get("deployment.previous_accuracy"), seen.get("model_metrics.accuracy")
    if previous is None or accuracy is None:
        return False
    baseline = seen.get("baseline.accuracy")
    if baseline is not None and previous >= max(baseline - SLIPPED, seen.settings.accuracy_floor):
        return False
    numbers, count = seen.priors.numbers, seen.get("labels.count")
    labels = numbers["assumed_labels"] if count is None else max(count, seen.settings.thresholds.min_labels, 1.0)
    chance = CERTAINTY * math.sqrt((previous * (1 - previous) + accuracy * (1 - accuracy)) / labels)
    return accuracy - previous > max(numbers["tolerated_drop"], chance)


def _does_something_about_it(case: Case) -> Doubt | None:
    """Leaving it is wrong where the plain numbers are well outside their limits, unless this is the first time."""
    if case.step.action is not Action.NO_ACTION or _first_time(case):
        return None
    seen, settings = case.seen, case.situation.settings
    rate, latency = seen.get("model_metrics.error_rate"), seen.get("model_metrics.latency_ms")
    if rate is not None and rate > 4 * max(settings.thresholds.error_rate, seen.get("baseline.error_rate") or 0.0):
        return Doubt(f"An error rate of {rate:.2f} cannot be left alone.", avoid=(Action.NO_ACTION,))
    if latency is not None and latency > 1.5 * settings.latency_slo_ms:
        return Doubt(f"A latency of {latency:.0f} ms cannot be left alone.", avoid=(Action.NO_ACTION,))
    accuracy = seen.get("model_metrics.accuracy")
    floor = max(settings.accuracy_floor, (seen.get("baseline.accuracy") or 0.0) - 0.1)
    if accuracy is not None and accuracy < floor and seen.get("data_drift.detected"):
        return Doubt(f"Accuracy {accuracy:.2f} with drift cannot be left alone.", avoid=(Action.NO_ACTION,))
    return None


def _first_time(case: Case) -> bool:
    """Whether the history shows that the trouble has only just begun: it may be a blip."""
    history = case.situation.history
    return history.points >= case.seen.priors.numbers["enough_history"] and history.breaching_points <= 1


def _has_not_failed_before(case: Case) -> Doubt | None:
    """An action that failed in such cases, and did not succeed, is to be replaced; whoever proposes it."""
    if case.step.action not in CHANGING:
        return None
    everything = (*case.recalled, *case.plan.recalled)
    record = records(case.situation, case.seen, everything).get(case.step.action, NO_RECORD)
    total = record.failures + record.successes
    if record.failures < ENOUGH_FAILURES or record.successes / total > POOR_RECORD:
        return None
    reason = (
        f"In cases like this {case.step.action} failed by {record.failures:.1f} to {record.successes:.1f}, by weight."
    )
    return Doubt(reason, factor=0.8, avoid=(case.step.action,))


CHECKS: tuple[Callable[[Case], Doubt | None], ...] = (
    _is_fit,
    _stays_within_limits,
    _trains_on_sound_data,
    _trains_for_a_reason,
    _scales_with_the_load,
    _caches_what_repeats,
    _routes_to_what_works,
    _does_something_about_it,
    _has_not_failed_before,
)


# --- risk ------------------------------------------------------------------------------------------------------------


def risk_of(step: Step, situation: Situation, *, reversible: Collection[Action]) -> Risk:
    """Return how bad it may get if `step` goes wrong: by how far it reaches, and whether it can be taken back."""
    if step.action not in CHANGING:
        return Risk.LOW
    risk = _reach(step, situation)
    return Risk.MEDIUM if risk is Risk.LOW and step.action not in reversible else risk


def _reach(step: Step, situation: Situation) -> Risk:
    if step.action in TRAINING:
        return Risk.MEDIUM
    if step.action is Action.SCALE:
        return _scale_risk(step, situation)
    if step.action is Action.ROUTE:
        return _route_risk(step, situation)
    return Risk.LOW


def _scale_risk(step: Step, situation: Situation) -> Risk:
    """To take away more than half of the replicas may take the service down; to treble them is a big bill."""
    wanted, now = step.parameters.get("replicas"), replica_count(situation)
    if not whole(wanted) or wanted < now / 2 or wanted > max(3 * now, now + 2):
        return Risk.HIGH
    return Risk.MEDIUM if wanted < now else Risk.LOW


def _route_risk(step: Step, situation: Situation) -> Risk:
    """Going back is medium, to a version known to be worse high; so is sending all traffic to a busy replica."""
    if move_of(step, situation) is Move.ROUTE_BACK:
        return Risk.HIGH if _was_less_accurate(view(situation)) else Risk.MEDIUM
    load = load_after_leaving(view(situation))
    return Risk.HIGH if load is not None and load > 1 else Risk.MEDIUM


# --- in words --------------------------------------------------------------------------------------------------------


def _reasoning(case: Case, doubts: Sequence[Doubt], confidence: float, risk: Risk) -> str:
    said = [doubt.reason for doubt in doubts] or [f"{_checked(case)}: nothing speaks against {case.step.action}."]
    if case.recalled:
        failed = sum(recalled.success is False for recalled in case.recalled)
        said.append(f"Of {len(case.recalled)} recalled outcomes of {case.step.action} {failed} were failures.")
    if confidence < case.plan.confidence:
        said.append(f"Confidence goes from {case.plan.confidence:.2f} to {confidence:.2f}.")
    return " ".join([*said, f"Risk {risk}."])


def _checked(case: Case) -> str:
    """Return what was looked at, for this kind of step."""
    looked = ["parameters and limits"]
    if case.step.action in TRAINING:
        looked += ["the inputs and labels behind a training", "that there is a loss to make good"]
    elif case.step.action is Action.SCALE:
        looked.append("the load against the number of replicas")
    elif case.step.action is Action.CACHE:
        looked.append("the share of requests that repeat")
    elif case.step.action is Action.ROUTE:
        looked.append("the health and room of where the traffic goes")
    elif case.step.action is Action.NO_ACTION:
        looked.append("that nothing is well outside its limits")
    if case.step.action in CHANGING:
        looked.append("how it turned out before")
    return f"Checked {', '.join(looked)}"
