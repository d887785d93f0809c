"""route: move traffic away from a bad replica, or back to the previous version."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from aurora.domain import Action, Name
from aurora.ports import Effect
from aurora.tools.kind import Arguments, Kind

ROUNDING = 1.0
"""How far, in percent, the weights together may be from 100."""
Percent = Annotated[float, Field(ge=0, le=100)]


class RouteArguments(Arguments):
    """Where the traffic is to go: one of the two."""

    weights: Annotated[dict[Name, Percent], Field(min_length=1, max_length=10_000)] | None = None
    """Share of the traffic per replica, in percent, summing to 100."""
    to_version: Name | None = None
    """The version that is to serve."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.weights is None) == (self.to_version is None):
            raise ValueError("exactly one of weights, to_version is required")
        if self.weights is not None and abs(sum(self.weights.values()) - 100) > ROUNDING:
            raise ValueError("weights must sum to 100")
        return self


KIND = Kind("routing", frozenset({Action.ROUTE}), RouteArguments, Effect(changes=True, reversible=True))
