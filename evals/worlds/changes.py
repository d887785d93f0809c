"""When the concept of a stream changes: what a build draws and does not keep. For scoring; no policy is shown it."""

from random import Random

from evals.worlds.catalogue import Entry
from evals.worlds.streams import Size, _moved

USUAL = Size()


def begins(entry: Entry, size: Size = USUAL) -> int | None:
    """Return the first step that is of another concept, or changed otherwise; None where there is none.

    Draws what `streams.build` draws first, in its order. Of a slow change it is the first step with a part of it.
    """
    random = Random(entry.key)
    steps, _ = random.randint(*size.steps), random.choice(size.rows)
    moved = _moved(entry.variant.course, steps, random)
    return next((step for step, share in enumerate(moved) if share > 0), None)
