"""What a suite found, as plain values: tables, targets, comparisons and plots. How they look is another module's."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from evals.suites.figures import Figure

ENGINE = "AURORA"
"""What the engine is called in every table."""

Tell = Callable[[int, int], None]
"""Told how much of a suite is done, and of how much."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a suite is to run."""

    folder: Path
    """Where worlds that were built are kept."""
    quick: bool = False
    """A part of the worlds only: all suites together in under two minutes."""
    processes: int = 1
    planner: Any = None
    """Another policy to put into the tables, as `evals.suites.planners` loads it; None where there is none."""


@dataclass(frozen=True, slots=True)
class Column:
    """One measure of a table."""

    name: str
    format: str = ".2f"
    """How a figure is written; see `Figure`."""


@dataclass(frozen=True, slots=True)
class Row:
    """One policy and its figures, one for each column; None where the measure makes no sense for it."""

    policy: str
    figures: tuple[Figure | None, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Policies side by side."""

    title: str
    about: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """A measure of the engine that must reach a value."""

    key: str
    """Short and lasting, such as `streams.published.ratio`: by it the last accepted figures are found."""
    measure: str
    figure: Figure
    must: float | None
    """None where the measure is only watched against the last accepted figures."""
    aim: float | None = None
    at_most: bool = True
    """Whether less is better."""
    format: str = ".3f"
    timed: bool = False
    """Whether it hangs on the machine's speed: it is told, and not held against the last accepted figures."""
    rule_table: Figure | None = None
    """The same measure of the rule table, and of the best existing policy that could be deployed."""
    best_existing: Figure | None = None

    @property
    def met(self) -> bool:
        """Whether it is reached; always where nothing must be."""
        return self.must is None or self._reaches(self.must)

    @property
    def word(self) -> str:
        """`aim`, `met` or `missed`; nothing where there is nothing to reach."""
        if self.must is None:
            return ""
        if self.aim is not None and self._reaches(self.aim):
            return "aim"
        return "met" if self.met else "missed"

    def _reaches(self, value: float) -> bool:
        return self.figure.value <= value if self.at_most else self.figure.value >= value


@dataclass(frozen=True, slots=True)
class Comparison:
    """The engine against a baseline that it has to beat, in one unit: above 0 the engine is the better one."""

    key: str
    against: str
    figure: Figure

    @property
    def better(self) -> bool:
        """Whether it is better beyond what the draw of worlds explains."""
        return self.figure.value > 0 and (self.figure.low is None or self.figure.low > 0)


@dataclass(frozen=True, slots=True)
class Plot:
    """One picture: bars by name, or lines and points over numbers."""

    name: str
    """Short, without spaces: part of a file's name."""
    title: str
    kind: Literal["bars", "lines", "points"]
    x: str
    y: str
    series: Mapping[str, Sequence[tuple[float | str, float]]]
    """By name, pairs of x and y; bars have names for x."""
    errors: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    """Of a series, the interval around each y."""
    line: float | None = None
    """A y that matters, such as a target."""
    diagonal: bool = False
    """Whether y = x is drawn too, as for a calibration."""


@dataclass(frozen=True, slots=True)
class Result:
    """All that a suite found."""

    suite: str
    tables: tuple[Table, ...]
    targets: tuple[Target, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    """Against the rule table: the evals fail where the engine is not better."""
    plots: tuple[Plot, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader must know to read the tables rightly, misses included."""
