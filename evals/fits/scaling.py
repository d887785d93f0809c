"""The numbers of `ScaleAdvisor`, fitted on the published load traces.

First the usual weights of a forecast, by least squares over all traces, each counted by its own noise; then what an
order or a return must promise, by what the advice costs over the least possible. The traces that are fitted on are a
part of the published ones; those of the families that are held out are never built here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import exp, log
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aurora.policy.forecast import Forecaster
from aurora.policy.priors import ScalingPriors, read
from aurora.policy.scaling import LEAST_POINTS, Sizing, leads
from evals.worlds.loads import MOST, WEIGHTS, Service, Trace, build, followed, oracle, published, run

Matrix = NDArray[np.float64]

SEEDS = (1,)
"""Of each published family, the traces that are fitted on."""
LEADS = (3, 7, 20, 45)
DAYS = 3
SETTLED = 120
"""Minutes until the averages of a trace mean something."""
UNFITTED: dict[str, Any] = {
    "leads": list(LEADS),
    "weights": [[0.0, 0.0, 1.0, 0.0, 0.0]] * len(LEADS),
    "spreads": [0.2] * len(LEADS),
    "patience": 20.0,
    "reluctance": 0.0,
    "attachment": 0.0,
}
TRIED = {"reluctance": (0.5, 1.0), "attachment": (-0.5, -0.25, 0.0)}


def fitted(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fitted numbers; `document` holds the judged ones."""
    traces = _traces()
    usual = {**UNFITTED, "patience": round(exp(fmean(log(trace.patience) for trace in traces)), 1)}
    usual |= _forecasts(traces, _numbers(document, usual))
    return usual | _choice(traces, _numbers(document, usual))


def _numbers(document: Mapping[str, Any], scaling: Mapping[str, Any]) -> ScalingPriors:
    return read({**document, "fitted": {**document["fitted"], "scaling": scaling}}).scaling


def _traces() -> list[Trace]:
    return [build(entry, DAYS) for entry in published() if entry.seed in SEEDS and entry.weight == WEIGHTS[0]]


def _forecasts(traces: Sequence[Trace], numbers: ScalingPriors) -> dict[str, Any]:
    """Return for each lead the weights under which the traces are foreseen best, and the error that is usually left."""
    lessons = [_lessons(trace, numbers) for trace in traces]
    weights, spreads = [], []
    for place in range(len(LEADS)):
        pairs = [lesson[place] for lesson in lessons]
        noises = [float(np.std(moved - known[:, 2])) for known, moved in pairs]
        known = np.vstack([known / noise for (known, _), noise in zip(pairs, noises, strict=True)])
        moved = np.concatenate([moved / noise for (_, moved), noise in zip(pairs, noises, strict=True)])
        found = np.linalg.lstsq(known, moved, rcond=None)[0]
        weights.append([round(float(weight), 3) for weight in found])
        spreads.append(round(fmean(float(np.std(moved - known @ found)) for known, moved in pairs), 3))
    return {"weights": weights, "spreads": spreads}


def _lessons(trace: Trace, numbers: ScalingPriors) -> list[tuple[Matrix, Matrix]]:
    """Return for each lead what is known at each minute, and how far the load has moved from its level by then."""
    forecaster = Forecaster(LEADS, numbers)
    told = []
    for minute, load in enumerate(trace.loads, trace.begins):
        forecaster.update(minute, load)
        told.append(forecaster.known())
    lessons = []
    for place, lead in enumerate(LEADS):
        rows = [row[place] for row in told[SETTLED:-lead]]
        levels, scales = np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
        lessons.append((np.array([row[0] for row in rows]), (trace.loads[SETTLED + lead :] - levels) / scales))
    return lessons


def _choice(traces: Sequence[Trace], numbers: ScalingPriors) -> dict[str, float]:
    """Return what an order and a return must promise, for the least cost over the least possible."""
    tried = [dict(zip(TRIED, values, strict=True)) for values in product(*TRIED.values())]
    least = [run(trace, followed(oracle(trace, weight).tolist())).cost(weight) for trace, weight in _worlds(traces)]
    costs = [_costs(trace, weight, numbers, tried) for trace, weight in _worlds(traces)]
    over = [fmean(cost[n] / best for cost, best in zip(costs, least, strict=True)) for n in range(len(tried))]
    return tried[min(range(len(tried)), key=lambda n: round(over[n], 6))]


def _worlds(traces: Sequence[Trace]) -> list[tuple[Trace, float]]:
    return list(product(traces, WEIGHTS))


def _costs(trace: Trace, weight: float, numbers: ScalingPriors, tried: Sequence[Mapping[str, float]]) -> list[float]:
    """Return what each of the choices that are tried costs; all of them follow the same forecasts."""
    forecaster = Forecaster(leads(trace.boot), numbers)
    chosen = [replace(numbers, reluctance=one["reluctance"], attachment=one["attachment"]) for one in tried]
    sizings = [Sizing(trace.boot, weight, trace.patience, MOST, one) for one in chosen]
    services = [Service(trace) for _ in tried]
    for minute, load in enumerate(trace.loads, trace.begins):
        forecaster.update(minute, load)
        outlooks = forecaster.outlooks()
        for sizing, service in zip(sizings, services, strict=True):
            seen = service.serve()
            now = seen.serving + seen.booting
            service.order(sizing.wanted(now, outlooks) if forecaster.points >= LEAST_POINTS else now)
    return [service.result().cost(weight) for service in services]
