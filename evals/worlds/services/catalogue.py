"""The frozen list of service episodes: profiles of services, shapes of incidents, how many of each, which are left out.

A family is one shape in one service. It is held out if its service or its shape is: no fit reads one. The list was
written down before anything was fitted on it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from aurora.domain import Cause


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of served model. Ranges are drawn from evenly, one service for each episode."""

    name: str
    published: bool
    replicas: tuple[int, int]
    service_ms: float
    """Mean time that a worker needs for one request."""
    workers: int
    """Requests that one replica answers at a time."""
    day: float
    """By what share traffic rises and falls over the day."""
    accuracy: tuple[float, float]
    floor: float
    """The accuracy that the settings ask for."""
    patience: tuple[float, float]
    """The latency target, as a multiple of the healthy 95th percentile."""
    repeats: tuple[float, float]
    """Share of requests that are identical to a recent one, on a normal day."""
    stale: float
    """Share of cached answers that are wrong because the world went on."""
    labels: tuple[int, int]
    """How many labels stand behind a reported accuracy."""
    delay_hours: tuple[float, float]
    """How late they come."""
    features: int
    training_hours: float
    tuned_nightly: float
    """How often a decision threshold is tuned on the newest labels every night, for better or worse."""
    told: float
    """How often each block of telemetry is reported."""
    gpu: bool = False


