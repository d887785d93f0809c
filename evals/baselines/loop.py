"""The contract's trigger table, taken literally, on the points of a live service.

The first row that holds is done; thresholds are those of the model's settings, and a cooldown is kept. Amounts, which
the table leaves open, are the usual ones: replicas in proportion to the usage, all traffic away from the worst replica.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aurora.domain import Action, ModelSettings, Serving, Step

SLIPPING = 0.05
"""How far under its healthy level an accuracy is slipping."""
IMBALANCE = 0.35
"""Between the loads of the busiest and the idlest replica."""
TARGET_USAGE = 0.60
LONG_HOURS = 2.0
"""For how long a service must have been idle before a replica is given back."""
CACHE_SECONDS = 300.0

Point = dict[str, Any]
Proposal = tuple[Action, dict[str, Any]]


@dataclass
class TriggerTable:
    """Looks at one model; `hours` is what a tick stands for."""

    settings: ModelSettings
    hours: float
    _versions: dict[str, int] = field(default_factory=dict)
    """At which tick each version was first seen to serve."""
    _mine: set[str] = field(default_factory=set)
    """Versions that it brought itself: no deployment of a team."""
    _rests_until: int = 0
    _idle: int = 0
    """For how many ticks in a row it has been idle."""

    def decide(self, point: Point, serving: Serving, tick: int) -> Step | None:
        """Return what the table says, if anything; whoever does it calls `did`."""
        self._note(point, serving, tick)
        if tick < self._rests_until:
            return None
        found = self._first(point, serving, tick)
        return Step(action=found[0], target=point["model_name"], parameters=found[1]) if found else None

    def did(self, answer: Mapping[str, Any], tick: int) -> None:
        """Note that a step was done, and what its tool answered."""
        self._rests_until = tick + math.ceil(self.settings.cooldown_minutes / 60 / self.hours)
        if "version" in answer:
            self._mine.add(answer["version"])

    # --- the table ---------------------------------------------------------------------------------------------------

    def _first(self, point: Point, serving: Serving, tick: int) -> Proposal | None:
        rows = (
            self._training(point),
            self._caching(point, serving),
            self._routing(point, serving, tick),
            self._scaling(point, serving),
            self._alerting(point),
        )
        return next((row for row in rows if row is not None), None)

    def _training(self, point: Point) -> Proposal | None:
        if point["data_drift_score"] <= self.settings.thresholds.drift_score:
            return None
        if self._is_low(point):
            return Action.RETRAIN, {"window": "newest"}
        # Labels that are too late to tell count as slipping, as the table has it.
        slipping = point.get("accuracy", 0.0) < self._usual() - SLIPPING
        return (Action.FINE_TUNE, {"window": "newest"}) if slipping else None

    def _caching(self, point: Point, serving: Serving) -> Proposal | None:
        repeats = point["repeat_ratio"] > self.settings.thresholds.repeat_ratio
        if not (self._is_late(point) and repeats) or serving.cache_enabled:
            return None
        return Action.CACHE, {"enabled": True, "ttl_seconds": CACHE_SECONDS}

    def _routing(self, point: Point, serving: Serving, tick: int) -> Proposal | None:
        if (weights := _away(point, serving)) is not None:
            return Action.ROUTE, {"weights": weights}
        bad = self._is_low(point) or self._is_failing(point)
        if bad and serving.previous_version and self._is_new(serving, tick):
            return Action.ROUTE, {"to_version": serving.previous_version}
        return None

    def _scaling(self, point: Point, serving: Serving) -> Proposal | None:
        limits, replicas = self.settings.thresholds, serving.replicas or 1
        usage = _usage(point)
        if usage > limits.usage_high and replicas < self.settings.limits.max_replicas:
            more = max(math.ceil(replicas * usage / TARGET_USAGE), replicas + 1)
            return Action.SCALE, {"replicas": min(more, self.settings.limits.max_replicas), "from": replicas}
        if self._idle * self.hours > LONG_HOURS and replicas > 1:
            return Action.SCALE, {"replicas": replicas - 1, "from": replicas}
        return None

    def _alerting(self, point: Point) -> Proposal | None:
        broken = point["null_rate"] > self.settings.thresholds.null_rate
        if not (broken or self._is_low(point) or self._is_late(point) or self._is_failing(point)):
            return None
        return Action.ALERT, {"severity": "critical", "message": f"{point['model_name']} is not well."}

    def _is_low(self, point: Point) -> bool:
        return bool(point.get("accuracy", 1.0) < self.settings.accuracy_floor)

    def _is_late(self, point: Point) -> bool:
        return bool(point.get("latency_ms", 0.0) > self.settings.latency_slo_ms)

    def _is_failing(self, point: Point) -> bool:
        return bool(point["error_rate"] > self.settings.thresholds.error_rate)

    def _usual(self) -> float:
        baseline = self.settings.baseline
        return (baseline.accuracy if baseline else None) or self.settings.accuracy_floor

    def _is_new(self, serving: Serving, tick: int) -> bool:
        version = serving.version or ""
        since = (tick - self._versions[version]) * self.hours * 60
        first = min(self._versions, key=lambda name: self._versions[name])
        return version not in (*self._mine, first) and since < self.settings.thresholds.recent_deploy_minutes

    def _note(self, point: Point, serving: Serving, tick: int) -> None:
        self._idle = self._idle + 1 if _usage(point) < self.settings.thresholds.usage_idle else 0
        self._versions.setdefault(serving.version or "", tick)


def _usage(point: Point) -> float:
    """Return the usage that more replicas would lower; what leaks memory leaks it in all of them."""
    return max(float(point["cpu_usage"]), float(point.get("gpu_usage", 0.0)))


def _away(point: Point, serving: Serving) -> dict[str, float] | None:
    """Return weights without the busiest replica where it is far busier than the idlest one that takes traffic."""
    weights = serving.weights or {}
    loads = {one["name"]: one["load"] for one in point["replicas"] if weights.get(one["name"], 0.0) > 0}
    if len(loads) < 2 or max(loads.values()) - min(loads.values()) <= IMBALANCE:
        return None
    busiest = max(loads, key=lambda name: loads[name])
    return {name: 0.0 if name == busiest or weights[name] == 0 else 100 / (len(loads) - 1) for name in weights}
