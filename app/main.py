"""`aurora serve`: the API, the sweep and what runs beside them as one service that starts whole, or says why not.

What can be refused is refused before anything heavy is loaded. The UI and the fleet are child processes that end with
this one, however this one ends.
"""

import contextlib
import errno
import gc
import ipaddress
import json
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Timer
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic import SecretStr, ValidationError

from app import children
from app.client import running_server, write_server_file
from app.failure import CannotServe
from aurora import __version__
from aurora.errors import AuroraError
from aurora.settings import Settings

if TYPE_CHECKING:
    from app.worker import Worker
    from aurora import Aurora

log = logging.getLogger(__name__)

LEAST_FREE_BYTES = 100_000_000
GRACE_SECONDS = 2
"""How long requests under way may take once the end was asked for."""
HARD_END_SECONDS = 4.5
"""After this long everything ends as it is: the ledger goes on from there at the next start."""
CLOSE_SECONDS = 0.5
"""How long what works in the background, and then the closing of files, may take once nothing is served any more."""
FIRST_TRY = '{"model_metrics": {"accuracy": 0.72, "latency_ms": 650}, "data_drift": {"detected": true, "score": 0.65}}'


@dataclass(frozen=True)
class Plan:
    """Where everything will be reached."""

    settings: Settings
    home: Path
    api: socket.socket
    api_url: str
    ui: socket.socket | None
    ui_url: str | None
    sandbox: bool
    fleet_key: str
    """What the fleet shows at the door; empty where the door is open."""
    as_json: bool


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
    settings = _settings(host=host, port=port, ui_port=ui_port)
    with ExitStack() as stack:
        plan = _prepare(settings, stack, ui=ui, sandbox=sandbox, as_json=as_json)
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, _stop)
        with contextlib.suppress(KeyboardInterrupt):
            _run(plan)


def _settings(**options: Any) -> Settings:
    try:
        settings = Settings(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = f"AURORA_{'_'.join(map(str, first['loc'])).upper()}"
        raise CannotServe(f"The setting {name} does not work: {first['msg']}.") from error
    if settings.log_level.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise CannotServe("The setting AURORA_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR.")
    return settings


# --- what is refused before anything heavy is loaded -----------------------------------------------------------------


def _prepare(settings: Settings, stack: ExitStack, *, ui: bool, sandbox: bool, as_json: bool) -> Plan:
    _refuse_open_door(settings)
    home = _writable(settings.home.expanduser().absolute())
    server = running_server(home)
    if server is not None:
        raise CannotServe(f"AURORA runs already for {home}: process {server.pid} at {server.url}.")
    api = stack.enter_context(_listen(settings.host, settings.port, "--port"))
    page = stack.enter_context(_listen(settings.host, settings.ui_port, "--ui-port")) if ui else None
    settings, key = _with_fleet_key(settings) if sandbox and settings.api_keys else (settings, "")
    return Plan(settings, home, api, _url(api), page, _url(page) if page else None, sandbox, key, as_json)


def _with_fleet_key(settings: Settings) -> tuple[Settings, str]:
    """Return the settings with one more key, made for this run of the fleet and known to nobody else."""
    key = secrets.token_urlsafe(32)
    own = SecretStr(f"sandbox-fleet:admin:{key}")
    return settings.model_copy(update={"api_keys": [*settings.api_keys, own]}), key


def _refuse_open_door(settings: Settings) -> None:
    if not settings.api_keys and not loopback(settings.host):
        raise CannotServe(
            f"{settings.host} can be reached from other machines, and no API keys are set: anybody could act. "
            "Set AURORA_API_KEYS (owner:role:key, comma-separated), or stay with --host 127.0.0.1."
        )


def loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _writable(home: Path) -> Path:
    probe = home / f".writable-{os.getpid()}"
    try:
        home.mkdir(parents=True, exist_ok=True)
        probe.write_text("yes")
        probe.unlink()
        free = shutil.disk_usage(home).free
    except OSError as error:
        raise CannotServe(
            f"The folder {home} cannot be written ({error.strerror}): free some space, or set AURORA_HOME to another."
        ) from error
    if free < LEAST_FREE_BYTES:
        raise CannotServe(
            f"The disk of {home} is full ({free // 1_000_000} MB are free, {LEAST_FREE_BYTES // 1_000_000} MB are "
            "needed): free some space, or set AURORA_HOME to a folder on another disk."
        )
    return home


def _listen(host: str, port: int, option: str) -> socket.socket:
    """Take the port now, so that nobody else can while everything else is being loaded."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        taken = socket.socket(family, kind, protocol)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
        taken.listen(128)
    except OSError as error:
        raise CannotServe(_why_not(error, host, port, option)) from error
    return taken


def _why_not(error: OSError, host: str, port: int, option: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is taken: end what uses it, or choose another with {option} (0 takes a free one)."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} may not be used by this user: choose one above 1023 with {option}."
    return f"Nothing can listen on {host} port {port} ({error.strerror}): choose another --host or {option}."


def _url(listening: socket.socket) -> str:
    """Return the address as this machine reaches it."""
    host, port = listening.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "::1" if listening.family is socket.AF_INET6 else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


# --- running ---------------------------------------------------------------------------------------------------------


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
    with taken.pop() if taken else _listen(address[0], address[1], "--ui-port") as listening:
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
                _arm_hard_end(HARD_END_SECONDS)
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
        if _hard_end:
            _arm_hard_end(CLOSE_SECONDS)


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
        "Try, in another terminal:",
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


# --- ending ----------------------------------------------------------------------------------------------------------

_hard_end: list[Timer] = []


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """Unwind the start, or what the API's own graceful end leaves over; asked again, go on ending."""
    if not _hard_end:
        _arm_hard_end(HARD_END_SECONDS)
        raise KeyboardInterrupt


def leave(code: int = 0) -> NoReturn:
    """End this process once everything is closed: taking the libraries down in order would take Python seconds."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _arm_hard_end(seconds: float) -> None:
    """See to it that this process is gone in `seconds`, whatever hangs."""
    _hard_end.append(Timer(seconds, _end_hard))
    _hard_end[-1].daemon = True
    _hard_end[-1].start()


def _end_hard() -> None:
    import psutil

    print("Something did not stop in time and was ended; the next start goes on from the ledger.", file=sys.stderr)
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    os._exit(0)
