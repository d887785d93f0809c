"""The rows that reach a live service at a tick: real rows, drawn and changed by its drifts and incidents.

Everything follows from the service and the tick, so that the fleet, which answers them, and the training process, which
learns from the labelled ones, see the same world without telling each other. Rows that are trained on come from a pile
of their own; accuracy is always measured on the other one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aurora.sandbox.service import IncidentKind, Live, Service
from aurora.sandbox.streams import Matrix, Pile, Rows, Stream

JITTER = 0.08
"""Noise on every value, in standard deviations: no two requests are quite the same."""
BROKEN_FEATURES = 0.4
"""Share of the features that an upstream bug empties."""
BROKEN_ROWS = 0.75
"""Share of the rows in which it does."""
RARE = 0.03
"""How likely a row of the other classes is while the population is another one, beside one of those it consists of."""
MISLABELLED = 0.9
"""Share of labels that name the next class while labels are corrupt: a list of classes that is off by one."""
PILES: dict[Pile, int] = {"past": 0, "fresh": 1, "unseen": 2}
EPOCH = 10_000
"""Added to the tick for the generators, which take no negative seeds: the world has a past."""


@dataclass(frozen=True)
class Traffic:
    """Rows of one tick, as they reach the service."""

    rows: Rows
    null_rate: float
    """Share of the values that were missing, and were filled with the feature's mean."""


def drawn(service: Service, tick: int, pile: Pile, count: int) -> Traffic:
    """Return `count` rows of a tick from one pile of the service's data."""
    stream, random = Stream(service), np.random.default_rng([_seed(service), PILES[pile], EPOCH + tick])
    held = stream.rows(pile, ())
    picked = random.choice(len(held.y), size=count, p=_population(service, tick, held.y))
    x = held.x[picked] + random.normal(scale=JITTER, size=(count, held.x.shape[1]))
    for number, drift in enumerate(service.drifts):
        if (share := drift.share(tick)) > 0:
            turned = random.random(count) < share
            x[turned] = stream.turned(x[turned], number, drift.angle or 0.0)
    null_rate = _empty(x, service, random) if _on(service, "data_bug", tick) else 0.0
    return Traffic(Rows(x, held.y[picked]), null_rate)


def labelled(service: Service, until: int, count: int) -> Rows:
    """Return the newest `count` rows to train on whose labels are there by tick `until`, the newest last.

    At least one row of each class is among them: a model that never saw a class could not learn it later.
    """
    live = lived(service)
    ticks = range(until - live.label_delay - -(-count // live.rows) + 1, until - live.label_delay + 1)
    parts = [_as_labelled(service, tick) for tick in ticks]
    x, y = np.concatenate([part.x for part in parts])[-count:], np.concatenate([part.y for part in parts])[-count:]
    past = Stream(service).rows("past", ())
    first = [int(np.argmax(past.y == missing)) for missing in sorted(set(past.y.tolist()) - set(y.tolist()))]
    return Rows(np.concatenate([past.x[first], x]), np.concatenate([past.y[first], y]))


def reference(service: Service, trained_at: int, ticks: int) -> Matrix:
    """Return the inputs that arrived in the `ticks` before a version was trained: what drift is measured against."""
    live = lived(service)
    span = range(trained_at - ticks, trained_at)
    return np.concatenate([drawn(service, tick, "unseen", live.rows).rows.x for tick in span])


def _as_labelled(service: Service, tick: int) -> Rows:
    rows = drawn(service, tick, "fresh", lived(service).rows).rows
    if not _on(service, "corrupt_labels", tick):
        return rows
    wrong = np.random.default_rng([_seed(service), 9, EPOCH + tick]).random(len(rows.y)) < MISLABELLED
    return Rows(rows.x, np.where(wrong, (rows.y + 1) % Stream(service).classes, rows.y))


def _population(service: Service, tick: int, y: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Return how likely each row is; None while all are equally likely."""
    common = [incident.population for incident in lived(service).incidents if incident.population and incident.on(tick)]
    if not common:
        return None
    weights = np.where(np.isin(y, common[0]), 1.0, RARE)
    likely: NDArray[np.float64] = weights / weights.sum()
    return likely


def _empty(x: Matrix, service: Service, random: np.random.Generator) -> float:
    """Let values go missing in place, the same features for as long as the bug lasts; return the share that did."""
    width = x.shape[1]
    features = np.random.default_rng([service.seed, 8]).permutation(width)[: round(BROKEN_FEATURES * width)]
    rows = random.random(len(x)) < BROKEN_ROWS
    x[np.ix_(rows, features)] = 0.0
    return float(rows.mean() * len(features) / width)


def _on(service: Service, kind: IncidentKind, tick: int) -> bool:
    return any(incident.kind == kind and incident.on(tick) for incident in lived(service).incidents)


def _seed(service: Service) -> int:
    return lived(service).seed


def lived(service: Service) -> Live:
    """Return how a live service lives. Raises `LookupError` for one that is not live."""
    if service.live is None:
        raise LookupError(f"{service.name} is not live")
    return service.live
