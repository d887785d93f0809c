"""Writes to a terminal, for people. Whatever comes from a record is text: no markup in it counts, no control codes."""

import sys
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 110
"""Columns from which ids are shown whole; a shorter beginning of one is understood everywhere."""
SHORT_ID = 12

_COLOURS = {
    "executed": "green",
    "better": "green",
    "healthy": "green",
    "ok": "green",
    "autonomous": "green",
    "within_bands": "green",
    "no_action": "dim",
    "proposed": "cyan",
    "observe": "cyan",
    "pending": "cyan",
    "running": "cyan",
    "awaiting_approval": "yellow",
    "ask": "yellow",
    "asks": "yellow",
    "warn": "yellow",
    "cannot_tell": "yellow",
    "undone": "yellow",
    "unknown": "yellow",
    "rejected": "magenta",
    "failed": "red",
    "not_better": "red",
    "breaching": "red",
    "stopped": "red",
    "never": "red",
    "fail": "red",
}


@cache
def console() -> Console:
    """Return stdout: as wide as the terminal, or wide enough that nothing is cut where a program reads it."""
    tty = sys.stdout.isatty()
    return Console(width=None if tty else 200, highlight=False, soft_wrap=not tty, no_color=None if tty else True)


def plain(value: Any) -> str:
    """Return `value` as text without control codes: a record must not be able to drive the terminal."""
    text = "" if value is None else _number(value) if isinstance(value, float) else str(value)
    return "".join(c if c == "\n" or unicodedata.category(c) not in _UNSHOWN else "\ufffd" for c in text)


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def coloured(value: Any) -> Text:
    """Return one of our own words, in its colour."""
    return Text(plain(value).replace("_", " "), style=_COLOURS.get(str(value), ""))


def short_id(value: Any) -> Text:
    """Return an id, whole where there is room for it."""
    text = plain(value)
    return Text(text if console().width >= WIDE else text[:SHORT_ID], no_wrap=True)


def utc_time(value: Any) -> str:
    """Return an ISO time in UTC, to the second."""
    return datetime.fromisoformat(str(value)).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if value else ""


def put(*parts: str | Text) -> None:
    """Write one line, put together of `parts`."""
    console().print(Text.assemble(*parts))


def heading(text: str) -> None:
    """Write a heading, with an empty line before it."""
    console().print(Text(f"\n{text}", style="bold"))


def point(text: Any) -> None:
    """Write one point of a list; further lines of it are indented."""
    lines = plain(text).splitlines() or [""]
    put("  - ", lines[0], *(f"\n    {line}" for line in lines[1:]))


def columns(*titles: str) -> Table:
    """Return an empty table with these columns."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in titles:
        table.add_column(title)
    return table


def pairs(values: Mapping[str, Any]) -> str:
    """Return names with their values in one line; what is empty is left out."""
    return _named(values) or "none"


def _named(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{plain(name)} {_within(value)}" for name, value in values.items() if value not in ("", {}, []))


def _within(value: Any) -> str:
    """Return one of several values; what holds more of them in brackets."""
    if isinstance(value, Mapping):
        return f"({_named(value)})"
    return "; ".join(map(_within, value)) if isinstance(value, list) else plain(value)


def share(value: float | None) -> str:
    """Return a probability with two digits; nothing where there is none."""
    return "" if value is None else f"{value:.2f}"
