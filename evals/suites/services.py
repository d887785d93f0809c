"""Service worlds: what each policy's single decision costs beyond the best one, and whether confidence means anything.

Normalised regret is the cost beyond the best action's, over what never acting costs beyond it: 0 for the oracle, 1 for
never acting. The trees that learn are cross-fitted by family on published episodes; on those held out they have learnt
from all published ones.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aurora.domain import CHANGING, Cause, Goal, Plan, Situation
from aurora.policy.engine import propose
from aurora.policy.moves import Move
from aurora.policy.steps import move_of
from evals.baselines.services import LEARNERS, always, by_chance, crossed, learnt, trigger_table
from evals.pool import pool_of
from evals.service_fit import succeeds
from evals.suites.figures import Figure, closed, mean, share
from evals.suites.result import ENGINE, Column, Comparison, Options, Plot, Result, Row, Table, Target, Tell
from evals.worlds.services.catalogue import Entry, for_fitting, held_out, published
from evals.worlds.services.rollout import Episode, cost_of, reached, steps
from evals.worlds.services.store import load

TIE_HOURS, TIE_SHARE = 0.02, 0.05
"""A move is right if its regret is within so many hours, or such a share of what leaving it costs beyond the best."""
CONTROL = 0.05
"""Nothing is wrong with a control, and no change saves more hours there than these."""
BINS = 10
QUICK = 5
"""A quick run takes one of so many episodes."""
NEVER, ORACLE, TABLE, BOUND = "never act", "oracle", "trigger table", "boosted trees (the bound)"


@dataclass(frozen=True, slots=True)
class Decided:
    """What a policy does about one episode."""

    move: Move
    cost: float
    confidence: float | None = None
    goal: Goal | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Episodes of one split, and what every policy does about them."""

    name: str
    key: str
    episodes: Sequence[Episode]
    decided: Mapping[str, Sequence[Decided]]
    planner: str | None = None
    """Whoever was put beside the engine: told of, and no baseline that it is held to."""

    def regret(self, policy: str) -> list[float]:
        """Return what a policy costs beyond the best, episode by episode."""
        return [one.cost - episode.least for one, episode in zip(self.decided[policy], self.episodes, strict=True)]

    def costs(self, policy: str) -> list[float]:
        """Return what a policy costs, episode by episode."""
        return [one.cost for one in self.decided[policy]]


