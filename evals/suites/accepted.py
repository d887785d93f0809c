"""The figures that were accepted last, kept in the repository: what the engine may not fall behind.

The worlds and what is drawn on them are the same in every run, so that a figure moves only with the code, or with a
library that rounds otherwise and tips a few close decisions. What that can do to a figure grows with the standard error
of the figure, and it is allowed one of these: a quarter of the width of the accepted interval, which is 95 % wide.
Where nothing was drawn by chance it is 2 % of the figure.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from evals.suites.figures import Figure
from evals.suites.result import Result, Target

FILE = Path(__file__).resolve().parent.parent / "accepted.json"
OF_THE_WIDTH = 0.25
OF_THE_VALUE = 0.02
ROUNDING = 1e-6

Size = Literal["full", "quick"]
Accepted = Mapping[str, Mapping[str, Figure]]
"""By suite and by key of the target."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A figure of the engine beside the one that was accepted last."""

    key: str
    was: Figure | None
    word: Literal["same", "better", "worse", "new", "gone", "timed"]
    """`gone`: it was accepted and is not measured any more. `timed`: it is not compared."""
    allowed: float = 0.0
    """How much worse it may be."""

    @property
    def fails(self) -> bool:
        """Whether the evals fail because of it: what is no longer measured could hide anything."""
        return self.word in ("worse", "gone")


def tolerance(was: Figure) -> float:
    """Return by how much a figure may be worse than the accepted one."""
    width = 0.0 if was.low is None or was.high is None else was.high - was.low
    return ROUNDING + (OF_THE_WIDTH * width if width > 0 else OF_THE_VALUE * abs(was.value))


def standings(targets: Sequence[Target], accepted: Mapping[str, Figure]) -> tuple[Standing, ...]:
    """Compare the targets of one suite with its accepted figures, and name those that are gone."""
    measured = {target.key for target in targets}
    gone = [Standing(key, was, "gone") for key, was in accepted.items() if key not in measured]
    return (*(_standing(target, accepted.get(target.key)) for target in targets), *gone)


def _standing(target: Target, was: Figure | None) -> Standing:
    if target.timed:
        return Standing(target.key, was, "timed")
    if was is None:
        return Standing(target.key, None, "new")
    allowed = tolerance(was)
    worse_by = (target.figure.value - was.value) * (1 if target.at_most else -1)
    if not math.isfinite(worse_by) or worse_by > allowed:
        return Standing(target.key, was, "worse", allowed)
    return Standing(target.key, was, "better" if worse_by < -allowed else "same", allowed)


def read(size: Size, file: Path = FILE) -> Accepted:
    """Return what was accepted for runs of this size; nothing where nothing was."""
    suites = _document(file).get(size, {})
    return {suite: {key: Figure(**figure) for key, figure in figures.items()} for suite, figures in suites.items()}


def write(size: Size, results: Iterable[Result], file: Path = FILE) -> None:
    """Accept the figures of these suites; those of other suites and of the other size stay."""
    document = _document(file)
    document[size] = document.get(size, {}) | {result.suite: _figures(result.targets) for result in results}
    file.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _figures(targets: Sequence[Target]) -> dict[str, dict[str, float | None]]:
    compared = [target for target in targets if not target.timed and math.isfinite(target.figure.value)]
    return {target.key: _rounded(target.figure) for target in compared}


def _rounded(figure: Figure) -> dict[str, float | None]:
    ends = {"value": figure.value, "low": figure.low, "high": figure.high}
    return {name: None if end is None else round(end, 6) for name, end in ends.items()}


def _document(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}
