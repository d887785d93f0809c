"""What can stop a start, refused before anything heavy is loaded: settings, an open door, the folder, the ports."""

import errno
import ipaddress
import os
import secrets
import shutil
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from app.client import running_server
from app.failure import CannotServe
from aurora.settings import Settings

LEAST_FREE_BYTES = 100_000_000


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


def read_settings(**options: Any) -> Settings:
    """Read the environment; an option that is not None goes before it. Raises `CannotServe` naming what is wrong."""
    try:
        settings = Settings(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = f"AURORA_{'_'.join(map(str, first['loc'])).upper()}"
        raise CannotServe(f"The setting {name} does not work: {first['msg']}.") from error
    if settings.log_level.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise CannotServe("The setting AURORA_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR.")
    return settings


def prepare(settings: Settings, stack: ExitStack, *, ui: bool, sandbox: bool, as_json: bool) -> Plan:
    """Take the ports for as long as `stack` is open, and say where everything will be. Raises `CannotServe`."""
    _refuse_open_door(settings)
    home = _writable(settings.home.expanduser().absolute())
    server = running_server(home)
    if server is not None:
        raise CannotServe(f"AURORA runs already for {home}: process {server.pid} at {server.url}.")
    api = stack.enter_context(listen(settings.host, settings.port, "--port"))
    page = stack.enter_context(listen(settings.host, settings.ui_port, "--ui-port")) if ui else None
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


def listen(host: str, port: int, option: str) -> socket.socket:
    """Take the port now, so that nobody else can while everything else is being loaded. Raises `CannotServe`."""
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
