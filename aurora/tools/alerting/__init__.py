"""alert: tell people, change nothing."""

from typing import Annotated, Literal

from pydantic import Field

from aurora.domain import Action
from aurora.ports import Effect
from aurora.tools.kind import Arguments, Kind


class AlertArguments(Arguments):
    """What to tell people, and how urgent it is."""

    severity: Literal["info", "warning", "critical"]
    message: Annotated[str, Field(min_length=1, max_length=20_000, pattern=r"\S")]


KIND = Kind("alerting", frozenset({Action.ALERT}), AlertArguments, Effect(changes=False, reversible=False))
