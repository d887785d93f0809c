"""The default brain: look at a situation, price every action, propose the cheapest. Deterministic and pure.

Situation → numbers (view) → diagnosis → values, with belief from memory → choice → step, goal, words
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from aurora.domain import CHANGING, Action, Plan, Recalled, Situation
from aurora.policy.belief import NO_RECORD, Record, lower_bound, records
from aurora.policy.choice import Choice, choose
from aurora.policy.diagnosis import explained
from aurora.policy.explain import CAUSES, alternatives, reasoning, reasons, told
from aurora.policy.flip import smallest_flip
from aurora.policy.goals import goal_for
from aurora.policy.moves import MOVES, Move
from aurora.policy.priors import POLICY_VERSION, Priors
from aurora.policy.steps import blocked_by_names, step_for
from aurora.policy.values import Assessment, assess
from aurora.policy.view import View, view

UNFLIPPED = "No single number of this telemetry would have led to another action."


def propose(
    situation: Situation,
    recalled: Sequence[Recalled],
    *,
    avoid: Collection[Action] = (),
    round: int = 0,
    reversible: Collection[Action],
    priors: Priors | None = None,
) -> Plan:
    """Return the plan for `situation`: always one, whatever is missing.

    `recalled` are cases like this one, `avoid` the actions that the critic ruled out, `reversible` those that can be
    undone; `priors` stands in for the shipped numbers.
    """
    seen, blocked = view(situation, priors), {**_ruled_out(avoid), **blocked_by_names(situation)}
    record = records(situation, seen, recalled)

    def decide(there: View) -> Choice:
        return choose(assess(there, blocked, record, reversible), avoid)

    choice = decide(seen)
    flip = smallest_flip(choice, decide)
    return _plan(situation, choice, record).evolve(round=round, recalled=tuple(recalled), flip=str(flip or UNFLIPPED))


def _ruled_out(avoid: Collection[Action]) -> dict[Move, str]:
    """Return the changes that the critic ruled out: what waiting is worth must not rest on them either."""
    return {move: "the critic ruled it out" for move in MOVES if move.action in avoid and move.action in CHANGING}


def _plan(situation: Situation, choice: Choice, record: Mapping[Action, Record]) -> Plan:
    found, option = choice.assessment, choice.effect
    goal = goal_for(option.move, option.side, found.seen)
    own = record.get(option.move.action, NO_RECORD)
    others = alternatives(choice)
    confidence, strength = told(option.chance), found.prospect.number("prior_strength")
    return Plan(
        step=step_for(option.move, situation, found.seen, alert_parameters(choice)),
        reasoning=reasoning(choice, goal),
        reasons=reasons(choice, own, others) + tuple(_by_history(situation, option.move.action)),
        confidence=confidence,
        confidence_low=min(told(lower_bound(option.prior, own, strength)), confidence),
        expected_cost=told(choice.cost),
        cost_of_waiting=told(found.waiting),
        price=situation.settings.costs.of(option.move.action),
        goal=goal,
        diagnosis=explained(choice.blamed, choice.evidence),
        alternatives=others,
        policy_version=POLICY_VERSION,
    )


def _by_history(situation: Situation, action: Action) -> Iterator[str]:
    """Yield what the model's own history says of a retrain, where that is what is done or left."""
    outlook = situation.history.retrain
    if outlook is not None and action in (Action.RETRAIN, Action.NO_ACTION):
        yield (
            f"By its last {outlook.points} labelled points a retrain pays off with a chance of "
            f"{outlook.probability:.0%}: {outlook.reason}"
        )


def alert_parameters(choice: Choice) -> dict[str, Any]:
    """Return severity and message of an alert about this: made of numbers and closed words, never of free text."""
    cause, chance = choice.leading
    signs = choice.evidence[cause]
    because = f": {'; '.join(signs[:3])}" if signs else ""
    return {
        "severity": severity(choice.assessment),
        "message": f"Likeliest explanation: {CAUSES[cause]} ({chance:.0%}){because}.",
    }


def severity(found: Assessment) -> str:
    """Return how urgent the situation is, by the harm that it is expected to do in an hour."""
    harm = found.prospect.hourly_harm()
    if harm >= found.prospect.number("critical_harm"):
        return "critical"
    return "warning" if harm >= found.prospect.number("warning_harm") else "info"
