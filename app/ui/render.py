"""Answers of the API as HTML. Every text is escaped here, whoever wrote it; nothing in a record is markup."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

from app.client import service_answer

COLUMNS = ("when (UTC)", "model", "action", "status", "outcome", "confidence", "id")

LEAST_LIKELY = 0.01
"""A cause that is less likely is not worth a line."""

_SPELT = str.maketrans({"{": "&#123;", "}": "&#125;", "$": "&#36;", "`": "&#96;", "\\": "&#92;"})
"""What a template of the page could read as its own."""


def text(value: Any) -> str:
    """Return `value` as text that is safe inside HTML and inside a template."""
    said = "" if value is None else f"{value:.4g}" if isinstance(value, float) and abs(value) < 10_000 else str(value)
    return escape(said, quote=True).translate(_SPELT)


def word(value: Any) -> str:
    """Return one of our own words as a badge."""
    name = text(value)
    return f'<span class="word {name}">{name.replace("_", " ")}</span>' if value else ""


def when(value: Any) -> str:
    """Return an ISO time in UTC, to the second."""
    return datetime.fromisoformat(str(value)).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if value else ""


def row(item: Mapping[str, Any]) -> list[str]:
    """Return one decision as a row of plain text under `COLUMNS`."""
    ending = f" ({item['ending']})" if item["ending"] else ""
    pretend = " · simulated" if item["simulated"] else ""
    confidence = item["confidence"]
    return [
        when(item["created_at"]),
        str(item["model_name"]),
        (item["decision_type"] or "undecided").replace("_", " "),
        f"{item['status']}{ending}".replace("_", " ") + pretend,
        (item["outcome"] or "").replace("_", " "),
        "" if confidence is None else f"{confidence:.2f}",
        str(item["decision_id"]),
    ]


def notice(sentence: str, lines: Iterable[str] = ()) -> str:
    """Return a failure in sentences."""
    points = "".join(f"<li>{text(line)}</li>" for line in lines)
    return f'<div class="notice" role="alert">{text(sentence)}{f"<ul>{points}</ul>" if points else ""}</div>'


def header(health: Mapping[str, Any], mode: Mapping[str, Any]) -> str:
    """Return how AURORA is doing and how much it may do."""
    parts = ", ".join(f"{text(name).replace('_', ' ')} {text(word_)}" for name, word_ in health["components"].items())
    who = f" by {text(mode['by'])}" if mode["by"] and mode["changed_at"] else ""
    why = f": {text(mode['reason'])}" if mode["reason"] else ""
    return f'<p class="state">Mode {word(mode["mode"])}{who}{why} · Health {word(health["status"])} ({parts})</p>'


# --- one decision ----------------------------------------------------------------------------------------------------


def decision(answer: Mapping[str, Any]) -> str:
    """Return what was decided."""
    plan, critic, done = answer["planner_decision"], answer["critic_decision"], answer["execution_result"]
    lines = [_title(answer)]
    if plan:
        lines += [_line("Planner", text(plan["reasoning"])), _line("Parameters", _pairs(plan["parameters"]))]
    if critic:
        verdict = "approved" if critic["approved"] else "not approved"
        lines.append(_line("Critic", f"{verdict}, risk {text(critic['risk'])}: {text(critic['reasoning'])}"))
    lines += [_line("Guardrail", f"{text(rule['rule'])}: {text(rule['reason'])}") for rule in answer["rules"]]
    if done:
        lines += [_line("Done", text(done["reasoning"])), _line("Answered", _pairs(service_answer(done["context"])))]
    lines += [_line("Recalled", _case(case)) for case in answer["recalled"][:3]]
    return f'<div class="card">{"".join(lines)}</div>'


def _title(answer: Mapping[str, Any]) -> str:
    plan = answer["planner_decision"]
    sure = answer["critic_decision"] or plan
    confidence = f", confidence {sure['confidence']:.2f}" if sure else ""
    pretend = ' <span class="word simulated">simulated</span>' if answer["simulated"] else ""
    ending = f" ({text(answer['ending']).replace('_', ' ')})" if answer["ending"] else ""
    proposed = plan["decision_type"] if plan else "undecided"
    action = "" if proposed == answer["status"] else word(proposed)
    outcome = f"outcome {word(answer['outcome'])}" if answer["outcome"] else ""
    return (
        f"<h3>{text(answer['model_name'])}: {action} {word(answer['status'])}{ending} {outcome}{pretend}"
        f"{confidence}</h3>"
        f'<p class="id">{text(answer["decision_id"])} · {when(answer["created_at"])} UTC</p>'
    )


def _line(name: str, html: str) -> str:
    return f"<p><b>{name}</b> {html}</p>" if html.strip() else ""


def _case(case: Mapping[str, Any]) -> str:
    return f"{text(case['summary'])} ({case['similarity']:.2f} alike)"


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{text(name)} {_within(value)}" for name, value in values.items() if value not in ("", {}, []))


def _within(value: Any) -> str:
    """Return one of several values; what holds more of them in brackets."""
    if isinstance(value, Mapping):
        return f"({_pairs(value)})"
    return "; ".join(map(_within, value)) if isinstance(value, list) else text(value)


def record(found: Mapping[str, Any]) -> str:
    """Return the whole why of a decision."""
    steps = {node: made[-1] for node, made in found["steps"].items() if made}
    sections = [
        ("What was seen", _seen(found["telemetry"])),
        ("Causes and alternatives", _weighed(steps.get("plan"))),
        ("What was remembered", _remembered(steps)),
        ("Who was asked", [_answered(one) for one in found["approvals"]]),
        ("What came of it", _came_of_it(steps, found["outcomes"])),
    ]
    return decision({**found, "recalled": []}) + "".join(_section(title, points) for title, points in sections)


def _section(title: str, points: Iterable[str]) -> str:
    items = "".join(f"<li>{point}</li>" for point in points if point)
    return f"<h4>{title}</h4><ul>{items}</ul>" if items else ""


def _seen(telemetry: Mapping[str, Any]) -> list[str]:
    shown = {name: value for name, value in telemetry.items() if name != "model_name" and value}
    return [f"{text(name).replace('_', ' ')}: {_told(value)}" for name, value in shown.items()]


def _told(value: Any) -> str:
    return _pairs(value) if isinstance(value, Mapping) else text(value)


def _weighed(plan: Mapping[str, Any] | None) -> list[str]:
    if not plan:
        return []
    points = [text(reason) for reason in plan["reasons"]]
    points += [
        f"cause {text(c['cause']).replace('_', ' ')}: {c['probability']:.0%}"
        for c in plan["diagnosis"][:3]
        if c["probability"] >= LEAST_LIKELY
    ]
    points += [f"not {text(a['decision_type']).replace('_', ' ')}: {text(a['why_not'])}" for a in plan["alternatives"]]
    return points + ([f"what would have changed it: {text(plan['flip'])}"] if plan["flip"] else [])


def _remembered(steps: Mapping[str, Any]) -> list[str]:
    return [_case(case) for node in ("plan", "critique") for case in steps.get(node, {}).get("recalled", ())]


def _answered(approval: Mapping[str, Any]) -> str:
    if approval["status"] == "waiting":
        return f"waits until {when(approval['expires_at'])} UTC: {text(' '.join(approval['reasons']))}"
    proof = "" if approval["authenticated"] else " (not authenticated)"
    by = f" by {text(approval['by'])}{proof}" if approval["by"] else ""
    return f"{text(approval['status'])}{by} on {when(approval['settled_at'])} UTC {text(approval['reason'])}"


def _came_of_it(steps: Mapping[str, Any], outcomes: Iterable[Mapping[str, Any]]) -> list[str]:
    points = [f"{text(steps[node]['reasoning'])}" for node in ("execute", "verify", "undo") if node in steps]
    points += [f"{text(told['by'])} reported: {text(told['report']['note'])}" for told in outcomes]
    return points + ([text(steps["learn"]["text"])] if "learn" in steps else [])


# --- memory ----------------------------------------------------------------------------------------------------------


def found(results: Iterable[Mapping[str, Any]]) -> str:
    """Return what memory found."""
    cards = "".join(_memory(one) for one in results)
    return cards or "<p>Nothing in memory is like that.</p>"


def _memory(one: Mapping[str, Any]) -> str:
    ended = {True: " · it helped", False: " · it did not help"}.get(one["success"], "")
    pretend = " · simulated" if one["simulated"] else ""
    title = f"{one['similarity']:.2f} alike · {text(one['kind']).replace('_', ' ')}{ended}{pretend}"
    return f'<div class="card"><b>{title}</b><p>{text(one["text"])}</p><p class="id">{text(one["id"])}</p></div>'
