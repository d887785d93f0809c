"""SCALE: how many replicas, minute by minute, on load traces whose cheapest plan is known.

A planner that is to stand in the tables offers `scale(boot_minutes, late_cost)`: it returns, for one trace, a function
from what is seen of a minute (`evals.worlds.loads.Sight`) to how many replicas there are to be.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aurora.policy import ScaleAdvisor
from evals.baselines import scale as rules
from evals.pool import pool_of
from evals.suites.figures import Figure, cheaper_by, closed, mean, ratio, share
from evals.suites.result import ENGINE, Column, Comparison, Options, Plot, Result, Row, Table, Target, Tell
from evals.worlds.loads import (
    DAY,
    DAYS,
    FAMILIES,
    MOST,
    WEIGHTS,
    Entry,
    Policy,
    Run,
    Sight,
    Trace,
    build,
    entries,
    followed,
    oracle,
)
from evals.worlds.loads import run as run_trace

ORACLE = "oracle"
DEFAULT = f"HPA at {rules.DEFAULT_TARGET:g}"
BEST = "HPA, best target"
HINDSIGHT = "HPA, best target in hindsight"
TABLE = "trigger table"
NEVER, ALWAYS, CHANCE = "never scale", "always as for the peak", "random"
PLANNER = "planner"
DEPLOYABLE = (DEFAULT, BEST, TABLE, NEVER, CHANCE)
"""The rules that need to know nothing of what is to come."""

MUST = {3.0: (1.27, 1.20), 10.0: (1.40, 1.30)}
"""What the cost over the least possible must be and is to be, by weight."""
CLOSED = (0.15, 0.35)
"""What share of the gap from the best deployable rule to the oracle must be closed and is to be."""
SHOWN = ("surging days", 1)
"""The trace that is plotted, on its last day."""
PLOTTED_EVERY = 5
"""Minutes between the points of the plot."""

Runs = Mapping[str, Run]


@dataclass(frozen=True, slots=True)
class Job:
    """One trace at all its weights, and what else is to be run on it."""

    entries: tuple[Entry, ...]
    days: int
    planner: Any = None


@dataclass(frozen=True, slots=True)
class World:
    """One trace at one weight, and what every policy came to."""

    entry: Entry
    runs: Runs

    @property
    def published(self) -> bool:
        """Whether a fit may read it."""
        return self.entry.family.published

    def cost(self, policy: str) -> float:
        """Return what a policy costs."""
        return self.runs[policy].cost(self.entry.weight)


@dataclass(frozen=True, slots=True)
class Group:
    """The worlds of one table."""

    name: str
    """Short and lasting, such as `published.3`."""
    title: str
    weight: float
    worlds: tuple[World, ...]

    def costs(self, policy: str) -> list[float]:
        """Return what a policy costs on each."""
        return [world.cost(policy) for world in self.worlds]

    def least(self) -> list[float]:
        """Return the least possible on each."""
        return self.costs(ORACLE)

    def over(self, policy: str) -> Figure:
        """Return the cost of a policy over the least possible."""
        return ratio(self.costs(policy), self.least())


def run(options: Options, tell: Tell) -> Result:
    """Run every policy on every trace."""
    worlds = _with_best_targets(_measured(options, tell))
    groups = list(_groups(worlds))
    trace = build(_shown(), _days(options))
    return Result(
        suite="scale",
        tables=(*(_table(group) for group in groups), *(_by_family(group) for group in groups)),
        targets=tuple(target for group in groups for target in _targets(group)),
        comparisons=tuple(
            Comparison(f"scale.{group.name}", TABLE, cheaper_by(group.costs(ENGINE), group.costs(TABLE), group.least()))
            for group in groups
        ),
        plots=(_course(trace), _bars(groups)),
        notes=_notes(groups),
    )


def engine(trace: Trace, weight: float) -> Policy:
    """Return the engine as it is shown a trace: with its boot and its weight, and nothing of what is to come."""
    advisor = ScaleAdvisor(trace.boot, weight, most=MOST)

    def decide(seen: Sight) -> int:
        advisor.update(seen.minute, seen.load, serving=seen.serving, late=seen.late)
        return advisor.advise(seen.serving, seen.booting, seen.minute).replicas

    return decide


# --- running ---------------------------------------------------------------------------------------------------------


def _days(options: Options) -> int:
    return 2 if options.quick else DAYS


def _jobs(options: Options) -> list[Job]:
    jobs: dict[str, list[Entry]] = {}
    for entry in entries():
        if not options.quick or entry.seed == entry.family.seeds[0]:
            jobs.setdefault(entry.key, []).append(entry)
    return [Job(tuple(same), _days(options), options.planner) for same in jobs.values()]


def _measured(options: Options, tell: Tell) -> list[World]:
    jobs, worlds = _jobs(options), []
    tell(0, len(jobs))
    for done, found in enumerate(_all(jobs, options.processes), 1):
        worlds += found
        tell(done, len(jobs))
    return worlds


def _all(jobs: Sequence[Job], processes: int) -> Iterator[list[World]]:
    if processes <= 1:
        yield from map(measure, jobs)
        return
    with pool_of(processes) as pool:
        yield from pool.map(measure, jobs)


def measure(job: Job) -> list[World]:
    """Run every policy on one trace."""
    trace = build(job.entries[0], job.days)
    blind = {name: run_trace(trace, policy) for name, policy in _blind(trace, job.entries[0].seed).items()}
    return [World(entry, {**blind, **_weighing(trace, entry.weight, job.planner)}) for entry in job.entries]


def _blind(trace: Trace, seed: int) -> dict[str, Policy]:
    """Return the policies that do the same whatever late work costs."""
    policies = {
        DEFAULT: rules.hpa(),
        TABLE: rules.trigger_table(),
        NEVER: rules.never(),
        ALWAYS: rules.always(math.ceil(max(trace.loads) / rules.DEFAULT_TARGET)),
        CHANCE: rules.by_chance(seed),
    }
    return policies | {_at(target): rules.hpa(target) for target in rules.TARGETS}


def _weighing(trace: Trace, weight: float, planner: Any) -> Runs:
    runs = {
        ORACLE: run_trace(trace, followed(oracle(trace, weight).tolist())),
        ENGINE: run_trace(trace, engine(trace, weight)),
    }
    offered: Callable[[int, float], Policy] | None = getattr(planner, "scale", None)
    if offered is None:
        return runs
    return {**runs, getattr(planner, "name", PLANNER): run_trace(trace, offered(trace.boot, weight))}


def _at(target: float) -> str:
    return f"hpa:{target:g}"


def _with_best_targets(worlds: Sequence[World]) -> list[World]:
    """Add the autoscaler at the target that costs least on published traces of the weight, and on the trace itself."""
    best = {
        weight: min(rules.TARGETS, key=lambda target: _ratio_of(worlds, weight, target))
        for weight in {world.entry.weight for world in worlds}
    }
    added = []
    for world in worlds:
        own = min(rules.TARGETS, key=lambda target: world.cost(_at(target)))
        more = {BEST: world.runs[_at(best[world.entry.weight])], HINDSIGHT: world.runs[_at(own)]}
        added.append(World(world.entry, {**world.runs, **more}))
    return added


def _ratio_of(worlds: Sequence[World], weight: float, target: float) -> float:
    chosen = [world for world in worlds if world.published and world.entry.weight == weight]
    return sum(world.cost(_at(target)) for world in chosen) / sum(world.cost(ORACLE) for world in chosen)


def _groups(worlds: Sequence[World]) -> Iterator[Group]:
    for weight in WEIGHTS:
        for name, title, published in (("published", "published", True), ("held_out", "held out", False)):
            chosen = tuple(w for w in worlds if w.published is published and w.entry.weight == weight)
            yield Group(f"{name}.{weight:g}", f"{title}, weight {weight:g}", weight, chosen)


# --- telling ---------------------------------------------------------------------------------------------------------


def _policies(group: Group) -> tuple[str, ...]:
    ours = (ENGINE, BEST, HINDSIGHT, DEFAULT, TABLE, NEVER, ALWAYS, CHANCE, ORACLE)
    offered = (name for name in group.worlds[0].runs if name not in ours and name not in map(_at, rules.TARGETS))
    return (ENGINE, *offered, *ours[1:])


def _best_rule(group: Group) -> str:
    """Return the cheapest rule that needs to know nothing of what is to come."""
    return min(DEPLOYABLE, key=lambda policy: sum(group.costs(policy)))


def _closed(group: Group, policy: str) -> Figure:
    return closed(group.costs(policy), group.costs(_best_rule(group)), group.least())


def _table(group: Group) -> Table:
    columns = (
        Column("cost over least"),
        Column("gap closed"),
        Column("replica-hours over oracle's"),
        Column("late share", ".2%"),
        Column("changes a day", ".0f"),
    )
    return Table(
        title=f"SCALE, {group.title}",
        about="Cost is replica-hours and, weighted, work that was late; the gap is that from the best rule that needs "
        f"no hindsight ({_best_rule(group)}) to the oracle.",
        columns=columns,
        rows=tuple(Row(policy, _figures(group, policy)) for policy in _policies(group)),
    )


def _figures(group: Group, policy: str) -> tuple[Figure | None, ...]:
    runs = [world.runs[policy] for world in group.worlds]
    return (
        group.over(policy),
        _closed(group, policy),
        ratio([one.replicas for one in runs], [world.runs[ORACLE].replicas for world in group.worlds]),
        share([one.late_share for one in runs], [1.0] * len(runs)),
        mean([one.changes for one in runs]),
    )


def _by_family(group: Group) -> Table:
    names = [family.name for family in FAMILIES if any(w.entry.family is family for w in group.worlds)]
    names = names or sorted({world.entry.family.name for world in group.worlds})
    parts = [
        Group(name, name, group.weight, tuple(w for w in group.worlds if w.entry.family.name == name)) for name in names
    ]
    return Table(
        title=f"SCALE by family, {group.title}",
        about="Cost over the least possible.",
        columns=tuple(Column(name) for name in names),
        rows=tuple(
            Row(policy, tuple(Figure(part.over(policy).value) for part in parts))
            for policy in (ENGINE, BEST, DEFAULT, TABLE)
        ),
    )


def _targets(group: Group) -> tuple[Target, ...]:
    must, aim = MUST[group.weight]
    least, wanted = CLOSED
    return (
        Target(
            f"scale.{group.name}.ratio",
            f"Cost over the least, {group.title}",
            group.over(ENGINE),
            must,
            aim,
            rule_table=group.over(TABLE),
            best_existing=group.over(_best_rule(group)),
        ),
        Target(
            f"scale.{group.name}.closed",
            f"Gap closed from {_best_rule(group)} to the oracle, {group.title}",
            _closed(group, ENGINE),
            least,
            wanted,
            at_most=False,
        ),
    )


def _shown() -> Entry:
    return next(e for e in entries() if (e.family.name, e.seed) == SHOWN and e.weight == WEIGHTS[-1])


def _course(trace: Trace) -> Plot:
    """Return the last day of one trace: what came, and what served it."""
    weight = _shown().weight
    day = slice(len(trace.loads) - DAY, None, PLOTTED_EVERY)
    lines: dict[str, list[float]] = {"load": list(trace.loads)}
    for name, policy in ((ENGINE, engine(trace, weight)), (DEFAULT, rules.hpa())):
        lines[name] = list(_served(trace, policy))
    hours = [minute % DAY / 60 for minute in range(len(trace.loads))][day]
    return Plot(
        name="scale-day",
        title=f"One day of {SHOWN[0]}, weight {weight:g}",
        kind="lines",
        x="hour",
        y="replicas",
        series={name: list(zip(hours, values[day], strict=True)) for name, values in lines.items()},
    )


def _served(trace: Trace, policy: Policy) -> list[float]:
    serving: list[float] = []

    def watched(seen: Sight) -> int:
        serving.append(float(seen.serving))
        return policy(seen)

    run_trace(trace, watched)
    return serving


def _bars(groups: Sequence[Group]) -> Plot:
    shown = (ENGINE, HINDSIGHT, BEST, DEFAULT, TABLE)
    found = {group.title: [(policy, group.over(policy)) for policy in shown] for group in groups}
    return Plot(
        name="scale-cost",
        title="SCALE: cost over the least possible",
        kind="bars",
        x="policy",
        y="cost over the least possible",
        series={title: [(name, figure.value) for name, figure in bars] for title, bars in found.items()},
        errors={title: [figure.ends for _, figure in bars] for title, bars in found.items()},
        line=1.0,
    )


def _notes(groups: Sequence[Group]) -> tuple[str, ...]:
    missed = [target for group in groups for target in _targets(group) if not target.met]
    return (
        "HPA is Kubernetes' HorizontalPodAutoscaler with its defaults, on requests per serving replica; its best "
        "target is that which costs least on published traces of the weight, in hindsight that of each trace.",
        "The trigger table gives back after half an hour under half use. With the settings' own limit of 0.15 it would "
        "hardly ever do so, and cost more.",
        "How hard the traces are was set by what these rules cost on them, held-out families too, before the list was "
        "frozen and anything was fitted.",
        "What is late follows one law, M/M/1 for each replica, in the worlds and in the engine's idea of them; how "
        "steep it is differs by trace, and the engine learns it from what is late.",
        *(f"Missed: {target.measure} is {target.figure:.3f}, not {target.must:g}." for target in missed),
    )
