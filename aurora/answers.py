"""What a decision looks like from outside: the answer to `POST /api/analyze`, made from its recorded nouns."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aurora.domain import (
    Action,
    Alternative,
    Critique,
    Ending,
    Execution,
    Finding,
    Goal,
    Outcome,
    Plan,
    Recalled,
    Risk,
    Ruling,
    Status,
    Value,
)

if TYPE_CHECKING:
    from aurora.ledger.records import DecisionRecord


class PlannerDecision(Value):
    """What the Planner proposed."""

    decision_type: Action
    reasoning: str
    confidence: float
    alternatives: tuple[Alternative, ...]
    parameters: dict[str, Any]
    reasons: tuple[str, ...]
    goal: Goal | None
    flip: str


class CriticDecision(Value):
    """What the Critic and, after it, the gate said."""

    decision_type: Action
    reasoning: str
    confidence: float
    approved: bool
    risk: Risk
    requires_approval: bool


class ExecutionResult(Value):
    """What was done."""

    decision_type: Action
    reasoning: str
    context: dict[str, Any]


class RecalledCase(Value):
    """A memory entry that the decision leaned on."""

    id: str
    similarity: float
    summary: str


class AnalyzeAnswer(Value):
    """One decision as other programs see it."""

    decision_id: str
    model_name: str
    status: Status
    ending: Ending | None
    outcome: Outcome | None
    rules: tuple[Finding, ...]
    planner_decision: PlannerDecision | None
    critic_decision: CriticDecision | None
    execution_result: ExecutionResult | None
    recalled: tuple[RecalledCase, ...]
    approval_id: str | None
    dry_run: bool
    simulated: bool
    created_at: datetime


def planner_decision(plan: Plan) -> PlannerDecision:
    """Return the wire form of a plan."""
    return PlannerDecision(
        decision_type=plan.step.action,
        reasoning=plan.reasoning,
        confidence=plan.confidence,
        alternatives=plan.alternatives,
        parameters=plan.step.parameters,
        reasons=plan.reasons,
        goal=plan.goal,
        flip=plan.flip,
    )


def critic_decision(plan: Plan, critique: Critique, ruling: Ruling | None) -> CriticDecision:
    """Return the wire form of a critique; whether a person is needed is the gate's word where it spoke."""
    asks = critique.requires_approval if ruling is None else ruling.verdict == "needs_approval"
    return CriticDecision(
        decision_type=plan.step.action,
        reasoning=critique.reasoning,
        confidence=critique.confidence,
        approved=critique.verdict == "approve",
        risk=critique.risk,
        requires_approval=asks,
    )


def execution_result(execution: Execution | None) -> ExecutionResult | None:
    """Return the wire form of what was done; None while nothing was."""
    if execution is None or execution.status == "out_of_bounds" or execution.result is None:
        return None
    result = execution.result
    context = {**result.answer, "called": result.called, "status": result.status}
    if result.detail:
        context["detail"] = result.detail
    if result.simulated:
        context["simulated"] = True
    return ExecutionResult(decision_type=execution.step.action, reasoning=execution.reasoning, context=context)


def recalled_cases(*found: tuple[Recalled, ...]) -> tuple[RecalledCase, ...]:
    """Return what Planner and Critic recalled, each case once, the most similar first."""
    best = {one.id: one for group in found for one in group}
    ordered = sorted(best.values(), key=lambda one: (-one.similarity, one.id))
    return tuple(RecalledCase(id=one.id, similarity=one.similarity, summary=one.summary) for one in ordered)


def latest(nouns: Mapping[str, list[Any]], node: str) -> Any:
    """Return the newest noun that `node` recorded, or None."""
    return nouns[node][-1] if nouns.get(node) else None


def answer(decision: "DecisionRecord", nouns: Mapping[str, list[Any]]) -> AnalyzeAnswer:
    """Return the answer for a decision's row and its nouns by node, oldest first."""
    plan: Plan | None = latest(nouns, "plan")
    critique: Critique | None = latest(nouns, "critique")
    ruling: Ruling | None = latest(nouns, "rule")
    return AnalyzeAnswer(
        decision_id=decision.id,
        model_name=decision.model_name,
        status=decision.status,
        ending=decision.ending,
        outcome=decision.outcome,
        rules=ruling.findings if ruling else (),
        planner_decision=planner_decision(plan) if plan else None,
        critic_decision=critic_decision(plan, critique, ruling) if plan and critique else None,
        execution_result=execution_result(latest(nouns, "execute")),
        recalled=recalled_cases(plan.recalled if plan else (), critique.recalled if critique else ()),
        approval_id=decision.approval_id if decision.status is Status.AWAITING_APPROVAL else None,
        dry_run=decision.dry_run,
        simulated=decision.simulated,
        created_at=decision.created_at,
    )
