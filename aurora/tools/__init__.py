"""AURORA's hands. Each kind of tool is a package, each of its backends a file in it, and all of them are listed here.

A new backend: a file `aurora/tools/<kind>/<backend>.py` with a class that is a `ports.Tool`, and one line below; the
tests under `tests/tools` find it there and hold it to everything that a tool must keep.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from aurora.errors import Misconfigured
from aurora.ports import Tool
from aurora.sandbox import World
from aurora.tools.alerting.log import LogAlerts
from aurora.tools.alerting.sandbox import SandboxPager
from aurora.tools.caching.sandbox import SandboxCache
from aurora.tools.routing.sandbox import SandboxRouter
from aurora.tools.scaling.sandbox import SandboxScaler
from aurora.tools.training.sandbox import SandboxTrainer

Factory = Callable[[World, Path], Tool]
"""Makes a backend from the pretend world and the home folder; a real backend leaves the first alone."""

BACKENDS: Mapping[str, Mapping[str, Factory]] = {
    "training": {"sandbox": lambda world, _: SandboxTrainer(world)},
    "caching": {"sandbox": lambda world, _: SandboxCache(world)},
    "routing": {"sandbox": lambda world, _: SandboxRouter(world)},
    "scaling": {"sandbox": lambda world, _: SandboxScaler(world)},
    "alerting": {
        "log": lambda world, home: LogAlerts(home, world.clock),
        "sandbox": lambda world, _: SandboxPager(world),
    },
}
"""Kind → name of the backend, as the environment names it → how to make it."""


def build(kind: str, backend: str, world: World, home: Path | None = None) -> Tool:
    """Return the named backend of a kind. `home` is where it may keep files; by default the folder of the world.

    Raises `Misconfigured`, naming those there are, for one that there is not.
    """
    if kind not in BACKENDS:
        raise Misconfigured(f"There is no kind of tool {kind!r}; there are {', '.join(BACKENDS)}.")
    if backend not in BACKENDS[kind]:
        raise Misconfigured(f"There is no {kind} backend {backend!r}; there are {', '.join(BACKENDS[kind])}.")
    return BACKENDS[kind][backend](world, home or world.folder)
