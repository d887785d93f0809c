"""The best practices that ship with AURORA: told, with their sources, for people and models to see."""

import tomllib
from functools import cache
from importlib.resources import files

from aurora.domain import Action, MemoryKind, NewEntry, Trust, Value

PREFIX = "mem_practice_"
SOURCE = "shipped"


class Practice(Value):
    """One piece of advice, in words of our own."""

    id: str
    """Stable: it is how a practice is known to be in a ledger already."""
    action: Action | None = None
    """The action that it is about, if it is about one."""
    text: str
    source: str
    link: str


@cache
def library() -> tuple[Practice, ...]:
    """Return the library as it ships."""
    shipped = tomllib.loads(files("aurora.memory").joinpath("practices.toml").read_text(encoding="utf-8"))
    return tuple(Practice.model_validate(one) for one in shipped["practice"])


def practices() -> list[NewEntry]:
    """Return the library as memory entries. Their ids are stable: adding them again adds nothing."""
    return [
        NewEntry(
            id=PREFIX + one.id,
            kind=MemoryKind.BEST_PRACTICE,
            text=f"{' '.join(one.text.split())} Source: {one.source}, {one.link}",
            decision_type=one.action,
            trust=Trust.TOLD,
            source=SOURCE,
        )
        for one in library()
    ]
