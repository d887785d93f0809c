"""What a deployment would report of a world at the moment of the look: sampled, rounded, late, and not all of it.

Accuracy is a sample of answers whose labels have come in, drift an index over sampled inputs, rates are counted.
The history is made of points as they would have been posted, and read by the same code as everywhere.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aurora.domain import (
    Baseline,
    Costs,
    DataDrift,
    DataQuality,
    Deployment,
    History,
    Labels,
    MetricPoint,
    ModelMetrics,
    ModelSettings,
    Replica,
    Serving,
    Situation,
    SystemLoad,
    Telemetry,
    Traffic,
)
from aurora.observe.drift import BINS, LARGE
from aurora.observe.history import history
from evals.worlds.services.catalogue import Profile
from evals.worlds.services.incidents import Draw, usual_latency
from evals.worlds.services.physics import NOTHING, Flags, Numbers, Served, World, answers, luck, serve

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
POINT_HOURS, POINTS = 0.25, 32
ROWS = 600
"""Inputs that a drift index is computed on."""
REQUESTS = 2000
"""Requests that a rate is counted on."""
EDGES = np.array([NormalDist().inv_cdf(k / BINS) for k in range(1, BINS)])


@dataclass(frozen=True, slots=True)
class Scene:
    """A world at the moment of the look, and what of it is reported."""

    world: World
    profile: Profile
    past: Served
    accuracy: Numbers
    """As it was counted at every point of the past."""
    told: frozenset[str]
    """The blocks that are reported."""
    remembered: bool
    """Whether points were posted before."""


BLOCKS = ("baseline", "data_drift", "system_load", "replicas", "data_quality", "deployment", "traffic", "labels")


def situation_of(world: World, profile: Profile, random: Draw) -> Situation:
    """Return what AURORA sees of a world."""
    scene = _scene(world, profile, random)
    settings = _settings(world, profile, random)
    baseline = _baseline(world, random) if "baseline" in scene.told else Baseline()
    telemetry = _telemetry(scene, baseline, random)
    known = "deployment" in scene.told and random.random() < 0.9
    serving = Serving(
        version="42" if known else None,
        previous_version="41" if known else None,
        replicas=world.replicas if random.random() < profile.told else None,
        cache_enabled=False,
        simulated=True,
    )
    return Situation(
        decision_id="dec_simulated",
        observed_at=NOW,
        telemetry=telemetry,
        settings=settings,
        baseline=baseline,
        baseline_sources={},
        history=_history(scene, settings, baseline) if scene.remembered else History(),
        serving=serving,
        simulated=True,
    )


def _scene(world: World, profile: Profile, random: Draw) -> Scene:
    told = frozenset(block for block in BLOCKS if random.random() < profile.told)
    times: Numbers = -POINT_HOURS * np.arange(POINTS, dtype=np.float64)[::-1] - 1e-6
    past = serve(world, NOTHING, luck(random, times))
    return Scene(world, profile, past, _reported_accuracy(world, past.t, random), told, bool(random.random() < 0.75))


def _settings(world: World, profile: Profile, random: Draw) -> ModelSettings:
    """Return the settings: teams weigh what things cost differently."""

    def cost(usual: float, *others: float) -> float:
        return float(random.choice([usual, *others], p=[0.6, *[0.4 / len(others)] * len(others)]))

    costs = Costs(
        retrain=cost(0.5, 0.25, 1.0),
        fine_tune=cost(0.1, 0.05, 0.2),
        alert=cost(0.2, 0.1, 0.4),
        slo_breach=cost(0.25, 0.15, 0.5),
        replica_hour=cost(0.025, 0.015, 0.04),
    )
    return ModelSettings(accuracy_floor=profile.floor, latency_slo_ms=round(world.slo_ms, 1), costs=costs)


# --- what is measured ------------------------------------------------------------------------------------------------


def _reported_accuracy(world: World, t: Numbers, random: Draw) -> Numbers:
    """Return the accuracy as counted at `t`: on answers given one delay before, by labels of which some are wrong."""
    behind = t - world.labels.delay
    never: Flags = np.zeros(len(t), dtype=bool)
    right = np.mean(
        [answers(world, behind - world.labels.window * part, NOTHING, never, never) for part in (0.1, 0.5, 0.9)], axis=0
    )
    flipped = world.labels.flipped
    shown = right * (1 - flipped) + (1 - right) * flipped
    count = max(world.labels.count, 1)
    return np.asarray(random.binomial(count, np.clip(shown, 0, 1)) / count)


def _drift_score(world: World, profile: Profile, random: Draw) -> float:
    """Return the score of a window of inputs, counted in the bins of the window that the model was trained on."""
    progress = float(world.drift.progress(0.0))
    moving = random.random(profile.features) < 0.6
    moving[0] = True
    share = profile.features / moving.sum()
    shift = random.normal(0, 0.12, profile.features)
    spread = random.uniform(0.6, 1.4, profile.features) * random.choice([-1.0, 1.0], profile.features)
    shift += moving * math.sqrt(world.drift.moved * share) * progress * spread
    shares = np.array([_bins(by) for by in shift])
    broken = world.inputs
    if broken.start <= 0 and not broken.stale:
        hit = random.random(profile.features) < 0.5
        gone = (broken.nulls + broken.invalid) * hit
        shares *= (1 - gone)[:, None]
        shares[:, 0] += gone * broken.nulls / max(broken.nulls + broken.invalid, 1e-9)
        shares[:, -1] += gone * broken.invalid / max(broken.nulls + broken.invalid, 1e-9)
    counts = np.array([random.multinomial(ROWS, row / row.sum()) for row in shares]) + 0.5
    now = counts / counts.sum(axis=1, keepdims=True)
    usual = np.array([random.multinomial(5000, np.full(BINS, 1 / BINS)) for _ in shift]) + 0.5
    usual /= usual.sum(axis=1, keepdims=True)
    index = float(((now - usual) * np.log(now / usual)).sum(axis=1).mean())
    return index / (index + LARGE)


def _bins(shift: float) -> NDArray[np.float64]:
    normal = NormalDist()
    below = np.array([0.0, *(normal.cdf(edge - shift) for edge in EDGES), 1.0])
    return np.diff(below)


def _baseline(world: World, random: Draw) -> Baseline:
    load = world.rps * min(world.traffic, 1.0) / float(world.capacity(float(world.needed)))
    latency = usual_latency(world.service_ms, world.workers, min(load, 0.9))
    usual = world.rps * (world.traffic if random.random() < 0.5 else 1.0)
    return Baseline(
        accuracy=round(min(world.accuracy + random.normal(0, 0.004), 1.0), 4),
        latency_ms=round(latency * random.lognormal(0, 0.05), 1),
        error_rate=round(world.errors, 4) if random.random() < 0.6 else None,
        throughput_rps=round(usual * random.lognormal(0, 0.05), 2),
    )


def _rate(random: Draw, share: float) -> float:
    return float(random.binomial(REQUESTS, min(max(share, 0.0), 1.0)) / REQUESTS)


def _telemetry(scene: Scene, baseline: Baseline, random: Draw) -> Telemetry:
    world = scene.world
    blocks: dict[str, Any] = {
        "baseline": baseline,
        "data_drift": _data_drift(world, scene.profile, random),
        "system_load": _system_load(scene, random),
        "data_quality": _data_quality(world, random),
        "deployment": _deployment(world, random),
        "traffic": Traffic(
            repeat_ratio=_rate(random, float(world.repeating(np.zeros(1))[0])),
            rps_baseline=round(world.rps, 2) if random.random() < 0.3 else None,
        ),
        "labels": Labels(count=world.labels.count, delay_hours=round(world.labels.delay, 2)),
    }
    return Telemetry(
        model_name="service",
        model_version="42" if "deployment" in scene.told else None,
        model_metrics=_metrics(scene, random),
        **{name: value for name, value in blocks.items() if name in scene.told},
    )


def _metrics(scene: Scene, random: Draw) -> ModelMetrics:
    world, past = scene.world, scene.past
    told: Mapping[str, float] = {
        "accuracy": round(float(scene.accuracy[-1]), 4),
        "latency_ms": round(float(past.latency_ms[-1]), 1),
        "error_rate": _rate(random, float(_heard_errors(world, past)[-1])),
        "throughput_rps": round(float(past.arrived[-1]) * world.rps, 2),
    }
    chances = {"accuracy": 0.95, "latency_ms": 0.95, "error_rate": 0.9, "throughput_rps": 0.9}
    kept = {name: value for name, value in told.items() if random.random() < chances[name]}
    return ModelMetrics(**(kept or {"latency_ms": told["latency_ms"]}))


def _heard_errors(world: World, past: Served) -> NDArray[np.float64]:
    """Return the share of failures among requests that arrived, by time: what never came is in no log."""
    unheard = world.fault.gone * world.fault.on(past.t)
    return (past.errors - unheard) / np.maximum(1 - unheard, 1e-9)


def _data_drift(world: World, profile: Profile, random: Draw) -> DataDrift:
    score = _drift_score(world, profile, random)
    detected = bool(score + random.normal(0, 0.03) > 0.5)
    return DataDrift(
        score=round(score, 3) if random.random() < 0.9 else None, detected=detected if random.random() < 0.8 else None
    )


def _data_quality(world: World, random: Draw) -> DataQuality:
    broken = world.inputs
    on = broken.start <= 0
    age = random.lognormal(1.8, 0.6)
    if on and broken.stale:
        age += -60 * broken.start
    return DataQuality(
        null_rate=_rate(random, random.exponential(0.004) + broken.nulls * on),
        invalid_rate=_rate(random, random.exponential(0.003) + broken.invalid * on),
        freshness_minutes=round(age, 1),
        suspect_features=tuple(f"f{k}" for k in range(broken.suspect * on)),
    )


def _deployment(world: World, random: Draw) -> Deployment:
    previous = world.accuracy - world.previous_loss + random.normal(0, 0.006)
    return Deployment(
        minutes_since_deploy=round(-60 * world.deployed, 1),
        previous_version="41" if random.random() < 0.9 else None,
        previous_accuracy=round(min(max(previous, 0.0), 1.0), 4) if random.random() < 0.7 else None,
    )


def _system_load(scene: Scene, random: Draw) -> SystemLoad:
    world, profile, past = scene.world, scene.profile, scene.past
    usage = float(np.clip(past.usage[-1] * random.normal(1, 0.02), 0, 1))
    other = float(np.clip(usage * random.uniform(0.3, 0.6), 0, 1))
    named = "replicas" in scene.told
    return SystemLoad(
        cpu_usage=round(other if profile.gpu else usage, 3),
        gpu_usage=round(usage, 3) if profile.gpu else None,
        memory_usage=round(float(past.memory[-1]), 3),
        replicas=_replicas(world, past, random) if named else (),
    )


def _replicas(world: World, past: Served, random: Draw) -> tuple[Replica, ...]:
    """Return the replicas one by one; the first is the odd one, if there is one."""

    def replica(number: int, load: float, latency: float, errors: float) -> Replica:
        return Replica(
            name=f"r{number}",
            load=round(float(np.clip(load * random.normal(1, 0.05), 0, 1)), 3),
            latency_ms=round(latency * random.lognormal(0, 0.1), 1),
            healthy=bool(random.random() > (errors if errors > 0.2 else 0.0)),
        )

    odd = world.bad.start <= 0
    first = replica(
        0,
        float((past.load_bad if odd else past.load_good)[-1]),
        float((past.latency_bad if odd else past.latency_good)[-1]),
        world.bad.errors if odd else 0.0,
    )
    good = (float(past.load_good[-1]), float(past.latency_good[-1]), 0.0)
    return (first, *(replica(number, *good) for number in range(1, world.replicas)))


def _history(scene: Scene, settings: ModelSettings, baseline: Baseline) -> History:
    """Return what the points posted so far come to."""
    past, errors = scene.past, _heard_errors(scene.world, scene.past)
    gpu = scene.profile.gpu
    points = [
        MetricPoint.model_construct(
            model_name="service",
            timestamp=NOW + timedelta(hours=float(past.t[place])),
            accuracy=float(scene.accuracy[place]),
            latency_ms=float(past.latency_ms[place]),
            error_rate=float(errors[place]),
            throughput_rps=float(past.arrived[place]) * scene.world.rps,
            memory_usage=float(past.memory[place]),
            cpu_usage=None if gpu else float(past.usage[place]),
            gpu_usage=float(past.usage[place]) if gpu else None,
        )
        for place in range(len(past.t))
    ]
    return history(points, settings, baseline)
