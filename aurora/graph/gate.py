"""rule: the guardrails' word on exactly this step, and the question to a person where they ask for one.

The same word is asked for again by the executor, in the transaction that records its intent: see `open_gate`.
"""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from aurora.domain import CHANGING, Facts, Finding, Mode, ModelSettings, NewApproval, Notice, Preview, Ruling, Step
from aurora.graph.deps import Deps, Run
from aurora.graph.hands import Silence, ask
from aurora.graph.recorded import Draft, recorded
from aurora.graph.rounds import ruling as round_of_ruling
from aurora.graph.rounds import the_plan, the_ruling, the_situation
from aurora.graph.state import State
from aurora.policy.guardrails import GateInput
from aurora.policy.guardrails import rule as judge_step

MAX_RULINGS = 4
"""How often one plan may come back to the gate before it is denied for good."""


@recorded("ruling", Ruling, round_of_ruling)
async def rule(state: State, run: Run) -> Draft[Ruling]:
    """Allow, ask or deny."""
    step = proposed_step(state)
    look = await preview(run, step)
    return await asyncio.to_thread(_rule, state, run, step, look)


@dataclass(frozen=True)
class Proposal:
    """A step before the gate, and what was asked about it beforehand: the gate itself waits for nobody."""

    step: Step
    round: int
    preview: Preview | None
    settings: ModelSettings
    """As they stand now: a person may have changed them since the situation was seen."""


def _rule(state: State, run: Run, step: Step, look: Preview | None) -> Draft[Ruling]:
    settings, mode = run.ledger.models.settings_and_mode(_target(state))
    facts = run.ledger.decisions.facts(_target(state), state.decision_id, run.clock())
    proposal = Proposal(step, round_of_ruling(state, run), look, settings)
    ruling = _judge(state, run, proposal, facts, mode)
    if proposal.round - the_plan(state).round >= MAX_RULINGS:
        ruling = _deny(ruling, "too_many_rulings", f"The plan came back to the gate {MAX_RULINGS} times.")
    if ruling.verdict != "needs_approval" or ruling.propose_only:
        return Draft(ruling)
    return _ask(state, run, ruling)


Check = Callable[[Facts, Mode], Ruling]


async def open_gate(state: State, run: Run) -> Check:
    """Return the check that the ledger makes at the moment of execution, on the facts of that moment."""
    ruled = the_ruling(state)
    look = await preview(run, ruled.step)
    settings = await asyncio.to_thread(run.ledger.models.settings, _target(state))
    proposal = Proposal(ruled.step, ruled.round, look, settings)

    def check(facts: Facts, mode: Mode) -> Ruling:
        ruling = _judge(state, run, proposal, facts, mode)
        if ruling.propose_only:
            return _deny(ruling, "observe_mode", "AURORA only observes: nothing is executed.")
        return ruling

    return check


async def still_closed(state: State, deps: Deps, check: Check) -> str:
    """Return why a step that was begun, and never happened, may not run any more; empty where it may."""
    facts = await asyncio.to_thread(deps.ledger.decisions.facts, _target(state), state.decision_id, deps.clock())
    _, mode = await asyncio.to_thread(deps.ledger.models.settings_and_mode, _target(state))
    ruling = check(facts, mode)
    return "" if ruling.verdict == "allow" else " ".join(finding.reason for finding in ruling.findings)


def proposed_step(state: State) -> Step:
    """Return what the gate has to judge now: a stray executor's step, an edited one, else the plan's."""
    ruling = state.ruling
    if ruling is None:
        return the_plan(state).step
    if state.execution is not None and state.execution.round == ruling.round:
        return state.execution.step
    if state.approval is not None and state.approval.step is not None and state.approval.round == ruling.round:
        return state.approval.step
    return ruling.step


async def preview(deps: Deps, step: Step) -> Preview | None:
    """Ask the tool what the step would change; None where there is no answer, which the guardrails refuse."""
    if step.action not in CHANGING or step.action not in deps.tools:
        return None
    tool = deps.tools[step.action]
    seen = await ask(deps, tool, "preview", lambda: tool.preview(step))
    return None if isinstance(seen, Silence) else seen


def _judge(state: State, run: Run, proposal: Proposal, facts: Facts, mode: Mode) -> Ruling:
    plan, critique = the_plan(state), state.critique
    if critique is None:
        raise LookupError("critique has not run")
    return judge_step(
        GateInput(
            situation=the_situation(state).model_copy(update={"settings": proposal.settings}),
            step=proposal.step,
            confidence=critique.confidence,
            confidence_low=min(plan.confidence_low, critique.confidence),
            risk=critique.risk,
            requires_approval=critique.requires_approval,
            preview=proposal.preview,
            mode=mode,
            dry_run=run.decision.dry_run,
            facts=facts,
            now=run.clock(),
            consent=_consent(state),
            round=proposal.round,
            fleet_share_in_change=run.largest_share_in_change,
        )
    )


def _consent(state: State) -> str | None:
    said = state.approval
    return said.fingerprint if said is not None and said.answer in ("approved", "edited") else None


def _target(state: State) -> str:
    return the_situation(state).telemetry.model_name


def _deny(ruling: Ruling, name: str, reason: str) -> Ruling:
    return ruling.evolve(verdict="deny", findings=(*ruling.findings, Finding(rule=name, verdict="deny", reason=reason)))


def _ask(state: State, deps: Deps, ruling: Ruling) -> Draft[Ruling]:
    critique = state.critique
    if critique is None:
        raise LookupError("critique has not run")
    # The id follows from the round, so that a run that starts again asks the same question and not a second one.
    approval_id = f"apr_{uuid.uuid5(uuid.NAMESPACE_OID, f'{state.decision_id}:{ruling.round}').hex}"
    reasons = tuple(finding.reason for finding in ruling.findings)
    question = NewApproval(
        id=approval_id,
        round=ruling.round,
        step=ruling.step,
        fingerprint=ruling.fingerprint,
        reasons=reasons,
        confidence=ruling.confidence,
        risk=critique.risk,
        expires_at=deps.clock() + timedelta(hours=deps.approval_hours),
    )
    notice = Notice(
        event_id=f"{approval_id}:asked",
        model_name=ruling.step.target,
        severity="warning",
        message=f"{ruling.step.action} of {ruling.step.target} waits for approval {approval_id}: {' '.join(reasons)}",
        decision_id=state.decision_id,
    )
    return Draft(ruling.evolve(approval_id=approval_id), ask=question, notices=(notice,))
