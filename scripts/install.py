"""Make `.venv` and install AURORA into it, once: nothing to do when that was done before and nothing changed.

Needs the standard library only, and runs under the Python that `.venv` is to be made of. What pip says goes to
`$AURORA_HOME/logs/install.log`; the terminal shows the steps. One installation runs at a time, the others wait. `.venv`
says of itself in `.venv/.aurora` what it holds; one that was left half-made, or that does not work, is made anew.
"""

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.environment import ROOT, home
from scripts.progress import Progress, run
from scripts.stop import Stop, one_sentence

VENV = ROOT / ".venv"
BIN = VENV / "bin"
STATE = VENV / ".aurora"
EMPTY, HALF_MADE = "empty", "half-made"
"""What `.venv/.aurora` may say; when all is installed, it holds the fingerprint and `run` or `dev`."""
UNPACKING = "Installing collected packages"
"""What pip says before it changes anything."""
GB = 10**9
TO_INSTALL, TO_UNPACK, TO_RUN = 6 * GB, 2 * GB, GB // 5
"""Free bytes: for a whole `.venv`, for pip's temporary folder, and for running at all."""

CORNERSTONES = (
    "app",
    "aurora",
    "chromadb",
    "fastapi",
    "gradio",
    "langgraph",
    "sentence_transformers",
    "sqlmodel",
    "torch",
)
NO_SPACE = re.compile(r"No space left on device|Errno 28|Disk quota exceeded")
NO_NETWORK = re.compile(
    r"Temporary failure in name resolution|Name or service not known|nodename nor servname|NameResolutionError|"
    r"NewConnectionError|ConnectTimeoutError|ReadTimeoutError|Connection refused|Network is unreachable|"
    r"No route to host|ProxyError|RemoteDisconnected|Connection reset|Max retries exceeded|from versions: none|"
    r"The user requested (\S+)\n +The user requested \(constraint\) \1\n"
)
"""The last is how pip says that it found no version at all of what is both named and constrained."""


def install(*, dev: bool) -> None:
    """Bring `.venv` to what `pyproject.toml` and `constraints.txt` say, with what the tests need if `dev`."""
    check_space(home(), TO_RUN)
    if up_to_date(dev):
        return
    with only_one() as lock:
        if not up_to_date(dev):
            _install(dev, lock)


def _install(dev: bool, lock: int) -> None:
    job = Job(_fresh_log(), lock, Progress(steps=3))
    job.progress.step(f"Virtual environment in {VENV} with Python {sys.version.split()[0]}")
    usable = healthy()
    if not usable:
        _clear(job)
    first = not _complete()
    check_space(VENV, TO_INSTALL if first else TO_RUN)
    check_space(Path(tempfile.gettempdir()), TO_UNPACK if first else TO_RUN)
    if not usable:
        make_venv(job)
    job.progress.step("The pip that the packages were resolved with")
    pip([pin("pip")], job)
    job.progress.step("Packages" + (", about 3 GB: some minutes" if first else ""))
    # Named, and not only constrained, a CPU build of torch is taken from a configured link or index.
    pip([pin("torch"), "--editable", ".[dev]" if dev else "."], job)
    if not _complete():
        STATE.write_text(HALF_MADE, encoding="utf-8")
        raise Stop(f"the installation is incomplete: start again to make it anew (see {job.log}).")
    STATE.write_text(f"{fingerprint()} {'dev' if dev else 'run'}", encoding="utf-8")
    job.progress.done("Installed")


@dataclass(frozen=True)
class Job:
    """One installation under way."""

    log: Path
    lock: int
    progress: Progress

    def run(self, command: Sequence[str], what: str) -> None:
        """Run `command`; where it fails, raise `Stop` with the reason that it wrote to the log."""
        before = self.log.stat().st_size
        if run(command, self.log, self.lock, self._pulse) != 0:
            raise Stop(f"{what}: {diagnosis(self.written(before))} (see {self.log}).")

    def written(self, after: int) -> str:
        """Return what stands in the log behind its first `after` bytes."""
        return self.log.read_bytes()[after:].decode(errors="replace")

    def _pulse(self) -> None:
        said = self.written(max(0, self.log.stat().st_size - 10_000)).splitlines()
        telling = [line.strip() for line in said if line.strip() and not line.startswith("WARNING:")]
        unpacked = [line for line in telling if line.startswith(UNPACKING)]
        if unpacked:
            there = len(list(VENV.glob("lib/python*/site-packages/*.dist-info")))
            telling.append(f"Unpacking: {there} of about {unpacked[-1].count(',') + 2} packages")
        self.progress.pulse(telling[-1] if telling else "")


