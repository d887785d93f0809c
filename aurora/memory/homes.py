"""Where an index lives: in a folder of this process alone, or on a Chroma server.

A folder is looked at before it is used, because a damaged index does not raise: it kills the process, or hangs it for
ever in the next write. Three looks, the cheap ones first: its graph files are, byte for byte, those that were sealed
when they were last written (`seal`); its database is there; and a child process can read every vector and find them
again (`probe`). What fails is moved aside, and the index begins anew: everything in it can be made from the ledger.
"""

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from aurora.errors import HomeInUse, Misconfigured
from aurora.memory.index import Index, IndexFailed, connected, embedded, in_words
from aurora.memory.seal import DATABASE, Seal
from aurora.ports import Clock

log = logging.getLogger(__name__)

PROBE_SECONDS = 120.0
HEARTBEAT_SECONDS = 5.0
ANSWER_SECONDS = 15.0
"""How long a Chroma server may take for one answer; its client would wait for ever."""
PROBE_DAMAGED = 3
"""What the probe ends with where it found damage; see there."""
CRASHES = (-4, -6, -7, -8, -11)
"""SIGILL, SIGABRT, SIGBUS, SIGFPE and SIGSEGV, as `subprocess` gives them."""


class Home(Protocol):
    """A place that an index can be opened in."""

    def claim(self) -> None:
        """Make sure that nobody else uses it. Raises `HomeInUse` or `Misconfigured`."""

    def prepare(self) -> None:
        """Begin what opening will wait for."""

    def open(self, fingerprint: str) -> Index:
        """Return the open index. Raises `IndexFailed`."""

    def settle(self, index: Index) -> None:
        """Called every second while it is open."""

    def settled(self) -> None:
        """Called once it was closed in good order."""

    def release(self) -> None:
        """Let others use it."""


class Directory:
    """An embedded Chroma in a folder, under a lock file beside it: it is for one process."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Name the folder; it is made when it is needed."""
        self._path = path.expanduser().absolute()
        self._clock = clock
        # Another thread may close than opened, so the lock must not be a thread's own.
        self._lock = FileLock(self._beside("lock"), thread_local=False)
        self._seal = Seal(self._path, self._beside("seal"))
        self._probe: subprocess.Popen[str] | None = None
        self._damage = ""

    def claim(self) -> None:
        """Lock the folder. Raises `HomeInUse`, naming the process that has it."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
            self._beside("pid").write_text(str(os.getpid()))
        except Timeout as error:
            raise HomeInUse(f"The memory index {self._path} belongs to process {self._holder()}.") from error
        except OSError as error:
            self._lock.release()
            raise Misconfigured(f"The memory index cannot be kept at {self._path}: {error}") from error

    def prepare(self) -> None:
        """Look at the files, and start the child process that reads what is in them."""
        self._end_probe()
        self._damage = "" if self._empty() else self._seen_from_outside()
        if not self._damage and not self._empty():
            # -P: not the modules that happen to lie in the folder that AURORA runs in
            command = [sys.executable, "-P", "-m", "aurora.memory.probe", str(self._path)]
            self._probe = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )

    def open(self, fingerprint: str) -> Index:
        """Open the folder, or a new one where it is damaged."""
        if damage := self._damage or self._probed():
            self._move_aside(damage)
        return Index(embedded(self._path), fingerprint, shared=False)

    def settle(self, index: Index) -> None:
        """Seal what was written since."""
        with index.writing:
            self._seal.renew()

    def settled(self) -> None:
        """Seal what closing wrote."""
        self._seal.renew()

    def release(self) -> None:
        """Unlock the folder."""
        self._end_probe()
        self._lock.release()

    def _beside(self, what: str) -> Path:
        return self._path.with_name(f"{self._path.name}.{what}")

    def _holder(self) -> str:
        try:
            return self._beside("pid").read_text().strip() or "unknown"
        except OSError:
            return "unknown"

    def _empty(self) -> bool:
        return not self._path.exists() or (self._path.is_dir() and not any(self._path.iterdir()))

    def _seen_from_outside(self) -> str:
        database = self._path / DATABASE
        if not database.is_file() or database.stat().st_size == 0:
            return f"{DATABASE} is gone"
        return self._seal.broken()

    def _end_probe(self) -> None:
        if self._probe is not None:
            self._probe.kill()
            self._probe.communicate()
            self._probe = None

    def _probed(self) -> str:
        """Wait for the probe; return the damage it found or died of, nothing where all is well."""
        probe = self._probe
        if probe is None:
            return ""
        try:
            said = probe.communicate(timeout=PROBE_SECONDS)[0].strip()
        except subprocess.TimeoutExpired:
            self._end_probe()
            return f"reading it took longer than {PROBE_SECONDS:g} s"
        self._probe = None
        if probe.returncode in CRASHES:
            return f"reading it ended with signal {-probe.returncode}"
        if probe.returncode not in (0, PROBE_DAMAGED):
            raise IndexFailed(f"It could not be looked at: {said[-500:] or probe.returncode}")
        return said if probe.returncode else ""

    def _move_aside(self, damage: str) -> None:
        aside = self._beside(f"damaged-{self._clock():%Y%m%dT%H%M%SZ}")
        log.warning("The memory index %s is damaged (%s): it is kept as %s and made anew.", self._path, damage, aside)
        try:
            for older in self._path.parent.glob(f"{self._path.name}.damaged-*"):
                shutil.rmtree(older) if older.is_dir() else older.unlink()
            self._path.rename(aside)
        except OSError as error:
            raise IndexFailed(f"The damaged {self._path} could not be moved aside: {error}") from error
        self._damage = ""
        self._seal.renew()


class Server:
    """A Chroma server (`chroma run`) by its URL. One database on it is for one ledger."""

    def __init__(self, url: str) -> None:
        """Read the URL. Raises `Misconfigured` where it is none."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise Misconfigured(f"The Chroma URL is not one: {error}") from error
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.path.strip("/"):
            raise Misconfigured("The Chroma URL must look like http://host:8000, without a password or a path.")
        self._ssl = parts.scheme == "https"
        self._host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self._port = port or (443 if self._ssl else 80)

    def claim(self) -> None:
        """Nothing to do: a server is for many."""

    def prepare(self) -> None:
        """Nothing to do."""

    def open(self, fingerprint: str) -> Index:
        """Connect. Raises `IndexFailed` while the server does not answer."""
        with in_words(f"be reached at {self._host}:{self._port}"):
            self._heartbeat()
        client = connected(self._host, self._port, ssl=self._ssl, seconds=ANSWER_SECONDS)
        return Index(client, fingerprint, shared=True)

    def settle(self, index: Index) -> None:
        """Nothing to do."""

    def settled(self) -> None:
        """Nothing to do."""

    def release(self) -> None:
        """Nothing to do."""

    def _heartbeat(self) -> None:
        import httpx

        url = f"{'https' if self._ssl else 'http'}://{self._host}:{self._port}/api/v2/heartbeat"
        httpx.get(url, timeout=HEARTBEAT_SECONDS).raise_for_status()
