"""One decision again: plan, critique and ruling on what was seen and recalled then, as the graph would make them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from aurora.domain import (
    CHANGING,
    Action,
    Critique,
    Facts,
    Outcome,
    Plan,
    Preview,
    Recalled,
    Ruling,
    Situation,
    Step,
)
from aurora.ledger.records import DecisionRecord
from aurora.policy.belief import NO_RECORD, lower_bound, records
from aurora.policy.critic import judge
from aurora.policy.engine import propose
from aurora.policy.explain import told
from aurora.policy.guardrails import GateInput, rule
from aurora.policy.moves import Move
from aurora.policy.priors import POLICY_VERSION, Priors
from aurora.policy.standing import gave_up
from aurora.policy.steps import blocked_by_names, move_of, unfit
from aurora.policy.values import Assessment, assess
from aurora.policy.view import view
from evals.backtest.change import Change, NotAChange


@dataclass(frozen=True, slots=True)
class Case:
    """One decision as it is on record."""

    decision: DecisionRecord
    situation: Situation
    plan: Plan
    """The last one: what the critic had not sent back any more."""
    critique: Critique
    ruling: Ruling | None
    """The first on that plan, before any person said anything; None where the critic let nothing through."""
    ruled_at: datetime
    seen_alike: tuple[Recalled, ...]
    """What the planner recalled."""
    turned_out: tuple[Recalled, ...]
    """What the critic recalled, in all rounds."""
    facts: Facts
    reversible: Collection[Action]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a decision came to before anybody was asked."""

    step: Step
    confidence: float
    ruling: str
    """`allow`, `needs_approval`, `deny`; or `critic_rejected`, `gave_up`."""
    rules: tuple[str, ...]
    policy_version: str
    by: str
    """Who proposed it."""

    @property
    def action(self) -> Action:
        """What would be done."""
        return self.step.action

    @property
    def stopped(self) -> bool:
        """Whether nothing comes of it."""
        return self.ruling not in ("allow", "needs_approval")


@dataclass(frozen=True, slots=True)
class Replay:
    """A decision as it was and as it would be."""

    decision: DecisionRecord
    was: Choice
    would: Choice
    engine_alone: bool
    """Whether it would flip as well with nothing changed: the engine, or the past, is another than then."""
    regret: float | None
    """What the new choice costs more by the pricing without the change; None where one of them has no price."""
    saving: float | None
    """What it costs less by the pricing with the change."""
    outcome: Outcome | None
    verified: bool
    """Whether code measured the outcome of what was done."""

    @property
    def flips(self) -> bool:
        """Whether anything else would happen."""
        return differ(self.was, self.would)


def differ(one: Choice, other: Choice) -> bool:
    """Whether two choices have another action, do it otherwise, or stand otherwise before the gate."""
    same_way = one.action not in CHANGING or one.step.parameters == other.step.parameters
    return (one.action, one.ruling) != (other.action, other.ruling) or not same_way


def replay(case: Case, change: Change, *, verified: bool) -> Replay:
    """Decide `case` again under `change`. Raises `NotAChange` where the planner gives no answer that can be used."""
    was, would = as_it_was(case), decide(case, change)
    now = would if change == Change() else decide(case, Change())
    then, with_change = _costs(case, Change()), _costs(case, change)
    return Replay(
        decision=case.decision,
        was=was,
        would=would,
        engine_alone=differ(was, now),
        regret=_dearer(then, was, would),
        saving=_dearer(with_change, would, was),
        outcome=case.decision.outcome,
        verified=verified,
    )


def as_it_was(case: Case) -> Choice:
    """Return what is on record."""
    ruling = case.ruling
    return Choice(
        step=case.plan.step,
        confidence=case.critique.confidence,
        ruling=_critic_word(case.critique) if ruling is None else ruling.verdict,
        rules=() if ruling is None else tuple(finding.rule for finding in ruling.findings),
        policy_version=case.plan.policy_version,
        by=case.plan.proposed_by,
    )


def decide(case: Case, change: Change) -> Choice:
    """Let plan and critique take turns as often as the graph does, and rule on what comes of it."""
    situation, avoid, round = change.situation(case.situation), tuple[Action, ...](), 0
    while True:
        plan = _plan(case, situation, change, avoid, round)
        critique = _critique(case, situation, change, plan)
        if critique.verdict != "revise" or gave_up(critique):
            break
        avoid, round = tuple(dict.fromkeys(avoid + critique.avoid)), round + 1
    ruling = _rule(case, situation, change, plan, critique) if critique.verdict == "approve" else None
    return Choice(
        step=plan.step,
        confidence=critique.confidence,
        ruling=_critic_word(critique) if ruling is None else ruling.verdict,
        rules=() if ruling is None else tuple(finding.rule for finding in ruling.findings),
        policy_version=POLICY_VERSION,
        by=plan.proposed_by,
    )