def fingerprint() -> str:
    """Return a hash of all that an installation follows from, its place among it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    parts = (str(ROOT), list(sys.version_info[:2]), project["build-system"], project["project"], pins)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def up_to_date(dev: bool) -> bool:
    """Say whether `.venv` holds all of this; what the tests need on top of it does no harm to a start."""
    enough = ("dev",) if dev else ("dev", "run")
    return _state() in [f"{fingerprint()} {extent}" for extent in enough] and _complete()


def _state() -> str:
    return STATE.read_text(encoding="utf-8") if STATE.is_file() else EMPTY


def _complete() -> bool:
    look = "import sys, importlib.util as u; sys.exit(not all(map(u.find_spec, sys.argv[1:])))"
    return (BIN / "aurora").is_file() and _answers(["-c", look, *CORNERSTONES])


def healthy() -> bool:
    """Say whether `.venv` can be installed into: made of this Python, with pip, and not left half-way."""
    state = _state()
    if state in ("", HALF_MADE) or (state.startswith(fingerprint()) and not _complete()):
        return False
    look = f"import sys, pip; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
    return _answers(["-c", look])


def _answers(arguments: Sequence[str]) -> bool:
    """Say whether `.venv`'s Python runs `arguments` to a good end, from a folder that it cannot import from."""
    command = [str(BIN / "python"), "-I", *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@contextmanager
def half_made(job: Job) -> Iterator[None]:
    """Mark `.venv` as half-made over the block, and for good where the block fails after pip began to change it."""
    before, log = _state(), job.log.stat().st_size
    STATE.write_text(HALF_MADE, encoding="utf-8")
    try:
        yield
    except (Stop, KeyboardInterrupt):
        if UNPACKING not in job.written(log):
            STATE.write_text(before, encoding="utf-8")
        raise
    STATE.write_text(before, encoding="utf-8")


@contextmanager
def only_one() -> Iterator[int]:
    """Hold the lock of this folder's installation, waiting for another's end; pip inherits it and outlives no lock."""
    lock = os.open(__file__, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another installation is running here; waiting for its end.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)


def _clear(job: Job) -> None:
    if not os.path.lexists(VENV):
        return
    job.progress.say("the one found here is unfinished or broken: making it anew")
    try:
        shutil.rmtree(VENV) if VENV.is_dir() and not VENV.is_symlink() else VENV.unlink()
    except OSError as error:
        raise Stop(f"{VENV} is broken and cannot be removed ({error.strerror}): remove it and start again.") from error


def make_venv(job: Job) -> None:
    """Make `.venv`, marked as half-made from its first moment on."""
    try:
        VENV.mkdir()
        STATE.write_text(HALF_MADE, encoding="utf-8")
    except OSError as error:
        raise Stop(f"{VENV} cannot be made ({error.strerror}).") from error
    job.run([_base_python(), "-m", "venv", str(VENV)], "the virtual environment could not be made")
    STATE.write_text(EMPTY, encoding="utf-8")


def _base_python() -> str:
    """Return the Python that runs this, or the one below it where somebody stands in an active `.venv`."""
    if sys.prefix == sys.base_prefix:
        return sys.executable
    return str(Path(sys.base_prefix, "bin", "python{}.{}".format(*sys.version_info)))


def pip(arguments: Sequence[str], job: Job) -> None:
    """Run `pip install` in `.venv` under the constraints; raise `Stop` with the reason where it fails."""
    options = ["--no-input", "--disable-pip-version-check", "--progress-bar=off", "--constraint=constraints.txt"]
    extra_index = os.environ.get("AURORA_TORCH_INDEX")
    if extra_index:
        options.append(f"--extra-index-url={extra_index}")
    with half_made(job):
        job.run([str(BIN / "python"), "-I", "-m", "pip", "install", *options, *arguments], "the installation failed")


def pin(name: str) -> str:
    """Return the line of `constraints.txt` about `name`."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith(f"{name}=="))


def diagnosis(said: str) -> str:
    """Return why pip failed, from what it said."""
    if NO_SPACE.search(said):
        return f"the disk is full, in {ROOT} or in {tempfile.gettempdir()}"
    if NO_NETWORK.search(said):
        return "no connection to the package index; check the network and start again"
    errors = [line for line in said.splitlines() if line.startswith("ERROR:")]
    return errors[0].removeprefix("ERROR:").strip()[:300] if errors else "no reason was given"


def check_space(place: Path, needed: int) -> None:
    """Raise `Stop` unless `needed` bytes are free where `place` is, or would be."""
    existing = next(folder for folder in (place, *place.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise Stop(
            f"not enough free disk space for {place}: {needed / GB:.1f} GB is needed, {free / GB:.2f} GB is free."
        )


def _fresh_log() -> Path:
    folder = home() / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "install.log").write_text("", encoding="utf-8")
    except OSError as error:
        raise Stop(f"{folder} cannot be written ({error.strerror}): name another folder in AURORA_HOME.") from error
    return folder / "install.log"


def main() -> None:
    """Install for `./test.sh`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dev", action="store_true", help="with what the tests need")
    arguments = parser.parse_args()
    with one_sentence("test.sh" if arguments.dev else "install"):
        install(dev=arguments.dev)


if __name__ == "__main__":
    main()
