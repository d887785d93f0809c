"""Newest values as a small line: inline SVG, with a mark where something was done and a line for the limit.

The scale is each line's own, so two lines cannot be compared by their height; the numbers beside them can.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from math import ceil
from statistics import fmean

from app.ui.render import text, when

WIDTH, HEIGHT, EDGE = 120, 26, 2
DRAWN = 60
"""How many points are drawn at most; more are averaged."""

Point = tuple[datetime, float]
Deed = tuple[datetime, str]
"""When something was done, and what."""


def sparkline(
    what: str, points: Sequence[Point], deeds: Iterable[Deed] = (), *, limit: float | None = None, least: float
) -> str:
    """Return `points`, oldest first, as a line; empty with fewer than two of them, or all at one moment.

    `least` is the difference that fills the height: what differs by less is no drama and is not drawn as one.
    """
    if len(points) < 2 or points[0][0] == points[-1][0]:
        return ""
    start, end = points[0][0], points[-1][0]
    seconds = (end - start).total_seconds()
    values = [value for _, value in points]
    low, high = _range(min(values), max(values), limit, least)

    def x(moment: datetime) -> float:
        return round(EDGE + (WIDTH - 2 * EDGE) * (moment - start).total_seconds() / seconds, 1)

    def y(value: float) -> float:
        return round(HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (value - low) / (high - low), 1)

    line = " ".join(f"{x(moment)},{y(value)}" for moment, value in _thinned(points, seconds))
    said = f"{what} from {text(min(values))} to {text(max(values))} over {_lasting(seconds)}"
    marks = "".join(_mark(x(moment), moment, deed) for moment, deed in deeds if start <= moment <= end)
    border = _border(y(limit)) if limit is not None and low <= limit <= high else ""
    return (
        f'<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{text(said)}"><title>{text(said)}</title>{border}{marks}<polyline points="{line}"/></svg>'
    )


def _range(low: float, high: float, limit: float | None, least: float) -> tuple[float, float]:
    """Return what the height stands for; the limit is in it where it is near."""
    reach = max(high - low, least)
    if limit is not None and low - reach <= limit <= high + reach:
        low, high = min(low, limit), max(high, limit)
    missing = max(least - (high - low), 0.0)
    return low - missing / 2, high + missing / 2


def _thinned(points: Sequence[Point], seconds: float) -> list[Point]:
    """Return averages over whole steps of the clock, which stay the same while newer points come in."""
    step = max(ceil(seconds / DRAWN), 1)
    if len(points) <= DRAWN:
        return list(points)
    steps = groupby(points, key=lambda point: point[0].timestamp() // step)
    return [_mean(list(some)) for _, some in steps]


def _mean(points: Sequence[Point]) -> Point:
    return points[-1][0], fmean(value for _, value in points)


def _mark(x: float, moment: datetime, deed: str) -> str:
    title = f"{text(deed)} at {when(moment)} UTC"
    return f'<g class="deed"><title>{title}</title><line x1="{x}" y1="0" x2="{x}" y2="{HEIGHT}"/></g>'


def _border(y: float) -> str:
    return f'<line class="limit" x1="0" y1="{y}" x2="{WIDTH}" y2="{y}"/>'


def _lasting(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
