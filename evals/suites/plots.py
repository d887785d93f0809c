"""Plots as SVG, the same text on every run: no date, no drawn ids, letters as text."""

import io
import re
from collections.abc import Sequence
from typing import Any, Literal

from evals.suites.result import ENGINE, Plot

INK = "#3b3b3b"
MUTED = "#9a9a9a"
COLOURS = ("#2f7fb8", "#d98a00", "#1f9a74", "#c0609a", "#7a68c8", "#c9512f", "#8f8f2f", "#5f7f8f")
"""To be told apart by the colour-blind, on light and dark."""
WIDTH = 8.0
"""Inches, as all sizes of matplotlib's."""
Ground = Literal["page", "white"]


def svg(plot: Plot, ground: Ground, prefix: str = "") -> str:
    """Return a plot as an SVG document on white, or to be put into an HTML page, whose own ink it then takes.

    On a page `prefix` and the plot's name tell its ids from those of the other plots.
    """
    import matplotlib as mpl

    settings: dict[Any, Any] = {
        "svg.hashsalt": plot.name,
        "svg.fonttype": "none",
        "text.parse_math": False,
        "font.size": 10,
        "text.color": INK,
        "axes.facecolor": "none",
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with mpl.rc_context(settings):
        drawn = _drawn(plot, ground)
    return _for_page(drawn, f"{prefix}-{plot.name}") if ground == "page" else drawn


def _drawn(plot: Plot, ground: Ground) -> str:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, _height(plot)), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.set_title(plot.title, loc="left")
    if plot.kind == "bars":
        _draw_bars(axes, plot)
    else:
        _draw_over_numbers(axes, plot)
    if len(plot.series) > 1:
        axes.legend(frameon=False, fontsize=9)
    file = io.StringIO()
    metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(file, format="svg", metadata=metadata, facecolor="white" if ground == "white" else "none")
    return file.getvalue()


def _height(plot: Plot) -> float:
    if plot.kind != "bars":
        return 4.2
    return 1.2 + 0.28 * len(_names(plot)) * max(1.0, 0.6 * len(plot.series))


def _names(plot: Plot) -> list[str]:
    return list(dict.fromkeys(str(x) for pairs in plot.series.values() for x, _ in pairs))


def _draw_bars(axes: Any, plot: Plot) -> None:
    """Draw bars from left to right, so that long names have room; the first is on top."""
    names = _names(plot)
    thick = 0.8 / len(plot.series)
    for order, (series, pairs) in enumerate(plot.series.items()):
        places = [names.index(str(x)) + (order - (len(plot.series) - 1) / 2) * thick for x, _ in pairs]
        values = [y for _, y in pairs]
        colours = _bar_colours(plot, order, pairs)
        axes.barh(places, values, thick, xerr=_errors(plot, series, values), color=colours, ecolor=INK, label=series)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel(plot.y)
    axes.set_ylabel(plot.x)
    if plot.line is not None:
        axes.axvline(plot.line, color=INK, linestyle="--", linewidth=1)


def _bar_colours(plot: Plot, order: int, pairs: Sequence[tuple[float | str, float]]) -> str | list[str]:
    if len(plot.series) > 1:
        return _colour(order)
    # Where all bars are of one series, the engine's is the one to be seen.
    return [COLOURS[0] if name == ENGINE else MUTED for name, _ in pairs]


def _draw_over_numbers(axes: Any, plot: Plot) -> None:
    for order, (series, pairs) in enumerate(plot.series.items()):
        xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
        look = {"marker": "o", "linestyle": "none"} if plot.kind == "points" else {"linewidth": 1.6}
        axes.errorbar(xs, ys, yerr=_errors(plot, series, ys), color=_colour(order), label=series, capsize=2, **look)
    if plot.diagonal:
        axes.axline((0, 0), slope=1, color=MUTED, linestyle=":", linewidth=1)
    if plot.line is not None:
        axes.axhline(plot.line, color=INK, linestyle="--", linewidth=1)
    axes.set_xlabel(plot.x)
    axes.set_ylabel(plot.y)


def _colour(order: int) -> str:
    return COLOURS[order % len(COLOURS)]


def _errors(plot: Plot, series: str, values: Sequence[float]) -> list[list[float]] | None:
    """Return how far the intervals reach below and above the values; None where there are none."""
    ends = plot.errors.get(series)
    if not ends:
        return None
    below = [max(value - low, 0.0) for value, (low, _) in zip(values, ends, strict=True)]
    return [below, [max(high - value, 0.0) for value, (_, high) in zip(values, ends, strict=True)]]


def _for_page(drawn: str, name: str) -> str:
    """Return the drawing alone, in the page's own ink, with ids that begin with `name`."""
    inner = drawn[drawn.index("<svg") :]
    inner = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", inner)
    inner = re.sub(r'(\sid="|="#|url\(#)', rf"\g<1>{name}-", inner)
    inner = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", inner, count=1)
    inner = re.sub(r'(<svg[^>]*?) width="[^"]*"', r'\1 role="img"', inner, count=1)
    return inner.replace(INK, "currentColor")
