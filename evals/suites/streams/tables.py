"""The tables, targets and plots of the suite, for a published group of streams and one that is held out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median, quantiles

from evals.baselines.streams.entrants import NEVER, TABLE, WAITING, baselines
from evals.suites.figures import Figure, cheaper_by, closed
from evals.suites.result import ENGINE, Column, Comparison, Plot, Result, Row, Table, Target
from evals.suites.streams.calibration import MASSES, WIDTHS, Calibration, calibration
from evals.suites.streams.group import Group
from evals.suites.streams.play import HINDSIGHT, ORACLE, Told

PLANNER = "--planner"
RATIO_LEAK = 1.05
ERROR_LEAK = 0.003
"""A figure that is better than these is a leak until shown otherwise."""

WHAT = (
    "Cost is the error of the serving model on hidden rows, summed over steps, and what retrains cost. The oracle is "
    "the cheapest schedule in all, found with everything known. Intervals are of 95 %, over worlds drawn again: a "
    "world is one built stream at all its costs."
)


@dataclass(frozen=True, slots=True)
class Aims:
    """What must be reached and what is aimed at, in one group."""

    ratio: tuple[float, float]
    wrong: tuple[float, float] = (0.6, 0.25)
    recovery: tuple[float, float] = (11, 9)
    error: tuple[float, float] = (0.03, 0.015)
    skill: tuple[float, float] = (0.10, 0.20)
    closed: tuple[float, float] = (0.45, 0.60)


@dataclass(frozen=True)
class Findings:
    """What is reported of one group."""

    group: Group
    aims: Aims

    @property
    def key(self) -> str:
        """By which its targets are found again."""
        return "streams." + self.group.name.replace(" ", "_")

    @cached_property
    def best(self) -> str:
        """The cheapest baseline that could be put into use."""
        return self.group.best_of([one.name for one in baselines()])

    @cached_property
    def kept(self) -> Calibration:
        """The probability against what the contract says that it means."""
        return calibration(self._told, lambda one: one.cheaper_kept)

    @cached_property
    def replaced(self) -> Calibration:
        """The probability where later retrains are counted in."""
        return calibration(self._told, lambda one: one.cheaper)

    @property
    def _told(self) -> list[list[Told]]:
        return [[one for run in world for one in run.told] for world in self.group.worlds]

    @cached_property
    def closed(self) -> Figure:
        """Share of the gap from the best baseline to the oracle that the engine closes."""
        return closed(self.group.costs(ENGINE), self.group.costs(self.best), self.group.costs(ORACLE))


def report(published: Group, held_out: Group, *, quick: bool) -> Result:
    """Return the result of the suite."""
    both = (
        Findings(published, Aims(ratio=(1.15, 1.10))),
        Findings(held_out, Aims(ratio=(1.18, 1.12))),
    )
    return Result(
        suite="streams",
        tables=(
            *(_policies(one) for one in both),
            *(_parts(one, one.group.by_family(), "family", "What is above 1 is regret.") for one in both),
            *(_parts(one, one.group.by_cost(), "what a retrain costs", "In steps of 100 % error.") for one in both),
            _calibrations(both),
        ),
        targets=tuple(target for one in both for target in _targets(one)),
        comparisons=tuple(_comparison(one) for one in both),
        plots=(*(_bars(one) for one in both), _reliability(both), *(_family_bars(one) for one in both)),
        notes=(*_notes(both, quick=quick),),
    )


def _policies(found: Findings) -> Table:
    group = found.group
    return Table(
        title=f"Retrain streams, {group.name}",
        about=(
            f"{WHAT} {sum(map(len, group.worlds))} streams in {len(group.worlds)} worlds; {group.controls()} are "
            f"never to be retrained, and {group.recoveries()} have an abrupt change that the oracle recovers from."
        ),
        columns=(
            Column("cost over oracle", ".3f"),
            Column("mean ratio", ".3f"),
            Column("retrains in 100 steps", ".1f"),
            Column("wrong retrains in 100 steps of controls", ".2f"),
            Column("median steps to recovery", ".0f"),
        ),
        rows=tuple(
            Row(
                _name(policy),
                (
                    group.over_oracle(policy),
                    group.mean_ratio(policy),
                    group.retrains(policy),
                    group.wrong(policy),
                    group.recovery(policy),
                ),
            )
            for policy in group.policies
        ),
    )


def _name(policy: str) -> str:
    return f"{policy} (not deployable)" if policy == HINDSIGHT else policy


def _compared(found: Findings) -> tuple[str, ...]:
    """Return the policies that the smaller tables show."""
    shown = dict.fromkeys((ENGINE, found.best, TABLE, WAITING, NEVER))
    return tuple(policy for policy in shown if policy in found.group.policies)


def _parts(found: Findings, parts: dict[str, Group], title: str, about: str) -> Table:
    """Return the cost over the oracle in each part of a group."""
    return Table(
        title=f"Cost over oracle by {title}, {found.group.name}",
        about=about,
        columns=tuple(Column(name, ".2f") for name in parts),
        rows=tuple(
            Row(policy, tuple(part.over_oracle(policy) for part in parts.values())) for policy in _compared(found)
        ),
    )


def _calibrations(both: Sequence[Findings]) -> Table:
    rows = [
        (f"{one.group.name}: {truth}", calibrated)
        for one in both
        for truth, calibrated in (("against keeping", one.kept), ("with the cheapest schedule after", one.replaced))
    ]
    return Table(
        title=f"What the probability of {ENGINE} is worth",
        about=(
            "At every step of its own runs. Against keeping: the new model to the end costs less than the old one to "
            "the end, which is what the probability says. With the cheapest schedule after: a retrain now is better "
            "than one step more, where what follows is done best. The interval of an ECE lies high, for no draw of "
            "worlds has less than 0 of it: one that is nearly right may lie below its own interval."
        ),
        columns=(
            Column(f"ECE, {MASSES} bins of equal mass", ".3f"),
            Column(f"ECE, {WIDTHS} bins of equal width", ".3f"),
            Column("Brier score", ".3f"),
            Column("base rate", ".3f"),
            Column("Brier skill", ".3f"),
        ),
        rows=tuple(Row(name, (one.error, one.error_of_widths, one.brier, one.rate, one.skill)) for name, one in rows),
    )


def _targets(found: Findings) -> list[Target]:
    group, aims, of = found.group, found.aims, f"on {found.group.name} streams"
    ratio = Target(f"{found.key}.ratio", f"cost over oracle {of}", group.over_oracle(ENGINE), *aims.ratio)
    wrong = Target(
        f"{found.key}.wrong", f"wrong retrains in 100 steps of controls {of}", group.wrong(ENGINE), *aims.wrong
    )
    recovery = group.recovery(ENGINE)
    recovered = (
        []
        if recovery is None
        else [Target(f"{found.key}.recovery", f"median steps to recovery {of}", recovery, *aims.recovery, format=".1f")]
    )
    return [
        _beside(found, ratio, group.over_oracle),
        _beside(found, wrong, group.wrong),
        *(_beside(found, one, group.recovery) for one in recovered),
        Target(f"{found.key}.ece", f"calibration error {of}", found.kept.error, *aims.error, format=".4f"),
        Target(f"{found.key}.skill", f"Brier skill {of}", found.kept.skill, *aims.skill, at_most=False),
        Target(
            f"{found.key}.closed",
            f"share of the gap from the best baseline ({found.best}) to the oracle that is closed {of}",
            found.closed,
            *aims.closed,
            at_most=False,
        ),
    ]


def _beside(found: Findings, target: Target, measure: Callable[[str], Figure | None]) -> Target:
    """Return the target with what the rule table and the best baseline reach."""
    return replace(target, rule_table=measure(TABLE), best_existing=measure(found.best))


def _comparison(found: Findings) -> Comparison:
    group = found.group
    figure = cheaper_by(group.costs(ENGINE), group.costs(TABLE), group.costs(ORACLE))
    return Comparison(found.key, f"{TABLE}, {group.name}", figure)


def _bars(found: Findings) -> Plot:
    group = found.group
    figures = {_name(policy): group.over_oracle(policy) for policy in group.policies if policy != "always"}
    return Plot(
        name=found.key.replace(".", "_"),
        title=f"Retrain streams, {group.name}: cost over the oracle",
        kind="bars",
        x="policy",
        y="cost over oracle",
        series={group.name: tuple((name, figure.value) for name, figure in figures.items())},
        errors={group.name: tuple(figure.ends for figure in figures.values())},
        line=1.0,
    )


def _family_bars(found: Findings) -> Plot:
    parts = found.group.by_family()
    return Plot(
        name=f"{found.key.replace('.', '_')}_families",
        title=f"Cost over the oracle by family, {found.group.name}",
        kind="bars",
        x="family",
        y="cost over oracle",
        series={
            policy: tuple((name, part.over_oracle(policy).value) for name, part in parts.items())
            for policy in dict.fromkeys((ENGINE, found.best, TABLE))
        },
        line=1.0,
    )


def _reliability(both: Sequence[Findings]) -> Plot:
    return Plot(
        name="streams_reliability",
        title="How often a retrain was cheaper, by the probability that was told",
        kind="points",
        x="told",
        y="true",
        series={one.group.name: one.kept.curve for one in both},
        diagonal=True,
    )


def _notes(both: Sequence[Findings], *, quick: bool) -> list[str]:
    micros = [micro for one in both for world in one.group.worlds for run in world for micro in run.micros]
    rights = "; ".join(
        f"{one.group.name}: {ENGINE} {one.group.right(ENGINE):.3f}, never {one.group.right(NEVER):.3f}" for one in both
    )
    return [
        *(["Quick: one stream of each family at two costs; intervals are wide."] if quick else []),
        *(
            f"The best baseline that could be put into use on {one.group.name} streams is {one.best!r}, chosen "
            f"on these very streams; {ENGINE} closes {one.closed:.2f} of its gap to the oracle."
            for one in both
        ),
        "Baselines that are tuned on others are tuned on the published families but the one they are scored on.",
        "Those that are tuned or learn on the prefix keep the model for the first third, which counts too.",
        "To alert at every step changes no model: it costs what never retraining does, people's attention not counted.",
        f"Update and advice took {median(micros):.0f} µs in the median and {quantiles(micros, n=100)[-1]:.0f} µs at "
        "the 99th percentile.",
        f"Share of steps at which the choice was the cheaper one, which rewards doing nothing ({rights}).",
        *_alarms(both),
    ]


def _alarms(both: Sequence[Findings]) -> list[str]:
    found = []
    for one in both:
        over, error = one.group.over_oracle(ENGINE).value, one.kept.error.value
        if over < RATIO_LEAK:
            found.append(
                f"A cost of {over:.3f} over the oracle on {one.group.name} streams is too good: look for a leak."
            )
        if error < ERROR_LEAK:
            found.append(
                f"A calibration error of {error:.4f} on {one.group.name} streams is too good: look for a leak."
            )
    return found
