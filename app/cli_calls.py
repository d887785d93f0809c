"""What all commands share: their common options, and how they read, call, answer and fail. Loads nothing heavy."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from app.client import Api

FAILED = 1
WRONG_USE = 2

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON on stdout, and nothing else there.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the record.")]


def examples(*lines: str) -> str:
    """Return an epilogue with one example a line; Typer keeps only double line breaks."""
    return "\n\n".join(["Examples:" if len(lines) > 1 else "Example:", *lines])


def read_json(file: str) -> bytes:
    """Read the document in `file` and return it as it stands; the server judges what it says."""
    name = "stdin" if file == "-" else file
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        json.loads(raw.decode("utf-8-sig"))
    except OSError as error:
        fail(f"{name} cannot be read: {error.strerror}.", WRONG_USE)
    except UnicodeDecodeError as error:
        fail(f"{name} is not UTF-8 text at byte {error.start}.", WRONG_USE)
    except json.JSONDecodeError as error:
        fail(f"{name} is not JSON: {error.msg} at line {error.lineno} column {error.colno}.", WRONG_USE)
    except RecursionError:
        fail(f"{name} is nested too deeply.", WRONG_USE)
    return raw.removeprefix(b"\xef\xbb\xbf")


def edit(change: str) -> tuple[str, Any]:
    """Read `key=value`; the value is JSON where it can be, else text."""
    key, equals, value = change.partition("=")
    if not key or not equals:
        fail(f"--set takes KEY=VALUE, not {change!r}.", WRONG_USE)
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def show(answer: Any, as_json: bool, for_people: Callable[[Any], None]) -> None:
    """Write an answer at once, so that a reader who has gone is noticed here and not at the end of the process."""
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=True, indent=2))
    else:
        for_people(answer)
    sys.stdout.flush()


def say(text: str) -> None:
    """Write to stderr."""
    typer.echo(text, err=True)


def fail(sentence: str, code: int = FAILED) -> NoReturn:
    """End the command with a sentence and an exit code."""
    say(sentence)
    raise typer.Exit(code)


@contextmanager
def calling() -> "Iterator[Api]":
    """Give a client of AURORA, wherever it runs, for the length of the block."""
    from app.client import connect

    with connect(say) as api:
        yield api
