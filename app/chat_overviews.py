"""Puts several decisions, open questions and models into words, and says what a chat can and cannot do."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from app.chat_answers import NOUN, headline, moment, number, outcome, parameters, reference
from app.chat_records import Case
from aurora.domain import Action, Outcome, Status

if TYPE_CHECKING:
    from aurora.ledger.records import ApprovalRecord, DecisionRecord, ModelRecord, ModeRecord

HELP = """I answer from the record of what I decided; I change nothing from here. Ask, for example:
- why did you retrain fraud-scorer?   why not scale?
- what happened today?   how many retrains this week?
- is fraud-scorer healthy?   what waits for me?
- did it help?   how confident were you?   who approved it?
- what did you remember?   what would have changed the decision?
A decision id (dec_…) or a model's name tells me which one you mean."""
UNHELD = "The records do not hold this, so I cannot answer it"
FUTURE = "The records hold what was seen and decided, and no forecast: I cannot say what will be."
LOST = "I did not understand that, so I looked nothing up.\n" + HELP


def line(decision: "DecisionRecord") -> str:
    """Write one decision as one line of a list."""
    action = decision.decision_type.value if decision.decision_type else "undecided"
    how = [decision.status.value.replace("_", " ")]
    how += [f"({decision.ending.value.replace('_', ' ')})"] if decision.ending else []
    how += [f"outcome {decision.outcome.value.replace('_', ' ')}"] if decision.outcome else []
    how += [f"confidence {decision.confidence:.2f}"] if decision.confidence is not None else []
    return f"- {moment(decision.created_at)} {decision.model_name}: {action}, {', '.join(how)} ({reference(decision)})"


def question(approval: "ApprovalRecord") -> str:
    """Write one open question as a line of a list."""
    why_asked = " ".join(approval.reasons) or "no reason on record"
    pretend = ", simulated" if approval.simulated else ""
    return (
        f"- {approval.model_name}: {approval.step.action.value} ({parameters(approval.step)}), confidence "
        f"{approval.confidence:.2f}, risk {approval.risk.value}, until {moment(approval.expires_at)}. {why_asked} "
        f"({approval.decision_id}, {approval.id}{pretend})"
    )


def waiting(approvals: Sequence["ApprovalRecord"], more: bool, about: str) -> str:
    """List what waits for a person, and how to answer."""
    if not approvals:
        return f"Nothing waits for an answer{about}."
    count = f"{len(approvals)}{' or more' if more else ''}"
    verb = "decision waits" if len(approvals) == 1 and not more else "decisions wait"
    how = f"Answer with `aurora approve {approvals[0].decision_id}` or `aurora reject …`, or on the Decisions page."
    return "\n".join([f"{count} {verb} for an answer{about}:", *map(question, approvals), how])


def state(model: "ModelRecord", last: Case | None) -> str:
    """Say how a model does: its last numbers against its limits, its mode, its last decision."""
    complaints, numbers = levels(model, last)
    if not numbers:
        verdict = "I have no recent metrics of it, so I cannot say whether it is healthy."
    elif complaints:
        verdict = f"It does not look healthy: {'; '.join(complaints)}."
    else:
        verdict = "Its last numbers are inside their limits."
    pretend = " It runs in the sandbox: simulated." if model.simulated else ""
    lines = [f"{model.name}: {verdict}{pretend} Mode: {model.mode.value}."]
    lines += [f"Last seen {moment(model.last_seen)}: {', '.join(numbers)}."] if numbers else []
    lines.append(f"Last decision: {headline(last)}" if last else "No decision about it is on record.")
    lines += [outcome(last)] if last and last.decision.outcome else []
    return "\n".join(lines)


def levels(model: "ModelRecord", last: Case | None) -> tuple[list[str], list[str]]:
    """Return what is outside its limits, and all last numbers of a model."""
    metrics = last.decision.telemetry.model_metrics if last else None
    point = model.last_point
    accuracy = point.accuracy if point and point.accuracy is not None else metrics.accuracy if metrics else None
    latency = point.latency_ms if point and point.latency_ms is not None else metrics.latency_ms if metrics else None
    complaints, numbers = [], []
    if accuracy is not None:
        numbers.append(f"accuracy {number(accuracy)} (floor {number(model.settings.accuracy_floor)})")
        complaints += (
            [f"accuracy {number(accuracy)} is under its floor"] if accuracy < model.settings.accuracy_floor else []
        )
    if latency is not None:
        numbers.append(f"latency {number(latency)} ms (target {number(model.settings.latency_slo_ms)} ms)")
        complaints += (
            [f"latency {number(latency)} ms is over its target"] if latency > model.settings.latency_slo_ms else []
        )
    if last and last.action not in (None, Action.NO_ACTION) and last.decision.outcome is not Outcome.BETTER:
        complaints.append(f"my last decision on it was {last.action.value if last.action else ''}")
    return complaints, numbers


