"""What a run of the suites says: what was found, how it stands, and whether the run fails."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from evals.suites.accepted import Standing
from evals.suites.figures import Figure
from evals.suites.result import ENGINE, Column, Comparison, Plot, Result, Row, Table, Target

_PAIRS = ("series", "errors")
"""What of a plot holds pairs, by name."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A suite that ran to its end."""

    result: Result
    seconds: float
    standings: tuple[Standing, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """One run."""

    version: str
    created_at: str
    quick: bool
    finished: tuple[Finished, ...]
    planner: str | None = None
    broken: Mapping[str, str] = field(default_factory=dict)
    """Suites that raised, and what."""
    absent: tuple[str, ...] = ()
    """Suites that this installation does not have."""
    accepts: bool = False
    """Whether its figures are the accepted ones from now on."""

    @property
    def seconds(self) -> float:
        """How long the suites took, taken together."""
        return sum(one.seconds for one in self.finished)

    @property
    def targets(self) -> list[tuple[Target, Standing]]:
        """All targets, each with how it stands to the accepted figure."""
        return [pair for one in self.finished for pair in _with_standing(one)]

    @property
    def missed(self) -> list[Target]:
        """The targets that were missed. They are told, and no failure."""
        return [target for target, _ in self.targets if not target.met]

    @property
    def failures(self) -> list[str]:
        """What the run fails for, a sentence each."""
        behind = () if self.accepts else _behind(self)
        broken = (f"{name} broke off: {what}" for name, what in self.broken.items())
        return [*_not_better(self), *behind, *broken]

    @property
    def passed(self) -> bool:
        """Whether the run does not fail."""
        return not self.failures


def _with_standing(one: Finished) -> Iterator[tuple[Target, Standing]]:
    by_key = {standing.key: standing for standing in one.standings}
    for target in one.result.targets:
        yield target, by_key.get(target.key, Standing(target.key, None, "new"))


def _not_better(report: Report) -> Iterator[str]:
    for comparison in (comparison for one in report.finished for comparison in one.result.comparisons):
        if not comparison.better:
            yield f"{ENGINE} is not surely better than {comparison.against} ({comparison.key} {comparison.figure:.3f})."


def _behind(report: Report) -> Iterator[str]:
    by_key = {target.key: target for target, _ in report.targets}
    for standing in (standing for one in report.finished for standing in one.standings if standing.fails):
        if standing.word == "gone":
            yield f"{standing.key} was accepted and is not measured any more."
        elif standing.was is not None:
            now = by_key[standing.key]
            spec = now.format
            yield (
                f"{standing.key} is {now.figure.value:{spec}}: worse than the accepted {standing.was.value:{spec}}"
                f" by more than {standing.allowed:{spec}}."
            )


# --- as JSON ---------------------------------------------------------------------------------------------------------


def as_json(report: Report) -> dict[str, Any]:
    """Return everything as plain values that JSON can hold; what is no number is null."""
    document = {
        "version": report.version,
        "created_at": report.created_at,
        "quick": report.quick,
        "planner": report.planner,
        "seconds": round(report.seconds, 1),
        "passed": report.passed,
        "failures": report.failures,
        "missed": [target.key for target in report.missed],
        "absent": list(report.absent),
        "suites": [_suite(one) for one in report.finished],
    }
    return {name: _plain(value) for name, value in document.items()}


def _suite(one: Finished) -> dict[str, Any]:
    told = asdict(one.result)
    told["targets"] = [
        {**asdict(target), "verdict": target.word, "accepted": asdict(standing)}
        for target, standing in _with_standing(one)
    ]
    told["comparisons"] = [{**asdict(each), "better": each.better} for each in one.result.comparisons]
    return {**told, "seconds": round(one.seconds, 1)}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value.item() if hasattr(value, "item") else value


def result_from(document: Mapping[str, Any]) -> Result:
    """Return the result of one suite that `as_json` told of."""
    return Result(
        suite=document["suite"],
        tables=tuple(_table(one) for one in document["tables"]),
        targets=tuple(_target(one) for one in document["targets"]),
        comparisons=tuple(
            Comparison(one["key"], one["against"], _figure(one["figure"])) for one in document["comparisons"]
        ),
        plots=tuple(_plot(one) for one in document["plots"]),
        notes=tuple(document["notes"]),
    )


def _table(told: Mapping[str, Any]) -> Table:
    columns = tuple(Column(**one) for one in told["columns"])
    rows = tuple(Row(one["policy"], tuple(map(_figure_or_none, one["figures"]))) for one in told["rows"])
    return Table(told["title"], told["about"], columns, rows)


def _target(told: Mapping[str, Any]) -> Target:
    own = {name: value for name, value in told.items() if name not in ("verdict", "accepted")}
    beside = {name: _figure_or_none(told[name]) for name in ("rule_table", "best_existing")}
    return Target(**own | beside | {"figure": _figure(told["figure"])})


def _plot(told: Mapping[str, Any]) -> Plot:
    pairs = {name: {key: [_pair(pair) for pair in values] for key, values in told[name].items()} for name in _PAIRS}
    return Plot(**{**told, **pairs})


def _pair(told: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(math.nan if value is None else value for value in told)


def _figure(told: Mapping[str, Any]) -> Figure:
    value = told["value"]
    return Figure(math.nan if value is None else value, told["low"], told["high"])


def _figure_or_none(told: Mapping[str, Any] | None) -> Figure | None:
    return None if told is None else _figure(told)
