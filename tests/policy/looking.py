"""From plain telemetry to a situation, and from there to plan, critique and ruling."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aurora.domain import (
    CHANGING,
    Baseline,
    Critique,
    Facts,
    History,
    Mode,
    ModelSettings,
    Plan,
    Preview,
    Recalled,
    Ruling,
    Serving,
    Situation,
    Telemetry,
)
from aurora.policy.critic import judge
from aurora.policy.engine import propose
from aurora.policy.guardrails import GateInput, rule

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Outcome:
    """All that was said about one situation."""

    plan: Plan
    critique: Critique
    ruling: Ruling


def look(
    telemetry: dict[str, Any],
    *,
    settings: ModelSettings | None = None,
    serving: Serving | None = None,
    history: History | None = None,
    simulated: bool = False,
) -> Situation:
    """Return the situation that telemetry makes, with its own baseline or that of the settings."""
    seen = Telemetry.model_validate(telemetry)
    settings = settings or ModelSettings()
    levels = dict(settings.baseline or Baseline()) | {k: v for k, v in (seen.baseline or Baseline()) if v is not None}
    if seen.traffic is not None and levels.get("throughput_rps") is None:
        levels["throughput_rps"] = seen.traffic.rps_baseline
    return Situation(
        decision_id="dec_here",
        observed_at=NOW,
        telemetry=seen,
        settings=settings,
        baseline=Baseline(**levels),
        baseline_sources={},
        history=history or History(),
        serving=serving or Serving(),
        simulated=simulated,
    )


def decide(situation: Situation, recalled: Sequence[Recalled] = (), *, reversible: bool = True) -> Outcome:
    """Run plan, critique and rule, with a preview and nothing in the way."""
    can_undo = CHANGING if reversible else ()
    plan = propose(situation, recalled, reversible=can_undo)
    critique = judge(plan, situation, recalled, reversible=can_undo)
    ruling = rule(
        GateInput(
            situation=situation,
            step=plan.step,
            confidence=critique.confidence,
            confidence_low=min(plan.confidence_low, critique.confidence),
            risk=critique.risk,
            requires_approval=critique.requires_approval,
            preview=Preview(undoable=reversible, undo="put it back", backend="test"),
            mode=Mode.AUTONOMOUS,
            dry_run=False,
            facts=Facts(),
            now=NOW,
            consent=None,
            round=0,
            fleet_share_in_change=0.25,
        )
    )
    return Outcome(plan, critique, ruling)
