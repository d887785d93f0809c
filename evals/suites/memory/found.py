"""Recall@5: how many of the five cases found share the hidden cause of the situation that they are found for.

Cases and questions are episodes of the service worlds in which something is or seems wrong: of the published families,
and of those held out from every fit, whose services or ways of going wrong nobody has looked at.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

import numpy as np
from numpy.typing import NDArray

from aurora.domain import Action, Cause, Situation, Trust
from aurora.observe import describe
from aurora.policy.features import coordinates, features
from evals.suites.figures import mean
from evals.suites.memory.home import Home, case, home, workers
from evals.suites.result import ENGINE, Column, Options, Plot, Row, Table, Target
from evals.worlds.services.catalogue import held_out, published
from evals.worlds.services.rollout import begun

TOP = 5
TOLD = 3
"""Results that are asked for beside: places that are kept for what people told, which have no cause."""
SEED = 20261130
WORDS, NUMBERS, BOTH, CAUSES = "words only", "numbers only", "words and numbers", "diagnosis only"
SHIPPED = f"{ENGINE}: words, numbers, diagnosis"
WAYS = (WORDS, NUMBERS, BOTH, CAUSES, SHIPPED)
KINDS = ("published", "held out")

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many cases there are, and how many situations they are looked for."""

    cases: int
    asked: int


@dataclass(frozen=True, slots=True)
class Known:
    """A situation, and what is behind it."""

    causes: tuple[Cause, ...]
    situation: Situation


@dataclass(frozen=True, slots=True)
class Found:
    """For every way to look, the share of the five found that was right, situation by situation."""

    shares: Mapping[str, Mapping[str, Sequence[float]]]
    """By kind and by way."""


def sizes(options: Options) -> Sizes:
    """Return the sizes of each kind."""
    return Sizes(160, 40) if options.quick else Sizes(720, 240)


def steps(options: Options) -> int:
    """Return how many situations are asked about in all."""
    return len(KINDS) * sizes(options).asked


def measured(options: Options, step: Callable[[int], None]) -> Found:
    """Look for like cases in every way; the shipped one asks the memory itself."""
    shares = {}
    with workers(min(options.processes, len(KINDS))) as each:
        for kind, found in zip(KINDS, each(partial(_kind, sizes(options)), KINDS), strict=True):
            step(sizes(options).asked)
            shares[kind] = found
    return Found(shares)


def _kind(size: Sizes, kind: str) -> dict[str, list[float]]:
    kept, asked = drawn(size, kind)
    with home() as here:
        entries = [
            case(str(number), one.situation, Action.RETRAIN, True, Trust.VERIFIED) for number, one in enumerate(kept)
        ]
        here.add(entries)
        words = np.asarray(here.memory._embedder.embed([describe(one.situation) for one in (*kept, *asked)]))
        shares = {way: _by_scalar(similar, kept, asked) for way, similar in _similarities(words, kept, asked).items()}
        shares[SHIPPED] = [_shipped(here, one, kept) for one in asked]
    return shares


def drawn(size: Sizes, kind: str) -> tuple[list[Known], list[Known]]:
    """Return cases in which something is or seems wrong, and others to look for them with, of one split."""
    split = published() if kind == KINDS[0] else held_out()
    entries = [entry for entry in split if any(shape.cause is not Cause.HEALTHY for shape in entry.shapes)]
    chosen = Random(SEED).sample(entries, size.cases + size.asked)
    known = [Known(tuple(shape.cause for shape in entry.shapes), begun(entry)[1]) for entry in chosen]
    return known[: size.cases], known[size.cases :]


def _similarities(words: Numbers, kept: Sequence[Known], asked: Sequence[Known]) -> dict[str, Numbers]:
    both = [coordinates(features(one.situation)) for one in (*kept, *asked)]
    numbers, causes = (np.asarray(part) for part in zip(*both, strict=True))
    cut = len(kept)
    by_words, by_numbers, by_causes = (part[cut:] @ part[:cut].T for part in (words, numbers, causes))
    return {WORDS: by_words, NUMBERS: by_numbers, BOTH: (by_words + by_numbers) / 2, CAUSES: by_causes}


def _by_scalar(similar: Numbers, kept: Sequence[Known], asked: Sequence[Known]) -> list[float]:
    nearest = np.argsort(-similar, axis=1, kind="stable")[:, :TOP]
    return [_share(one, [kept[place] for place in row]) for one, row in zip(asked, nearest, strict=True)]


def _shipped(here: Home, one: Known, kept: Sequence[Known]) -> float:
    situation = one.situation
    recalled = here.memory.recall_cases(describe(situation), features(situation), simulated=True, top_k=TOP + TOLD)
    seen = [found for found in recalled if found.trust is Trust.VERIFIED][:TOP]
    return _share(one, [kept[int(found.id.removeprefix("mem_"))] for found in seen])


def _share(one: Known, found: Sequence[Known]) -> float:
    return sum(other.causes == one.causes for other in found) / TOP


# --- what it comes to ------------------------------------------------------------------------------------------------


def table(found: Found) -> Table:
    """Return recall@5 by way to look."""
    rows = []
    for way in WAYS:
        shares = [found.shares[kind][way] for kind in KINDS]
        hits = [[float(share > 0) for share in some] for some in shares]
        rows.append(Row(way, tuple(figure for pair in zip(shares, hits, strict=True) for figure in map(mean, pair))))
    columns = [Column(f"{kind}: {what}") for kind in KINDS for what in ("recall@5", "any of 5")]
    return Table(
        "Recall of cases with the same cause",
        "Share of the five nearest cases whose hidden cause, or both where there are two, is the same, and how often "
        "any of them is.",
        tuple(columns),
        tuple(rows),
    )


def targets(found: Found) -> tuple[Target, ...]:
    """Return what recall must reach: not worse than words or numbers, published and held out."""
    made = []
    for kind in KINDS:
        shares, key = found.shares[kind], kind.replace(" ", "_")
        made.append(Target(f"memory.{key}.recall", f"recall@5, {kind}", mean(shares[SHIPPED]), None, at_most=False))
        for way in (WORDS, NUMBERS):
            gain = [one - other for one, other in zip(shares[SHIPPED], shares[way], strict=True)]
            name = f"memory.{key}.recall_over_{way.split()[0]}"
            made.append(Target(name, f"recall@5 over {way}, {kind}", mean(gain), 0.0, at_most=False))
    return tuple(made)


def plot(found: Found) -> Plot:
    """Return recall@5 as bars."""
    figures = {kind: {way: mean(found.shares[kind][way]) for way in WAYS} for kind in KINDS}
    return Plot(
        name="memory-recall",
        title="Share of the five recalled cases with the same hidden cause",
        kind="bars",
        x="how cases are looked for",
        y="recall@5",
        series={kind: [(way, figure.value) for way, figure in some.items()] for kind, some in figures.items()},
        errors={kind: [figure.ends for figure in some.values()] for kind, some in figures.items()},
    )
