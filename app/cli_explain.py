"""Shows the whole why of one decision: what was seen, recalled, weighed, ruled, done, and what came of it."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.cli_show import headline, next_step
from app.cli_text import heading, pairs, plain, point, utc_time

LEAST_LIKELY = 0.01
"""A cause that is less likely is not worth a line."""


def record(found: Any) -> None:
    """Show the whole why of a decision."""
    headline(found)
    steps = {node: made[-1] for node, made in found["steps"].items() if made}
    _seen(found["telemetry"], steps.get("observe"))
    _proposed(steps.get("plan"))
    _weighed(steps.get("plan"))
    _judged(steps.get("critique"), found["rules"])
    _asked(found["approvals"])
    _done(steps, found["outcomes"])
    _learned(steps)
    if found["approval_id"]:
        next_step(found)


def _seen(telemetry: Any, observed: Any) -> None:
    heading("What was seen")
    for name, value in telemetry.items():
        if name not in ("model_name", "notes"):
            point(f"{name}: {pairs(value) if isinstance(value, Mapping) else plain(value)}")
    if telemetry.get("notes"):
        point(f"notes (free text, never followed): {telemetry['notes']}")
    if observed and observed["baseline_sources"]:
        sources = (
            f"{name} {plain(observed['baseline'][name])} from {source}"
            for name, source in observed["baseline_sources"].items()
        )
        point(f"healthy level: {', '.join(sources)}")
    if observed and observed["gaps"]:
        point(f"not given: {', '.join(observed['gaps'])}")
    for notice in observed["notices"] if observed else ():
        point(notice)


def _proposed(plan: Any) -> None:
    if not plan:
        return
    heading("What was proposed, and why")
    step = plan["step"]
    point(f"{step['action']} ({pairs(step['parameters'])}), by {plan['proposed_by']}")
    point(plan["reasoning"])
    for reason in plan["reasons"]:
        point(reason)
    for cause in [one for one in plan["diagnosis"] if one["probability"] >= LEAST_LIKELY][:3]:
        point(f"cause: {cause['cause']} {cause['probability']:.0%} {'; '.join(cause['evidence'])}")
    point(f"confidence {plan['confidence']:.2f}, at least {plan['confidence_low']:.2f}")
    cost, waiting = plan["expected_cost"], plan["cost_of_waiting"]
    point(f"expected cost {cost:.4g}, of waiting {waiting:.4g}, in hours of wrong answers")
    if plan["goal"]:
        point(f"goal: {plan['goal']['summary']}")


def _weighed(plan: Any) -> None:
    if not plan:
        return
    heading("What else was weighed")
    for other in plan["alternatives"]:
        point(f"{other['decision_type']} (expected cost {other['expected_cost']:.4g}): {other['why_not']}")
    if plan["flip"]:
        point(f"what would have changed it: {plan['flip']}")
    _remembered("What was remembered", plan["recalled"])


def _remembered(title: str, cases: Iterable[Any]) -> None:
    cases = list(cases)
    if cases:
        heading(title)
    for case in cases:
        ended = {True: ", it helped", False: ", it did not help"}.get(case["success"], "")
        pretend = ", simulated" if case["simulated"] else ""
        point(f"{case['summary']} ({case['similarity']:.2f} alike, {case['kind']}{ended}, {case['trust']}{pretend})")


def _judged(critique: Any, rules: Iterable[Any]) -> None:
    if critique:
        heading("The second look")
        point(f"{critique['verdict']}, confidence {critique['confidence']:.2f}, risk {critique['risk']}")
        point(critique["reasoning"])
        _remembered("How this action turned out before", critique["recalled"])
    rules = list(rules)
    if rules:
        heading("Guardrails that fired")
    for rule in rules:
        point(f"{rule['rule']} ({rule['verdict']}): {rule['reason']}")


def _asked(approvals: Iterable[Any]) -> None:
    approvals = list(approvals)
    if approvals:
        heading("Who was asked")
    for one in approvals:
        if one["status"] == "waiting":
            point(f"{one['id']} waits until {utc_time(one['expires_at'])}: {' '.join(one['reasons'])}")
            continue
        proof = "" if one["authenticated"] else " (not authenticated)"
        edited = f", as {pairs(one['edited_step']['parameters'])}" if one["edited_step"] else ""
        by = f" by {one['by']}{proof}" if one["by"] else ""
        point(f"{one['id']} {one['status']}{by} on {utc_time(one['settled_at'])}{edited} {one['reason']}")


def _done(steps: Mapping[str, Any], outcomes: Iterable[Any]) -> None:
    execution, verified, undone = steps.get("execute"), steps.get("verify"), steps.get("undo")
    if execution:
        heading("What was done")
        point(f"{execution['status']} on {utc_time(execution['executed_at'])}: {execution['reasoning']}")
        result = execution["result"]
        if result:
            pretend = " (simulated)" if result["simulated"] else ""
            point(f"{result['called']} answered {result['status']}{pretend}: {pairs(result['answer'])}")
            if result["detail"] and result["detail"] not in execution["reasoning"]:
                point(result["detail"])
    if verified or undone or (outcomes := list(outcomes)):
        heading("What came of it")
    if verified:
        point(f"{verified['outcome']} (from {verified['source']}): {verified['reasoning']}")
    for told in outcomes:
        point(
            f"{told['by']} reported {'success' if told['report']['success'] else 'failure'}: {told['report']['note']}"
        )
    if undone:
        point(f"undo by {undone['by']}: {undone['status']}: {undone['reasoning']}")


def _learned(steps: Mapping[str, Any]) -> None:
    lesson, report = steps.get("learn"), steps.get("report")
    if lesson:
        heading("What was learned")
        point(lesson["text"])
    if report:
        heading("In one word")
        point(report["headline"])