def counted(decisions: Iterable["DecisionRecord"], action: Action | None, about: str) -> str:
    """Count what was executed, the pretend apart from the real."""
    chosen = [d for d in decisions if action is None or d.decision_type is action]
    done = [d for d in chosen if d.status in (Status.EXECUTED, Status.NO_ACTION)]
    real = sum(not d.simulated for d in done)
    what = NOUN[action] if action and action is not Action.NO_ACTION else "decision"
    what += "" if len(done) == 1 else "s"
    verb = "executed" if action and action is not Action.NO_ACTION else "carried through"
    said = f"{len(done)} {what} {verb}{about}"
    said += f": {real} real, {len(done) - real} simulated." if done else "."
    rest = [d for d in chosen if d not in done]
    by_status = {status: sum(d.status is status for d in rest) for status in Status}
    others = [f"{count} {status.value.replace('_', ' ')}" for status, count in by_status.items() if count]
    return f"{said} Not executed: {', '.join(others)}." if others else said


def unheld(strange: Sequence[str], models: str) -> str:
    """Say that no record answers it, which words nothing is known of, and what can be asked."""
    named = f": I know nothing of {', '.join(f'“{word}”' for word in strange[:5])}" if strange else ""
    return f"{UNHELD}{named}. Models on record: {models}.\n{HELP}"


def no_such_action(verb: str) -> str:
    """Say that an action which AURORA does not have is on no record."""
    return (
        f"No such action exists on record: “{verb}” is nothing that I can do. All I ever do is retrain, fine-tune, "
        "change a cache, move traffic, change replicas, alert people, or leave a model alone."
    )


def failed(
    broken: Sequence["DecisionRecord"],
    useless: Sequence["DecisionRecord"],
    action: Action | None,
    about: str,
    most: int,
) -> str:
    """Count and list what could not be done and, apart from it, what was done and did not help; `most` of each."""
    what = NOUN[action] if action else "action"
    lines = [f"{len(broken)} failed{about}:", *map(line, broken[:most])] if broken else [f"No {what} failed{about}."]
    lines += [f"{len(useless)} done, but without help:", *map(line, useless[:most])] if useless else []
    return "\n".join(lines)


def modes(record: "ModeRecord", models: Sequence["ModelRecord"], more: bool) -> str:
    """Tell the mode of the installation and of the models; the stricter of the two holds."""
    since = f", set by {record.by} on {moment(record.changed_at)}" if record.changed_at else ""
    lines = [f"The installation is in {record.mode.value} mode{since}. The stricter of its and a model's mode holds."]
    lines += [f"- {model.name}: {model.mode.value}" for model in models]
    return "\n".join([*lines, "- …"] if more else lines)


def refused_to_act(verb: str, decision: "DecisionRecord | None", waiting_ids: Sequence[str]) -> str:
    """Say that a chat changes nothing, and how to do what was asked for."""
    opening = "I change nothing from a chat, and nothing said here is taken as consent."
    if verb in ("approve", "accept", "confirm", "settle", "reject", "deny", "proceed", "go"):
        if not waiting_ids:
            return f"{opening} Nothing waits for an answer right now."
        word = "reject" if verb in ("reject", "deny") else "approve"
        commands = "\n".join(f"- aurora {word} {id}" for id in waiting_ids)
        return f"{opening} To settle what waits, use the Decisions page or the command:\n{commands}"
    if verb in ("undo", "cancel", "rollback"):
        id = decision.id if decision else "ID"
        return f'{opening} To take an action back: aurora undo {id} --reason "…". It goes through the same guardrails.'
    if verb in ("stop", "pause", "disable", "enable", "resume", "set", "switch"):
        return f'{opening} The mode is set with: aurora mode set stopped|observe|ask|autonomous --reason "…".'
    return (
        f"{opening} To have a model looked at, and acted on where that is right: aurora analyze FILE "
        "(--dry-run only proposes), or the Analyse page."
    )