def _critic_word(critique: Critique) -> str:
    return "critic_rejected" if critique.verdict == "reject" else "gave_up"


def _plan(case: Case, situation: Situation, change: Change, avoid: tuple[Action, ...], round: int) -> Plan:
    if change.planner is None:
        return propose(
            situation, case.seen_alike, avoid=avoid, round=round, reversible=case.reversible, priors=change.priors
        )
    try:
        said = change.planner.decide(situation)
    except Exception as error:  # somebody else's policy may raise anything
        raise NotAChange(f"{change.planner.name} failed: {type(error).__name__}: {error}") from error
    step = said.step if isinstance(said, Plan) else said
    if not isinstance(step, Step):
        raise NotAChange(f"{change.planner.name} answered with {type(step).__name__}, neither a Plan nor a Step.")
    return _sure(case, situation, change.priors, step).evolve(round=round, proposed_by=change.planner.name)


def _sure(case: Case, situation: Situation, priors: Priors | None, step: Step) -> Plan:
    """Make a plan of somebody else's step: how sure to be of it is the engine's to say."""
    found = _assessed(case, situation, priors)
    option = None if unfit(step, situation) else found.options.get(move_of(step, situation))
    own = records(situation, found.seen, case.seen_alike).get(step.action, NO_RECORD)
    confidence = told(option.chance) if option else 0.0
    low = told(lower_bound(option.prior, own, found.prospect.number("prior_strength"))) if option else 0.0
    return Plan(
        step=step,
        reasoning="",
        confidence=confidence,
        confidence_low=min(low, confidence),
        price=situation.settings.costs.of(step.action),
        recalled=case.seen_alike,
        policy_version=POLICY_VERSION,
    )


def _critique(case: Case, situation: Situation, change: Change, plan: Plan) -> Critique:
    if wrong := unfit(plan.step, situation):
        return Critique(round=plan.round, verdict="reject", reasoning=wrong, confidence=0.0, risk="high")
    seen = judge(plan, situation, case.turned_out, reversible=case.reversible, priors=change.priors)
    return seen.evolve(confidence=min(seen.confidence, plan.confidence))


def _rule(case: Case, situation: Situation, change: Change, plan: Plan, critique: Critique) -> Ruling:
    return rule(
        GateInput(
            situation=situation,
            step=plan.step,
            confidence=critique.confidence,
            confidence_low=min(plan.confidence_low, critique.confidence),
            risk=critique.risk,
            requires_approval=critique.requires_approval,
            preview=_preview(case, plan.step),
            mode=(situation.settings.mode if "mode" in change.settings else None) or case.decision.mode,
            dry_run=case.decision.dry_run,
            facts=case.facts,
            now=case.ruled_at,
            consent=None,
            round=plan.round,
            fleet_share_in_change=1.0,
            band=change.band,
        )
    )


def _preview(case: Case, step: Step) -> Preview | None:
    """Return what the tool said of the same action; of another one nobody asked it, so that it is taken as declared."""
    if case.ruling is not None and case.ruling.step.action is step.action:
        return case.ruling.preview
    return Preview(undoable=step.action in case.reversible, undo="", backend="replay")


# --- what it costs ---------------------------------------------------------------------------------------------------


def _assessed(case: Case, situation: Situation, priors: Priors | None) -> Assessment:
    seen = view(situation, priors)
    return assess(seen, blocked_by_names(situation), records(situation, seen, case.seen_alike), case.reversible)


@dataclass(frozen=True, slots=True)
class _Prices:
    """The engine's prices of one situation."""

    situation: Situation
    moves: Mapping[Move, float]

    def of(self, choice: Choice) -> float | None:
        """Return what a choice is expected to cost: what is stopped leaves it, and a person who is asked costs too."""
        if choice.stopped:
            return self.moves[Move.LEAVE]
        if unfit(choice.step, self.situation):
            return None
        cost = self.moves.get(move_of(choice.step, self.situation))
        asked = self.situation.settings.costs.alert if choice.ruling == "needs_approval" else 0.0
        return None if cost is None else cost + asked


def _costs(case: Case, change: Change) -> _Prices:
    situation = change.situation(case.situation)
    return _Prices(situation, _assessed(case, situation, change.priors).costs)


def _dearer(prices: _Prices, than: Choice, one: Choice) -> float | None:
    """Return how much more `one` costs than the other."""
    base, cost = prices.of(than), prices.of(one)
    return None if base is None or cost is None else told(cost - base)
