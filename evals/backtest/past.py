"""What the guardrails knew at the moment of a ruling, put together again from what is on record.

The ledger answers for the present only. Of other models it is known whether too many of them were in change, as that
was a finding of its own; everything else is read off the decisions on the same model.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aurora.domain import (
    CHANGING,
    Action,
    Deed,
    Execution,
    Facts,
    Outcome,
    Ruling,
    Step,
    TrackRecord,
    Undo,
    Verification,
)
from aurora.ledger.records import DecisionRecord

DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Turn:
    """What was known from then on of what a change came to."""

    at: datetime
    outcome: Outcome
    verified: bool


@dataclass(frozen=True, slots=True)
class Past:
    """A change that was made."""

    decision_id: str
    simulated: bool
    step: Step
    price: float
    executed_at: datetime
    turns: tuple[Turn, ...]
    """Oldest first."""
    reported_at: datetime | None
    """When the last word on it was said."""

    def known(self, at: datetime) -> Turn:
        """Return what was known of its outcome at that time."""
        known = [turn for turn in self.turns if turn.at <= at]
        return known[-1] if known else Turn(self.executed_at, Outcome.PENDING, verified=False)

    def in_flight(self, at: datetime) -> bool:
        """Whether it was still to be verified, or to be taken back."""
        outcome = self.known(at).outcome
        if outcome is Outcome.NOT_BETTER:
            return self.reported_at is None or self.reported_at > at
        return outcome is Outcome.PENDING


Written = tuple[datetime, Any]
"""A noun, and when it was written."""


def past(decision: DecisionRecord, nouns: Mapping[str, Sequence[Written]]) -> Past | None:
    """Return the change that a decision made, at the price that was set then, or None where it made none."""
    done = [noun for _, noun in nouns.get("execute", ()) if isinstance(noun, Execution) and noun.status == "done"]
    if not done or done[-1].step.action not in CHANGING:
        return None
    reports, situations = nouns.get("report", ()), nouns.get("observe", ())
    step: Step = done[-1].step
    return Past(
        decision_id=decision.id,
        simulated=decision.simulated,
        step=step,
        price=situations[0][1].settings.costs.of(step.action) if situations else 0.0,
        executed_at=done[-1].executed_at,
        turns=tuple(_turns([*nouns.get("verify", ()), *nouns.get("undo", ())])),
        reported_at=reports[0][0] if reports else None,
    )


def _turns(nouns: Iterable[Written]) -> Iterable[Turn]:
    verified = False
    for at, noun in sorted(nouns, key=lambda written: written[0]):
        if isinstance(noun, Verification):
            verified = verified or noun.verified
            yield Turn(at, Outcome(noun.outcome), noun.verified)
        elif isinstance(noun, Undo) and noun.status == "undone":
            yield Turn(at, Outcome.UNDONE, verified)


def facts_at(at: datetime, decision: DecisionRecord, made: Sequence[Past], ruled: Ruling | None) -> Facts:
    """Return what was known at `at` for a ruling on `decision`; `made` are the changes of its model, oldest first."""
    earlier = [one for one in made if one.executed_at <= at and one.decision_id != decision.id]
    fired = {finding.rule for finding in ruled.findings} if ruled is not None else set()
    flying = tuple(one.decision_id for one in earlier if one.in_flight(at))
    if "in_flight" in fired and not flying:
        flying = ("unknown",)
    return Facts(
        deeds=tuple(_deed(one, at) for one in reversed(earlier) if one.executed_at > at - DAY),
        in_flight=flying,
        models=1,
        # One model is in change of one that may be: exactly then the rule fires.
        models_in_change=1 if "fleet_share" in fired else 0,
        track=_track(at, [one for one in earlier if one.simulated == decision.simulated]),
    )


def _deed(made: Past, at: datetime) -> Deed:
    return Deed(
        decision_id=made.decision_id,
        action=made.step.action,
        parameters=made.step.parameters,
        executed_at=made.executed_at,
        outcome=made.known(at).outcome,
        price=made.price,
    )


def _track(at: datetime, made: Sequence[Past]) -> dict[Action, TrackRecord]:
    outcomes: dict[Action, list[bool]] = {}
    for one in made:
        turn = one.known(at)
        if turn.verified and turn.outcome in (Outcome.BETTER, Outcome.NOT_BETTER, Outcome.UNDONE):
            outcomes.setdefault(one.step.action, []).append(turn.outcome is Outcome.BETTER)
    return {action: TrackRecord(outcomes=tuple(turned_out)) for action, turned_out in outcomes.items()}
