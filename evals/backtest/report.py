"""What a replay found: for people as a table of flips with what they come to, for programs as one document."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from aurora.domain import CHANGING, Outcome, Status
from aurora.policy.priors import POLICY_VERSION
from evals.backtest.change import Change
from evals.backtest.record import Wanted
from evals.backtest.replay import Choice, Replay

EMPTY = "The ledger holds no decision to replay."
NONE_SUCH = "The ledger holds no decision of this model, or from that time on."
WORDS = {
    "allow": "runs",
    "needs_approval": "asks",
    "deny": "refused",
    "critic_rejected": "rejected by the critic",
    "gave_up": "given up",
}
SHOWN = 200
"""Flips in the table; the document has them all."""


@dataclass(frozen=True, slots=True)
class Report:
    """A finished replay."""

    change: Change
    wanted: Wanted
    replays: tuple[Replay, ...]
    left_out: Mapping[str, int]

    @property
    def flips(self) -> tuple[Replay, ...]:
        """Those that would have come out otherwise."""
        return tuple(one for one in self.replays if one.flips)


def document(report: Report) -> dict[str, Any]:
    """Return everything as plain values."""
    return {
        "change": dict(report.change.words),
        "policy_version": POLICY_VERSION,
        "recorded_policy_versions": dict(Counter(one.was.policy_version for one in report.replays)),
        "replayed": len(report.replays),
        "left_out": dict(report.left_out),
        "flips": len(report.flips),
        "flips_without_the_change": sum(one.engine_alone for one in report.replays),
        "pairs": dict(pairs(report.flips)),
        "regret": total(one.regret for one in report.flips),
        "saving": total(one.saving for one in report.flips),
        "observed": observed(report.flips),
        "decisions": [_row(one) for one in report.replays],
    }


def pairs(flips: Iterable[Replay]) -> Counter[str]:
    """Count from what to what decisions flip."""
    return Counter(_pair(one) for one in flips)


def total(amounts: Iterable[float | None]) -> float:
    """Return the sum of what has a price, in hours of wrong answers."""
    return round(sum(amount for amount in amounts if amount is not None), 6)


def observed(flips: Sequence[Replay]) -> dict[str, int]:
    """Return what came, as code verified it, of changes that were made and would be another one, or none."""
    gone = [one for one in flips if one.verified and one.was.action in CHANGING and _gone(one)]
    helped = sum(one.outcome is Outcome.BETTER for one in gone)
    return {"changes_lost_that_helped": helped, "changes_spared_that_did_not": len(gone) - helped}


def _gone(one: Replay) -> bool:
    return one.would.step != one.was.step or one.would.stopped


def _pair(one: Replay) -> str:
    if one.was.action is not one.would.action:
        return f"{one.was.action} → {one.would.action}"
    if one.was.ruling != one.would.ruling:
        return f"{one.was.action}: {WORDS[one.was.ruling]} → {WORDS[one.would.ruling]}"
    return f"{one.was.action}: other parameters"


def _row(one: Replay) -> dict[str, Any]:
    return {
        "decision_id": one.decision.id,
        "model_name": one.decision.model_name,
        "created_at": one.decision.created_at.isoformat(),
        "simulated": one.decision.simulated,
        "dry_run": one.decision.dry_run,
        "flips": one.flips,
        "flips_without_the_change": one.engine_alone,
        "was": _choice(one.was),
        "would_be": _choice(one.would),
        "regret": one.regret,
        "saving": one.saving,
        "outcome": one.outcome,
        "outcome_verified": one.verified,
    }


def _choice(choice: Choice) -> dict[str, Any]:
    return {
        "decision_type": choice.action,
        "parameters": choice.step.parameters,
        "confidence": round(choice.confidence, 6),
        "ruling": choice.ruling,
        "rules": list(choice.rules),
        "policy_version": choice.policy_version,
        "proposed_by": choice.by,
    }


# --- for people ------------------------------------------------------------------------------------------------------


def show(report: Report, console: Console) -> None:
    """Write the difference for review."""
    if not report.replays:
        console.print(Text(NONE_SUCH if report.wanted.model or report.wanted.since else EMPTY))
        _left_out(report, console)
        return
    if report.flips:
        console.print(_table(report.flips[:SHOWN]))
    if len(report.flips) > SHOWN:
        console.print(Text(f"And {len(report.flips) - SHOWN} more: --json has them all.", style="dim"))
    for line in summary(report):
        console.print(Text(line))
    _left_out(report, console)


def _table(flips: Sequence[Replay]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("decision", "model", "when", "was → would be", "confidence", "ruling", "regret", "saving", "outcome"):
        table.add_column(title, no_wrap=title == "decision")
    for one in flips:
        table.add_row(
            one.decision.id[:12],
            Text(_plain(one.decision.model_name)),
            f"{one.decision.created_at:%Y-%m-%d %H:%M}",
            Text(_actions(one)),
            f"{one.was.confidence:.2f} → {one.would.confidence:.2f}",
            Text(_rulings(one)),
            _hours(one.regret),
            _hours(one.saving),
            Text(_outcome(one)),
        )
    return table


def _actions(one: Replay) -> str:
    was, would = one.was.action, one.would.action
    if was is not would:
        return f"{was} → {would}"
    if was in CHANGING and one.was.step.parameters != one.would.step.parameters:
        return f"{was} {_parameters(one.was)} → {_parameters(one.would)}"
    return str(was)


def _parameters(choice: Choice) -> str:
    return _plain(", ".join(f"{name} {value}" for name, value in choice.step.parameters.items()) or "none")


def _rulings(one: Replay) -> str:
    was, would = WORDS[one.was.ruling], WORDS[one.would.ruling]
    return was if was == would else f"{was} → {would}"


def _outcome(one: Replay) -> str:
    if one.outcome is None:
        return "only proposed" if one.decision.status is Status.PROPOSED else ""
    word = one.outcome.value.replace("_", " ")
    return f"{word}, verified" if one.verified else word


def _hours(amount: float | None) -> str:
    return "–" if amount is None else f"{amount:+.3f}"


def _plain(text: str) -> str:
    """Return text of a record without what could drive a terminal."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def summary(report: Report) -> list[str]:
    """Return what it comes to, a sentence a line."""
    asked = ", ".join(f"{name}={value}" for name, value in report.change.words.items()) or "nothing changed"
    versions = Counter(one.was.policy_version or "unknown" for one in report.replays)
    made_by = ", ".join(f"{count} by version {version}" for version, count in sorted(versions.items()))
    flips, alone = report.flips, sum(one.engine_alone for one in report.replays)
    seen = observed(flips)
    lines = [
        f"Replayed {len(report.replays)} decisions with {asked}: {len(flips)} would flip.",
        f"Policy: decided {made_by}; replayed by version {POLICY_VERSION}.",
    ]
    lines += [f"  {count} × {pair}" for pair, count in pairs(flips).most_common()]
    if alone and report.change.words:
        lines.append(
            f"{alone} come out otherwise with nothing changed: the engine or what it knew is another than then."
        )
    if flips:
        regret, saving = total(one.regret for one in flips), total(one.saving for one in flips)
        lost, spared = seen["changes_lost_that_helped"], seen["changes_spared_that_did_not"]
        lines += [
            f"The flips cost {regret:+.3f} h by the pricing without the change (regret), and save {saving:+.3f} h by "
            "the pricing with it: the engine's own, in hours of wrong answers.",
            f"Of the changes that would not be made as they were, {lost} had helped and {spared} had not, as verified.",
        ]
    return lines


def _left_out(report: Report, console: Console) -> None:
    for why, count in report.left_out.items():
        console.print(Text(f"Left out: {count}, {why}.", style="dim"))
