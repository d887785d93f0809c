"""A copy of the repository's scripts that nothing was installed in, and a PATH of its own to run them on."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TOOLS = ("bash", "cat", "dirname", "env", "id", "ls", "readlink", "tr")
SERVER = 'printf "%s|" served "$@"'
PYTHON = f"""if [ "$1 $2" = "-m pytest" ]; then printf "%s|" "$@"; else exec "{sys.executable}" "$@"; fi"""
"""This suite's Python, except that it only says how it was asked to run tests."""


class Copied:
    """The copy in `folder`, and a PATH with the tools that the scripts call, but without any Python, in `programs`."""

    def __init__(self, place: Path) -> None:
        self.folder = place / "a folder"
        self.state = place / "state"
        self.programs = place / "bin"
        shutil.copytree(ROOT / "scripts", self.folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("start.sh", "test.sh", "pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, self.folder)
        self.programs.mkdir()
        for name in TOOLS:
            (self.programs / name).symlink_to(str(shutil.which(name)))

    def program(self, path: str | Path, text: str) -> None:
        """Write a shell script, on the copy's PATH where `path` is only a name."""
        file = self.programs / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(f"#!{shutil.which('bash')}\n{text}\n", encoding="utf-8")
        file.chmod(0o755)

    def python(self, path: str | Path, before: str = "") -> None:
        """Write a program that is this suite's Python, after the shell command `before`."""
        self.program(path, f"{before}\n{PYTHON}")

    def install(self, extent: str = "run") -> None:
        """Make it look as an installation leaves it, with a server that only says how it was called."""
        self.python(self.folder / ".venv/bin/python")
        self.program(self.folder / ".venv/bin/aurora", SERVER)
        state = self.ask("from scripts.install import fingerprint; print(fingerprint())")
        (self.folder / ".venv/.aurora").write_text(f"{state} {extent}", encoding="utf-8")

    def python_says(self, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python `code` in the copy."""
        return self._run([sys.executable, "-c", code], self.folder, environment)

    def ask(self, code: str) -> str:
        """Run Python `code` in the copy and return what it prints."""
        return self.python_says(code).stdout.strip()

    def run(self, command: Sequence[str], **environment: str) -> subprocess.CompletedProcess[str]:
        """Run one of its scripts from another folder."""
        return self._run([str(self.folder / command[0]), *command[1:]], Path("/"), environment)

    def start(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `start.sh`."""
        return self.run(["start.sh", *arguments], **environment)

    def environment(self, **more: str) -> dict[str, str]:
        """Return an environment with nothing of the developer's but the PATH."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder.parent),
            "AURORA_HOME": str(self.state),
            "AURORA_PYTHON": sys.executable,
            "AURORA_PORT": "0",
            "AURORA_UI_PORT": "0",
            **more,
        }

    def _run(
        self, command: Sequence[str], folder: Path, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=self.environment(**(environment or {})),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


def the_sentence(answer: subprocess.CompletedProcess[str]) -> str:
    """Return the one sentence that `answer` failed with."""
    assert answer.returncode == 1, answer.stdout + answer.stderr
    lines = answer.stderr.splitlines()
    assert len(lines) == 1, answer.stderr
    script, _, sentence = lines[0].partition(": ")
    assert script in ("start.sh", "test.sh")
    return sentence