def run(options: Options, tell: Tell) -> Result:
    """Price the episodes, let every policy decide, and say what came of it."""
    taken = {"published": _part(published(), options), "held-out": _part(held_out(), options)}
    more = [] if options.quick else list(for_fitting())
    priced = sum(map(len, taken.values())) + len(more)
    # What the policies decide takes about as long as pricing what they decide on.
    total, done = 2 * priced, 0

    def loaded(name: str, entries: Sequence[Entry]) -> list[Episode]:
        nonlocal done
        begun = done
        name = f"{name}-quick" if options.quick else name
        found = load(options.folder, name, entries, options.processes, lambda count: tell(begun + count, total))
        done += len(entries)
        return found

    open_, closed_ = (loaded(name, entries) for name, entries in taken.items())
    training = loaded("for-fitting", more) if more else []
    by_open = _all(open_, options, _crossed(open_, training))
    tell(priced + priced * len(open_) // (len(open_) + len(closed_)), total)
    by_closed = _all(closed_, options, _learnt([*open_, *training], closed_))
    parts = (
        Part("Published families", "published", open_, by_open, _planner(options)),
        Part("Families left out", "held_out", closed_, by_closed, _planner(options)),
    )
    return _result(parts)


def _planner(options: Options) -> str | None:
    """Return what another planner is called, if it is one that decides."""
    return getattr(options.planner, "name", "planner") if hasattr(options.planner, "decide") else None


def _part(entries: Iterator[Entry], options: Options) -> list[Entry]:
    return [entry for place, entry in enumerate(entries) if not options.quick or place % QUICK == 0]


# --- what the policies do --------------------------------------------------------------------------------------------


def _all(
    episodes: Sequence[Episode], options: Options, learned: Mapping[str, Sequence[Move]]
) -> dict[str, list[Decided]]:
    rules: dict[str, Callable[[Situation], Move]] = {
        NEVER: always(Move.LEAVE),
        "always retrain": always(Move.RETRAIN),
        "always fine-tune": always(Move.FINE_TUNE),
        "always cache": always(Move.CACHE),
        "always route away": always(Move.ROUTE_AWAY),
        "always route back": always(Move.ROUTE_BACK),
        "always scale up": always(Move.SCALE_UP),
        "always alert": always(Move.ALERT),
        "random": by_chance(),
        TABLE: trigger_table,
    }
    moves: dict[str, Sequence[Move]] = {
        name: [decide(one.situation) for one in episodes] for name, decide in rules.items()
    }
    moves |= learned
    decided = {
        name: [Decided(move, one.cost(move)) for move, one in zip(made, episodes, strict=True)]
        for name, made in moves.items()
    }
    decided[ENGINE] = engine(episodes, options.processes)
    if (planner := _planner(options)) is not None:
        decided[planner] = [_asked(options.planner, one) for one in episodes]
    decided[ORACLE] = [Decided(min(one.costs, key=one.costs.__getitem__), one.least) for one in episodes]
    return decided


def _crossed(episodes: Sequence[Episode], more: Sequence[Episode]) -> dict[str, list[Move]]:
    return {name: crossed(make, more, episodes) for name, make in LEARNERS.items()}


def _learnt(training: Sequence[Episode], asked: Sequence[Episode]) -> dict[str, list[Move]]:
    return {name: learnt(make, training, asked) for name, make in LEARNERS.items()}


def engine(episodes: Sequence[Episode], processes: int = 1) -> list[Decided]:
    """Return what the engine decides, by itself and without memory."""
    if processes <= 1:
        return [by_engine(episode) for episode in episodes]
    with pool_of(processes) as pool:
        return list(pool.map(by_engine, episodes, chunksize=50))


def by_engine(episode: Episode) -> Decided:
    """Return what the engine decides about one episode."""
    begun = time.perf_counter()
    plan = propose(episode.situation, (), reversible=frozenset(CHANGING))
    seconds = time.perf_counter() - begun
    move = move_of(plan.step, episode.situation)
    return Decided(move, episode.cost(move), plan.confidence, plan.goal, seconds)


def _asked(planner: Any, episode: Episode) -> Decided:
    """Return what another policy decides: a plan, or a step whose parameters may be its own."""
    # A copy of its own: what it changes in it, the policies after it and the prices must not see.
    shown = episode.situation.model_copy(deep=True)
    begun = time.perf_counter()
    told = planner.decide(shown)
    seconds = time.perf_counter() - begun
    step = told.step if isinstance(told, Plan) else told
    move = move_of(step, episode.situation)
    own = steps(episode.situation).get(move)
    usual = own is None or own.parameters == step.parameters or move in (Move.ALERT, Move.RETRAIN, Move.FINE_TUNE)
    cost = episode.cost(move) if usual else cost_of(episode.entry, step)
    return Decided(move, cost, told.confidence if isinstance(told, Plan) else None, None, seconds)


# --- what came of it -------------------------------------------------------------------------------------------------


def right(episode: Episode, cost: float) -> bool:
    """Whether a decision is as good as the best, but for a tie."""
    stake = episode.costs[Move.LEAVE] - episode.least
    return cost - episode.least <= max(TIE_HOURS, TIE_SHARE * stake)


def is_control(episode: Episode) -> bool:
    """Whether nothing is wrong and nothing is to be gained."""
    healthy = all(shape.cause is Cause.HEALTHY for shape in episode.entry.shapes)
    return healthy and episode.costs[Move.LEAVE] - episode.least <= CONTROL


def succeeded(episode: Episode, decided: Decided) -> bool:
    """Whether a decision did what it was for; see `evals.service_fit.succeeds`."""
    met = (
        decided.goal is not None
        and decided.move in episode.after
        and reached(decided.goal, episode.after[decided.move])
    )
    return succeeds(episode, decided.move, met=met)


COLUMNS = (
    Column("normalised regret", ".3f"),
    Column("right within a tie", ".1%"),
    Column("changes on healthy controls", ".1%"),
    Column("alerts on healthy controls", ".1%"),
    Column("acts near a threshold", ".1%"),
    Column("ms a decision", ".2f"),
)


def _row(part: Part, policy: str) -> Row:
    decided, never = part.decided[policy], part.regret(NEVER)
    controls = [float(is_control(one)) for one in part.episodes]
    near = [control * one.entry.shapes[0].near for control, one in zip(controls, part.episodes, strict=True)]
    changes = [float(one.move.action in CHANGING) for one in decided]
    alerts = [float(one.move is Move.ALERT) for one in decided]
    acts = list(map(max, changes, alerts))
    times = [1000 * one.seconds for one in decided if one.seconds is not None]
    return Row(
        policy,
        (
            share(part.regret(policy), never),
            mean([float(right(one, made.cost)) for one, made in zip(part.episodes, decided, strict=True)]),
            share(np.multiply(changes, controls).tolist(), controls),
            share(np.multiply(alerts, controls).tolist(), controls),
            share(np.multiply(acts, near).tolist(), near),
            Figure(float(np.median(times))) if times else None,
        ),
    )


def _table(part: Part) -> Table:
    about = (
        f"{len(part.episodes)} episodes of {len({one.entry.family for one in part.episodes})} families; "
        f"{sum(map(is_control, part.episodes))} are healthy controls."
    )
    order = sorted(part.decided, key=lambda policy: sum(part.regret(policy)), reverse=True)
    return Table(part.name, about, COLUMNS, tuple(_row(part, policy) for policy in order))


def _by_cause(part: Part) -> Table:
    shown = (NEVER, TABLE, "tree of depth 6", BOUND, ENGINE)
    regrets = {policy: np.array(part.regret(policy)) for policy in shown}
    kinds = np.array([_kind(one) for one in part.episodes])
    rows = [
        Row(
            kind,
            (Figure(float((kinds == kind).sum())), *(mean(regrets[name][kinds == kind].tolist()) for name in shown)),
        )
        for kind in sorted(set(kinds))
    ]
    columns = (Column("episodes", ".0f"), *(Column(name) for name in shown))
    return Table(
        f"{part.name}: mean regret in hours, by cause", "Two causes at once stand apart.", columns, tuple(rows)
    )


def _kind(episode: Episode) -> str:
    return str(episode.entry.shapes[0].cause) if len(episode.entry.shapes) == 1 else "two at once"


# --- calibration -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far stated chances are from what happened."""

    ece: float
    skill: float
    points: tuple[tuple[float, float], ...]
    """Of each bin, what was said and what happened."""


def calibration(said: Sequence[float], happened: Sequence[bool]) -> Calibration:
    """Return the expected calibration error over bins of equal size, and the Brier skill over the base rate."""
    order = np.argsort(np.asarray(said), kind="stable")
    chances, truths = np.asarray(said)[order], np.asarray(happened, dtype=np.float64)[order]
    bins = [
        (float(p.mean()), float(y.mean()), len(p))
        for p, y in zip(np.array_split(chances, BINS), np.array_split(truths, BINS), strict=True)
        if len(p)
    ]
    ece = sum(abs(p - y) * count for p, y, count in bins) / len(truths)
    base = float(((truths - truths.mean()) ** 2).mean())
    brier = float(((chances - truths) ** 2).mean())
    return Calibration(ece, 1 - brier / base if base else 0.0, tuple((p, y) for p, y, _ in bins))


def _calibrated(part: Part) -> Calibration:
    decided = part.decided[ENGINE]
    happened = [succeeded(episode, made) for episode, made in zip(part.episodes, decided, strict=True)]
    return calibration([made.confidence or 0.0 for made in decided], happened)


# --- the result ------------------------------------------------------------------------------------------------------


def deployable(part: Part) -> str:
    """Return the best baseline that acts and could be put to work: not the bound, the oracle or another planner."""
    others = [policy for policy in part.decided if policy not in (ENGINE, ORACLE, BOUND, NEVER, part.planner)]
    return min(others, key=lambda policy: sum(part.regret(policy)))


def _targets(part: Part, found: Calibration) -> Iterator[Target]:
    key, name = f"services.{part.key}", part.name.lower()
    regrets = {policy: part.regret(policy) for policy in part.decided}
    never, best = regrets[NEVER], deployable(part)
    controls = [float(is_control(one)) for one in part.episodes]
    wrong = [
        control * float(made.move.action in CHANGING)
        for control, made in zip(controls, part.decided[ENGINE], strict=True)
    ]
    least = [one.least for one in part.episodes]
    bar, bound = share(regrets[best], never).value, share(regrets[BOUND], never).value
    yield Target(
        f"{key}.regret",
        f"normalised regret, {name} (must: {best}; aim: the bound)",
        share(regrets[ENGINE], never),
        bar,
        bound,
    )
    gap = closed(part.costs(ENGINE), part.costs(best), least)
    yield Target(f"{key}.gap", f"gap closed to the oracle, {name}", gap, 0.45, 0.60, at_most=False, format=".2f")
    yield Target(f"{key}.wrong", f"wrong action on healthy controls, {name}", share(wrong, controls), 0.03, 0.01)
    yield Target(f"{key}.ece", f"calibration error of the confidence, {name}", Figure(found.ece), 0.03, 0.015)
    yield Target(
        f"{key}.skill", f"Brier skill of the confidence, {name}", Figure(found.skill), 0.10, 0.20, at_most=False
    )


def _comparison(part: Part) -> Comparison:
    """Compare in normalised regret: the best costs may sum to nothing, so that a ratio to them says little."""
    gain = np.subtract(part.regret(TABLE), part.regret(ENGINE)).tolist()
    return Comparison(f"services.{part.key}.table", TABLE, share(gain, part.regret(NEVER)))


def _bars(part: Part) -> Plot:
    shown = [policy for policy in part.decided if policy != ORACLE]
    figures = {policy: share(part.regret(policy), part.regret(NEVER)) for policy in shown}
    order = sorted(shown, key=lambda policy: figures[policy].value)
    return Plot(
        name=f"services-regret-{part.key.replace('_', '-')}",
        title=f"Normalised regret, {part.name.lower()}",
        kind="bars",
        x="policy",
        y="0 oracle, 1 never act",
        series={"normalised regret": [(policy, figures[policy].value) for policy in order]},
        errors={"normalised regret": [figures[policy].ends for policy in order]},
        line=1.0,
    )


def _reliability(found: Mapping[str, Calibration]) -> Plot:
    return Plot(
        name="services-reliability",
        title="What the confidence says and what happens",
        kind="points",
        x="stated confidence",
        y="share that did what it was for",
        series={name: one.points for name, one in found.items()},
        diagonal=True,
    )


NOTES = (
    "Each queue is taken to be in its steady state within its ten minutes; what cannot be carried is shed.",
    "After a decision nothing clever follows: what made it worse is taken back after two hours, people come once users "
    "have borne enough or an alert told them, and put everything right after some hours.",
    "A healthy control is an episode with which nothing is wrong and where no action saves more than 0.05 hours.",
    "The boosted trees have learnt from some thousand episodes of these very worlds; they stand for what the telemetry "
    "can tell at all, and are not counted as a baseline to be put to work.",
)


def _result(parts: Sequence[Part]) -> Result:
    found = {part.name: _calibrated(part) for part in parts}
    return Result(
        suite="services",
        tables=tuple(table for part in parts for table in (_table(part), _by_cause(part))),
        targets=tuple(target for part in parts for target in _targets(part, found[part.name])),
        comparisons=tuple(map(_comparison, parts)),
        plots=(*map(_bars, parts), _reliability(found)),
        notes=NOTES,
    )
