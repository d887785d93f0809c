"""What a model told of itself before a change and after it, as far as that says something of the goal. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile

from aurora.domain import Goal, MetricPoint
from aurora.policy import series
from aurora.policy.comparison import WORDS, reached
from aurora.policy.evidence import Evidence
from aurora.policy.series import BEFORE_POINTS, MIN_POINTS, Level, Reading

ALIVE_SHARE = 0.5
"""From this share of the window on a service must have been heard of, else it has fallen silent."""
NO_TRAFFIC = "There was next to no traffic afterwards, so that nothing can be told."


@dataclass(frozen=True, slots=True)
class Heard:
    """What a model told."""

    reported: bool
    """Whether it told of the goal's metric before."""
    reported_any: bool
    """Whether it told of anything before."""
    idle: bool
    """Whether it tells that afterwards hardly anybody was served."""
    quiet: str | None
    """Why nothing can be said of the service afterwards; None for one that lives."""
    few: str | None
    """Why nothing can be said of the goal's metric afterwards."""
    before: Level | None
    after: Level | None

    @property
    def silence(self) -> str | None:
        """Why the model's own word cannot be had."""
        return self.quiet or self.few


def hear(goal: Goal, evidence: Evidence) -> Heard:
    """Return what the points of `evidence` say of the metric of `goal`."""
    before, after = series.distinct(evidence.points_before), series.distinct(evidence.points_after)
    least, resources = series.least_traffic(before), series.resources_of(before)
    busy = [point for point in after if series.is_busy(point, least)]
    answered = _of_version(evidence.version, [*before, *after], busy)
    told = series.readings(goal.metric, answered, resources)
    earlier = series.readings(goal.metric, [point for point in before if series.is_busy(point, 0.0)], resources)
    then, now = _levels(goal, earlier, told) if len(told) >= MIN_POINTS else (None, None)
    return Heard(
        reported=any(series.reports(goal.metric, point) for point in before),
        reported_any=bool(before),
        idle=2 * len(busy) < len(after),
        quiet=_quiet(goal, evidence, after, busy),
        few=None if len(told) >= MIN_POINTS else _few(goal, evidence.version, len(told), len(after)),
        before=then,
        after=now,
    )


def _of_version(version: str | None, known: Sequence[MetricPoint], points: Sequence[MetricPoint]) -> list[MetricPoint]:
    """Return the points at which the version that was brought in answered, where the points name versions at all."""
    nameless = version is None or all(point.model_version is None for point in known)
    return [point for point in points if nameless or point.model_version == version]


def _quiet(goal: Goal, evidence: Evidence, after: Sequence[MetricPoint], busy: Sequence[MetricPoint]) -> str | None:
    if not after:
        return "The model has reported nothing since: silence is no success."
    if 2 * len(busy) < len(after):
        return NO_TRAFFIC
    newest = max((point.timestamp for point in busy if point.timestamp is not None), default=None)
    if evidence.since is None or evidence.looked_at is None or newest is None:
        return None
    end = min(evidence.looked_at, evidence.since + timedelta(minutes=goal.within_minutes))
    if newest >= evidence.since + ALIVE_SHARE * (end - evidence.since):
        return None
    return f"The model has reported nothing after {newest:%H:%M:%S} UTC: it may have stopped."


def _few(goal: Goal, version: str | None, told: int, after: int) -> str:
    of = f" of version {version}" if version else ""
    labelled = ", with labels behind it" if goal.metric == "accuracy" else ""
    said = f"{told} of the {after} points since tell the {WORDS[goal.metric]}{of}{labelled}"
    return f"{said}; it takes {MIN_POINTS} to say anything."


def _levels(goal: Goal, earlier: Sequence[Reading], told: Sequence[Reading]) -> tuple[Level | None, Level]:
    labelled, spread = goal.metric == "accuracy", series.spread_of(told)
    after = series.level(told, spread, labelled=labelled)
    if not earlier:
        return None, after
    noisy = earlier[-series.NOISE_POINTS :]
    spread = series.spread_of(noisy) if len(noisy) >= MIN_POINTS else spread
    return series.level(_at_last(goal, earlier[-BEFORE_POINTS:]), spread, labelled=labelled), after


def _at_last(goal: Goal, newest: Sequence[Reading]) -> Sequence[Reading]:
    """Return those since the goal was last met: the trouble may be young. Where the last one meets it, all of them."""
    missed = list(takewhile(lambda reading: not reached(goal, reading.value), reversed(newest)))
    return missed or newest
