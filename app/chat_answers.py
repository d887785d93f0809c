"""Puts one decision into words: all numbers and names are the record's own; what it lacks is said to be unknown."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.chat_records import Case
from aurora.domain import CHANGING, Action, Cause, Ending, Outcome, Plan, Recalled, Status, Step, Trust

if TYPE_CHECKING:
    from aurora.ledger.records import DecisionRecord

DONE = {
    Action.RETRAIN: "retrained {model}",
    Action.FINE_TUNE: "fine-tuned {model}",
    Action.CACHE: "changed the response cache of {model}",
    Action.ROUTE: "moved traffic of {model}",
    Action.SCALE: "changed the replicas of {model}",
    Action.ALERT: "alerted people about {model}",
    Action.NO_ACTION: "left {model} alone",
}
NOUN = {
    Action.RETRAIN: "retrain",
    Action.FINE_TUNE: "fine-tune",
    Action.CACHE: "cache change",
    Action.ROUTE: "reroute",
    Action.SCALE: "scaling",
    Action.ALERT: "alert",
    Action.NO_ACTION: "decision to leave it alone",
}
ENDED = {
    Ending.DENIED: "a guardrail refused it",
    Ending.CRITIC_REJECTED: "the critic rejected it",
    Ending.GAVE_UP: "the critic asked for more revisions than there are tries",
    Ending.HUMAN_REJECTED: "a person rejected it",
    Ending.EXPIRED: "nobody answered before the approval expired",
    Ending.TOOL_FAILED: "the tool failed",
    Ending.OVER_BUDGET: "its budget was spent",
    Ending.TIMED_OUT: "it ran out of time",
}


def moment(time: datetime | None) -> str:
    """Write a time in UTC, to the second."""
    return "an unknown time" if time is None else time.strftime("%Y-%m-%d %H:%M:%S UTC")


def number(value: Any) -> str:
    """Write a number with no more digits than it needs."""
    return f"{value:,.4g}" if isinstance(value, float) and abs(value) < 10_000 else f"{value:,}"


def parameters(step: Step) -> str:
    """Write what exactly a step does."""
    return ", ".join(_parameter(name, value) for name, value in step.parameters.items()) or "no parameters"


def _parameter(name: str, value: Any) -> str:
    if isinstance(value, dict):
        inner = " and ".join(_parameter(str(key), one) for key, one in value.items())
        return f"{_plain(name)}: {inner or 'none'}"
    return f"{_plain(name)} {_setting(value)}"


def _setting(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return " and ".join(map(_setting, value)) if isinstance(value, list | tuple) else str(value)


def _plain(name: str) -> str:
    """Write the name of a field as a person would."""
    return {"latency_ms": "latency in ms"}.get(name, name.replace("_", " "))


def reference(decision: "DecisionRecord") -> str:
    """Name a decision: its id, and that it is pretend where it is."""
    return f"{decision.id}, simulated" if decision.simulated else decision.id


def headline(case: Case) -> str:
    """Say in one sentence what came of a decision."""
    decision, action = case.decision, case.action
    name = decision.model_name
    when = f"{moment(case.execution.executed_at if case.execution else decision.created_at)} ({reference(decision)})"
    if action is None:
        return f"On {when} I began to look at {name}; no proposal is on record yet."
    if decision.status is Status.EXECUTED:
        return f"On {when} I {DONE[action].format(model=name)}{_exactly(case)}."
    if decision.status is Status.NO_ACTION:
        return f"On {when} I left {name} alone."
    return f"On {when} I proposed {_a(action)} for {name}{_exactly(case)}, but {unfinished(case)}."


def _exactly(case: Case) -> str:
    step = case.execution.step if case.execution else case.plan.step if case.plan else None
    return f" ({parameters(step)})" if step is not None and step.parameters and step.action is not Action.ALERT else ""


def unfinished(case: Case) -> str:
    """Say why nothing was executed, or why it failed."""
    decision = case.decision
    if decision.status is Status.AWAITING_APPROVAL:
        return f"it waits for a person ({decision.approval_id or 'approval id unknown'})"
    if decision.status is Status.PROPOSED:
        return "it was a dry run" if decision.dry_run else f"the mode was {decision.mode.value}: said, not done"
    if decision.status is Status.RUNNING:
        return "it is still being worked out"
    return ENDED[decision.ending] if decision.ending else f"it ended as {decision.status.value}"


def obstacles(case: Case) -> list[str]:
    """List what stood against it: guardrails, the critic, a person, the tool."""
    lines = [f"Guardrail {finding.rule}: {finding.reason}" for finding in case.ruling.findings] if case.ruling else []
    if case.critique is not None and case.critique.verdict != "approve":
        lines.append(f"The critic said {case.critique.verdict}: {case.critique.reasoning}")
    if case.approval is not None and case.approval.answer in ("rejected", "expired"):
        lines.append(approved_by(case))
    if case.execution is not None and case.execution.status == "failed" and case.execution.result is not None:
        lines.append(f"The tool said: {case.execution.result.detail or case.execution.result.status}")
    return lines


def why(case: Case) -> str:
    """Say why a decision was taken: evidence, diagnosis, confidence, what was weighed against it, what came of it."""
    lines = [headline(case)]
    if case.plan is None:
        return f"{lines[0]} Its reasons are not on record."
    lines.append(case.plan.reasoning)
    lines += [f"- {reason}" for reason in _further_reasons(case.plan)]
    lines += [part for part in (diagnosis(case), confidence(case)) if part]
    if case.decision.status in (Status.EXECUTED, Status.NO_ACTION):
        lines += _runner_up(case)
    else:
        lines += obstacles(case)
    if case.action is not Action.NO_ACTION and case.decision.outcome is not None:
        lines.append(outcome(case))
    return "\n".join(lines)


def _further_reasons(plan: Plan) -> list[str]:
    """Return the reasons that say more than the reasoning, the causes and the alternatives do."""
    said = plan.reasoning.casefold()
    told = [_cause(one.cause) for one in plan.diagnosis] + [
        f"runner-up is {a.decision_type.value}" for a in plan.alternatives
    ]
    folded = [(reason, reason.casefold().rstrip(".")) for reason in plan.reasons]
    return [reason for reason, plain in folded if plain not in said and not any(one in plain for one in told)]


def diagnosis(case: Case) -> str:
    """Name the likeliest causes."""
    causes = [cause for cause in case.plan.diagnosis if cause.probability >= 0.1][:2] if case.plan else []
    if case.plan is None or not causes or _cause(causes[0].cause) in case.plan.reasoning.casefold():
        return ""
    named = " or ".join(f"{_cause(cause.cause)} ({cause.probability:.0%})" for cause in causes)
    return f"Most likely cause: {named}."


def _cause(cause: Cause) -> str:
    return cause.value.replace("_", " ")


def _runner_up(case: Case) -> list[str]:
    others = case.plan.alternatives if case.plan else ()
    return [f"Next best was {_a(others[0].decision_type)}: {_sentence(others[0].why_not)}"] if others else []


def _a(action: Action) -> str:
    return "to leave it alone" if action is Action.NO_ACTION else f"{article(NOUN[action])} {NOUN[action]}"


def article(noun: str) -> str:
    """Return the article that `noun` takes."""
    return "an" if noun[0] in "aeiou" else "a"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def why_not(case: Case, action: Action | None) -> str:
    """Say why `action`, or anything at all, was not done in this decision."""
    proposed = case.plan.step.action if case.plan else None
    if action is None or action is proposed:
        return "\n".join([headline(case), *_nothing_done(case), *_flip_line(case)])
    other = next((a for a in case.plan.alternatives if a.decision_type is action), None) if case.plan else None
    if other is None:
        weighed = f"The record says nothing about why not {_a(action)}: it was not among what I compared."
        return "\n".join([headline(case), weighed, *_flip_line(case)])
    costs = f"Expected cost {number(other.expected_cost)}"
    costs += f" against {number(case.plan.expected_cost)}" if case.plan else ""
    said = f"I did not choose {_a(action)}: {_sentence(other.why_not)} {costs}, in hours of wrong answers."
    return "\n".join([headline(case), said, *_flip_line(case)])


def compared(case: Case, other: Action | None) -> str:
    """Say why what was done was chosen and not `other`, or nothing more; without one, of all that was weighed."""
    if other is not None:
        reasoning = [case.plan.reasoning] if case.plan else []
        first, *rest = why_not(case, other).split("\n")
        return "\n".join([first, *reasoning, *rest])
    lines = [headline(case), case.plan.reasoning if case.plan else "Its reasons are not on record."]
    more = [a for a in case.plan.alternatives if a.decision_type in CHANGING] if case.plan else []
    if not more:
        return "\n".join([*lines, "The record names nothing further that was weighed."])
    weighed = [f"- not {_a(a.decision_type)}: {_sentence(a.why_not)}" for a in more]
    return "\n".join([*lines, "Why nothing more:", *weighed, *_flip_line(case)])


def job(case: Case) -> str:
    """Tell the training job that the tool named."""
    result = case.execution.result if case.execution else None
    found = result.answer.get("training_job_id") if result else None
    said = f"Its training job: {found}." if found else "The record holds no job id for it."
    return f"{headline(case)}\n{said}"


def cost(case: Case) -> str:
    """Tell the price of the step; what was truly billed is on no record."""
    if case.plan is None or case.action is not case.plan.step.action:
        return f"{headline(case)}\nIts price is not on record."
    said = (
        f"Its price by the model's settings: {number(case.plan.price)}, in hours of wrong answers; "
        "money that was billed is not on record."
    )
    return f"{headline(case)}\n{said}"


def _nothing_done(case: Case) -> list[str]:
    reasoning = [case.plan.reasoning] if case.plan else ["Its reasons are not on record."]
    return reasoning if case.decision.status is Status.NO_ACTION else obstacles(case) or reasoning


def _flip_line(case: Case) -> list[str]:
    said = case.plan.flip.replace("fine_tune", "fine-tune").replace("no_action", "no action") if case.plan else ""
    return [f"What would have changed it: {said}"] if said else []


def flip(case: Case) -> str:
    """Say what would have changed the answer."""
    lines = _flip_line(case) or ["The record does not say what would have changed it."]
    return "\n".join([headline(case), *lines])


def confidence(case: Case) -> str:
    """Say how sure, how sure at least, and what the critic made of it."""
    if case.plan is None:
        return ""
    said = f"Confidence {case.plan.confidence:.2f} (lower bound {case.plan.confidence_low:.2f})"
    if case.critique is not None and case.critique.confidence < case.plan.confidence:
        said += f", lowered to {case.critique.confidence:.2f} by the critic"
    return f"{said}; risk {case.critique.risk.value}." if case.critique else f"{said}."


def how_confident(case: Case) -> str:
    """Answer how sure I was, and what followed from it."""
    said = confidence(case) or "No confidence is on record for it."
    return "\n".join([headline(case), said, *obstacles(case)])


def recalled(case: Case) -> str:
    """List what memory brought up for the planner and for the critic."""
    lines = [headline(case)]
    planner = case.plan.recalled if case.plan else ()
    critic = case.critique.recalled if case.critique else ()
    if not planner and not critic:
        return f"{lines[0]}\nI remembered nothing for it: the record holds no recalled case."
    lines += _remembered("Cases like this one:", planner) + _remembered("How this action turned out before:", critic)
    return "\n".join(lines)


def _remembered(title: str, found: Sequence[Recalled]) -> list[str]:
    return [title, *(f"- {_memory(entry)}" for entry in found[:5])] if found else []


def _memory(entry: Recalled) -> str:
    turned_out = {True: "it helped", False: "it did not help", None: "outcome unknown"}[entry.success]
    how = {Trust.VERIFIED: "verified", Trust.REPORTED: "as reported", Trust.TOLD: "told"}[entry.trust]
    marks = [f"{entry.similarity:.2f} alike", entry.kind.value.replace("_", " ")]
    if entry.success is not None or entry.decision_id is not None:
        marks.append(f"{turned_out}, {how}")
    marks += [entry.decision_id] if entry.decision_id else []
    marks += ["simulated"] if entry.simulated else []
    return f"{entry.summary} ({'; '.join(marks)})"


def alternatives(case: Case) -> str:
    """List what else was weighed, with why not."""
    others = case.plan.alternatives if case.plan else ()
    if not others:
        return f"{headline(case)}\nNo alternatives are on record for it."
    lines = [
        f"- {a.decision_type.value.replace('_', '-')}: {a.why_not} (expected cost {number(a.expected_cost)})"
        for a in others
    ]
    return "\n".join([headline(case), "I also weighed:", *lines])


def approved_by(case: Case) -> str:
    """Say who answered, or that nobody was asked."""
    said = case.approval
    if said is not None and said.answer == "expired":
        return f"Nobody answered {said.id}; it expired on {moment(said.settled_at)}."
    if said is not None:
        proof = "" if said.authenticated else " (name given, not authenticated)"
        edited = f", with {parameters(said.step)}" if said.answer == "edited" and said.step else ""
        reason = f' The reason given: "{said.reason}"' if said.reason else ""
        return f"{said.by}{proof} {said.answer} it{edited} on {moment(said.settled_at)} ({said.id}).{reason}"
    if case.decision.status is Status.AWAITING_APPROVAL:
        return f"Nobody yet: it waits for an answer ({case.decision.approval_id})."
    if case.decision.status is Status.EXECUTED:
        return "Nobody was asked: the policy allowed it by itself."
    return "Nobody: no person's answer is on record for it."


def who(case: Case) -> str:
    """Answer who approved or rejected."""
    return f"{headline(case)}\n{approved_by(case)}"


def outcome(case: Case) -> str:
    """Say whether it helped, as measured afterwards."""
    result = case.decision.outcome
    if result is None:
        return "Nothing was changed, so there is no outcome to measure."
    if result is Outcome.PENDING:
        due = f"; it is due on {moment(case.decision.verify_at)}" if case.decision.verify_at else ""
        return f"Whether it helped is not known yet: the outcome has not been verified{due}."
    said = {
        Outcome.BETTER: "It helped.",
        Outcome.NOT_BETTER: "It did not help.",
        Outcome.UNDONE: "It was taken back.",
        Outcome.CANNOT_TELL: "Nobody can tell whether it helped: the evidence is missing.",
    }[result]
    return " ".join([said, *_measured(case), *_taken_back(case)])


def _measured(case: Case) -> list[str]:
    seen = case.verification
    if seen is None:
        return []
    metric = _plain(case.plan.goal.metric) if case.plan and case.plan.goal else "the goal's metric"
    said = seen.reasoning.replace("latency_ms", "latency in ms").replace("error_rate", "error rate")
    numbers = [] if seen.before is None or seen.after is None else [number(seen.before), number(seen.after)]
    told = all(one in seen.reasoning for one in numbers)
    proof = ["This was reported, not measured by me."] if not seen.verified and seen.source == "person" else []
    change = [] if told else [f"{metric} {' → '.join(numbers)}."]
    return [_sentence(said[:1].upper() + said[1:]), *change, *proof]


def _taken_back(case: Case) -> list[str]:
    return [f"Undo by {case.undo.by}: {case.undo.reasoning}"] if case.undo else []


def did_it_help(case: Case) -> str:
    """Answer whether it helped."""
    return f"{headline(case)}\n{outcome(case)}"
