"""A service of the pretend world: its versions, its replicas, its traffic, and how its data changed.

Values only. A version is a recipe; its artefact is what the recipe gave and can be made again at any time. A service is
adopted (it stands still, and shows what some telemetry said of it) or live: then a fleet runs it tick by tick, and
what it shows is measured. A tick stands for a minute of the service's life, however fast ticks pass.
"""

from random import Random
from typing import Annotated, Literal

from pydantic import Field

from aurora.domain import Serving, Value

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]

VERSIONS_KEPT = 30


class Replica(Value):
    """One copy of the model that answers requests."""

    name: str
    weight: Annotated[float, Field(ge=0, le=100)]
    """Its share of the traffic, in percent."""
    capacity_rps: Positive
    """Requests per second that fill it."""
    idle_ms: Positive
    """95th percentile of its latency while it is idle."""
    ready_at: int = 0
    """Live: the tick from which it serves; until then it boots."""


class Drift(Value):
    """One change of the concept: from here on the inputs mean something else."""

    target: float
    """The accuracy that `against` is to have afterwards, roughly."""
    against: str
    """The version that served when it happened."""
    angle: float | None = None
    """How far the inputs turn, in radians; None until it was fitted to `target`."""
    begins: int = 0
    """Live: the tick from which rows of the new concept come."""
    ramp: int = 0
    """Live: over how many ticks their share grows from none to all."""
    ends: int | None = None
    """Live: the tick from which the old concept comes back."""
    fade: int = 0
    """Live: over how many ticks it does."""

    def share(self, tick: int) -> float:
        """Return the share of rows, 0 to 1, that are of the new concept at `tick`."""
        if tick < self.begins:
            return 0.0
        come = 1.0 if self.ramp == 0 else min((tick - self.begins + 1) / self.ramp, 1.0)
        if self.ends is None or tick < self.ends:
            return come
        return 0.0 if self.fade == 0 else come * max(1 - (tick - self.ends + 1) / self.fade, 0.0)


class Version(Value):
    """How a version was made, and what is known of it."""

    origin: Literal["initial", "previous", "deployed", "retrain", "fine_tune"]
    concept: int
    """How many drifts lay behind the rows that it was trained on."""
    rows: int | None = None
    """How many of the newest labelled rows it was trained on; None for all."""
    base: str | None = None
    """The version that a fine-tune continued from."""
    target: float | None = None
    """For a version that went live broken: the accuracy that it is to have, roughly."""
    slowness: Positive = 1.0
    """How much longer than its replicas' norm it takes for a request."""
    artefact: str | None = None
    """File name of the trained model; None until it was needed."""
    accuracy: float | None = None
    """Accuracy on the newest hold-out, measured at drift number `measured_at`."""
    measured_at: int = 0
    trained_at: int = 0
    """Live: the tick whose newest labelled rows it was trained on."""
    fails: bool = False
    """Live: its training breaks off halfway."""
    leaks: Annotated[float, Field(ge=0)] = 0.0
    """Live: the share of a replica's memory that it loses in a tick of normal traffic."""


IncidentKind = Literal[
    "abrupt_drift",
    "gradual_drift",
    "covariate_drift",
    "data_bug",
    "bad_deployment",
    "repeating_burst",
    "surge",
    "hot_replica",
    "memory_leak",
    "blip",
    "healthy",
    "corrupt_labels",
]
"""What may befall a live service; told one by one in `aurora.sandbox.fleet.incidents`."""


class Incident(Value):
    """Something that befalls a live service from one tick to another."""

    kind: IncidentKind
    begins: int
    lasts: Annotated[int, Field(ge=1)]
    """Ticks; what stays until somebody does something about it ends nothing by itself."""
    begun: bool = False
    """Whether the fleet has done what it does once, such as deploying a bad version."""
    population: tuple[int, ...] = ()
    """The classes that nearly all rows belong to while it is on; empty for every kind but `covariate_drift`."""

    def on(self, tick: int) -> bool:
        """Whether it is on at `tick`."""
        return self.begins <= tick < self.begins + self.lasts


class Canary(Value):
    """A new version that takes a small share of the traffic until it has beaten the serving one."""

    version: str
    share: Annotated[float, Field(gt=0, le=100)]
    """Percent of the traffic."""
    since: int
    key: str
    """The effect that brought it."""


