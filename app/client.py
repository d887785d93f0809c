"""A thin client of the HTTP API: a running server answers, else AURORA itself inside this process, by the same code.

What goes wrong comes back as `CallFailed`, in sentences for a person.
"""

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Self

import httpx
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.failure import CallFailed

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

    from aurora import Aurora

SERVER_FILE = "server.json"
"""Where in AURORA_HOME a running server says how to reach it."""
PATIENCE = httpx.Timeout(600, connect=5)
"""A decision may take a while; a server that is there takes a connection at once."""
MEMORY_SECONDS = 60
"""How long a call inside this process waits for the memory to open; a first start embeds what ships with AURORA."""
INTERRUPT_SECONDS = 2
DRAIN_SECONDS = 15
"""How long this process stays to see what came of what it started."""

Say = Callable[[str], None]


class ClientSettings(BaseSettings):
    """Where to find AURORA, and what to show at the door."""

    model_config = SettingsConfigDict(env_prefix="AURORA_", env_file=".env", env_ignore_empty=True, extra="ignore")

    url: Annotated[str, Field(description="Server that the commands talk to; empty means the one of AURORA_HOME.")] = ""
    api_key: Annotated[SecretStr | None, Field(description="Key that the commands send.")] = None
    home: Path = Path("~/.aurora")


@dataclass(frozen=True)
class Server:
    """A running server."""

    url: str
    pid: int


class Api:
    """The HTTP API of one AURORA. `place` says where it is; close it when done."""

    def __init__(
        self, http: httpx.Client, place: str, stack: ExitStack | None = None, linger: Callable[[], None] | None = None
    ) -> None:
        self._http = http
        self._stack = stack or ExitStack()
        self._stack.callback(http.close)
        self._linger = linger
        self.place = place

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._stack:
            if kind is None and self._linger is not None:
                self._linger()

    def close(self) -> None:
        """Let go of the connection, or of the AURORA inside this process."""
        self._stack.close()

    def get(self, path: str, **query: Any) -> Any:
        """Return what `path` holds. Arguments that are None are left out of the query."""
        return self._call("GET", path, query, None)

    def post(self, path: str, body: Any, **query: Any) -> Any:
        """Send `body`, as JSON unless it is bytes, to `path` and return the answer."""
        return self._call("POST", path, query, body)

    def put(self, path: str, body: Any) -> Any:
        """Set what `path` holds and return the answer."""
        return self._call("PUT", path, {}, body)

    def _call(self, method: str, path: str, query: Mapping[str, Any], body: Any) -> Any:
        params = {name: value for name, value in query.items() if value is not None}
        sent = {} if body is None else {"content": _encoded(body), "headers": {"Content-Type": "application/json"}}
        try:
            response = self._http.request(method, path, params=params, **sent)  # type: ignore[arg-type]
        except httpx.TimeoutException as error:
            raise CallFailed(f"{self.place} did not answer in time.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise CallFailed(f"{self.place} cannot be reached: {_plainly(error)}.") from error
        return understood(response, self.place)


def _plainly(error: Exception) -> str:
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)).rstrip(".")


