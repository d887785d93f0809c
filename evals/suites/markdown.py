"""A report as Markdown, for the docs and the README."""

from evals.suites.cells import Grid, Line, of_comparisons, of_table, of_targets, summary
from evals.suites.report import Finished, Report
from evals.suites.result import ENGINE


def document(report: Report, pictures: dict[str, str]) -> str:
    """Return all tables; `pictures` are files in docs/ by suite."""
    return "\n\n".join([overview(report), *(_suite(one, pictures) for one in report.finished)])


def overview(report: Report) -> str:
    """Return what was compared and reached, and the sentences that say what it comes to."""
    grids = [grid for grid in (of_comparisons(report), of_targets(report)) if grid.lines]
    return "\n\n".join([*map(_grid, grids), "\n".join(f"- {_text(one)}" for one in summary(report))])


def _suite(one: Finished, pictures: dict[str, str]) -> str:
    result = one.result
    parts = [f"## {_text(result.suite.capitalize())}"]
    parts += [_grid(of_table(table, ENGINE)) for table in result.tables]
    if result.notes:
        parts.append("\n".join(f"- {_text(note)}" for note in result.notes))
    if result.suite in pictures:
        parts.append(f"![{_text(result.plots[0].title)}]({pictures[result.suite]})")
    return "\n\n".join(parts)


def _grid(grid: Grid) -> str:
    head = f"| {' | '.join(map(_text, grid.head))} |"
    rule = f"|{'---|' * len(grid.head)}"
    told = [f"**{_text(grid.title)}.** {_text(grid.about)}".rstrip(), "", head, rule]
    return "\n".join([*told, *(_line(line) for line in grid.lines)])


def _line(line: Line) -> str:
    words = [_text(line.name), *(_text(str(cell)) for cell in line.cells)]
    if line.mark == "engine":
        words = [f"**{word}**" for word in words]
    return f"| {' | '.join(words)} |"


def _text(text: str) -> str:
    """Return text in which nothing is a mark of Markdown's tables or of HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")
