"""The commands. Each is one call of the HTTP API, on a running server or inside the command itself (`app/client.py`).

Nothing heavy is imported before a command needs it, so that `aurora --help` is quick. Answers go to stdout, all else to
stderr; a command that failed ends with 1, one that was called wrongly with 2, one that was interrupted with 130.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from app.failure import CallFailed, CannotServe

if TYPE_CHECKING:
    from app.client import Api

FAILED = 1
WRONG_USE = 2
INTERRUPTED = 130
UNAUTHENTICATED = 401


def _examples(*lines: str) -> str:
    """Return an epilogue with one example a line; Typer keeps only double line breaks."""
    return "\n\n".join(["Examples:" if len(lines) > 1 else "Example:", *lines])


app = typer.Typer(
    name="aurora",
    help="AURORA, an on-call ML engineer: watches models, decides, asks, acts, verifies, takes back, explains.",
    epilog="Start with: aurora serve, and in another terminal: aurora analyze FILE. Each command has a --help.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
memory = typer.Typer(help="What AURORA remembers: search, add, rebuild.", no_args_is_help=True)
mode = typer.Typer(help="How much AURORA may do by itself, on the whole installation.", no_args_is_help=True)
app.add_typer(memory, name="memory")
app.add_typer(mode, name="mode")

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON on stdout, and nothing else there.")]
DecisionId = Annotated[str, typer.Argument(metavar="ID", help="A decision's id, its beginning, or: last.")]
QuestionId = Annotated[
    str, typer.Argument(metavar="ID", help="An id of a decision or approval, its beginning, or: last.")
]
Reason = Annotated[str, typer.Option(help="Why; kept in the record.")]
By = Annotated[str | None, typer.Option(help="Who says so; only where the server has no API keys.")]
Actions = Literal["retrain", "fine_tune", "cache", "route", "scale", "alert", "no_action"]
Statuses = Literal["running", "executed", "no_action", "awaiting_approval", "rejected", "failed", "proposed"]
Modes = Literal["autonomous", "ask", "observe", "stopped"]
Kinds = Literal["experiment", "decision", "incident", "best_practice"]


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run one command and end the process with its exit code."""
    code = 0
    try:
        app(args=arguments, prog_name="aurora")
    except CallFailed as error:
        code = FAILED
        _say(str(error))
        if error.status == UNAUTHENTICATED:
            _say("Put a key into AURORA_API_KEY.")
    except CannotServe as error:
        code = WRONG_USE
        _say(str(error))
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)


def _version(wanted: bool) -> None:
    if wanted:
        from aurora import __version__

        typer.echo(f"aurora {__version__}")
        raise typer.Exit


@app.callback()
def _aurora(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and end.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


# --- the service -----------------------------------------------------------------------------------------------------


@app.command(epilog=_examples("aurora serve", "aurora serve --port 0 --no-ui", "aurora serve --host 0.0.0.0"))
def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on; others than this machine need keys.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the API; 0 takes a free one.")] = None,
    ui_port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the UI; 0 takes a free one.")] = None,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Leave the UI out.")] = False,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Say how the built-in pretend services come about.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the API, the UI and the monitor until Ctrl-C. Default ports: 8000 and 8501."""
    from app.main import leave
    from app.main import serve as run

    run(host=host, port=port, ui_port=ui_port, ui=not no_ui, sandbox=sandbox, as_json=as_json)
    leave()


@app.command(epilog=_examples("aurora doctor --json"))
def doctor(as_json: AsJson = False) -> None:
    """Check every part and say what to do about those that are not well."""
    from app.cli_doctor import examine
    from app.cli_show import checks

    found = [check.as_json() for check in examine(_say)]
    well = all(check["verdict"] != "fail" for check in found)
    _show({"ok": well, "checks": found}, as_json, checks)
    raise typer.Exit(0 if well else FAILED)


# --- decisions -------------------------------------------------------------------------------------------------------


@app.command(epilog=_examples("aurora analyze telemetry.json", "cat telemetry.json | aurora analyze - --dry-run"))
def analyze(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Telemetry as JSON; - reads it from stdin.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Plan, criticise and rule; do nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Decide about one look at one model and, where the guardrails allow it, act."""
    from app.cli_show import decision

    telemetry = _read_json(file)
    with _api() as api:
        answer = api.post("/api/analyze", telemetry, dry_run="true" if dry_run else None)
        _show(answer, as_json, decision)
    raise typer.Exit(FAILED if answer["status"] == "failed" else 0)


