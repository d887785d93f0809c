"""The engine's numbers, read from `priors.json`: fitted by `evals/fit_priors.py`, or judged with the reason beside.

The file is package data, read once and only when the first number is asked for.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from aurora.domain import Cause
from aurora.policy.curves import interpolated, logit, sigmoid
from aurora.policy.moves import Move, Side

READ_AS = {Move.LEAVE: "leave", Move.ALERT: "alert", Move.RETRAIN: "training", Move.FINE_TUNE: "training"}
"""As what a move's chance is read; every other one as a change."""

POLICY_VERSION = "4"
"""Goes up with every change of the engine's rules or numbers; part of what an approval binds."""

Row = tuple[float, ...]
"""One number for each cause, in the order of `Priors.causes`."""


@dataclass(frozen=True, slots=True)
class RetrainCase:
    """What one retrain did: by how much the error had risen, what share of it went away, for how many steps."""

    rise: float
    recovered: float
    held: float

    def __post_init__(self) -> None:
        """Refuse what is no case, with a ValueError."""
        values = (self.rise, self.recovered, self.held)
        if not all(isinstance(value, int | float) and math.isfinite(value) and value >= 0 for value in values):
            raise ValueError(f"rise, recovered and held must be finite numbers of at least 0, not {values}")
        if self.rise > 1 or self.recovered > 1:
            raise ValueError(f"rise and recovered are shares from 0 to 1, not {self.rise} and {self.recovered}")


@dataclass(frozen=True)
class AdvisorPriors:
    """What `RetrainAdvisor` believes before it has seen anything. Times in steps, shares and weights from 0 to 1."""

    assumed_labels: float
    """How many labelled rows stand behind a step that does not say."""
    fresh_steps: int
    """For how many steps a model counts as fresh."""
    least_steps: int
    """How many steps must have been seen before a retrain is advised."""
    forgetting: float
    """Weight of the steps before in the smoothed level."""
    sure_score: float
    """How many standard errors a turn of the error measures for it to be as likely as not more than noise."""
    sharpness: float
    """How fast its surety rises with them."""
    fill_steps: float
    """After how many steps of a new concept a retrain knows all but a third of it."""
    settled_steps: int
    """A model trained so many steps after the last turn is taken to know the present concept."""
    hope: float
    """How far a retrain is taken to come towards the best model before, where the present one was trained earlier."""
    residual: float
    """Share of a rise that a retrain leaves, where no case tells."""
    holding: float
    """For how many steps it keeps its gain, where no case tells."""
    case_strength: float
    """How many cases these two are worth."""
    bandwidth: float
    """How alike two rises must be for one to tell of the other."""
    slow_share: float
    """Share of the time a slow rise took that a retrain keeps its gain."""
    challenger_forgetting: float
    """Weight of the steps before in the challenger's smoothed error."""
    challenger_trust: float
    """Weight of what the challenger shows, beside what the rise lets expect."""
    handicap: float
    """How much of a challenger's arrears behind a fresh model is taken for its own fault."""
    caution: float
    """How many standard errors a gain must exceed."""
    drift_limit: float
    """The population stability index from which on the inputs count as moved."""
    drift_weight: float
    """By how much caution grows where they did not move, and shrinks where they did."""
    passing: float
    """Chance that a rise of one step passes by itself."""
    lasting: float
    """What is left of that chance with each further step."""
    setback: float
    """What a retrain on a passing rise costs beyond its price, in prices."""
    patience: float
    """Weight of what one more step of the new concept would add to a retrain."""
    doubt: float
    """Weight of what may be lost because the error's level is not sure yet."""
    spread: float
    """Relative spread of the saving around its forecast."""
    weights: tuple[float, float, float]
    """What the certainty of the saving, its worth and the rise, both in prices, add to the score of a retrain."""
    curve: tuple[tuple[float, float], ...]
    """How often retrains of a score paid off: pairs of score and probability, both rising."""
    cases: tuple[RetrainCase, ...]
    """The cases that ship."""


@dataclass(frozen=True)
class ScalingPriors:
    """What `ScaleAdvisor` believes before it has seen anything. Times in minutes, loads relative to their level."""

    memory: tuple[float, float, float]
    """Over how long the newest load, how it went, and its level are averaged."""
    daily: float
    """How far what is remembered of a time of day follows the newest day, from 0 to 1."""
    error_memory: float
    """Over how long the errors of a forecast tell how far off the next one may be."""
    error_worth: float
    """How many minutes the usual errors are worth."""
    openness: float
    """How far a load's own weights may lie from the usual ones; standard deviation."""
    leads: tuple[float, ...]
    """The leads for which the usual weights and spreads were fitted, rising."""
    weights: tuple[tuple[float, ...], ...]
    """Usual weights of what a forecast rests on, for each lead."""
    spreads: tuple[float, ...]
    """Usual relative error of a forecast, for each lead."""
    patience: float
    """The latency target in the time of one request alone, where nothing tells."""
    reluctance: float
    """What an order must be expected to save beyond its boot, as a share of what the boot costs."""
    attachment: float
    """What a return must be expected to save, as a share of what a boot costs."""

    def weights_at(self, lead: float) -> tuple[float, ...]:
        """Return the usual weights for a lead."""
        return tuple(self._at(lead, column) for column in zip(*self.weights, strict=True))

    def spread_at(self, lead: float) -> float:
        """Return the usual relative error for a lead."""
        return self._at(lead, self.spreads)

    def _at(self, lead: float, values: Sequence[float]) -> float:
        return interpolated(tuple(zip(self.leads, values, strict=True)), lead)


