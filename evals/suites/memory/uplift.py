"""What memory is worth: the regret of decisions with verified outcomes on record, and of the same without."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

import numpy as np

from aurora.domain import CHANGING, Action, Recalled, Situation, Trust
from aurora.observe import describe
from aurora.policy.critic import judge
from aurora.policy.engine import propose
from aurora.policy.features import features
from aurora.policy.moves import Move
from aurora.policy.standing import MAX_REVISIONS
from aurora.policy.steps import move_of
from evals.suites.figures import Figure, cheaper_by, mean, ratio
from evals.suites.memory import poison
from evals.suites.memory.home import Home, case, home, workers
from evals.suites.memory.installations import INSTALLATIONS, Installation, chance, costs, trouble
from evals.suites.memory.situations import Known
from evals.suites.result import ENGINE, Column, Comparison, Options, Plot, Row, Table

SEED = 20261130
WITH, WITHOUT = ENGINE, f"{ENGINE} without memory"
WINDOW = 10
"""Decisions that one point of the plot averages."""


@dataclass(frozen=True, slots=True)
class Life:
    """What one installation went through, decision by decision."""

    installation: str
    seed: int
    with_memory: tuple[float, ...]
    """The true cost of each decision."""
    without: tuple[float, ...]
    least: tuple[float, ...]
    """What the best move would have cost, one that could not be made included."""
    probed: poison.Probed | None
    """What poison did in the end; None where that was not tried."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision: what would be done, and whether it may run without asking."""

    move: Move
    confidence: float
    verdict: str


def decide(situation: Situation, here: Home | None) -> Decided:
    """Decide as the graph does, planner and critic by turns; without `here` nothing is recalled."""
    text, numbers = describe(situation), features(situation)
    nothing: tuple[Recalled, ...] = ()
    like = here.memory.recall_cases(text, numbers, simulated=True) if here else nothing
    avoid: tuple[Action, ...] = ()
    for round in range(MAX_REVISIONS + 1):
        plan = propose(situation, like, avoid=avoid, round=round, reversible=CHANGING)
        action = plan.step.action
        turned_out = here.memory.recall_turned_out(action, text, numbers, simulated=True) if here else nothing
        critique = judge(plan, situation, turned_out, reversible=CHANGING)
        if critique.verdict != "revise":
            break
        avoid = tuple(dict.fromkeys((*avoid, *critique.avoid)))
    move = move_of(plan.step, situation) if critique.verdict == "approve" else Move.LEAVE
    return Decided(move, min(plan.confidence, critique.confidence), critique.verdict)


# --- the installations' lives ----------------------------------------------------------------------------------------


def decisions(options: Options) -> int:
    """Return how many decisions each installation sees."""
    return 12 if options.quick else 40


def seeds(options: Options) -> int:
    """Return how often each installation is lived."""
    return 1 if options.quick else 3


def chosen(options: Options) -> tuple[Installation, ...]:
    """Return the installations that are lived."""
    return INSTALLATIONS[:2] if options.quick else INSTALLATIONS


def steps(options: Options) -> int:
    """Return how many decisions that are in all."""
    return len(chosen(options)) * seeds(options) * decisions(options)


def lived(options: Options, step: Callable[[int], None]) -> tuple[Life, ...]:
    """Live every installation; poison is tried where it is lived for the first time."""
    wanted = [(place, seed) for seed in range(seeds(options)) for place in chosen(options)]
    live = partial(_live, decisions(options), poison.sizes(options))
    lives = []
    with workers(options.processes) as each:
        for life in each(live, *zip(*wanted, strict=True)):
            step(decisions(options))
            lives.append(life)
    return tuple(lives)


