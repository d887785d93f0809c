"""Shows the answers of the API to people in a terminal."""

from typing import Any

from rich.text import Text

from app.cli_text import coloured, columns, console, heading, pairs, plain, put, share, short_id, utc_time
from app.client import service_answer

# --- decisions -------------------------------------------------------------------------------------------------------


def decision_list(page: Any) -> None:
    """Show a page of decisions as a table."""
    if not page["items"]:
        put("No decisions on record.")
        return
    table = columns("when", "id", "model", "action", "status", "outcome", "confidence")
    for item in page["items"]:
        table.add_row(
            utc_time(item["created_at"]),
            short_id(item["decision_id"]),
            plain(item["model_name"]),
            coloured(item["decision_type"] or "undecided"),
            standing(item),
            coloured(item["outcome"] or ""),
            share(item["confidence"]),
        )
    console().print(table)
    if page["next"]:
        put(Text("There are more: --limit shows up to 500.", style="dim"))


def decision_line(item: Any) -> None:
    """Show one decision as one line."""
    parts: list[str | Text] = [
        utc_time(item["created_at"]),
        "  ",
        short_id(item["decision_id"]),
        "  ",
        plain(item["model_name"]),
    ]
    parts += ["  ", coloured(item["decision_type"] or "undecided"), "  ", standing(item)]
    parts += ["  outcome ", coloured(item["outcome"])] if item["outcome"] else []
    put(*parts)


def standing(item: Any) -> Text:
    """Return where a decision stands, and that it is pretend where it is."""
    said = coloured(item["status"])
    if item["ending"]:
        said.append(f" ({plain(item['ending']).replace('_', ' ')})")
    if item.get("simulated"):
        said.append(" (simulated)", style="dim")
    return said


def decision(answer: Any) -> None:
    """Show what was decided: the proposal, the verdict, what was done, and what to do next."""
    headline(answer)
    plan, critic, done = answer["planner_decision"], answer["critic_decision"], answer["execution_result"]
    if plan:
        put("  Planner   ", plain(plan["reasoning"]))
        put("  Would do  ", pairs(plan["parameters"])) if plan["parameters"] and not done else None
    if critic:
        verdict = "approved" if critic["approved"] else "not approved"
        put("  Critic    ", f"{verdict}, risk {plain(critic['risk'])}: {plain(critic['reasoning'])}")
    for rule in answer["rules"]:
        put("  Guardrail ", f"{plain(rule['rule'])}: {plain(rule['reason'])}")
    if done:
        put("  Done      ", plain(done["reasoning"]))
        put("            ", pairs(service_answer(done["context"])))
    for case in answer["recalled"][:3]:
        put("  Recalled  ", f"{plain(case['summary'])} ({share(case['similarity'])} alike)")
    next_step(answer)


def headline(answer: Any) -> None:
    """Write what was proposed and where it stands."""
    plan, critic = answer["planner_decision"], answer["critic_decision"]
    proposed = Text(plain(plan["decision_type"]) if plan else "undecided", style="bold")
    sure = critic or plan
    parts: list[str | Text] = [Text(plain(answer["model_name"]), style="bold"), ": ", proposed, ", ", standing(answer)]
    parts += [f", confidence {share(sure['confidence'])}"] if sure else []
    parts += [", outcome ", coloured(answer["outcome"])] if answer["outcome"] else []
    put(*parts)
    put("  ", Text(plain(answer["decision_id"]), style="dim"), "  ", Text(utc_time(answer["created_at"]), style="dim"))


def next_step(answer: Any) -> None:
    """Write what a person may want to do next."""
    id = plain(answer["decision_id"])
    if answer["approval_id"]:
        put("  It waits for a person: ", Text(f"aurora approve {id}", style="bold"), f"  or  aurora reject {id}")
    else:
        put("  The whole why: ", Text(f"aurora explain {id}", style="bold"))


# --- everything else -------------------------------------------------------------------------------------------------


