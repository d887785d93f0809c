"""cache: turn on, tune or turn off response caching."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from aurora.domain import Action
from aurora.ports import Effect
from aurora.tools.kind import Arguments, Kind

LONGEST_SECONDS = 30 * 86_400


class CacheArguments(Arguments):
    """How the cache is to be."""

    enabled: bool
    ttl_seconds: Annotated[float, Field(gt=0, le=LONGEST_SECONDS)] | None = None
    """How long an answer may be given again; required where the cache is to be on."""

    @model_validator(mode="after")
    def _lasting(self) -> Self:
        if self.enabled and self.ttl_seconds is None:
            raise ValueError("ttl_seconds is required where the cache is to be on")
        return self


KIND = Kind("caching", frozenset({Action.CACHE}), CacheArguments, Effect(changes=True, reversible=True))
