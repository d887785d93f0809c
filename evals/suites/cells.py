"""What stands in the cells of all tables, on a terminal, in Markdown and in HTML alike."""

import math
from dataclasses import dataclass

from evals.suites.accepted import Standing
from evals.suites.figures import Figure
from evals.suites.report import Report
from evals.suites.result import Comparison, Table, Target

NOTHING = "–"
VERDICTS = {"aim": "aim", "met": "met", "missed": "MISSED", "": "watched"}


@dataclass(frozen=True, slots=True)
class Cell:
    """A value and its interval, as text; either may be empty."""

    value: str
    interval: str = ""

    def __str__(self) -> str:
        """Return both in one line."""
        return f"{self.value} {self.interval}".rstrip()


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table: its name, its cells, and what is to be seen at once."""

    name: str
    cells: tuple[Cell, ...]
    mark: str = ""
    """`engine`, `good`, `bad` or nothing."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table as text."""

    title: str
    about: str
    head: tuple[str, ...]
    """The first is the name's."""
    lines: tuple[Line, ...]


def number(value: float | None, spec: str) -> str:
    """Return a number as a cell shows it; a dash for what is none."""
    return NOTHING if value is None or not math.isfinite(value) else format(value, spec)


def cell(figure: Figure | None, spec: str) -> Cell:
    """Return a figure as a cell."""
    if figure is None:
        return Cell(NOTHING)
    if figure.low is None or figure.high is None:
        return Cell(number(figure.value, spec))
    return Cell(number(figure.value, spec), f"[{number(figure.low, spec)},{number(figure.high, spec)}]")


def of_table(table: Table, engine: str) -> Grid:
    """Return a suite's table."""
    specs = [column.format for column in table.columns]
    lines = (
        Line(
            row.policy,
            tuple(cell(figure, spec) for figure, spec in zip(row.figures, specs, strict=True)),
            "engine" if row.policy == engine else "",
        )
        for row in table.rows
    )
    return Grid(table.title, table.about, ("policy", *(column.name for column in table.columns)), tuple(lines))


def of_targets(report: Report) -> Grid:
    """Return all targets, what was reached, and what was accepted last."""
    beside = any(target.rule_table or target.best_existing for target, _ in report.targets)
    others = ("rule table", "best existing") if beside else ()
    return Grid(
        "Targets",
        "MISSED is told and does not fail the run; being worse than what was accepted last does.",
        ("measure", *others, "figure", "must", "aim", "verdict", "last accepted"),
        tuple(_target(target, standing, beside=beside) for target, standing in report.targets),
    )


def _target(target: Target, standing: Standing, *, beside: bool) -> Line:
    others = (cell(target.rule_table, target.format), cell(target.best_existing, target.format)) if beside else ()
    cells = (
        *others,
        cell(target.figure, target.format),
        Cell(_bound(target, target.must)),
        Cell(_bound(target, target.aim)),
        Cell(VERDICTS[target.word]),
        _accepted(target, standing),
    )
    return Line(target.measure, cells, "bad" if not target.met or standing.fails else "good" if target.word else "")


def _bound(target: Target, value: float | None) -> str:
    if value is None:
        return NOTHING
    return f"{'≤' if target.at_most else '≥'} {_short(value, target.format)}"


def _short(value: float, spec: str) -> str:
    return f"{100 * value:g} %" if spec.endswith("%") else f"{value:g}"


def _accepted(target: Target, standing: Standing) -> Cell:
    if standing.was is None:
        return Cell(standing.word)
    return Cell(number(standing.was.value, target.format), standing.word)


def of_comparisons(report: Report) -> Grid:
    """Return how much better the engine is than what it has to beat."""
    found = [comparison for one in report.finished for comparison in one.result.comparisons]
    return Grid(
        "Against the rule table",
        "Above 0 the engine is the better one; the run fails where the interval does not lie above 0.",
        ("compared", "against", "by", "better"),
        tuple(_comparison(one) for one in found),
    )


def _comparison(one: Comparison) -> Line:
    cells = (Cell(one.against), cell(one.figure, ".3f"), Cell("yes" if one.better else "NO"))
    return Line(one.key, cells, "good" if one.better else "bad")


def summary(report: Report) -> list[str]:
    """Return what a run comes to, a sentence each; misses are told as plainly as hits."""
    words = [target.word for target, _ in report.targets]
    said = [
        f"Targets: {words.count('aim')} at the aim, {words.count('met')} met, {words.count('missed')} missed,"
        f" {words.count('')} only watched.",
        *(f"Missed: {_missed(target)}." for target in report.missed),
        *([f"Not here: {', '.join(report.absent)}."] if report.absent else []),
        *(f"Failed: {sentence}" for sentence in report.failures),
    ]
    return [*said, _verdict(report)]


def _missed(target: Target) -> str:
    figure = cell(target.figure, target.format)
    return f"{target.measure}: {figure}, must be {_bound(target, target.must)}"


def _verdict(report: Report) -> str:
    word = "Passed" if report.passed else "Failed"
    size = "quick run, a part of the worlds" if report.quick else "full run"
    return f"{word} ({size}, {report.seconds:.0f} s)."
