"""Finished suites of a run that was broken off, so that the next one can go on from there.

Each is kept under all that it came of: its size, the other policy, and the code. What changed is measured anew.
"""

import hashlib
import json
import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from evals.suites.planners import Planner
from evals.suites.report import Finished, Report, as_json, result_from

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("aurora", "evals")


@dataclass(frozen=True, slots=True)
class Shelf:
    """A folder of finished suites that may still be taken."""

    folder: Path
    digest: str

    def put(self, one: Finished) -> None:
        """Keep a suite."""
        told = as_json(Report("", "", quick=False, finished=(one,)))["suites"][0]
        replace_file(self._path(one.result.suite), json.dumps(told))

    def take(self, suite: str) -> Finished | None:
        """Return a suite that was kept and would come out the same today; None where there is none that can be read."""
        try:
            told = json.loads(self._path(suite).read_text(encoding="utf-8"))
            return Finished(result_from(told), float(told["seconds"]))
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            # What is damaged is measured anew: it was kept only to save time.
            return None

    def names(self) -> list[str]:
        """Return which suites may be taken."""
        return sorted(path.name.partition("-")[0] for path in self.folder.glob(f"*-{self.digest}.json"))

    def clear(self) -> None:
        """Keep none any longer, whatever they came of."""
        for path in self.folder.glob("*.json"):
            path.unlink(missing_ok=True)

    def _path(self, suite: str) -> Path:
        return self.folder / f"{suite}-{self.digest}.json"


def shelf(folder: Path, *, quick: bool, planner: Planner | None) -> Shelf:
    """Return the shelf for runs of this size, with this policy, of this code."""
    own = "" if planner is None else f"{planner.source} {_module(planner)}"
    return Shelf(folder, hashlib.sha256(f"{quick} {own} {_code()}".encode()).hexdigest()[:12])


def _module(planner: Planner) -> str:
    file = getattr(sys.modules[planner.source.partition(":")[0]], "__file__", None)
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""


@cache
def _code() -> str:
    """Return what tells this code and its data from any other."""
    told = hashlib.sha256()
    for path in sorted(path for source in SOURCES for path in (ROOT / source).rglob("*")):
        if path.suffix in (".py", ".json") and path.name != "accepted.json":
            told.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return told.hexdigest()


def replace_file(path: Path, text: str) -> None:
    """Write a file so that whoever reads it meanwhile sees the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Another run in the same folder may write the same file at this moment.
    begun = path.with_name(f"{path.name}.{os.getpid()}.part")
    begun.write_text(text, encoding="utf-8")
    begun.replace(path)