def model_list(page: Any) -> None:
    """Show a page of models as a table."""
    if not page["items"]:
        put("No model has been seen yet. Send telemetry: aurora analyze FILE")
        return
    table = columns("model", "health", "mode", "accuracy", "latency ms", "last seen", "last decision", "asks before")
    for item in page["items"]:
        metrics = item["last_metrics"] or {}
        table.add_row(
            Text(plain(item["name"]) + (" (simulated)" if item["simulated"] else "")),
            coloured(item["health"]),
            coloured(item["mode"]),
            plain(metrics.get("accuracy")),
            plain(metrics.get("latency_ms")),
            utc_time(item["last_seen"]),
            short_id(item["last_decision"] or ""),
            _asks_before(item["autonomy"]),
        )
    console().print(table)
    if page["next"]:
        put(Text("There are more: --limit shows up to 500, --q looks for a part of the name.", style="dim"))


def _asks_before(rights: Any) -> Text:
    """Return the actions that do not run by themselves; one that may never run is told as such."""
    held = [(action, right["state"]) for action, right in rights.items() if right["state"] != "within_bands"]
    said = [plain(action) if state == "asks" else f"never {plain(action)}" for action, state in held]
    return Text(", ".join(said), style="yellow")


def model(item: Any) -> None:
    """Show one model: how it is, and what AURORA may do by itself on it and why."""
    pretend = " (simulated)" if item["simulated"] else ""
    put(
        Text(plain(item["name"]), style="bold"),
        f"{pretend}: ",
        coloured(item["health"]),
        ", mode ",
        coloured(item["mode"]),
    )
    seen = {name: value for name, value in (item["last_metrics"] or {}).items() if isinstance(value, float)}
    put("  Last metrics   ", pairs(seen)) if seen else None
    put("  Last decision  ", plain(item["last_decision"])) if item["last_decision"] else None
    heading("What it may do by itself")
    table = columns("action", "set to", "state", "verified", "misses", "lower bound", "why")
    for action, right in item["autonomy"].items():
        # What may run already has nothing left to earn.
        is_earned = right["state"] == "within_bands"
        table.add_row(
            plain(action),
            plain(right["setting"]),
            coloured(right["state"]),
            plain(right["verified_successes"]),
            plain(right["misses"]),
            "–" if is_earned else f"{share(right['lower_bound'])} of {share(right['bar'])}",
            plain(right["reason"]),
        )
    console().print(table)


def found(answer: Any) -> None:
    """Show what memory found."""
    if not answer["results"]:
        put("Nothing in memory is like that.")
    for one in answer["results"]:
        ended = {True: ", it helped", False: ", it did not help"}.get(one.get("success"), "")
        pretend = ", simulated" if one.get("simulated") else ""
        put(
            Text(f"{one['similarity']:.2f}", style="bold"),
            f"  {plain(one['kind'])}{ended}{pretend}  ",
            Text(plain(one["id"]), style="dim"),
        )
        put("      ", plain(one["text"]))


def remembered(answer: Any) -> None:
    """Show what was written into memory."""
    for id in answer["ids"]:
        put("Remembered as ", plain(id))


def mode_line(answer: Any) -> None:
    """Show the mode of the installation."""
    parts: list[str | Text] = ["Mode ", coloured(answer["mode"])]
    parts += [f", set by {plain(answer['by'])}"] if answer["changed_at"] else []
    parts += [f" on {utc_time(answer['changed_at'])}"] if answer["changed_at"] else []
    parts += [f": {plain(answer['reason'])}"] if answer["reason"] else []
    put(*parts)


def chat(answer: Any) -> None:
    """Show an answer of the chat."""
    put(plain(answer["answer"]))


def checks(answer: Any) -> None:
    """Show what the doctor found, one line a part, and what to do."""
    for check in answer["checks"]:
        put(
            coloured(check["verdict"]),
            " " * (6 - len(check["verdict"])),
            Text(plain(check["name"]), style="bold"),
            f"  {plain(check['detail'])}",
        )
        if check["advice"]:
            put("      → ", plain(check["advice"]))
    failed = sum(check["verdict"] == "fail" for check in answer["checks"])
    put("\n", Text("Every part is well." if not failed else f"{failed} part(s) are down.", style="bold"))
