"""A service of the pretend world: its versions, its replicas, its traffic, and how its data changed.

Values only. A version is a recipe; its artefact is what the recipe gave and can be made again at any time.
"""

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


class Drift(Value):
    """One change of the concept: from here on the inputs mean something else."""

    target: float
    """The accuracy that `against` is to have afterwards, roughly."""
    against: str
    """The version that served when it happened."""
    angle: float | None = None
    """How far the inputs turn, in radians; None until it was fitted to `target`."""


class Version(Value):
    """How a version was made, and what is known of it."""

    origin: Literal["initial", "previous", "retrain", "fine_tune"]
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


class Service(Value):
    """One service, all of it."""

    name: str
    seed: int
    dataset: Literal["digits", "breast_cancer"]
    family: Literal["sgd", "forest"]
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