def _encoded(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    try:
        return json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise CallFailed("The text holds lone surrogates, which cannot be sent.") from error


def understood(response: httpx.Response, place: str) -> Any:
    """Return the document in an answer from `place`. Raises `CallFailed` for a problem, and where it is no AURORA."""
    try:
        document = response.json()
    except ValueError as error:
        raise CallFailed(f"What answers at {place} is not AURORA (HTTP {response.status_code}).") from error
    if response.is_success:
        return document
    problem = document if isinstance(document, dict) else {}
    lines = tuple(f"{one['field']}: {one['message']}" for one in problem.get("errors", ()))
    title, detail = problem.get("title", f"HTTP {response.status_code}"), problem.get("detail", "")
    said = title if lines or detail == title else f"{title} {detail}"
    raise CallFailed(said.strip(), lines, response.status_code)


# --- which AURORA ----------------------------------------------------------------------------------------------------


def service_answer(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the service itself said, of the context of an execution result: the rest is told beside it anyway."""
    return {name: value for name, value in context.items() if name not in ("called", "status", "detail", "simulated")}


def connect(say: Say) -> Api:
    """Return a client of AURORA_URL, else of the server of AURORA_HOME, else of an AURORA inside this process.

    `say` is told when a start inside this process takes a while. Raises `CallFailed` where none can be had.
    """
    settings = client_settings()
    if settings.url:
        return reach(settings.url, settings.api_key)
    server = running_server(settings.home)
    if server is not None:
        return reach(server.url, settings.api_key)
    return _inside(settings.api_key, say)


def connect_to_server() -> Api:
    """Return a client of a running server only. Raises `CallFailed` where there is none."""
    settings = client_settings()
    server = running_server(settings.home) if not settings.url else None
    if not settings.url and server is None:
        raise CallFailed("No AURORA server is running here: start one with `aurora serve`, or set AURORA_URL.")
    return reach(server.url if server else settings.url, settings.api_key)


def client_settings() -> ClientSettings:
    """Read the environment. Raises `CallFailed` where it does not make sense."""
    try:
        return ClientSettings()
    except ValueError as error:
        raise CallFailed(f"The environment does not make sense: {error}") from error


def reach(url: str, api_key: SecretStr | None = None) -> Api:
    """Return a client of the server at `url`; nothing is sent yet."""
    return Api(httpx.Client(base_url=url, headers=_headers(api_key), timeout=PATIENCE, trust_env=False), url)


def _headers(api_key: SecretStr | None) -> dict[str, str]:
    return {"X-API-Key": api_key.get_secret_value()} if api_key else {}


def running_server(home: Path) -> Server | None:
    """Return the server of `home` if its process lives and it answers."""
    try:
        document = json.loads((home.expanduser() / SERVER_FILE).read_text())
        server = Server(url=str(document["url"]), pid=int(document["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return server if _lives(server.pid) and _answers(server.url) else None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return pid > 0


def _answers(url: str) -> bool:
    try:
        document = httpx.get(f"{url}/health", timeout=5, trust_env=False).json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return False
    return isinstance(document, dict) and "components" in document


# --- inside this process ---------------------------------------------------------------------------------------------


class _Inside(httpx.BaseTransport):
    """Hands requests to the application on an event loop of its own, and waits for what a call needs."""

    def __init__(self, aurora: "Aurora", asgi: httpx.ASGITransport, portal: "BlockingPortal", say: Say) -> None:
        self._aurora = aurora
        self._asgi = asgi
        self._portal = portal
        self._say = say
        self._acted = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and read its answer to the end."""
        path = request.url.path
        if path == "/api/analyze" or path.startswith("/api/memory"):
            self._wait_for_memory()
        self._acted |= request.method == "POST" and path.startswith(
            ("/api/analyze", "/api/approvals", "/api/decisions")
        )
        return self._portal.call(self._send, request)

    def _wait_for_memory(self) -> None:
        end = time.monotonic() + MEMORY_SECONDS
        memory = self._aurora.memory
        while not memory.wait_ready(0.5) and memory.status().word != "down" and time.monotonic() < end:
            pass

    async def _send(self, request: httpx.Request) -> httpx.Response:
        answer = await self._asgi.handle_async_request(request)
        body = await answer.aread()
        return httpx.Response(answer.status_code, headers=answer.headers, content=body, request=request)

    def linger(self) -> None:
        """Stay until what was started has shown its outcome, but not for long; the next start goes on with the rest."""
        if self._acted:
            with _notice(self._say, "Waiting for the outcome …"):
                self._aurora.drain(DRAIN_SECONDS)


@contextmanager
def _notice(say: Say, sentence: str) -> Iterator[None]:
    """Say `sentence` if the block takes more than a second."""
    timer = Timer(1.0, say, [sentence])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _inside(api_key: SecretStr | None, say: Say) -> Api:
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _interrupted)
    with _notice(say, "No server is running: starting AURORA inside this command …"):
        return _opened(api_key, say)


def _interrupted(number: int, _frame: FrameType | None) -> None:
    """Give closing a moment, then end: a decision under way would hold it up, and goes on at the next start anyway."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    hard = Timer(INTERRUPT_SECONDS, os._exit, [128 + number])
    hard.daemon = True
    hard.start()
    raise KeyboardInterrupt


def _opened(api_key: SecretStr | None, say: Say) -> Api:
    from anyio.from_thread import start_blocking_portal

    from app.api import create_app
    from aurora import Aurora
    from aurora.errors import AuroraError

    with ExitStack() as stack:
        try:
            aurora = stack.enter_context(Aurora.open())
            app = create_app(aurora)
        except (AuroraError, ValueError) as error:
            raise CallFailed(str(error)) from error
        portal = stack.enter_context(start_blocking_portal())
        transport = _Inside(aurora, httpx.ASGITransport(app, raise_app_exceptions=False), portal, say)
        http = httpx.Client(
            transport=transport, base_url="http://localhost", headers=_headers(api_key), timeout=PATIENCE
        )
        return Api(http, "AURORA inside this command", stack.pop_all(), transport.linger)


def write_server_file(home: Path, url: str) -> Path:
    """Say in `home` how to reach the server in this process; readable by its owner only."""
    path = home / SERVER_FILE
    fresh = home / f"{SERVER_FILE}.{os.getpid()}"
    fresh.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    fresh.chmod(0o600)
    fresh.replace(path)
    return path