class Live(Value):
    """How a live service lives. Lengths of time are ticks."""

    seed: int
    """Draws its traffic; the `seed` of the service deals its rows and starts its models."""
    now: int = 0
    """The present tick, filled in whenever the service is read."""
    service_ms: Positive
    """Mean time that a replica works on one request."""
    label_delay: int = 3
    rows: int = 240
    """Requests that are drawn and answered in a tick; each stands for many."""
    newest: int = 800
    """Rows in the newest labelled window, of which a training takes all unless it is told a number."""
    training: int = 4
    """How long a retrain takes; a fine-tune takes half of it."""
    canary: int = 4
    """How many ticks of labelled traffic a new version is compared on."""
    canary_share: float = 10.0
    gated: bool = True
    """Whether only a new version that beats the serving one as a canary gets the whole traffic; else each one does."""
    boot: int = 2
    """How long a new replica takes before it serves."""
    failures: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Chance that a training fails."""
    incidents: tuple[Incident, ...] = ()

    def takes(self, *, fine_tune: bool) -> int:
        """Return how many ticks a training takes."""
        return max(self.training // 2, 1) if fine_tune else self.training

    def training_fails(self) -> bool:
        """Return whether a training that is ordered now will break off, as some do."""
        return Random(f"{self.seed}:{self.now}").random() < self.failures


Dataset = Literal["digits", "breast_cancer", "parity", "wine", "diabetes"]
Family = Literal["sgd", "forest", "bayes", "net"]


class Service(Value):
    """One service, all of it."""

    name: str
    seed: int
    dataset: Dataset
    family: Family
    version: str
    previous_version: str | None
    versions: dict[str, Version]
    drifts: tuple[Drift, ...] = ()
    replicas: Annotated[tuple[Replica, ...], Field(min_length=1)]
    cache_enabled: bool = False
    cache_ttl_seconds: float | None = None
    arrivals_rps: Annotated[float, Field(ge=0)]
    repeat_ratio: Annotated[float, Field(ge=0, le=1)] = 0.0
    usage_when_full: Positive = 1.0
    """Resource usage (busiest of CPU and GPU, 0 to 1) of a replica whose request slots are all taken."""
    live: Live | None = None
    """None for an adopted service."""
    canary: Canary | None = None

    def serving(self) -> Serving:
        """Return what the tools may see of it."""
        return Serving(
            version=self.version,
            previous_version=self.previous_version,
            replicas=len(self.replicas),
            weights={replica.name: replica.weight for replica in self.replicas},
            cache_enabled=self.cache_enabled,
            cache_ttl_seconds=self.cache_ttl_seconds,
            simulated=True,
        )

    def ready(self) -> tuple[Replica, ...]:
        """Return the replicas that serve: those that are not booting any more."""
        now = self.live.now if self.live else 0
        return tuple(replica for replica in self.replicas if replica.ready_at <= now)

    def believed_accuracy(self) -> float | None:
        """Return the accuracy of the serving version on the newest data as far as it is known without measuring."""
        version, drifts = self.versions[self.version], len(self.drifts)
        if version.accuracy is not None and version.measured_at == drifts:
            return version.accuracy
        if self.drifts and self.drifts[-1].against == self.version:
            return self.drifts[-1].target
        return version.target

    def with_version(self, name: str, version: Version) -> "Service":
        """Return the service with one version added or replaced, and those forgotten that nothing needs any more."""
        versions = {**self.versions, name: version}
        needed = {name, self.version, self.previous_version, *(drift.against for drift in self.drifts[-1:])}
        needed |= {self.canary.version} if self.canary else set()
        surplus = [old for old in versions if old not in needed][: max(0, len(versions) - VERSIONS_KEPT)]
        return self.evolve(versions={kept: value for kept, value in versions.items() if kept not in surplus})


def spread(replicas: tuple[Replica, ...]) -> tuple[Replica, ...]:
    """Return the replicas with equal shares of the traffic."""
    return tuple(replica.evolve(weight=100 / len(replicas)) for replica in replicas)


def shared(replicas: tuple[Replica, ...], weights: dict[str, float]) -> tuple[Replica, ...]:
    """Return the replicas with shares in proportion to `weights`, summing to 100; with none at all, equal ones."""
    total = sum(weights.get(replica.name, 0.0) for replica in replicas)
    if total <= 0:
        return spread(replicas)
    return tuple(replica.evolve(weight=100 * weights.get(replica.name, 0.0) / total) for replica in replicas)
