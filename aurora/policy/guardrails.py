"""Whether a step may run, decided by pure code on its final parameters, at the moment of execution.

An ordered tuple of small functions, each returning a finding or None. Hard findings (`deny`) hold whoever asks; soft
ones (`needs_approval`) are satisfied by the consent of a person to exactly this step, told by its fingerprint. What
a rule does not know is denied.
"""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from aurora.domain import (
    CHANGING,
    TRAINING,
    Action,
    Autonomy,
    Deed,
    Facts,
    Finding,
    Mode,
    Outcome,
    Preview,
    Risk,
    Ruling,
    Situation,
    Step,
)
from aurora.policy.autonomy import FINAL_BAR, NO_TRACK, autonomy_of, setting_of
from aurora.policy.effects import unsound_training
from aurora.policy.priors import POLICY_VERSION
from aurora.policy.steps import number, unfit, whole
from aurora.policy.view import replica_count, view

SURE = 0.7
"""From this confidence on a change runs without asking."""
LOOK_BACK = 4
"""Over how many cooldowns a swing back and forth is looked for."""

STALE, AHEAD = timedelta(days=30), timedelta(hours=1)
"""Telemetry that is older, or that comes from further ahead than clocks differ, is not of the present."""
CLEAR = 0.2
"""How far a drift score is off its threshold where it is clear."""


@dataclass(frozen=True, slots=True)
class GateInput:
    """All that a ruling rests on."""

    situation: Situation
    step: Step
    confidence: float
    confidence_low: float
    risk: Risk
    requires_approval: bool
    """The critic's."""
    preview: Preview | None
    mode: Mode
    """The stricter of the installation's and the model's."""
    dry_run: bool
    facts: Facts
    now: datetime
    consent: str | None
    """The fingerprint that a person approved."""
    round: int
    fleet_share_in_change: float
    """Largest share of the fleet that may be in change at once, from 0 to 1."""
    band: float = SURE
    """From this confidence on a change runs without asking; another one only where decisions are replayed."""


def rule(gate: GateInput) -> Ruling:
    """Return the verdict, with every rule that fired. A dry run is ruled as if it were none, and only said."""
    mark = fingerprint(gate.step, gate.situation)
    findings = tuple(finding for check in RULES if (finding := check(gate)) is not None)
    return Ruling(
        round=gate.round,
        verdict=_verdict(findings, consented=gate.consent == mark),
        propose_only=gate.dry_run or gate.mode is Mode.OBSERVE,
        findings=findings,
        step=gate.step,
        confidence=gate.confidence if 0 <= gate.confidence <= 1 else 0.0,
        preview=gate.preview,
        fingerprint=mark,
    )


def _verdict(findings: tuple[Finding, ...], *, consented: bool) -> Literal["allow", "needs_approval", "deny"]:
    if any(finding.verdict == "deny" for finding in findings):
        return "deny"
    return "needs_approval" if findings and not consented else "allow"


def fingerprint(step: Step, situation: Situation) -> str:
    """Return the hash of action, parameters, target, evidence and policy version: what an approval binds.

    Notes are no evidence and have no part in it. Numbers count by their value, however they are written.
    """
    evidence = {
        "telemetry": situation.telemetry.model_dump(mode="json", exclude={"notes"}),
        "baseline": situation.baseline.model_dump(mode="json"),
        "history": situation.history.model_dump(mode="json"),
        "serving": situation.serving.model_dump(mode="json"),
    }
    bound = {"step": step.model_dump(mode="json"), "evidence": evidence, "policy": POLICY_VERSION}
    return hashlib.sha256(json.dumps(_canonical(bound), sort_keys=True).encode()).hexdigest()


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _canonical(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(part) for part in value]
    return float(value) if whole(value) else value


# --- rules, in order -------------------------------------------------------------------------------------------------


def _deny(name: str, reason: str) -> Finding:
    return Finding(rule=name, verdict="deny", reason=reason)


def _ask(name: str, reason: str) -> Finding:
    return Finding(rule=name, verdict="needs_approval", reason=reason)