@dataclass(frozen=True, slots=True)
class Face:
    """One way in which a cause shows; the signs are taken to be independent of each other within it."""

    cause: Cause
    name: str = ""
    """Empty for the usual one."""

    def __str__(self) -> str:
        """Return the face as `priors.json` calls it."""
        return f"{self.cause}/{self.name}" if self.name else str(self.cause)


@dataclass(frozen=True, slots=True)
class Reading:
    """How the chance of success that the model of causes gives is to be read: its log odds, stretched and shifted."""

    shift: float = 0.0
    slope: float = 1.0

    def of(self, chance: float) -> float:
        """Return the chance as it turned out for those that were given `chance`."""
        return sigmoid(self.shift + self.slope * logit(chance)) if 0 < chance < 1 else chance

    def back(self, read: float) -> float:
        """Return the chance that is read as this one."""
        return sigmoid((logit(read) - self.shift) / self.slope) if 0 < read < 1 else read


@dataclass(frozen=True)
class Priors:
    """All numbers of the engine. Costs and harms in hours of wrong answers, times in hours."""

    states: Mapping[Side, tuple[Cause, ...]]
    """The causes that each side knows."""
    causes: tuple[Cause, ...]
    """Those of the quality side and then those of the service side: the order of a row. Some are on both sides."""
    lasting: Row
    """For how many hours of the horizon each cause goes on by itself."""
    looms: Row
    """What each cause costs at least in the end if it is left, however little harm it does yet."""
    base: Mapping[Side, tuple[float, ...]]
    """How often each cause is behind what AURORA is asked to look at."""
    faces: Mapping[Side, tuple[Face, ...]]
    """In which ways the causes of each side show: the usual one of each in their order, then the others."""
    face_base: Mapping[Side, tuple[float, ...]]
    """How often each face is what AURORA is asked to look at."""
    signs: Mapping[Side, Mapping[str, tuple[float, ...]]]
    """How likely each sign shows under each face."""
    sharpness: Mapping[Side, float]
    """What the sum of log likelihoods is multiplied with; below 1 where signs tell the same thing twice."""
    cure: Mapping[Move, Row]
    """Chance that a move reaches its goal under each cause."""
    hours: Mapping[Move, float]
    """Hours until a move has its effect."""
    harm: Mapping[Move, float]
    """What a move does where it cures nothing."""
    widths: Mapping[str, float]
    """How wide the slope of each sign is around its threshold."""
    numbers: Mapping[str, float]
    """Everything that is one number."""
    readings: Mapping[Move, Reading]
    """How each move's chance of success is to be read."""
    advisor: AdvisorPriors
    scaling: ScalingPriors


@cache
def priors() -> Priors:
    """Return the shipped numbers."""
    return read(json.loads(files("aurora.policy").joinpath("priors.json").read_text(encoding="utf-8")))


def read(document: Mapping[str, Any]) -> Priors:
    """Return the numbers of one `priors.json`."""
    fitted = document["fitted"]
    judged = {name: entry["value"] for name, entry in document["judgement"].items()}
    rates = fitted["base_rates"]
    states = {side: tuple(Cause(name) for name in rates[side]) for side in Side}
    faces = {side: _faces(states[side], judged["faces"][side]) for side in Side}
    numbers = {**fitted["numbers"], **judged["numbers"]}
    causes = states[Side.QUALITY] + states[Side.SERVICE]
    return Priors(
        states=states,
        causes=causes,
        lasting=tuple(numbers["blip_hours" if cause is Cause.BLIP else "horizon_hours"] for cause in causes),
        looms=sum((_row(states[side], fitted["looms"][side]) for side in Side), ()),
        base={side: tuple(rates[side].values()) for side in Side},
        faces={side: tuple(faces[side]) for side in Side},
        face_base={
            side: tuple(rates[side][face.cause] * share for face, share in faces[side].items()) for side in Side
        },
        signs={side: {name: _row(faces[side], row) for name, row in fitted["signs"][side].items()} for side in Side},
        sharpness={side: fitted["sharpness"][side] for side in Side},
        cure={
            move: sum((_row(states[side], judged["cure"][side].get(move, {})) for side in Side), ()) for move in Move
        },
        hours={move: judged["hours_until_effect"][move] for move in Move},
        harm={move: judged["harm_if_wrong"][move] for move in Move},
        widths=judged["widths"],
        numbers=numbers,
        readings={move: Reading(**fitted["readings"][READ_AS.get(move, "change")]) for move in Move},
        advisor=advisor_priors({**judged["advisor"], **fitted["advisor"]}),
        scaling=_scaling({**judged["scaling"], **fitted["scaling"]}),
    )


def _scaling(values: Mapping[str, Any]) -> ScalingPriors:
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return ScalingPriors(**{**values, **lists, "weights": tuple(tuple(row) for row in values["weights"])})


def advisor_priors(values: Mapping[str, Any]) -> AdvisorPriors:
    """Return the numbers of `RetrainAdvisor` out of the file's."""
    lists = {
        "cases": tuple(RetrainCase(**case) for case in values["cases"]),
        "weights": tuple(values["weights"]),
        "curve": tuple((score, chance) for score, chance in values["curve"]),
    }
    return AdvisorPriors(**{**values, **lists})


def _faces(states: Iterable[Cause], others: Mapping[str, Mapping[str, float]]) -> dict[Face, float]:
    """Return each face with its share of its cause; the usual one has what the others leave."""
    faces = {Face(cause): 1 - sum(others.get(cause, {}).values()) for cause in states}
    return faces | {Face(Cause(cause), name): share for cause, some in others.items() for name, share in some.items()}


def _row(states: Iterable[Cause | Face], values: Mapping[str, float]) -> tuple[float, ...]:
    """Return one number for each state; one that the file does not name is 0: the move cures nothing there."""
    return tuple(float(values.get(str(state), 0.0)) for state in states)
