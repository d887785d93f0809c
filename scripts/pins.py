"""Print `constraints.txt`: the version of every package that AURORA and its tests need, as installed here.

Run as `python -m scripts.pins > constraints.txt` in an environment whose tests are green. Packages that are installed
but not needed are left out, and so are local builds (`2.13.0+cpu` is pinned as `2.13.0`, which both satisfy).
"""

import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
HEADER = """\
# Every package at the version that the tests ran with, so that pip has nothing to search for.
# Made by `python -m scripts.pins`; nothing here is installed unless something needs it.
"""


def declared() -> list[Requirement]:
    """Return what `pyproject.toml` asks for, for running and for developing."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    return [Requirement(line) for line in lines]


def wanted(requirement: Requirement) -> Iterator[Requirement]:
    """Yield what the installed distribution of `requirement` needs on this machine, with the extras asked for."""
    for line in distribution(requirement.name).requires or []:
        needed = Requirement(line)
        if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in ("", *requirement.extras)):
            yield needed


def closure(requirements: Iterable[Requirement]) -> dict[str, Version]:
    """Return name → installed version of `requirements` and of all that they need in turn."""
    versions: dict[str, Version] = {}
    todo, seen = list(requirements), set[tuple[str, frozenset[str]]]()
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        key = (name, frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        versions[name] = Version(distribution(name).version)
        todo.extend(wanted(requirement))
    return versions


def main() -> None:
    """Print the pins by name, pip's own among them."""
    versions = closure([*declared(), Requirement("pip")])
    print(HEADER + "\n".join(f"{name}=={version.public}" for name, version in sorted(versions.items())))


if __name__ == "__main__":
    main()