def _changes(gate: GateInput) -> bool:
    return gate.step.action in CHANGING


def kill_switch(gate: GateInput) -> Finding | None:
    """Stopped: nothing is executed, whoever approved it."""
    if gate.mode is Mode.STOPPED and gate.step.action is not Action.NO_ACTION:
        return _deny("kill_switch", "AURORA is stopped: nothing is executed.")
    return None


def understood(gate: GateInput) -> Finding | None:
    """What is not understood does not run: strange parameters, another target, a confidence that is no probability."""
    if wrong := unfit(gate.step, gate.situation):
        return _deny("understood", wrong)
    if not (_probability(gate.confidence) and _probability(gate.confidence_low)):
        return _deny("understood", "The confidence is no probability.")
    if gate.now.tzinfo is None:
        return _deny("understood", "The time has no zone.")
    return None


def _probability(value: float) -> bool:
    return math.isfinite(value) and 0 <= value <= 1


def ask_mode(gate: GateInput) -> Finding | None:
    """In ask mode a person sees every change."""
    if gate.mode is Mode.ASK and _changes(gate):
        return _ask("ask_mode", "AURORA is to ask before every change.")
    return None


def previewed(gate: GateInput) -> Finding | None:
    """A change that the tool cannot foresee is not made."""
    if _changes(gate) and gate.preview is None:
        return _deny("previewed", "The tool could not say what this would change.")
    return None


def in_flight(gate: GateInput) -> Finding | None:
    """One change at a time on one model."""
    if _changes(gate) and (others := len(gate.facts.in_flight)):
        return _deny(
            "in_flight", f"{others} other change{'s' if others > 1 else ''} of this model is not finished yet."
        )
    return None


def cooldown(gate: GateInput) -> Finding | None:
    """The same action on the same model needs time to show its effect."""
    minutes = gate.situation.settings.cooldown_minutes
    for deed in _deeds(gate, minutes):
        if deed.action is gate.step.action:
            ago = _minutes_ago(deed, gate)
            return _ask("cooldown", f"The last {deed.action} was {ago:.0f} minutes ago, the cooldown is {minutes:.0f}.")
    return None


def oscillation(gate: GateInput) -> Finding | None:
    """Back and forth tells that the cause is another one: up and down, A to B to A, retrain after retrain in vain."""
    if not _changes(gate):
        return None
    for deed in _deeds(gate, LOOK_BACK * gate.situation.settings.cooldown_minutes):
        if swing := _swing(gate.step, deed, replica_count(gate.situation)):
            return _ask("oscillation", f"{swing} {_minutes_ago(deed, gate):.0f} minutes ago.")
    return None


def _swing(step: Step, deed: Deed, replicas: int) -> str | None:
    """Return how `step` would turn back what `deed` did, or do it again in vain; None where it does neither."""
    if step.action in TRAINING and deed.action in TRAINING:
        return None if deed.outcome is Outcome.BETTER else f"A {deed.action} without a verified gain was made"
    if deed.action is not step.action:
        return None
    if step.action is Action.SCALE:
        return "Replicas were scaled the other way" if _direction(step, replicas) * _deed_direction(deed) < 0 else None
    if step.action is Action.ROUTE:
        return "The traffic was moved the other way" if _turns_back(step.parameters, deed.parameters) else None
    if step.action is Action.CACHE and step.parameters.get("enabled") != deed.parameters.get("enabled"):
        return "The cache was switched the other way"
    return None


def _direction(step: Step, replicas: int) -> float:
    wanted = step.parameters.get("replicas")
    return float(wanted - replicas) if whole(wanted) else 0.0


def _deed_direction(deed: Deed) -> float:
    wanted, before = deed.parameters.get("replicas"), deed.parameters.get("from")
    return float(wanted - before) if whole(wanted) and whole(before) else 0.0


