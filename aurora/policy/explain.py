"""Why this and not that: the proposal in plain sentences, its reasons, and the alternatives, each with its numbers."""

from collections.abc import Iterator, Sequence

from aurora.domain import Action, Alternative, Cause, Goal
from aurora.policy.belief import NO_RECORD, Record
from aurora.policy.choice import Choice
from aurora.policy.moves import Move

DOES = {
    Move.RETRAIN: "Retraining on the newest window",
    Move.FINE_TUNE: "Incremental training on the newest window",
    Move.CACHE: "Caching repeated answers",
    Move.ROUTE_AWAY: "Taking the traffic off the bad replica",
    Move.ROUTE_BACK: "Giving the traffic back to the previous version",
    Move.SCALE_UP: "Adding replicas",
    Move.SCALE_DOWN: "Giving replicas back",
    Move.ALERT: "Telling people",
    Move.LEAVE: "Leaving it",
}

CAUSES = {
    Cause.CONCEPT_DRIFT: "concept drift",
    Cause.COVARIATE_DRIFT: "harmless drift of the inputs",
    Cause.DATA_BUG: "a fault in the upstream data",
    Cause.BAD_DEPLOYMENT: "a bad deployment",
    Cause.SATURATION: "saturation",
    Cause.CACHEABLE_BURST: "a burst of repeated requests",
    Cause.HOT_REPLICA: "a hot or ill replica",
    Cause.SLOW_VERSION: "a slow version",
    Cause.LABEL_TROUBLE: "trouble with the labels",
    Cause.BLIP: "a blip that ends by itself",
    Cause.OVER_PROVISIONED: "more replicas than are needed",
    Cause.HEALTHY: "a healthy service",
    Cause.UNKNOWN: "something that no known cause explains",
}


def reasoning(choice: Choice, goal: Goal | None) -> str:
    """Return the proposal in two to four plain sentences."""
    cause, chance = choice.leading
    signs = choice.evidence[cause]
    first = f"The likeliest explanation is {CAUSES[cause]} ({chance:.0%})"
    first += f": {'; '.join(signs[:3])}." if signs else "; the telemetry holds little evidence."
    return " ".join([first, *_second(choice, goal)])


def _second(choice: Choice, goal: Goal | None) -> Iterator[str]:
    found, move, chance, cost = choice.assessment, choice.move, choice.effect.chance, choice.cost
    hours = found.seen.priors.numbers["horizon_hours"]
    if move is Move.LEAVE:
        yield f"Leaving it is right with a chance of {chance:.0%}."
        yield f"Over {hours:.0f} hours that should cost {cost:.2f} hours of wrong answers."
        return
    if move is Move.ALERT:
        yield f"{DOES[move]} is right with a chance of {chance:.0%}: no change that AURORA can make is worth more."
    else:
        reach = goal.summary if goal is not None else "its goal"
        yield f"{DOES[move]} reaches its goal ({reach}) with a chance of {chance:.0%}."
    yield f"Over {hours:.0f} hours it should cost {cost:.2f} hours of wrong answers, and waiting {found.waiting:.2f}."


def reasons(choice: Choice, record: Record, others: Sequence[Alternative]) -> tuple[str, ...]:
    """Return the evidence, what memory changed, and the runner-up, each as one sentence."""
    option = choice.effect
    cause, chance = choice.leading
    said = [f"{CAUSES[cause].capitalize()} has a probability of {chance:.2f}."]
    said += [f"{sign[0].upper()}{sign[1:]}." for sign in choice.evidence[cause]]
    if record != NO_RECORD:
        said.append(
            f"Outcomes of similar cases ({record.successes:.2f} for, {record.failures:.2f} against, by weight) "
            f"{_moved(option.prior, option.chance)}."
        )
    said += [f"The runner-up is {second.decision_type.value}: {second.why_not}." for second in others[:1]]
    return tuple(said)


def _moved(prior: float, chance: float) -> str:
    before, after = f"{prior:.2f}", f"{chance:.2f}"
    return f"left the chance at {after}" if before == after else f"moved the chance from {before} to {after}"


def told(value: float) -> float:
    """Return a number as it is told: without the digits in which floating point differs from itself."""
    return round(value, 6)


def alternatives(choice: Choice) -> tuple[Alternative, ...]:
    """Return the other six actions, the cheapest first and the impossible last, each with why not."""
    others = [_alternative(choice, action) for action in Action if action is not choice.effect.action]
    return tuple(sorted(others, key=lambda other: (other.confidence == 0, other.expected_cost, other.decision_type)))


def _alternative(choice: Choice, action: Action) -> Alternative:
    found = choice.assessment
    moves = [move for move in Move if move.action is action]
    possible = [move for move in moves if move in found.options]
    if not possible:
        # What cannot be done leaves all the harm, and would cost its price besides.
        cost = found.leaving + found.seen.settings.costs.of(action)
        why = "; ".join(dict.fromkeys(found.blocked[move] for move in moves))
        return Alternative(decision_type=action, expected_cost=told(cost), confidence=0.0, why_not=why)
    move = min(possible, key=lambda move: found.costs[move])
    # To leave it is told by what it costs if nobody ever looks again; what waiting costs is told beside it.
    cost = found.leaving if move is Move.LEAVE else found.costs[move]
    chance = found.options[move].chance
    why = _why_not(choice, move, max(cost - choice.cost, 0.0), chance)
    return Alternative(decision_type=action, expected_cost=told(cost), confidence=told(chance), why_not=why)


def _why_not(choice: Choice, move: Move, dearer: float, chance: float) -> str:
    if move.action in choice.avoid:
        return "the critic ruled it out"
    price = choice.assessment.options[move].price
    word = "be right" if move in (Move.LEAVE, Move.ALERT) else "reach its goal"
    return (
        f"it would {word} with a chance of {chance:.0%} for a price of {price:.2f}, and cost {dearer:.2f} more in all"
    )
