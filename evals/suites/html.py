"""A report as one HTML file that holds all it shows and asks no other machine for anything."""

from collections.abc import Iterable, Iterator
from html import escape

from evals.suites.cells import Cell, Grid, Line, of_comparisons, of_table, of_targets, summary
from evals.suites.plots import svg
from evals.suites.report import Finished, Report
from evals.suites.result import ENGINE, Plot

_STYLE = """
:root{color-scheme:light dark;--ground:#fff;--ink:#1d1f21;--dim:#63676c;--rule:#d9dce0;--good:#1f7a4d;--bad:#b3261e;
--engine:#eef4fb}
@media(prefers-color-scheme:dark){:root{--ground:#15181c;--ink:#e4e6e8;--dim:#a0a6ad;--rule:#363b42;--good:#5cc48d;
--bad:#ff8a80;--engine:#1c2836}}
body{background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif;max-width:76rem;margin:2rem auto;
padding:0 1.2rem}
nav a{color:inherit;margin-right:1rem}h2{border-bottom:1px solid var(--rule);margin-top:3rem}
.wide{overflow-x:auto}table{border-collapse:collapse;margin:.4rem 0 1.2rem;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .8rem .3rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule)}
th{font-weight:600;vertical-align:bottom}td small,.about,.meta{color:var(--dim)}td small{white-space:nowrap}
tr.engine{background:var(--engine);font-weight:600}.good{color:var(--good)}.bad{color:var(--bad);font-weight:600}
figure{margin:1.5rem 0}figure svg{width:100%;max-width:52rem;height:auto}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(report: Report) -> str:
    """Return the whole page."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<title>AURORA: evals</title><style>{_STYLE}</style></head><body><h1>How good AURORA's decisions are</h1>"
    yield f'<p class="meta">{escape(_meta(report))}</p>'
    yield f"<ul>{''.join(map(_sentence, summary(report)))}</ul>"
    yield f"<nav>{''.join(_link(one) for one in report.finished)}</nav>"
    yield from _grids([of_comparisons(report), of_targets(report)])
    for one in report.finished:
        yield from _suite(one)
    yield "</body></html>"


def _meta(report: Report) -> str:
    beside = f", beside it {report.planner}" if report.planner else ""
    return f"AURORA {report.version}, {report.created_at}{beside}. In brackets: 95 % intervals, drawn over worlds."


def _sentence(text: str) -> str:
    word = text.partition(" ")[0]
    mark = {"Missed:": "bad", "Failed:": "bad", "Failed": "bad", "Passed": "good"}.get(word, "")
    return f'<li class="{mark}">{escape(text)}</li>'


def _link(one: Finished) -> str:
    name = escape(one.result.suite)
    return f'<a href="#suite-{name}">{name}</a>'


def _suite(one: Finished) -> Iterator[str]:
    result = one.result
    name = escape(result.suite)
    yield f'<section><h2 id="suite-{name}">{name} <small class="meta">{one.seconds:.0f} s</small></h2>'
    if result.notes:
        yield f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in result.notes)}</ul>"
    yield from _grids(of_table(table, ENGINE) for table in result.tables)
    yield from (_figure(plot, result.suite) for plot in result.plots)
    yield "</section>"


def _figure(plot: Plot, suite: str) -> str:
    return f'<figure aria-label="{escape(plot.title)}">{svg(plot, "page", suite)}</figure>'


def _grids(grids: Iterable[Grid]) -> Iterator[str]:
    for grid in grids:
        if grid.lines:
            yield f'<h3>{escape(grid.title)}</h3><p class="about">{escape(grid.about)}</p>'
            yield f'<div class="wide"><table><thead><tr>{_row("th", grid.head)}</tr></thead><tbody>'
            yield from map(_line, grid.lines)
            yield "</tbody></table></div>"


def _line(line: Line) -> str:
    return f'<tr class="{line.mark}"><td>{escape(line.name)}</td>{"".join(map(_cell, line.cells))}</tr>'


def _cell(cell: Cell) -> str:
    interval = f" <small>{escape(cell.interval)}</small>" if cell.interval else ""
    value = escape(cell.value).replace(" ", "&nbsp;")
    return f"<td>{value}{interval}</td>"


def _row(tag: str, texts: Iterable[str]) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)