def _turns_back(now: dict[str, Any], then: dict[str, Any]) -> bool:
    """Whether a route leads away from where an earlier one led: to another version, or to a replica that it emptied."""
    if "to_version" in now and "to_version" in then:
        return bool(now["to_version"] != then["to_version"])
    if "to_version" in now or "to_version" in then:
        # Versions and replicas are two dials: turning one does not turn the other back.
        return False
    here, there = now.get("weights"), then.get("weights")
    if not isinstance(here, dict) or not isinstance(there, dict):
        return True
    return any(_positive(here.get(name)) and not _positive(weight) for name, weight in there.items())


def _positive(weight: object) -> bool:
    return bool(number(weight) and weight > 0)


def actions_per_day(gate: GateInput) -> Finding | None:
    """So many changes of one model a day, and no more."""
    most = gate.situation.settings.limits.actions_per_day
    made = len(_deeds(gate, 24 * 60))
    if _changes(gate) and made >= most:
        return _deny("actions_per_day", f"{made} changes were made in 24 hours, and {most} is the limit.")
    return None


def spend_per_day(gate: GateInput) -> Finding | None:
    """So much spent on one model a day, and no more."""
    most = gate.situation.settings.limits.spend_per_day
    spent = sum(deed.price for deed in _deeds(gate, 24 * 60))
    price = gate.situation.settings.costs.of(gate.step.action) + (gate.preview.cost if gate.preview else 0.0)
    if _changes(gate) and spent + price > most + 1e-9:
        return _deny(
            "spend_per_day", f"{price:.2f} on top of {spent:.2f} spent in 24 hours is over the {most:.2f} a day."
        )
    return None


def max_replicas(gate: GateInput) -> Finding | None:
    """The service never has more replicas than its limit."""
    wanted, most = gate.step.parameters.get("replicas"), gate.situation.settings.limits.max_replicas
    if gate.step.action is Action.SCALE and (not whole(wanted) or not 1 <= wanted <= most):
        return _deny("max_replicas", f"{wanted} replicas are not between 1 and the limit of {most}.")
    return None


def freeze_window(gate: GateInput) -> Finding | None:
    """In a freeze nothing of this model changes."""
    if not _changes(gate):
        return None
    for window in gate.situation.settings.freeze:
        if window.start <= gate.now < window.end:
            return _deny("freeze_window", f"This model is frozen until {window.end:%Y-%m-%d %H:%M} UTC.")
    return None


def fleet_share(gate: GateInput) -> Finding | None:
    """Not too much of the fleet changes at once; one model always may."""
    facts = gate.facts
    most = max(1, math.floor(gate.fleet_share_in_change * facts.models))
    if _changes(gate) and facts.models_in_change >= most:
        return _ask("fleet_share", f"{facts.models_in_change} of {facts.models} models are in change, {most} may be.")
    return None


def sound_training(gate: GateInput) -> Finding | None:
    """Nothing is trained on broken inputs or too few labels: the model would learn them."""
    if gate.step.action not in TRAINING:
        return None
    unsound = unsound_training(view(gate.situation))
    return None if unsound is None else _deny("sound_training", f"Nothing may be trained now: {unsound}.")


def timely(gate: GateInput) -> Finding | None:
    """Numbers of another time, as of a message that was delivered again, tell nothing of the present."""
    told = gate.situation.telemetry.timestamp
    if not _changes(gate) or told is None:
        return None
    ago = gate.situation.observed_at - told
    if -AHEAD <= ago <= STALE:
        return None
    return _ask("timely", f"The telemetry is of {told:%Y-%m-%d %H:%M}, and was looked at {_apart(ago)}.")


def _apart(ago: timedelta) -> str:
    hours = abs(ago) / timedelta(hours=1)
    span = f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"
    return f"{span} later" if ago > timedelta(0) else f"{span} before"


def agreed_drift(gate: GateInput) -> Finding | None:
    """Where the drift detector contradicts a clear score, a person looks at it before anything is trained."""
    drift = gate.situation.telemetry.data_drift
    if gate.step.action not in TRAINING or drift is None or drift.detected is None or drift.score is None:
        return None
    over = drift.score - gate.situation.settings.thresholds.drift_score
    if abs(over) <= CLEAR or (over > 0) == drift.detected:
        return None
    said = "found a drift" if drift.detected else "found none"
    return _ask("agreed_drift", f"The drift score is {drift.score:.2f}, and the detector {said}.")


