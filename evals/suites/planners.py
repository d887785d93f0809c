"""Other policies for the tables: `aurora eval --planner module:name` puts any object beside the engine.

The object, or what a class or function of that name returns when it is called without arguments, has one or more of

    name: str
        What it is called in the tables, marked as the planner; left out, as it was named on the command line.
    retrain(cost: float) -> Callable[[Sight], bool]
        Streams. Called once a stream with what a retrain costs; what it returns is shown every step in order
        (`evals.worlds.schedules.Sight`) and says whether to retrain before the next one.
    decide(situation: Situation) -> Plan | Step
        Services. Shown one situation (`aurora.domain.Situation`); the action of what it returns is what is done.
    scale(...)
        Load traces. `evals.suites.scale` says what it is called with.

A suite leaves out whom it has nothing to ask. Worlds are run in processes of their own: there the object is imported
anew, so that it may hold what cannot be sent, such as a connection to a language model. A smallest example, for
`--planner cautious:Cautious` with this in `cautious.py`:

    class Cautious:
        name = "Retrains at 40 % error"

        def retrain(self, cost):
            return lambda sight: sight.error > 0.4
"""

import importlib
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

ASKED = {"streams": "retrain", "services": "decide", "scale": "scale"}
"""What each suite asks a policy for; the others ask nobody."""
METHODS = tuple(ASKED.values())


class NotAPlanner(Exception):
    """What `--planner` names cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Another policy: it has those of `METHODS` that the object has."""

    source: str
    """`module:name`, by which another process imports it."""
    name: str
    found: Any
    """The object itself."""

    def unasked(self, suites: Iterable[str]) -> list[str]:
        """Return those of `suites` that have nothing to ask it."""
        return [suite for suite in suites if suite not in ASKED or not hasattr(self.found, ASKED[suite])]

    def __getattr__(self, name: str) -> Any:
        """Return a method of the object. Raises `AttributeError` where it does not have it."""
        if name in METHODS:
            return getattr(self.found, name)
        raise AttributeError(name)

    def __reduce__(self) -> tuple[Callable[[str], "Planner"], tuple[str]]:
        """Be sent to another process by name."""
        return load, (self.source,)


def load(source: str) -> Planner:
    """Import `module:name`, from the current folder too. Raises `NotAPlanner` and says why."""
    found = _made(_imported(source), source)
    try:
        methods = {name: getattr(found, name) for name in METHODS if hasattr(found, name)}
        name = " ".join(str(getattr(found, "name", None) or source).split())
    except (Exception, SystemExit) as error:  # somebody else's object may raise anything when it is looked at
        raise NotAPlanner(f"{source} cannot be read: {type(error).__name__}: {error}") from error
    if not methods:
        raise NotAPlanner(f"{source} has none of {', '.join(METHODS)}: there is nothing to ask it.")
    if wrong := [name for name, method in methods.items() if not callable(method)]:
        raise NotAPlanner(f"{source}: {', '.join(wrong)} cannot be called.")
    # Marked, so that it is never taken for a policy of the tables that happens to be called so.
    return Planner(source, f"{name} (--planner)", found)


def _imported(source: str) -> Any:
    module_name, colon, path = source.partition(":")
    if not (module_name and colon and path):
        raise NotAPlanner(f"It takes module:name, not {source!r}.")
    if (here := os.getcwd()) not in sys.path:  # noqa: PTH109  # sys.path holds text
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # somebody else's module may raise anything while it is imported
        raise NotAPlanner(f"{module_name} cannot be imported: {type(error).__name__}: {error}") from error
    for name in path.split("."):
        if not hasattr(found, name):
            raise NotAPlanner(f"{module_name} has no {path}.")
        found = getattr(found, name)
    return found


def _made(found: Any, source: str) -> Any:
    """Return the object itself, or what a class or factory makes."""
    is_factory = callable(found) and not any(callable(getattr(found, name, None)) for name in METHODS)
    if not (isinstance(found, type) or is_factory):
        return found
    try:
        return found()
    except (Exception, SystemExit) as error:  # see above
        raise NotAPlanner(f"{source}() failed: {type(error).__name__}: {error}") from error
