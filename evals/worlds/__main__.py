"""Build the retrain streams and say what they are like: how many, where leaving is right, what simple rules cost.

    python -m evals.worlds --folder worlds             all of them, two to three minutes of CPU the first time
    python -m evals.worlds --folder worlds --quick     one seed of each variant
    python -m evals.worlds --folder worlds --write     put what each costs into evals/worlds/prices.json too

The list is wrong where fewer than 30 % of the streams are best left alone, or where the table "accuracy below 0.70 and
drift" costs less than 1.25 or more than 1.45 times the cheapest schedule in all: then it ends with 1.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.progress import Progress

from evals.worlds.catalogue import Entry, entries
from evals.worlds.schedules import follow, never, oracle, price, trigger_table
from evals.worlds.store import load_all
from evals.worlds.streams import Stream

PRICES = Path(__file__).with_name("prices.json")
LEFT = 0.30
"""At least this share of the streams is best left alone."""
TABLE = (1.25, 1.45)


@dataclass(frozen=True, slots=True)
class Prices:
    """What one stream costs by the cheapest schedule and by two rules."""

    family: str
    variant: str
    seed: int
    published: bool
    retrain: float
    """What one retrain costs."""
    steps: int
    retrains: int
    """Of the cheapest schedule."""
    least: float
    left: float
    """Where the model is never retrained."""
    table: float
    """By accuracy below 0.70 and drift."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Streams taken together."""

    streams: int
    leaving_is_right: float
    """Share of them whose cheapest schedule has no retrain."""
    left: float
    """What leaving all costs, over what the cheapest schedules cost."""
    table: float
    """What the table costs, over that."""
    table_mean: float
    """Mean of the same ratio, stream by stream."""

    @property
    def right(self) -> bool:
        """Whether the mix is one to measure on."""
        return self.leaving_is_right >= LEFT and TABLE[0] <= self.table <= TABLE[1]


def priced(entry: Entry, stream: Stream) -> Prices:
    """Return what one stream costs."""
    best = oracle(stream)
    return Prices(
        family=entry.family.name,
        variant=entry.variant.name,
        seed=entry.seed,
        published=entry.family.published,
        retrain=entry.cost,
        steps=stream.horizon,
        retrains=len(best.schedule),
        least=round(best.cost, 4),
        left=round(price(stream, follow(stream, never)), 4),
        table=round(price(stream, follow(stream, trigger_table)), 4),
    )


def summary(found: Sequence[Prices]) -> Summary:
    """Take streams together; at least one. Streams that cost nothing at all count as 1 in the mean."""
    least = sum(one.least for one in found)
    return Summary(
        streams=len(found),
        leaving_is_right=fmean(one.retrains == 0 for one in found),
        left=sum(one.left for one in found) / least,
        table=sum(one.table for one in found) / least,
        table_mean=fmean(one.table / one.least if one.least else 1.0 for one in found),
    )


def report(found: Sequence[Prices]) -> dict[str, Summary]:
    """Return a summary of each family, of those that are published, of those held out, and of all."""
    groups: dict[str, Callable[[Prices], bool]] = {
        **{name: _of(name) for name in dict.fromkeys(one.family for one in found)},
        "published": lambda one: one.published,
        "held out": lambda one: not one.published,
        "all": lambda _: True,
    }
    return {name: summary([one for one in found if belongs(one)]) for name, belongs in groups.items()}


def _of(family: str) -> Callable[[Prices], bool]:
    return lambda one: one.family == family


def table(summaries: dict[str, Summary]) -> str:
    """Return the table in Markdown."""
    lines = [
        "| streams of | count | leaving is right | all left, over the least | the table, over the least | its mean |",
        "|---|---|---|---|---|---|",
    ]
    for name, one in summaries.items():
        ratios = f"{one.left:.2f} | {one.table:.2f} | {one.table_mean:.2f}"
        lines.append(f"| {name} | {one.streams} | {one.leaving_is_right:.0%} | {ratios} |")
    return "\n".join(lines)


def read() -> list[Prices]:
    """Return what each stream of the list cost when they were last built with `--write`."""
    return [Prices(**one) for one in json.loads(PRICES.read_text(encoding="utf-8"))]


def write(found: Iterable[Prices]) -> None:
    """Put what each stream costs into the file that `read` reads, a line for each."""
    lines: list[dict[str, Any]] = [asdict(one) for one in found]
    PRICES.write_text("[\n" + ",\n".join(map(json.dumps, lines)) + "\n]\n", encoding="utf-8")


def main() -> None:
    """Build, print, and end non-zero where the mix is wrong."""
    options = _options()
    planned = [entry for entry in entries() if not options.quick or entry.seed == 1]
    found: dict[Entry, Prices] = {}
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("Streams", total=len(planned))
        for entry, stream in load_all(options.folder, planned, options.processes):
            found[entry] = priced(entry, stream)
            progress.advance(task)
    in_order = [found[entry] for entry in planned]
    summaries = report(in_order)
    if options.write:
        write(in_order)
    if options.json:
        print(json.dumps({name: asdict(one) for name, one in summaries.items()}, indent=1))
    else:
        print(table(summaries))
    # A part of the list may be mixed otherwise.
    sys.exit(0 if options.quick or summaries["all"].right else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m evals.worlds", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True, help="where built streams are kept")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--quick", action="store_true", help="one seed of each variant")
    parser.add_argument("--json", action="store_true", help="the same as JSON")
    parser.add_argument("--write", action="store_true", help="put what each stream costs into prices.json")
    options = parser.parse_args()
    if options.quick and options.write:
        parser.error("--write is for the whole list")
    return options


if __name__ == "__main__":
    main()
