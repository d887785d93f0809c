"""The frozen list of retrain streams: families, their variants, seeds and costs, and which families are left out.

It is written down before anything is fitted on it. A family that is held out is never read by a fit, so that what is
measured there was not learnt there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

COSTS = (0.1, 0.3, 1.0, 3.0)
"""What a retrain costs, in steps of 100 % error."""

Course = Literal["still", "abrupt", "gradual", "returning", "moment", "blips", "inputs"]
"""How a stream goes over time:

- still: the first concept to the end
- abrupt: the second concept from one step on
- gradual: more and more rows of the second concept
- returning: the second concept for a while, then the first again
- moment: the second concept for one to three steps
- blips: one concept, but for a few steps most visible labels are wrong
- inputs: one concept, but the inputs move to one side of the last column
"""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way that a family's streams go."""

    name: str
    course: Course
    concepts: tuple[int, int] = (0, 0)
    """The numbers, as the family's rows count them, of the first and the second concept; each has its own seed."""


@dataclass(frozen=True, slots=True)
class Family:
    """Streams of one origin."""

    name: str
    about: str
    learner: Literal["linear", "tree"]
    published: bool
    variants: tuple[Variant, ...]
    seeds: tuple[int, ...] = (1, 2, 3)
    """One only for a set in its own order, which is one story however it is cut."""


FAMILIES = (
    Family(
        name="sea",
        about="River's SEA: two of three inputs against a threshold that moves, a tenth of the labels wrong.",
        learner="linear",
        published=True,
        variants=(
            Variant("still", "still", (0, 0)),
            Variant("abrupt", "abrupt", (2, 1)),
            Variant("gradual", "gradual", (2, 3)),
            Variant("returning", "returning", (3, 1)),
            Variant("inputs", "inputs", (1, 1)),
        ),
    ),
    Family(
        name="agrawal",
        about="River's Agrawal: loans granted by one rule on nine inputs, then by another; the inputs never move.",
        learner="tree",
        published=True,
        variants=(
            Variant("still", "still", (2, 2)),
            Variant("abrupt", "abrupt", (0, 3)),
            Variant("gradual", "gradual", (2, 5)),
            Variant("moment", "moment", (0, 3)),
            Variant("blips", "blips", (0, 0)),
        ),
    ),
    Family(
        name="hyperplane",
        about="River's Hyperplane: a plane through ten inputs that turns without end, or stands.",
        learner="linear",
        published=True,
        variants=(
            Variant("still", "still", (0, 0)),
            Variant("slow", "still", (1, 1)),
            Variant("fast", "still", (2, 2)),
            Variant("moment", "moment", (0, 0)),
        ),
    ),
    Family(
        name="rbf",
        about="River's RandomRBF: classes around twenty centroids that stand, wander, or are replaced by others.",
        learner="tree",
        published=True,
        variants=(
            Variant("still", "still", (0, 0)),
            Variant("wandering", "still", (1, 1)),
            Variant("abrupt", "abrupt", (0, 0)),
        ),
    ),
    Family(
        name="phishing",
        about="Rows of river's Phishing, drawn again and again; a change swaps columns or classes.",
        learner="tree",
        published=True,
        variants=(
            Variant("still", "still", (0, 0)),
            Variant("columns", "abrupt", (0, 1)),
            Variant("classes", "gradual", (0, 2)),
            Variant("moment", "moment", (0, 2)),
        ),
    ),
    Family(
        name="digits",
        about="Rows of scikit-learn's digits in blocks of four pixels; a change swaps columns.",
        learner="linear",
        published=True,
        variants=(
            Variant("still", "still", (0, 0)),
            Variant("columns", "abrupt", (0, 1)),
            Variant("blips", "blips", (0, 0)),
        ),
    ),
    Family(
        name="shuttle",
        about="River's Shuttle in its own order: rare faults among nine sensors.",
        learner="tree",
        published=True,
        variants=(Variant("order", "still", (0, 0)),),
        seeds=(1,),
    ),
    Family(
        name="sine",
        about="River's Sine: above or below a curve, which turns over.",
        learner="tree",
        published=False,
        variants=(
            Variant("still", "still", (0, 0)),
            Variant("abrupt", "abrupt", (0, 2)),
            Variant("returning", "returning", (2, 3)),
            Variant("moment", "moment", (0, 2)),
            Variant("inputs", "inputs", (1, 1)),
        ),
    ),
    Family(
        name="friedman",
        about="River's Friedman, a regression: is the target above the middle? A change swaps columns.",
        learner="tree",
        published=False,
        variants=(
            Variant("still", "still", (0, 0)),
            Variant("abrupt", "abrupt", (0, 1)),
            Variant("gradual", "gradual", (0, 1)),
            Variant("moment", "moment", (0, 1)),
        ),
    ),
    Family(
        name="bananas",
        about="Rows of river's Bananas, drawn again and again; a change swaps columns or classes.",
        learner="tree",
        published=False,
        variants=(
            Variant("still", "still", (0, 0)),
            Variant("columns", "gradual", (0, 1)),
            Variant("classes", "returning", (0, 2)),
        ),
    ),
    Family(
        name="segments",
        about="Rows of river's ImageSegments, seven classes; a change swaps columns.",
        learner="tree",
        published=False,
        variants=(
            Variant("still", "still", (0, 0)),
            Variant("columns", "abrupt", (0, 1)),
            Variant("moment", "moment", (0, 1)),
        ),
    ),
    Family(
        name="tumours",
        about="Rows of scikit-learn's breast cancer set, drawn again and again; a change swaps classes.",
        learner="linear",
        published=False,
        variants=(
            Variant("still", "still", (0, 0)),
            Variant("moment", "moment", (0, 2)),
            Variant("blips", "blips", (0, 0)),
        ),
    ),
    Family(
        name="stocks",
        about="River's SP500Stocks in its own order: does the index rise, by ten of its stocks? Twelve rows a step.",
        learner="linear",
        published=False,
        variants=(Variant("order", "still", (0, 0)),),
        seeds=(1,),
    ),
    Family(
        name="approval",
        about="River's TrumpApproval in its own order: is approval above its middle, by five polls? Ten rows a step.",
        learner="tree",
        published=False,
        variants=(Variant("order", "still", (0, 0)),),
        seeds=(1,),
    ),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One stream of the list, at one cost."""

    family: Family
    variant: Variant
    seed: int
    cost: float

    @property
    def key(self) -> str:
        """What is built: the same at every cost."""
        return f"{self.family.name}-{self.variant.name}-{self.seed}"


def entries() -> Iterator[Entry]:
    """Yield the whole list, those of one key together."""
    for family in FAMILIES:
        for variant in family.variants:
            for seed in family.seeds:
                for cost in COSTS:
                    yield Entry(family, variant, seed, cost)


def published() -> Iterator[Entry]:
    """Yield what a fit may read."""
    return (entry for entry in entries() if entry.family.published)


def held_out() -> Iterator[Entry]:
    """Yield what no fit may read."""
    return (entry for entry in entries() if not entry.family.published)
