"""`aurora mode`: show and set how much AURORA may do by itself."""

from typing import Annotated, Literal

import typer

from app.cli_calls import AsJson, Reason, calling, examples, show

mode = typer.Typer(help="How much AURORA may do by itself, on the whole installation.", no_args_is_help=True)

Modes = Literal["autonomous", "ask", "observe", "stopped"]


@mode.command("show", epilog=examples("aurora mode show"))
def mode_show(as_json: AsJson = False) -> None:
    """Show the mode of the whole installation, and who set it."""
    from app.cli_show import mode_line

    with calling() as api:
        show(api.get("/api/mode"), as_json, mode_line)


@mode.command("set", epilog=examples('aurora mode set stopped --reason "Incident 42."'))
def mode_set(
    wanted: Annotated[Modes, typer.Argument(metavar="MODE", help="autonomous, ask, observe or stopped.")],
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Set the mode of the whole installation; it is kept over restarts. `stopped` is the kill switch."""
    from app.cli_show import mode_line

    with calling() as api:
        show(api.put("/api/mode", {"mode": wanted, "reason": reason}), as_json, mode_line)
