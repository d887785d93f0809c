"""Every policy on one stream, at all costs: what each did, what it cost, and what the engine said at each step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from aurora.policy import RetrainAdvisor
from evals.baselines.streams.entrants import Baseline, Given, baselines
from evals.baselines.streams.fits import Fits
from evals.baselines.streams.plain import every, period_costs
from evals.baselines.streams.prefix import prefix
from evals.suites.result import ENGINE
from evals.suites.streams.recovery import Change, change
from evals.worlds.catalogue import Entry
from evals.worlds.schedules import Policy, Priced, Schedule, Sight, Start, follow, oracle, price
from evals.worlds.states import savings, savings_to_the_end
from evals.worlds.store import load
from evals.worlds.streams import Stream

ORACLE = "oracle"
HINDSIGHT = "best period in hindsight"
UNDEPLOYABLE = (ORACLE, HINDSIGHT)


@dataclass(frozen=True, slots=True)
class Told:
    """What the engine said after one step, and what was true."""

    probability: float
    retrain: bool
    cheaper_kept: bool
    """Whether the new model to the end costs less than the old one to the end."""
    cheaper: bool
    """Whether a retrain now costs less than one step more, with the cheapest schedule after either."""


@dataclass(frozen=True, slots=True)
class Run:
    """One stream at one cost, played by all."""

    entry: Entry
    horizon: int
    played: Mapping[str, Priced]
    change: Change | None
    """None where there is no abrupt change that the oracle recovers from."""
    told: tuple[Told, ...]
    right: Mapping[str, float]
    """Share of steps at which the choice was the cheaper one."""
    micros: tuple[float, ...]
    """How long update and advice took at each step, in microseconds."""


def play(folder: Path, alike: Sequence[Entry], fits: Fits) -> list[Run]:
    """Play one stream at several costs, all of one key."""
    stream = load(folder, alike[0])
    thoughtless: dict[str, Schedule] = {}
    return [_run(entry, replace(stream, cost=entry.cost), fits, thoughtless) for entry in alike]


def _run(entry: Entry, stream: Stream, fits: Fits, thoughtless: dict[str, Schedule]) -> Run:
    given = Given(prefix(stream), fits, entry.cost, entry.key)
    schedules = {one.name: _schedule(stream, one, given, thoughtless) for one in baselines()}
    engine = _Engine()
    schedules[ENGINE] = follow(stream, engine.start)
    played = {name: Priced(price(stream, schedule), schedule) for name, schedule in schedules.items()}
    played |= {ORACLE: oracle(stream), HINDSIGHT: in_hindsight(stream)}
    return Run(
        entry,
        stream.horizon,
        played,
        _change(entry, stream, played[ORACLE].schedule),
        _told(stream, engine),
        {name: _right(stream, one.schedule) for name, one in played.items()},
        tuple(engine.micros),
    )


def _schedule(stream: Stream, baseline: Baseline, given: Given, thoughtless: dict[str, Schedule]) -> Schedule:
    if baseline.thrifty:
        return follow(stream, baseline.make(given))
    if baseline.name not in thoughtless:
        thoughtless[baseline.name] = follow(stream, baseline.make(given))
    return thoughtless[baseline.name]


def in_hindsight(stream: Stream) -> Priced:
    """Return the period that was cheapest on this very stream; the longest of equals."""
    costs = period_costs(stream)
    best = len(costs) - int(costs[::-1].argmin())
    return Priced(float(costs[best - 1]), every(best, stream.horizon))


def entered(stream: Stream, start: Start) -> Priced:
    """Return what another policy does."""
    schedule = follow(stream, start)
    return Priced(price(stream, schedule), schedule)


class _Engine:
    """The engine on one stream, with what it said written down."""

    def __init__(self) -> None:
        self.said: list[tuple[float, bool]] = []
        self.micros: list[float] = []

    def start(self, cost: float) -> Policy:
        advisor = RetrainAdvisor(cost)

        def decide(seen: Sight) -> bool:
            begun = perf_counter()
            advisor.update(seen.error, seen.labels, seen.drift_mean, seen.drift_max, seen.challenger)
            advice = advisor.advise()
            self.micros.append((perf_counter() - begun) * 1e6)
            self.said.append((advice.probability, advice.retrain))
            if advice.retrain:
                advisor.retrained()
            return advice.retrain

        return decide


def _told(stream: Stream, engine: _Engine) -> tuple[Told, ...]:
    to_the_end, best = savings_to_the_end(stream), savings(stream)
    model, told = 0, []
    for step, (probability, retrain) in enumerate(engine.said):
        told.append(Told(probability, retrain, bool(to_the_end[model, step] > 0), bool(best[model, step] > 0)))
        model = step + 1 if retrain else model
    return tuple(told)


def _right(stream: Stream, schedule: Schedule) -> float:
    best, retrains = savings(stream), set(schedule)
    model, right = 0, 0
    for step in range(stream.horizon - 1):
        right += (step + 1 in retrains) == bool(best[model, step] > 0)
        model = step + 1 if step + 1 in retrains else model
    return right / (stream.horizon - 1)


def _change(entry: Entry, stream: Stream, best: Schedule) -> Change | None:
    found = change(entry, stream)
    return found if found is not None and found.able & set(best) else None
