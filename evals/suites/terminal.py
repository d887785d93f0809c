"""A report on a terminal or in a pipe: intervals go below their values where the width asks for it."""

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from evals.suites.cells import Cell, Grid, Line, of_comparisons, of_table, of_targets, summary
from evals.suites.report import Finished, Report
from evals.suites.result import ENGINE

PIPED_WIDTH = 120
NAME_WIDTH = 34
"""Names longer than this go over several lines."""
GAP = 2
"""Columns that stand between two cells."""
STYLES = {"engine": "bold", "good": "green", "bad": "bold red", "": ""}


def show(report: Report, console: Console) -> None:
    """Write the whole report."""
    for one in report.finished:
        _show_suite(one, console)
    for grid in (of_comparisons(report), of_targets(report)):
        if grid.lines:
            _show_grid(grid, console)
    console.print()
    for sentence in summary(report):
        console.print(Text(sentence, style=_style(sentence)))


def stdout() -> Console:
    """Return stdout as wide as the terminal, or `PIPED_WIDTH` where a program reads it."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPED_WIDTH)


def _style(sentence: str) -> str:
    word = sentence.partition(" ")[0]
    return {"Missed:": "red", "Failed:": "bold red", "Failed": "bold red", "Passed": "bold green"}.get(word, "")


def _show_suite(one: Finished, console: Console) -> None:
    console.print()
    console.rule(Text(f"{one.result.suite} ({one.seconds:.0f} s)", style="bold"), align="left")
    for table in one.result.tables:
        _show_grid(of_table(table, ENGINE), console)
    for note in one.result.notes:
        console.print(Padding(Text(f"- {note}"), (0, 0, 0, 1)))


def _show_grid(grid: Grid, console: Console) -> None:
    console.print()
    console.print(Text(grid.title, style="bold"))
    if grid.about:
        console.print(Text(grid.about, style="dim"))
    for part, in_one_line in _parts(grid, console.width):
        console.print(_drawn(part, in_one_line))


def _drawn(grid: Grid, in_one_line: bool) -> RichTable:
    table = RichTable(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, GAP, 0, 0))
    table.add_column(grid.head[0], max_width=NAME_WIDTH)
    for title in grid.head[1:]:
        table.add_column(title)
    for line in grid.lines:
        texts = [line.name, *(_text(one, in_one_line) for one in line.cells)]
        table.add_row(*(Text(text) for text in texts), style=STYLES[line.mark])
    return table


def _text(cell: Cell, in_one_line: bool) -> str:
    return str(cell) if in_one_line or not cell.interval else f"{cell.value}\n{cell.interval}"


# --- what fits -------------------------------------------------------------------------------------------------------


def _parts(grid: Grid, width: int) -> Iterator[tuple[Grid, bool]]:
    """Yield the table in as many parts as its columns need, and whether intervals stand beside their values."""
    name = _name_width(grid)
    columns = range(len(grid.head) - 1)
    if name + sum(_width(grid, column, in_one_line=True) for column in columns) <= width:
        yield grid, True
        return
    taken: list[int] = []
    for column in columns:
        if taken and name + sum(_width(grid, one, in_one_line=False) for one in (*taken, column)) > width:
            yield _only(grid, taken), False
            taken = []
        taken.append(column)
    yield _only(grid, taken), False


def _only(grid: Grid, columns: Sequence[int]) -> Grid:
    head = (grid.head[0], *(grid.head[column + 1] for column in columns))
    lines = (Line(line.name, tuple(line.cells[column] for column in columns), line.mark) for line in grid.lines)
    return Grid(grid.title, grid.about, head, tuple(lines))


def _name_width(grid: Grid) -> int:
    return GAP + min(NAME_WIDTH, max(map(len, (grid.head[0], *(line.name for line in grid.lines)))))


def _width(grid: Grid, column: int, *, in_one_line: bool) -> int:
    texts = [_text(line.cells[column], in_one_line) for line in grid.lines]
    # A title may be broken between its words, a value may not.
    words = grid.head[column + 1].split()
    return GAP + max(map(len, (*words, *(line for text in texts for line in text.splitlines()))))
