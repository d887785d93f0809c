"""scale: add replicas to a service, or give them back."""

from typing import Annotated

from pydantic import Field

from aurora.domain import Action
from aurora.ports import Effect
from aurora.tools.kind import Arguments, Kind

Replicas = Annotated[int, Field(ge=1, le=10_000)]


class ScaleArguments(Arguments):
    """How many replicas there are to be."""

    replicas: Replicas
    """How many there are to be."""
    present: Annotated[Replicas | None, Field(alias="from")] = None
    """How many there were when this was decided; refused where that is no longer so."""


KIND = Kind("scaling", frozenset({Action.SCALE}), ScaleArguments, Effect(changes=True, reversible=True))
