"""A situation as plain numbers: what the engine weighs, and all it weighs.

Keys are paths of the telemetry; what is not known is not there. Free text has no way in: notes, names and versions
stay behind. The replicas are told by what tells one from the others, so that their order means nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from pydantic import BaseModel

from aurora.domain import ModelSettings, Replica, Situation
from aurora.policy.priors import Priors, priors

BLOCKS = ("model_metrics", "data_drift", "system_load", "data_quality", "deployment", "traffic", "labels")


@dataclass(frozen=True, slots=True)
class View:
    """The numbers of one situation, and the settings that they are held against."""

    numbers: Mapping[str, float]
    settings: ModelSettings
    priors: Priors
    """The engine's own numbers, which this is weighed with."""

    def get(self, path: str) -> float | None:
        """Return the number at `path`, or None where it is not known."""
        return self.numbers.get(path)

    def changed(self, path: str, value: float) -> "View":
        """Return the view of a situation that differs in this one number."""
        return View({**self.numbers, path: value}, self.settings, self.priors)


def view(situation: Situation, with_priors: Priors | None = None) -> View:
    """Return `situation` as numbers, to be weighed with the shipped priors or with others."""
    telemetry = situation.telemetry
    numbers: dict[str, float] = {}
    for block in BLOCKS:
        _add(numbers, block, getattr(telemetry, block))
    _add(numbers, "baseline", situation.baseline)
    quality, drift, load = telemetry.data_quality, telemetry.data_drift, telemetry.system_load
    if quality is not None and quality.suspect_features:
        numbers["data_quality.suspect_features"] = float(len(quality.suspect_features))
    if drift is not None and drift.score is None and drift.features:
        # No overall score was sent: the feature that moved most speaks for the inputs.
        numbers["data_drift.score"] = max(drift.features.values())
    if load is not None and load.replicas:
        numbers.update(_replica_numbers(load.replicas))
        if (share := (situation.serving.weights or {}).get(worst_replica(load.replicas).name)) is not None:
            numbers["replicas.worst_share"] = share / 100
    numbers["replicas.count"] = float(replica_count(situation))
    numbers["history.points"] = float(situation.history.points)
    numbers["history.breaching_points"] = float(situation.history.breaching_points)
    if situation.history.memory_slope is not None:
        numbers["history.memory_slope"] = situation.history.memory_slope
    if situation.history.load_growth is not None:
        numbers["history.load_growth"] = situation.history.load_growth
    if (outlook := situation.history.retrain) is not None:
        numbers["history.retrain_saving"] = outlook.saving
        numbers["history.retrain_waiting"] = outlook.waiting
    return View(numbers, situation.settings, with_priors or priors())


def replica_count(situation: Situation) -> int:
    """Return how many replicas serve: as the tools see it, else as the telemetry lists them, else one."""
    load = situation.telemetry.system_load
    told = len(load.replicas) if load is not None else 0
    return max(situation.serving.replicas or told or 1, 1)


def worst_replica(replicas: Sequence[Replica]) -> Replica:
    """Return the replica that is ill, else the busiest and slowest one; names break ties, so order means nothing."""
    slowest = max((replica.latency_ms or 0.0 for replica in replicas), default=0.0) or 1.0

    def badness(replica: Replica) -> tuple[bool, float, str]:
        known = [replica.load] if replica.load is not None else []
        known += [replica.latency_ms / slowest] if replica.latency_ms is not None else []
        return replica.healthy is False, fmean(known) if known else 0.0, replica.name

    return max(replicas, key=badness)


def usage(seen: View) -> float | None:
    """Return the usage that limits the service, 0 to 1: the busiest of CPU, GPU and the replicas' mean load."""
    known = [
        value
        for path in ("system_load.cpu_usage", "system_load.gpu_usage", "replicas.mean_load")
        if (value := seen.get(path)) is not None
    ]
    return max(known, default=None)


def memory_pressure(seen: View) -> float | None:
    """Return the memory usage, 0 to 1. Full is trouble also at rest: a leak does not wait for load."""
    return seen.get("system_load.memory_usage")


def _add(numbers: dict[str, float], block: str, values: BaseModel | None) -> None:
    if values is None:
        return
    for name, value in values.__dict__.items():
        if isinstance(value, int | float):
            numbers[f"{block}.{name}"] = float(value)


def _replica_numbers(replicas: Sequence[Replica]) -> dict[str, float]:
    worst = worst_replica(replicas)
    others = [replica for replica in replicas if replica.name != worst.name]
    loads = sorted(replica.load for replica in others if replica.load is not None)
    latencies = [replica.latency_ms for replica in others if replica.latency_ms is not None]
    known = sorted(replica.load for replica in replicas if replica.load is not None)
    found = {
        "replicas.worst_load": worst.load,
        "replicas.worst_latency_ms": worst.latency_ms,
        "replicas.other_load": fmean(loads) if loads else None,
        "replicas.other_latency_ms": median(latencies) if latencies else None,
        "replicas.mean_load": fmean(known) if known else None,
        "replicas.busiest_load": known[-1] if known else None,
        "replicas.ill": float(sum(replica.healthy is False for replica in replicas)),
        "replicas.told": float(len(replicas)),
    }
    return {path: value for path, value in found.items() if value is not None}
