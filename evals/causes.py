"""What is behind the episodes of service worlds, in the engine's words: a face on each of the two sides."""

from collections.abc import Mapping

from aurora.domain import Cause
from aurora.policy.moves import Side
from aurora.policy.priors import Face
from evals.worlds.services.catalogue import Entry, Shape

PARTICULAR: Mapping[str, Face] = {
    "crowd": Face(Cause.SATURATION, "filling"),
    "leaking": Face(Cause.BAD_DEPLOYMENT, "leaking"),
    "leak": Face(Cause.UNKNOWN, "leaking"),
    "faults": Face(Cause.UNKNOWN, "failing"),
    "outage": Face(Cause.UNKNOWN, "gone"),
    "error_burst": Face(Cause.BLIP, "failing"),
    "quiet_hour": Face(Cause.HEALTHY, "resting"),
}
"""The shapes that show in another way than their cause usually does."""
ANSWERED_WRONGLY = (
    Cause.CONCEPT_DRIFT,
    Cause.COVARIATE_DRIFT,
    Cause.DATA_BUG,
    Cause.BAD_DEPLOYMENT,
    Cause.LABEL_TROUBLE,
)
"""The causes whose shapes are on the side of quality, but for those named next."""
SERVED_BADLY = ("rejected", "failing", "leaking")
ANSWERED_BADLY = ("silent_loss",)
"""On the side of quality, of a cause that is mostly on the other one."""


def faces_of(entry: Entry) -> dict[Side, Face]:
    """Return what is behind an episode on either side."""
    found = {side: Face(Cause.HEALTHY) for side in Side}
    for shape in entry.shapes:
        if shape.cause is not Cause.HEALTHY or shape.name in PARTICULAR:
            found[side_of(shape)] = PARTICULAR.get(shape.name, Face(shape.cause))
    return found


def side_of(shape: Shape) -> Side:
    """Return which complaint a shape explains."""
    wrong = shape.cause in ANSWERED_WRONGLY and shape.name not in SERVED_BADLY
    return Side.QUALITY if wrong or shape.name in ANSWERED_BADLY else Side.SERVICE
