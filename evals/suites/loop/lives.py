"""Lives of the fleet under each of the arms: nobody, a person, the rules, AURORA, and all that is right at once."""

import logging
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, get_args

from aurora.domain import ModelSettings
from aurora.sandbox.effects import Effect
from aurora.sandbox.fleet.catalogue import CATALOGUE, Entry, made
from aurora.sandbox.fleet.incidents import DAY, QUIET, schedule
from aurora.sandbox.service import Incident, Service
from evals.baselines.loop import TriggerTable
from evals.quiet import quiet
from evals.suites.loop.people import AtOnce, Person
from evals.suites.loop.stage import HOURS, Sight, Stage, tick_of

Arm = Literal["nobody", "a person", "rules", "AURORA", "right cure at once"]
ARMS: tuple[Arm, ...] = get_args(Arm)


@dataclass(frozen=True, slots=True)
class Plan:
    """One fleet for one length of time; picklable."""

    seed: int
    names: tuple[str, ...]
    ticks: int

    def services(self) -> list[Service]:
        """Return its services at tick 0, with all that is to befall them."""
        return [_born(entry, self.seed, self.ticks) for entry in CATALOGUE if entry.name in self.names]


@dataclass(frozen=True, slots=True)
class Life:
    """All that was seen of one service under one arm."""

    arm: Arm
    seed: int
    name: str
    born: Service
    settings: ModelSettings
    sights: tuple[Sight, ...]
    incidents: tuple[Incident, ...]
    """Those that began, as planned."""
    effects: tuple[tuple[int, Effect], ...]
    """All that was done to it, and when, oldest first; alerts too."""
    calls: tuple[int, ...]
    """The ticks at which a person was paged or asked, beside alerts."""


class Crew(Protocol):
    """Whoever looks after the fleet."""

    @property
    def calls(self) -> list[tuple[int, str]]:
        """Tick and service of every page and approval."""

    def work(self) -> None:
        """Do in this tick what is to be done."""


@dataclass
class Nobody:
    """Nobody is there."""

    calls: list[tuple[int, str]] = field(default_factory=list)

    def work(self) -> None:
        """Do nothing."""


class Rules:
    """The trigger table acts on every service by itself; its alerts reach the person."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._tables = {name: TriggerTable(scene.settings, HOURS) for name, scene in stage.scenes.items()}
        self._person = Person(stage)

    @property
    def calls(self) -> list[tuple[int, str]]:
        """Tick and service of every page and approval: none but the alerts."""
        return self._person.calls

    def work(self) -> None:
        """Do what the table says of each service."""
        stage = self._stage
        for name, table in self._tables.items():
            step = table.decide(stage.scenes[name].points[-1], stage.service(name).serving(), stage.now)
            if step is None or stage.is_changing(name):
                continue
            result = stage.act(step, f"rules:{name}:{stage.now}")
            if result.status == "ok":
                table.did(result.answer, stage.now)
        self._person.work()


def live(plan: Plan, arm: Arm) -> list[Life]:
    """Let one fleet live under one arm; return the life of each of its services."""
    with (
        quiet(logging.CRITICAL, "aurora"),
        tempfile.TemporaryDirectory() as folder,
        Stage(Path(folder), plan.services(), with_aurora=arm == "AURORA") as stage,
    ):
        crew = _crew(arm, stage)
        for _ in range(plan.ticks):
            stage.tick()
            crew.work()
        return _told(plan, arm, stage, crew)


def _crew(arm: Arm, stage: Stage) -> Crew:
    match arm:
        case "nobody":
            return Nobody()
        case "a person":
            return Person(stage, watches=True)
        case "rules":
            return Rules(stage)
        case "AURORA":
            return Person(stage)
        case "right cure at once":
            return AtOnce(stage)


def _told(plan: Plan, arm: Arm, stage: Stage, crew: Crew) -> list[Life]:
    effects = [(tick_of(effect), effect) for _, effect in stage.effects()]
    return [
        Life(
            arm=arm,
            seed=plan.seed,
            name=name,
            born=scene.born,
            settings=scene.settings,
            sights=tuple(scene.sights),
            incidents=scene.born.live.incidents if scene.born.live else (),
            effects=tuple((tick, effect) for tick, effect in effects if effect.target == name),
            calls=tuple(tick for tick, called in crew.calls if called == name),
        )
        for name, scene in stage.scenes.items()
    ]


def _born(entry: Entry, seed: int, ticks: int) -> Service:
    """Return the service of an entry; what befalls it begins at another moment in every life, with another kind."""
    born = made(entry, seed)
    turn = seed % len(entry.kinds)
    kinds = entry.kinds[turn:] + entry.kinds[:turn]
    first = 12 + born.seed % (DAY // 2)
    planned = schedule(born.seed, kinds, first, ticks // QUIET[0] + 1)
    return made(entry, seed, tuple(one for one in planned if one.begins <= ticks))