@app.command(epilog=_examples("aurora decisions --limit 5", "aurora decisions --model fraud-scorer --status failed"))
def decisions(
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many at most.")] = 20,
    model: Annotated[str | None, typer.Option(help="Only this model's.")] = None,
    status: Annotated[Statuses | None, typer.Option(help="Only those that stand like this.")] = None,
    as_json: AsJson = False,
) -> None:
    """List decisions, newest first."""
    from app.cli_show import decision_list

    with _api() as api:
        page = api.get("/api/decisions", limit=limit, model_name=model, status=status)
        _show(page, as_json, decision_list)


@app.command(epilog=_examples("aurora watch", "aurora watch --json | jq .status", "aurora watch --once"))
def watch(
    once: Annotated[bool, typer.Option("--once", help="Show the newest decisions and end.")] = False,
    model: Annotated[str | None, typer.Option(help="Only this model's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Follow decisions as they are made and change, one line each, until Ctrl-C."""
    from app.cli_watch import follow, newest
    from app.client import connect_to_server

    if once:
        with _api() as api:
            newest(api, model, as_json)
        return
    with connect_to_server() as api:
        follow(api, model, as_json, _say)


@app.command(epilog=_examples("aurora explain last", "aurora explain dec_4f2a0c"))
def explain(decision_id: DecisionId, as_json: AsJson = False) -> None:
    """Tell the whole why of a decision: what was seen, recalled, weighed, ruled, done, and what came of it."""
    from app.cli_explain import record

    with _api() as api:
        _show(_record(api, decision_id), as_json, record)


@app.command(epilog=_examples('aurora undo last --reason "The new version answers one country badly."'))
def undo(decision_id: DecisionId, reason: Reason = "", as_json: AsJson = False) -> None:
    """Take the action of a decision back, through the gate."""
    from app.cli_show import decision

    with _api() as api:
        path = f"/api/decisions/{_record(api, decision_id)['decision_id']}/undo"
        _show(api.post(path, {"reason": reason}), as_json, decision)


# --- approvals -------------------------------------------------------------------------------------------------------


@app.command(epilog=_examples("aurora approve last --by ada", "aurora approve dec_4f2a --set replicas=4"))
def approve(
    id: QuestionId,
    reason: Reason = "",
    by: By = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Approve with this parameter changed; may be given again."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Approve what waits for a person, as it stands or with parameters changed."""
    from app.cli_ids import asked
    from app.cli_show import decision

    edits = dict(_edit(change) for change in changes or [])
    with _api() as api:
        question = asked(api, id)
        answer: dict[str, Any] = {"decision": "edit" if edits else "approve"}
        if edits:
            answer["action"] = {"parameters": {**question["step"]["parameters"], **edits}}
        _show(_settle(api, question["id"], answer, reason, by), as_json, decision)


@app.command(epilog=_examples('aurora reject dec_4f2a --reason "Release week." --by ada'))
def reject(id: QuestionId, reason: Reason = "", by: By = None, as_json: AsJson = False) -> None:
    """Reject what waits for a person; it is not done."""
    from app.cli_ids import asked
    from app.cli_show import decision

    with _api() as api:
        _show(_settle(api, asked(api, id)["id"], {"decision": "reject"}, reason, by), as_json, decision)


def _settle(api: "Api", approval_id: str, answer: dict[str, Any], reason: str, by: str | None) -> Any:
    said = {**answer, "reason": reason, **({"by": by} if by is not None else {})}
    return api.post(f"/api/approvals/{approval_id}", said)


def _edit(change: str) -> tuple[str, Any]:
    """Read `key=value`; the value is JSON where it can be, else text."""
    key, equals, value = change.partition("=")
    if not key or not equals:
        _fail(f"--set takes KEY=VALUE, not {change!r}.", WRONG_USE)
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


# --- questions, memory, models, mode ---------------------------------------------------------------------------------


@app.command(epilog=_examples('aurora ask "why did you retrain?"', 'aurora ask "what waits for me?"'))
def ask(
    question: Annotated[list[str], typer.Argument(metavar='"QUESTION"', help="In plain words.")],
    thread: Annotated[str | None, typer.Option(help="Go on with this thread of a running server.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask about what was decided and why; the answer comes from the record. Changes nothing."""
    from app.cli_show import chat

    with _api() as api:
        turn = {"message": " ".join(question), **({"thread_id": thread} if thread else {})}
        _show(api.post("/api/chat", turn), as_json, chat)


@app.command(epilog=_examples("aurora models --q fraud"))
def models(
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many at most.")] = 50,
    q: Annotated[str | None, typer.Option(help="A part of the name.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the models that AURORA has seen: health, last metrics, mode, last decision."""
    from app.cli_show import model_list

    with _api() as api:
        _show(api.get("/api/models", limit=limit, q=q), as_json, model_list)


@memory.command("search", epilog=_examples('aurora memory search "accuracy dropped with drift" --top-k 3'))
def memory_search(
    query: Annotated[list[str], typer.Argument(metavar='"QUERY"', help="What to look for; its meaning counts.")],
    top_k: Annotated[int, typer.Option(min=1, max=50, help="How many at most.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Find what is nearest in meaning among all that AURORA remembers."""
    from app.cli_show import found

    with _api() as api:
        _show(api.post("/api/memory/search", {"query": " ".join(query), "top_k": top_k}), as_json, found)


@memory.command("add", epilog=_examples('aurora memory add --kind incident "The nightly export doubles latency."'))
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
    with _api() as api:
        body = {name: value for name, value in told.items() if value is not None}
        _show(api.post("/api/memory", body), as_json, remembered)


@memory.command("rebuild", epilog=_examples("aurora memory rebuild"))
def memory_rebuild(as_json: AsJson = False) -> None:
    """Make the index of the memory anew from the database. Needs the server stopped: the index is for one process."""
    from app.cli_memory import rebuild

    count = rebuild(_say)
    _show({"indexed": count}, as_json, lambda done: typer.echo(f"{done['indexed']} entries are in the new index."))


@mode.command("show", epilog=_examples("aurora mode show"))
def mode_show(as_json: AsJson = False) -> None:
    """Show the mode of the whole installation, and who set it."""
    from app.cli_show import mode_line

    with _api() as api:
        _show(api.get("/api/mode"), as_json, mode_line)


@mode.command("set", epilog=_examples('aurora mode set stopped --reason "Incident 42."'))
def mode_set(
    wanted: Annotated[Modes, typer.Argument(metavar="MODE", help="autonomous, ask, observe or stopped.")],
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Set the mode of the whole installation; it is kept over restarts. `stopped` is the kill switch."""
    from app.cli_show import mode_line

    with _api() as api:
        _show(api.put("/api/mode", {"mode": wanted, "reason": reason}), as_json, mode_line)


# --- input, answers and failures -------------------------------------------------------------------------------------


def _read_json(file: str) -> bytes:
    """Read the document in `file` and return it as it stands; the server judges what it says."""
    name = "stdin" if file == "-" else file
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        json.loads(raw.decode("utf-8-sig"))
    except OSError as error:
        _fail(f"{name} cannot be read: {error.strerror}.", WRONG_USE)
    except UnicodeDecodeError as error:
        _fail(f"{name} is not UTF-8 text at byte {error.start}.", WRONG_USE)
    except json.JSONDecodeError as error:
        _fail(f"{name} is not JSON: {error.msg} at line {error.lineno} column {error.colno}.", WRONG_USE)
    except RecursionError:
        _fail(f"{name} is nested too deeply.", WRONG_USE)
    return raw.removeprefix(b"\xef\xbb\xbf")


def _record(api: "Api", decision_id: str) -> Any:
    from app.cli_ids import decision

    return api.get(f"/api/decisions/{decision(api, decision_id)}")


def _show(answer: Any, as_json: bool, show: Callable[[Any], None]) -> None:
    """Write an answer at once, so that a reader who has gone is noticed here and not at the end of the process."""
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=True, indent=2))
    else:
        show(answer)
    sys.stdout.flush()


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _fail(sentence: str, code: int = FAILED) -> NoReturn:
    _say(sentence)
    raise typer.Exit(code)


@contextmanager
def _api() -> "Iterator[Api]":
    from app.client import connect

    with connect(_say) as api:
        yield api
