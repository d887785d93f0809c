"""`aurora serve`: the API, the sweep and what runs beside them as one service that starts whole, or says why not.

What can be refused is refused before anything heavy is loaded. The UI and the fleet are child processes that end with
this one, however this one ends.
"""

import contextlib
import gc
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from app import children
from app.client import write_server_file
from app.ending import arm_hard_end, is_ending, stop
from app.failure import CannotServe
from app.preflight import Plan, listen, prepare, read_settings
from aurora import __version__
from aurora.errors import AuroraError

if TYPE_CHECKING:
    from app.worker import Worker
    from aurora import Aurora

GRACE_SECONDS = 2
"""How long requests under way may take once the end was asked for."""
CLOSE_SECONDS = 0.5
"""How long what works in the background, and then the closing of files, may take once nothing is served any more."""
FIRST_TRY = '{"model_metrics": {"accuracy": 0.72, "latency_ms": 650}, "data_drift": {"detected": true, "score": 0.65}}'


def serve(
    *,
    host: str | None = None,
    port: int | None = None,
    ui_port: int | None = None,
    ui: bool = True,
    sandbox: bool = False,
    as_json: bool = False,
) -> None:
    """Serve until Ctrl-C or SIGTERM. What is None comes from the environment. Raises `CannotServe` saying why not."""
    settings = read_settings(host=host, port=port, ui_port=ui_port)
    with ExitStack() as stack:
        plan = prepare(settings, stack, ui=ui, sandbox=sandbox, as_json=as_json)
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, stop)
        with contextlib.suppress(KeyboardInterrupt):
            _run(plan)


def _run(plan: Plan) -> None:
    _log_to_stderr(plan.settings.log_level.upper())
    print(f"Starting AURORA {__version__} …", file=sys.stderr, flush=True)
    with ExitStack() as stack:
        beside = [stack.enter_context(child) for child in _children(plan)]
        with _loading():
            import uvicorn  # noqa: F401

            from app.api import create_app  # noqa: F401
            from app.worker import Worker
            from aurora import Aurora
        try:
            worker = Worker(plan.settings.sweep_seconds)
            aurora = stack.enter_context(Aurora.open(plan.settings, wakeups=worker.wakeups))
            _serve_api(plan, aurora, worker, beside)
        except AuroraError as error:
            raise CannotServe(str(error)) from error


@contextlib.contextmanager
def _loading() -> Iterator[None]:
    """Load modules over the block without looking for garbage: what they make stays, and each look would go through it.

    A fifth of what loading computes would go into such looks.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _children(plan: Plan) -> Iterator[children.Kept]:
    """Yield what runs beside the API: the pages, and with `--sandbox` the fleet."""
    if plan.ui is not None:
        yield children.Kept("pages", partial(_pages, plan, [plan.ui], plan.ui.getsockname()))
    if plan.sandbox:
        pace, level = plan.settings.sandbox_tick_seconds, plan.settings.log_level.upper()
        folder = plan.home / "sandbox"
        fleet = partial(children.fleet, folder, plan.api_url, plan.fleet_key, tick_seconds=pace, log_level=level)
        yield children.Kept("fleet", fleet)


def _pages(plan: Plan, taken: list[socket.socket], address: tuple[Any, ...]) -> children.Child:
    """Start the pages on the socket that is `taken` for them, and the next time on another at the same `address`."""
    # Only the child listens: were it to die, the port would be closed and not dumb.
    with taken.pop() if taken else listen(address[0], address[1], "--ui-port") as listening:
        return children.pages(listening.fileno(), plan.api_url, keys_required=bool(plan.settings.api_keys))


def _serve_api(plan: Plan, aurora: "Aurora", worker: "Worker", beside: Sequence[children.Kept]) -> None:
    import uvicorn

    from app.api import create_app

    class Server(uvicorn.Server):
        """A server that tells people when it can be reached, and has until the hard end to stop."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            server_file.append(write_server_file(plan.home, plan.api_url))
            _announce(plan)

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            if not self.should_exit:
                arm_hard_end()
                # A request that the end cuts off is no error of the server's.
                logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
                worker.end()
                for child in beside:
                    child.terminate()
            super().handle_exit(sig, frame)

    server_file: list[Path] = []
    config = uvicorn.Config(
        create_app(aurora),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    aurora.beside = lambda: {"monitor": worker.health(), **{child.name: child.health() for child in beside}}
    worker.start(aurora)
    try:
        Server(config).run(sockets=[plan.api])
    finally:
        for path in server_file:
            path.unlink(missing_ok=True)
        worker.stop(CLOSE_SECONDS)
        if is_ending():
            arm_hard_end(CLOSE_SECONDS)


def _log_to_stderr(level: str) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in ("aurora", "app"):
        logging.getLogger(name).setLevel(level)


def _announce(plan: Plan) -> None:
    if plan.as_json:
        print(json.dumps({"url": plan.api_url, "ui_url": plan.ui_url, "pid": os.getpid()}), flush=True)
        return
    lines = [f"  API    {plan.api_url}   (described at {plan.api_url}/docs)"]
    lines += [f"  UI     {plan.ui_url}   (there in a few seconds)"] if plan.ui_url else []
    lines += [f"  State  {plan.home}"]
    if plan.sandbox:
        lines.append("  Sandbox: a fleet of ten pretend services runs, and things go wrong with them; watch the UI.")
    if plan.settings.llm_model:
        lines.append("  AURORA_LLM_MODEL is set, but this version decides with the built-in policy alone.")
    lines += [
        "Try, in another terminal (the very first decision waits some seconds for the memory to open):",
        f"  curl -s {plan.api_url}/api/analyze -H 'Content-Type: application/json' \\\n    -d '{FIRST_TRY}'",
        f'  {_aurora(plan)} ask "why did you retrain?"',
        "Ctrl-C ends everything.",
    ]
    print("\n".join(["AURORA is running.", *lines]), flush=True)


def _aurora(plan: Plan) -> str:
    """Return how to call the command from another terminal: by its path, with the folder where it is not usual."""
    command = Path(sys.executable).parent / "aurora"
    usual = plan.home == Path("~/.aurora").expanduser()
    return str(command) if usual else f"AURORA_HOME={plan.home} {command}"
