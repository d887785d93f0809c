"""Drift detectors of river on the error of the serving model; a detection is a retrain.

ADWIN (Bifet and Gavaldà, Learning from time-changing data with adaptive windowing, 2007), DDM (Gama et al., Learning
with drift detection, 2004), HDDM_W (Frías-Blanco et al., Online and non-parametric drift detection methods based on
Hoeffding's bounds, 2015) and Page-Hinkley (Page, Continuous inspection schemes, 1954), each with river's defaults.

They want one observation a row, and a step is seen as a rate over its labelled rows: as many rows are made wrong, in
an order drawn by a seed. After a retrain a detector begins anew. What fell is no reason to retrain.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from evals.worlds.schedules import Policy, Sight, Start

Make = Callable[[], Any]
"""Makes a detector with `update` and `drift_detected`."""


def adwin() -> Any:
    """Return ADWIN."""
    from river import drift

    return drift.ADWIN()  # type: ignore[no-untyped-call]


def ddm() -> Any:
    """Return DDM."""
    from river.drift.binary import DDM

    return DDM()


def hddm_w() -> Any:
    """Return HDDM_W."""
    from river.drift.binary import HDDMW

    return HDDMW()  # type: ignore[no-untyped-call]


def page_hinkley() -> Any:
    """Return Page-Hinkley for a mean that rises."""
    from river.drift import PageHinkley

    return PageHinkley(mode="up")


def detecting(make: Make, wait: int = 0) -> Start:
    """Return a policy that retrains `wait` steps after a detection, so that the new rows fill the window."""

    def start(_cost: float) -> Policy:
        return _Detecting(make, wait).decide

    return start


class _Detecting:
    """One detector on one stream."""

    def __init__(self, make: Make, wait: int) -> None:
        self._make, self._wait = make, wait
        self._detector = make()
        self._random = Random(0)
        self._waited: int | None = None
        """Steps since the detection, where there was one."""

    def decide(self, seen: Sight) -> bool:
        if self._waited is not None:
            self._waited += 1
        elif self._rose(seen):
            self._waited = 0
        if self._waited is None or self._waited < self._wait:
            return False
        self._detector, self._waited = self._make(), None
        return True

    def _rose(self, seen: Sight) -> bool:
        """Feed the rows of a step; say whether a rise was detected at one of them."""
        wrong = round(seen.error * seen.labels)
        rows = [1] * wrong + [0] * (seen.labels - wrong)
        self._random.shuffle(rows)
        rose = False
        for row in rows:
            before = getattr(self._detector, "estimation", None)
            self._detector.update(row)
            if self._detector.drift_detected:
                # ADWIN tells of both directions.
                rose = rose or before is None or self._detector.estimation > before
        return rose
