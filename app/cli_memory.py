"""`aurora memory`: search, add, and rebuild the index from the database inside this process."""

import time
from collections.abc import Callable
from typing import Annotated, Literal

import typer

from app.cli_calls import AsJson, calling, examples, say, show
from app.failure import CallFailed

memory = typer.Typer(help="What AURORA remembers: search, add, rebuild.", no_args_is_help=True)

SECONDS_BETWEEN_NEWS = 2.0

Say = Callable[[str], None]
Kinds = Literal["experiment", "decision", "incident", "best_practice"]
Actions = Literal["retrain", "fine_tune", "cache", "route", "scale", "alert", "no_action"]


@memory.command("search", epilog=examples('aurora memory search "accuracy dropped with drift" --top-k 3'))
def memory_search(
    query: Annotated[list[str], typer.Argument(metavar='"QUERY"', help="What to look for; its meaning counts.")],
    top_k: Annotated[int, typer.Option(min=1, max=50, help="How many at most.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Find what is nearest in meaning among all that AURORA remembers."""
    from app.cli_show import found

    with calling() as api:
        show(api.post("/api/memory/search", {"query": " ".join(query), "top_k": top_k}), as_json, found)


@memory.command("add", epilog=examples('aurora memory add --kind incident "The nightly export doubles latency."'))
def memory_add(
    *,
    text: Annotated[list[str], typer.Argument(metavar='"TEXT"', help="What to remember.")],
    kind: Annotated[Kinds, typer.Option(help="What it tells of.")] = "best_practice",
    model: Annotated[str | None, typer.Option(help="The model it is about.")] = None,
    action: Annotated[Actions | None, typer.Option(help="The action it is about.")] = None,
    success: Annotated[bool | None, typer.Option("--success/--failure", help="How it ended.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write something into memory. It is shown beside similar cases, and moves no belief."""
    from app.cli_show import remembered

    told = {"kind": kind, "text": " ".join(text), "model_name": model, "decision_type": action, "success": success}
    with calling() as api:
        body = {name: value for name, value in told.items() if value is not None}
        show(api.post("/api/memory", body), as_json, remembered)


@memory.command("rebuild", epilog=examples("aurora memory rebuild"))
def memory_rebuild(as_json: AsJson = False) -> None:
    """Make the index of the memory anew from the database. Needs the server stopped: the index is for one process."""
    count = rebuilt(say)
    show({"indexed": count}, as_json, lambda done: typer.echo(f"{done['indexed']} entries are in the new index."))


def rebuilt(say: Say) -> int:
    """Index every entry anew and return how many there are. Raises `CallFailed` while a server uses the index."""
    from app.client import client_settings, running_server

    settings = client_settings()
    server = running_server(settings.home)
    if server is not None:
        raise CallFailed(
            f"The server at {server.url} (process {server.pid}) uses the memory, and its index is for one process: "
            "stop it, run this again, and start it anew. A damaged index is also rebuilt by itself at every start."
        )
    if settings.url:
        raise CallFailed(
            f"The memory of {settings.url} is rebuilt where that server runs; unset AURORA_URL for this one."
        )
    from aurora import Aurora
    from aurora.errors import AuroraError

    say("Rebuilding the memory's index from the database …")
    try:
        with Aurora.open() as aurora:
            return aurora.memory.rebuild(_telling(say))
    except (AuroraError, ValueError) as error:
        raise CallFailed(str(error)) from error


def _telling(say: Say) -> Callable[[int, int], None]:
    last = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_NEWS:
            say(f"  {done} of {total} entries")
            last = time.monotonic()

    return progress
