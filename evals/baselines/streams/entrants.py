"""The list of baselines: what each is called, and how it is made for one stream."""

from collections.abc import Callable
from dataclasses import dataclass

from evals.baselines.streams import cara, learned, plain, trees
from evals.baselines.streams.detectors import adwin, ddm, detecting, hddm_w, page_hinkley
from evals.baselines.streams.fits import Fits
from evals.baselines.streams.prefix import Prefix, after
from evals.worlds.schedules import Start, never, trigger_table

NEVER = "never, or alert at every step"
TABLE = "trigger table"
WAIT = 8
WAITING = f"HDDM_W, {WAIT} steps later"


@dataclass(frozen=True, slots=True)
class Given:
    """What a baseline may be made from."""

    prefix: Prefix
    fits: Fits
    cost: float
    seed: str


@dataclass(frozen=True, slots=True)
class Baseline:
    """One policy to compare with."""

    name: str
    make: Callable[[Given], Start]
    thrifty: bool = True
    """Whether it asks what a retrain costs; one that does not does the same at every cost."""


def baselines() -> tuple[Baseline, ...]:
    """Return all that could be put into use."""
    return (
        Baseline(NEVER, lambda _: never, thrifty=False),
        Baseline("always", lambda _: plain.always, thrifty=False),
        Baseline("random, 1 in 15", lambda given: plain.at_random(given.seed), thrifty=False),
        Baseline(TABLE, lambda _: trigger_table, thrifty=False),
        Baseline("periodic, tuned", lambda given: plain.periodic(given.fits.periods[given.cost])),
        Baseline("ADWIN", lambda _: detecting(adwin), thrifty=False),
        Baseline("DDM", lambda _: detecting(ddm), thrifty=False),
        Baseline("Page-Hinkley", lambda _: detecting(page_hinkley), thrifty=False),
        Baseline("HDDM_W", lambda _: detecting(hddm_w), thrifty=False),
        Baseline(WAITING, lambda _: detecting(hddm_w, WAIT), thrifty=False),
        *(Baseline(f"{name}, tuned on the prefix", _tuned(tune)) for name, tune in cara.VARIANTS.items()),
        Baseline(
            "Cara, threshold, tuned on others",
            lambda given: cara.ruled(given.fits.thresholds[given.cost], cumulative=False),
        ),
        Baseline(
            "Cara, cumulative, tuned on others",
            lambda given: cara.ruled(given.fits.sums[given.cost], cumulative=True),
        ),
        Baseline("RetrainOpt, learned on the prefix", _tuned(learned.learned_in)),
        Baseline("RetrainOpt, learned on others", lambda given: learned.learned(given.fits.learned[given.cost])),
        *(Baseline(f"tree of depth {depth}", _grown(depth)) for depth in trees.DEPTHS),
    )


def _tuned(tune: Callable[[Prefix], Start]) -> Callable[[Given], Start]:
    return lambda given: after(given.prefix, tune)


def _grown(depth: int) -> Callable[[Given], Start]:
    return lambda given: trees.grown(given.fits.trees[depth])
