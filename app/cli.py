"""The commands. Each is one call of the HTTP API, on a running server or inside the command itself (`app/client.py`).

Nothing heavy is imported before a command needs it, not even Rich, Pydantic or HTTP, so that `aurora --help` is quick.
Answers go to stdout, all else to stderr; a command that failed ends with 1, one that was called wrongly with 2, one
that was interrupted with 130.
"""

import sys
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from app.cli_calls import FAILED, WRONG_USE, AsJson, Reason, calling, edit, examples, read_json, say, show
from app.cli_eval import evaluations
from app.cli_memory import memory
from app.cli_mode import mode
from app.failure import CallFailed, CannotServe

if TYPE_CHECKING:
    from app.client import Api

INTERRUPTED = 130
UNAUTHENTICATED = 401


app = typer.Typer(
    name="aurora",
    help="AURORA, an on-call ML engineer: watches models, decides, asks, acts, verifies, takes back, explains.",
    epilog="Start with: aurora serve, and in another terminal: aurora analyze FILE. Each command has a --help.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # Rich would take as long to load as everything else that --help needs
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(memory, name="memory")
app.add_typer(mode, name="mode")
app.add_typer(evaluations, name="eval")

DecisionId = Annotated[str, typer.Argument(metavar="ID", help="A decision's id, its beginning, or: last.")]
QuestionId = Annotated[
    str, typer.Argument(metavar="ID", help="An id of a decision or approval, its beginning, or: last.")
]
By = Annotated[str | None, typer.Option(help="Who says so; only where the server has no API keys.")]
Incidents = Literal[
    "abrupt_drift",
    "gradual_drift",
    "covariate_drift",
    "data_bug",
    "bad_deployment",
    "repeating_burst",
    "surge",
    "hot_replica",
    "memory_leak",
    "blip",
    "healthy",
]
Statuses = Literal["running", "executed", "no_action", "awaiting_approval", "rejected", "failed", "proposed"]


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run one command and end the process with its exit code."""
    code = 0
    try:
        app(args=arguments, prog_name="aurora")
    except CallFailed as error:
        code = FAILED
        say(str(error))
        if error.status == UNAUTHENTICATED:
            say("Put a key into AURORA_API_KEY.")
    except CannotServe as error:
        code = WRONG_USE
        say(str(error))
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


@app.command(epilog=examples("aurora serve", "aurora serve --port 0 --no-ui", "aurora serve --host 0.0.0.0"))
def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on; others than this machine need keys.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the API; 0 takes a free one.")] = None,
    ui_port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the UI; 0 takes a free one.")] = None,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Leave the UI out.")] = False,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Run the built-in fleet too: ten pretend services, and what befalls them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the API, the UI and the monitor until Ctrl-C. Default ports: 8000 and 8501."""
    from app.ending import leave
    from app.main import serve as run

    run(host=host, port=port, ui_port=ui_port, ui=not no_ui, sandbox=sandbox, as_json=as_json)
    leave()


@app.command(epilog=examples("aurora demo", "aurora demo --incident bad_deployment", "aurora demo --speed 2 --json"))
def demo(
    incident: Annotated[Incidents, typer.Option(help="What befalls the service.")] = "abrupt_drift",
    speed: Annotated[float, typer.Option(min=0.1, max=5, help="Pace; at 1 the first incident takes about 30 s.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another life of the service.")] = 11,
    as_json: AsJson = False,
) -> None:
    """Watch one incident from its first sign to the answer why, on a pretend service; leaves nothing behind."""
    from app.cli_demo import show as show_demo
    from app.demo import events
    from app.ending import leave

    say("Starting an AURORA of its own for the demo …")
    code = INTERRUPTED
    with suppress(KeyboardInterrupt), closing(events(incident, speed, seed)) as told:
        code = 0 if show_demo(told, as_json) else FAILED
    leave(code)


@app.command(epilog=examples("aurora doctor --json"))
def doctor(as_json: AsJson = False) -> None:
    """Check every part and say what to do about those that are not well."""
    from app.cli_doctor import examine
    from app.cli_show import checks

    found = [check.as_json() for check in examine(say)]
    well = all(check["verdict"] != "fail" for check in found)
    show({"ok": well, "checks": found}, as_json, checks)
    raise typer.Exit(0 if well else FAILED)


# --- decisions -------------------------------------------------------------------------------------------------------


@app.command(epilog=examples("aurora analyze telemetry.json", "cat telemetry.json | aurora analyze - --dry-run"))
def analyze(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Telemetry as JSON; - reads it from stdin.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Plan, criticise and rule; do nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Decide about one look at one model and, where the guardrails allow it, act."""
    from app.cli_show import decision

    telemetry = read_json(file)
    with calling() as api:
        answer = api.post("/api/analyze", telemetry, dry_run="true" if dry_run else None)
        show(answer, as_json, decision)
    raise typer.Exit(FAILED if answer["status"] == "failed" else 0)


@app.command(epilog=examples("aurora decisions --limit 5", "aurora decisions --model fraud-scorer --status failed"))
def decisions(
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many at most.")] = 20,
    model: Annotated[str | None, typer.Option(help="Only this model's.")] = None,
    status: Annotated[Statuses | None, typer.Option(help="Only those that stand like this.")] = None,
    as_json: AsJson = False,
) -> None:
    """List decisions, newest first."""
    from app.cli_show import decision_list

    with calling() as api:
        page = api.get("/api/decisions", limit=limit, model_name=model, status=status)
        show(page, as_json, decision_list)


@app.command(epilog=examples("aurora watch", "aurora watch --json | jq .status", "aurora watch --once"))
def watch(
    once: Annotated[bool, typer.Option("--once", help="Show the newest decisions and end.")] = False,
    model: Annotated[str | None, typer.Option(help="Only this model's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Follow decisions as they are made and change, one line each, until Ctrl-C."""
    from app.cli_watch import follow, newest
    from app.client import connect_to_server

    if once:
        with calling() as api:
            newest(api, model, as_json)
        return
    with connect_to_server() as api:
        follow(api, model, as_json, say)


@app.command(epilog=examples("aurora explain last", "aurora explain dec_4f2a0c"))
def explain(decision_id: DecisionId, as_json: AsJson = False) -> None:
    """Tell the whole why of a decision: what was seen, recalled, weighed, ruled, done, and what came of it."""
    from app.cli_explain import record

    with calling() as api:
        show(_record(api, decision_id), as_json, record)


@app.command(epilog=examples('aurora undo last --reason "The new version answers one country badly."'))
def undo(decision_id: DecisionId, reason: Reason = "", as_json: AsJson = False) -> None:
    """Take the action of a decision back, through the gate."""
    from app.cli_show import decision

    with calling() as api:
        path = f"/api/decisions/{_record(api, decision_id)['decision_id']}/undo"
        show(api.post(path, {"reason": reason}), as_json, decision)


# --- approvals -------------------------------------------------------------------------------------------------------


@app.command(epilog=examples("aurora approve last --by ada", "aurora approve dec_4f2a --set replicas=4"))
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

    edits = dict(edit(change) for change in changes or [])
    with calling() as api:
        question = asked(api, id)
        answer: dict[str, Any] = {"decision": "edit" if edits else "approve"}
        if edits:
            answer["action"] = {"parameters": {**question["step"]["parameters"], **edits}}
        show(_settle(api, question["id"], answer, reason, by), as_json, decision)


@app.command(epilog=examples('aurora reject dec_4f2a --reason "Release week." --by ada'))
def reject(id: QuestionId, reason: Reason = "", by: By = None, as_json: AsJson = False) -> None:
    """Reject what waits for a person; it is not done."""
    from app.cli_ids import asked
    from app.cli_show import decision

    with calling() as api:
        show(_settle(api, asked(api, id)["id"], {"decision": "reject"}, reason, by), as_json, decision)


def _settle(api: "Api", approval_id: str, answer: dict[str, Any], reason: str, by: str | None) -> Any:
    said = {**answer, "reason": reason, **({"by": by} if by is not None else {})}
    return api.post(f"/api/approvals/{approval_id}", said)


# --- questions, memory, models, mode ---------------------------------------------------------------------------------


@app.command(epilog=examples('aurora ask "why did you retrain?"', 'aurora ask "what waits for me?"'))
def ask(
    question: Annotated[list[str], typer.Argument(metavar='"QUESTION"', help="In plain words.")],
    thread: Annotated[str | None, typer.Option(help="Go on with this thread of a running server.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask about what was decided and why; the answer comes from the record. Changes nothing."""
    from app.cli_show import chat

    with calling() as api:
        turn = {"message": " ".join(question), **({"thread_id": thread} if thread else {})}
        show(api.post("/api/chat", turn), as_json, chat)


@app.command(epilog=examples("aurora models --q fraud", "aurora models fraud-scorer"))
def models(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Tell more about this one.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many at most.")] = 50,
    q: Annotated[str | None, typer.Option(help="A part of the name.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the models that AURORA has seen, or tell what it may do by itself on one of them, and why."""
    from urllib.parse import quote

    from app.cli_show import model, model_list

    with calling() as api:
        if name is None:
            show(api.get("/api/models", limit=limit, q=q), as_json, model_list)
        else:
            show(api.get(f"/api/models/{quote(name, safe='')}"), as_json, model)


def _record(api: "Api", decision_id: str) -> Any:
    from app.cli_ids import decision

    return api.get(f"/api/decisions/{decision(api, decision_id)}")