def one_is_well(gate: GateInput) -> Finding | None:
    """Where every replica is ill, more of the same may be ill too, and there is no one to send the traffic to."""
    if gate.step.action not in (Action.SCALE, Action.ROUTE) or "to_version" in gate.step.parameters:
        return None
    seen = view(gate.situation)
    told = seen.get("replicas.told") or 0.0
    if not told or seen.get("replicas.ill") != told:
        return None
    return _ask("one_is_well", f"None of the {told:.0f} replicas says that it is well.")


def autonomy(gate: GateInput) -> Finding | None:
    """What a person set for this kind of action on this model."""
    if not _changes(gate):
        return None
    setting = setting_of(gate.situation.settings.autonomy, gate.step.action)
    if setting is Autonomy.NEVER:
        return _deny("autonomy", f"AURORA may never {gate.step.action} this model.")
    if setting is Autonomy.ASK:
        return _ask("autonomy", f"AURORA is to ask before it may {gate.step.action} this model.")
    return None


def earned_autonomy(gate: GateInput) -> Finding | None:
    """What has not earned to run by itself asks: from the start what cannot be undone, after a miss everything."""
    action, preview = gate.step.action, gate.preview
    if not _changes(gate) or preview is None:
        return None
    setting = setting_of(gate.situation.settings.autonomy, action)
    if setting is not Autonomy.EARNED:
        return None
    stands = autonomy_of(action, setting, gate.facts.track.get(action, NO_TRACK), undoable=preview.undoable)
    if stands.state != "within_bands":
        return _ask("earned_autonomy", f"A {action} has not earned to run by itself here. {stands.reason}")
    if not preview.undoable and not gate.confidence_low >= FINAL_BAR:
        low = f"its chance of success may be as low as {gate.confidence_low:.2f}"
        return _ask("earned_autonomy", f"A {action} cannot be undone here, and {low}.")
    return None


def confidence_band(gate: GateInput) -> Finding | None:
    """Under the band a person is asked."""
    if _changes(gate) and not gate.confidence >= gate.band:
        return _ask("confidence_band", f"A confidence of {gate.confidence:.2f} is under {gate.band:.2f}.")
    return None


def high_risk(gate: GateInput) -> Finding | None:
    """High risk needs a person at any confidence."""
    if _changes(gate) and gate.risk is Risk.HIGH:
        return _ask("high_risk", "The risk is high.")
    return None


def critic(gate: GateInput) -> Finding | None:
    """The critic may ask for a person."""
    if _changes(gate) and gate.requires_approval:
        return _ask("critic", "The critic wants a person to look at it.")
    return None


RULES: tuple[Callable[[GateInput], Finding | None], ...] = (
    kill_switch,
    understood,
    ask_mode,
    previewed,
    in_flight,
    freeze_window,
    max_replicas,
    actions_per_day,
    spend_per_day,
    sound_training,
    timely,
    agreed_drift,
    one_is_well,
    autonomy,
    cooldown,
    oscillation,
    fleet_share,
    earned_autonomy,
    confidence_band,
    high_risk,
    critic,
)
"""Alerts and leaving it alone change nothing: only the first two hold for them."""


def _deeds(gate: GateInput, minutes: float) -> list[Deed]:
    """Return the changes by other decisions in the last `minutes`, newest first; 0 minutes look back at nothing."""
    if minutes <= 0:
        return []
    since = gate.now - timedelta(minutes=min(minutes, 60 * 24 * 365))
    own = gate.situation.decision_id
    return [deed for deed in gate.facts.deeds if deed.decision_id != own and deed.executed_at > since]


def _minutes_ago(deed: Deed, gate: GateInput) -> float:
    return max((gate.now - deed.executed_at).total_seconds() / 60, 0.0)