def _live(count: int, sizes: poison.Sizes, installation: Installation, seed: int) -> Life:
    random = Random(f"{SEED} {installation.name} {seed}")
    troubles = [trouble(random, installation) for _ in range(count)]
    luck = [random.random() for _ in range(count)]
    with home() as here:
        spent = [
            _lived(here, installation, number, *pair) for number, pair in enumerate(zip(troubles, luck, strict=True))
        ]
        probes = [trouble(random, installation).situation for _ in range(sizes.probes)]
        ask = partial(decide, here=here)
        probed = poison.probed(here, probes, sizes, ask) if seed == 0 else None
    priced = [costs(installation, one) for one in troubles]
    alone = [decide(one.situation, None).move for one in troubles]
    return Life(
        installation.name,
        seed,
        tuple(spent),
        tuple(cost[move] for cost, move in zip(priced, alone, strict=True)),
        tuple(min(cost.values()) for cost in priced),
        probed,
    )


def _lived(here: Home, installation: Installation, number: int, one: Known, luck: float) -> float:
    """Decide, and write down what code has verified of it; return what it cost."""
    decided = decide(one.situation, here)
    changed = decided.move.action in CHANGING
    success = luck < chance(installation, one, decided.move) if changed else None
    trust = Trust.VERIFIED if changed else Trust.TOLD
    here.add([case(f"{number}", one.situation, decided.move.action, success, trust)])
    return costs(installation, one)[decided.move]


# --- what it comes to ------------------------------------------------------------------------------------------------


def table(lives: Sequence[Life]) -> Table:
    """Return regret with and without memory, by installation and in all."""
    names = list(dict.fromkeys(life.installation for life in lives))
    rows = [_row(name, [life for life in lives if life.installation == name]) for name in names]
    return Table(
        "What memory is worth",
        "Mean regret of a decision in hours of wrong answers, and total cost over the least possible. Each "
        "installation differs from the priors in one point, and only the outcomes of its own decisions tell.",
        (
            Column("regret with memory", ".3f"),
            Column("regret without", ".3f"),
            Column("saved by memory", ".3f"),
            Column("cost over least, with"),
            Column("cost over least, without"),
        ),
        (*rows, _row("all", lives)),
    )


def _row(name: str, lives: Sequence[Life]) -> Row:
    having, lacking, least = (_totals(lives, kind) for kind in ("with_memory", "without", "least"))
    count = len(lives[0].least)
    saved = [(without - with_) / count for with_, without in zip(having, lacking, strict=True)]
    regrets = [
        mean([(cost - best) / count for cost, best in zip(some, least, strict=True)]) for some in (having, lacking)
    ]
    return Row(name, (*regrets, mean(saved), ratio(having, least), ratio(lacking, least)))


def _totals(lives: Sequence[Life], kind: str) -> list[float]:
    return [sum(getattr(life, kind)) for life in lives]


def comparisons(lives: Sequence[Life]) -> tuple[Comparison, ...]:
    """Return how much less was paid with memory, where the priors are wrong."""
    wrong = [life for life in lives if life.installation != INSTALLATIONS[0].name]
    return (Comparison("memory.uplift", WITHOUT, uplift(wrong)),)


def uplift(lives: Sequence[Life]) -> Figure:
    """Return how much less was paid with memory than without, over the least possible."""
    return cheaper_by(*(_totals(lives, kind) for kind in ("with_memory", "without", "least")))


def plot(lives: Sequence[Life]) -> Plot:
    """Return the regret of the decisions as they come, a few together."""
    wrong = [life for life in lives if life.installation != INSTALLATIONS[0].name]
    least = np.asarray([life.least for life in wrong])
    regrets = {
        WITH: np.asarray([life.with_memory for life in wrong]) - least,
        WITHOUT: np.asarray([life.without for life in wrong]) - least,
    }
    window = min(WINDOW, least.shape[1])
    starts = range(0, least.shape[1] - window + 1, max(window // 2, 1))
    return Plot(
        name="memory-uplift",
        title="Regret from decision to decision, where the priors are wrong",
        kind="lines",
        x="decisions made before",
        y="mean regret in hours of wrong answers",
        series={
            name: [(float(start), float(values[:, start : start + window].mean())) for start in starts]
            for name, values in regrets.items()
        },
    )
