"""retrain and fine_tune: train a model anew on the newest window, or continue training the one there is."""

from typing import Annotated, Literal

from pydantic import Field

from aurora.domain import TRAINING, Name
from aurora.ports import Effect
from aurora.tools.kind import Arguments, Kind

FEWEST_ROWS = 200


class TrainArguments(Arguments):
    """What to train on, and what to begin with."""

    window: Literal["newest"] | Annotated[int, Field(ge=FEWEST_ROWS, le=10**9)] = "newest"
    """The whole newest labelled window, or so many of the newest labelled rows."""
    base_version: Name | None = None
    """The version that a fine-tune continues, and whose code a retrain takes over; left out, the one that serves."""


KIND = Kind("training", frozenset(TRAINING), TrainArguments, Effect(changes=True, reversible=True))