PROFILES = (
    Profile("fraud", True, (3, 5), 25, 4, 0.35, (0.86, 0.94), 0.70, (2.2, 3.6), (0.02, 0.12), 0.02,
            (1500, 6000), (6, 36), 8, 1.0, 0.5, 0.92),
    Profile("recommender", True, (3, 6), 30, 8, 0.45, (0.78, 0.88), 0.65, (2.0, 2.7), (0.10, 0.30), 0.03,
            (4000, 20000), (1, 6), 12, 1.5, 0.3, 0.95),
    Profile("search", True, (3, 6), 18, 8, 0.40, (0.82, 0.92), 0.70, (2.0, 2.8), (0.15, 0.40), 0.01,
            (3000, 12000), (1, 12), 10, 1.0, 0.2, 0.95),
    Profile("vision", True, (3, 6), 110, 1, 0.25, (0.88, 0.96), 0.75, (2.2, 3.6), (0.0, 0.05), 0.005,
            (400, 2000), (12, 48), 6, 2.0, 0.2, 0.85, gpu=True),
    Profile("churn", True, (2, 3), 90, 2, 0.55, (0.76, 0.86), 0.62, (2.5, 4.5), (0.0, 0.08), 0.005,
            (250, 1200), (24, 96), 14, 0.7, 0.5, 0.75),
    Profile("bidder", True, (3, 6), 4, 6, 0.30, (0.80, 0.90), 0.68, (2.0, 3.2), (0.03, 0.15), 0.04,
            (8000, 40000), (0.5, 4), 9, 0.8, 0.4, 0.95),
    Profile("lending", False, (2, 4), 60, 2, 0.50, (0.80, 0.90), 0.70, (2.4, 4.0), (0.0, 0.06), 0.005,
            (300, 1500), (24, 120), 12, 1.0, 0.5, 0.80),
    Profile("tagger", False, (3, 6), 140, 2, 0.30, (0.84, 0.93), 0.72, (2.2, 3.4), (0.05, 0.35), 0.01,
            (800, 4000), (2, 24), 6, 1.8, 0.2, 0.88, gpu=True),
    Profile("dispatch", False, (3, 6), 35, 4, 0.60, (0.79, 0.91), 0.66, (2.2, 3.6), (0.02, 0.20), 0.05,
            (2000, 9000), (0.5, 8), 10, 0.6, 0.4, 0.92),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """One way that things go wrong, or do not."""

    name: str
    cause: Cause
    count: int
    """Episodes of it in each service."""
    published: bool = True
    near: bool = False
    """Nothing is wrong and something is near a threshold."""


SHAPES = (
    # --- nothing is wrong: more than a quarter of all, a good third of those near a threshold
    Shape("calm", Cause.HEALTHY, 44),
    Shape("calm_new_version", Cause.HEALTHY, 10),
    Shape("busy_hour", Cause.HEALTHY, 8, near=True),
    Shape("quiet_hour", Cause.HEALTHY, 8, near=True),
    Shape("edge_latency", Cause.HEALTHY, 6, near=True),
    Shape("edge_accuracy", Cause.HEALTHY, 8, near=True),
    Shape("edge_inputs", Cause.HEALTHY, 5, near=True),
    Shape("edge_errors", Cause.HEALTHY, 5, near=True),
    Shape("repeating_calmly", Cause.HEALTHY, 6, near=True),
    Shape("edge_memory", Cause.HEALTHY, 4, published=False, near=True),
    Shape("uneven_replicas", Cause.HEALTHY, 4, published=False, near=True),
    # --- the answers are wrong
    Shape("abrupt", Cause.CONCEPT_DRIFT, 16),
    Shape("gradual", Cause.CONCEPT_DRIFT, 12),
    Shape("slight", Cause.CONCEPT_DRIFT, 14),
    Shape("unannounced", Cause.CONCEPT_DRIFT, 4),
    Shape("returning", Cause.CONCEPT_DRIFT, 4, published=False),
    Shape("moved_inputs", Cause.COVARIATE_DRIFT, 14),
    Shape("new_segment", Cause.COVARIATE_DRIFT, 4, published=False),
    Shape("nulls", Cause.DATA_BUG, 6),
    Shape("garbled", Cause.DATA_BUG, 6),
    Shape("stale", Cause.DATA_BUG, 4),
    Shape("rejected", Cause.DATA_BUG, 4, published=False),
    Shape("worse_answers", Cause.BAD_DEPLOYMENT, 8),
    Shape("failing", Cause.BAD_DEPLOYMENT, 6),
    Shape("leaking", Cause.BAD_DEPLOYMENT, 5),
    Shape("subtly_worse", Cause.BAD_DEPLOYMENT, 4, published=False),
    Shape("few_labels", Cause.LABEL_TROUBLE, 6),
    Shape("flipped_labels", Cause.LABEL_TROUBLE, 5),
    Shape("silent_loss", Cause.UNKNOWN, 6),
    # --- giving them is
    Shape("surge", Cause.SATURATION, 10),
    Shape("ramp", Cause.SATURATION, 8),
    Shape("crowd", Cause.SATURATION, 4),
    Shape("waves", Cause.SATURATION, 4, published=False),
    Shape("repeated", Cause.CACHEABLE_BURST, 10),
    Shape("bots", Cause.CACHEABLE_BURST, 4, published=False),
    Shape("slow_host", Cause.HOT_REPLICA, 7),
    Shape("skewed", Cause.HOT_REPLICA, 6),
    Shape("ill_host", Cause.HOT_REPLICA, 4),
    Shape("slow", Cause.SLOW_VERSION, 9),
    Shape("slow_when_busy", Cause.SLOW_VERSION, 4, published=False),
    Shape("spike", Cause.BLIP, 8),
    Shape("error_burst", Cause.BLIP, 6),
    Shape("idle", Cause.OVER_PROVISIONED, 9),
    Shape("faded", Cause.OVER_PROVISIONED, 4, published=False),
    Shape("dependency", Cause.UNKNOWN, 6),
    Shape("faults", Cause.UNKNOWN, 5),
    Shape("leak", Cause.UNKNOWN, 4),
    Shape("outage", Cause.UNKNOWN, 3),
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two shapes at once."""

    quality: str
    service: str
    count: int = 3


PAIRS = (
    Pair("abrupt", "surge"),
    Pair("gradual", "repeated"),
    Pair("slight", "slow_host"),
    Pair("abrupt", "idle"),
    Pair("moved_inputs", "surge"),
    Pair("moved_inputs", "spike"),
    Pair("few_labels", "slow"),
    Pair("nulls", "skewed"),
)

Split = Literal["table", "fit"]
"""`table`: what the tables are made of. `fit`: more of the published families, for fits alone."""
FIT_SEEDS = 1
"""How many times the published counts a fit may read besides those of the tables."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One episode of the list."""

    profile: Profile
    shapes: tuple[Shape, ...]
    number: int
    split: Split

    @property
    def published(self) -> bool:
        """Whether a fit may read it."""
        return self.profile.published and all(shape.published for shape in self.shapes)

    @property
    def family(self) -> str:
        """What it is called."""
        return f"{self.profile.name}/{'+'.join(shape.name for shape in self.shapes)}"

    @property
    def seed(self) -> tuple[int, ...]:
        """What all of its luck is drawn from."""
        places = tuple(SHAPES.index(shape) for shape in self.shapes)
        return (20261130, ("table", "fit").index(self.split), PROFILES.index(self.profile), self.number, *places)


def families() -> Iterator[tuple[Profile, tuple[Shape, ...], int]]:
    """Yield every family, and how many episodes of it the tables hold."""
    named = {shape.name: shape for shape in SHAPES}
    for profile in PROFILES:
        for shape in SHAPES:
            yield profile, (shape,), shape.count
        for pair in PAIRS:
            yield profile, (named[pair.quality], named[pair.service]), pair.count


def table() -> Iterator[Entry]:
    """Yield the episodes that the tables are made of, published and held out."""
    for profile, shapes, count in families():
        for number in range(count):
            yield Entry(profile, shapes, number, "table")


def published() -> Iterator[Entry]:
    """Yield those of the tables that a fit may read as well."""
    return (entry for entry in table() if entry.published)


def held_out() -> Iterator[Entry]:
    """Yield those that no fit may read."""
    return (entry for entry in table() if not entry.published)


def for_fitting() -> Iterator[Entry]:
    """Yield more episodes of the published families, for fits alone."""
    for profile, shapes, count in families():
        for number in range(count * FIT_SEEDS):
            entry = Entry(profile, shapes, number, "fit")
            if entry.published:
                yield entry
