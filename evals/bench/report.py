"""What a run of the benchmarks saw: as a table, as JSON and as a plot."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from xml.sax.saxutils import escape

from evals.bench.measure import Result

WIDTH, ROW, TOP, BOTTOM, LABELS, SCALE = 900, 44, 46, 30, 430, 1.5
"""Of the plot, in pixels; `SCALE` is the share of a target at its right edge."""
FITS, MISSES, INK = "#2f7d5b", "#b3372e", "#3b3b3b"


def reached(results: Sequence[Result]) -> bool:
    """Whether no target was missed."""
    return all(result.met is not False for result in results)


def table(results: Sequence[Result]) -> str:
    """Return the table in Markdown, and under it what went wrong."""
    lines = [
        "| measured | AURORA | floor | ratio | half of the turns | target | |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_line(result) for result in results]
    faults = [f"- {result.name}: {result.fault}" for result in results if result.fault]
    return "\n".join([*lines, *(["", *faults] if faults else [])]) + "\n"


def _line(result: Result) -> str:
    low, high = result.quartiles
    cells = (
        result.name,
        _amount(result.product, result.unit),
        f"{_amount(result.floor, result.unit)}: {result.floor_name}",
        f"{result.ratio:.2f}",
        f"{low:.2f} to {high:.2f} of {result.turns}",
        "–" if result.target is None else str(result.target),
        word(result),
    )
    return f"| {' | '.join(cells)} |"


def word(result: Result) -> str:
    """Return the verdict: `met`, `missed`, or nothing where there is no target."""
    return {True: "met", False: "missed", None: ""}[result.met]


def _amount(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def as_json(results: Sequence[Result], seconds: float) -> dict[str, Any]:
    """Return everything as plain values."""
    rows = [{**asdict(result), "quartiles": list(result.quartiles), "met": result.met} for result in results]
    return {"reached": reached(results), "seconds": round(seconds, 1), "results": rows}


# --- the plot --------------------------------------------------------------------------------------------------------


def plot(results: Sequence[Result]) -> str:
    """Return an SVG: for each target a bar of how much of it is used; up to the line at 1 it is met."""
    judged = [result for result in results if result.target is not None]
    height, line = TOP + ROW * len(judged) + BOTTOM, _x(1.0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
        f' font-family="sans-serif" font-size="13" fill="{INK}">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        '<text x="12" y="22" font-size="15">How much of each target is used</text>',
        f'<line x1="{line:.1f}" y1="{TOP - 10}" x2="{line:.1f}" y2="{height - BOTTOM}" stroke="{INK}"/>',
        f'<text x="{line:.1f}" y="{height - 10}" text-anchor="middle">the target</text>',
    ]
    for number, result in enumerate(judged):
        parts += _bar(result, TOP + ROW * number)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bar(result: Result, top: float) -> list[str]:
    assert result.target is not None
    used = result.target.used(result.ratio)
    low, high = sorted(result.target.used(ratio) for ratio in result.quartiles)
    middle = top + ROW / 2 - 6
    said = f"{result.ratio:.2f} ({result.target}) {'' if result.met else 'missed'}".strip()
    return [
        f'<text x="12" y="{middle + 5:.1f}">{escape(_short(result.name))}</text>',
        f'<rect x="{LABELS}" y="{middle - 8:.1f}" width="{_x(used) - LABELS:.1f}" height="16"'
        f' fill="{FITS if result.met else MISSES}"/>',
        f'<line x1="{_x(low):.1f}" y1="{middle:.1f}" x2="{_x(high):.1f}" y2="{middle:.1f}" stroke="{INK}"'
        ' stroke-width="2"/>',
        f'<text x="{LABELS}" y="{middle + 22:.1f}" font-size="11">{escape(said)}</text>',
    ]


def _short(name: str) -> str:
    plain = name.replace("`", "")
    return plain if len(plain) <= 62 else f"{plain[:61]}…"


def _x(used: float) -> float:
    return LABELS + (WIDTH - LABELS - 20) * min(used, SCALE) / SCALE
