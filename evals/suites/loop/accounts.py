"""What a life came to: its price in the contract's unit, its incidents one by one, and what was done that was wrong.

All of it is measured on what only the world knows; no figure rests on what a policy says of itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from aurora.domain import CHANGING, TRAINING, Action
from aurora.sandbox.effects import Effect
from aurora.sandbox.service import Incident, IncidentKind
from evals.incidents import KINDS
from evals.suites.loop.lives import Life
from evals.suites.loop.stage import HOURS, Sight

WITHIN = 0.06
"""How far under its healthy level the accuracy of a service that is well may be: thrice the error of `OVER`."""
OVER = 5
"""Ticks that an accuracy is taken over."""
HOLDS = 5
"""Ticks in a row for which a service must be well to have recovered."""


@dataclass(frozen=True, slots=True)
class Price:
    """What something cost, in hours of normal traffic answered wrongly."""

    wrong: float = 0.0
    """Requests answered wrongly or turned away."""
    late: float = 0.0
    """Time over the latency target."""
    replicas: float = 0.0
    actions: float = 0.0
    people: float = 0.0
    """Alerts, pages and questions, at the price of an alert."""

    @property
    def total(self) -> float:
        """Return everything together."""
        return self.wrong + self.late + self.replicas + self.actions + self.people


@dataclass(frozen=True, slots=True)
class Deed:
    """One change, and how it stands to what was the matter."""

    tick: int
    action: Action
    faced: str
    """What was the matter: the kinds of the incidents that the service had not got over."""
    wrong: bool
    """Whether it was none of what is right about any of them, or did not come to stay."""
    idle: bool
    """Whether there was nothing to cure at all."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One incident of a service, up to the next one."""

    kind: str
    begins: int
    ends: int
    hurt: bool
    """Whether the service was unwell at any time while it was on."""
    well_before: bool
    """Whether it had got over everything before."""
    hours: float
    """Until it was well again; all of the episode where it never was."""
    recovered: bool
    """Whether that was before the time was over in which something can be done about it."""
    price: Price

    @property
    def curable(self) -> bool:
        """Whether there is anything to do about it."""
        return bool(KINDS[_incident_kind(self.kind)].right)


@dataclass(frozen=True, slots=True)
class Account:
    """One life, added up."""

    life: Life
    price: Price
    episodes: tuple[Episode, ...]
    deeds: tuple[Deed, ...]
    accuracy: float
    """Mean share of requests answered rightly."""
    late_share: float
    replica_hours: float
    called: tuple[int, ...]
    """The ticks at which a person was alerted, paged or asked."""
    trainings: int
    better: int
    """Trainings whose version beat the serving one on live traffic, and stayed."""

    @property
    def interventions(self) -> int:
        """How often a person was alerted, paged or asked."""
        return len(self.called)

    @property
    def repeated(self) -> int:
        """How often something that was wrong was done again, to the same model in the same situation."""
        wrong = [(deed.action, deed.faced) for deed in self.deeds if deed.wrong]
        return len(wrong) - len(set(wrong))


def account(life: Life) -> Account:
    """Add up a life."""
    well = _well(life)
    episodes = tuple(_episodes(life, well))
    trainings = [effect for _, effect in life.effects if effect.action in TRAINING]
    alerts = [tick for tick, effect in life.effects if effect.action is Action.ALERT]
    return Account(
        life=life,
        price=price(life, 1, len(life.sights) + 1),
        episodes=episodes,
        deeds=tuple(_deeds(life, episodes)),
        accuracy=fmean(sight.rightly for sight in life.sights),
        late_share=fmean(_is_late(life, sight) for sight in life.sights),
        replica_hours=HOURS * sum(sight.replicas for sight in life.sights),
        called=(*alerts, *life.calls),
        trainings=len(trainings),
        better=sum(effect.phase == "promoted" and not effect.undone for effect in trainings),
    )


# --- prices ----------------------------------------------------------------------------------------------------------


def price(life: Life, since: int, until: int) -> Price:
    """Return what the ticks from `since` up to, not including, `until` cost; tick 1 is the first sight."""
    costs, sights = life.settings.costs, life.sights[since - 1 : until - 1]
    done = [effect for tick, effect in life.effects if since <= tick < until]
    alerts = sum(effect.action is Action.ALERT for effect in done)
    calls = sum(since <= tick < until for tick in life.calls)
    return Price(
        wrong=HOURS * sum(sight.traffic * (1 - sight.rightly) for sight in sights),
        late=HOURS * costs.slo_breach * sum(_is_late(life, sight) for sight in sights),
        replicas=HOURS * costs.replica_hour * sum(sight.replicas for sight in sights),
        actions=sum(costs.of(effect.action) for effect in done if effect.action in CHANGING),
        people=costs.alert * (alerts + calls),
    )


def _is_late(life: Life, sight: Sight) -> bool:
    return sight.latency_ms > life.settings.latency_slo_ms


# --- incidents -------------------------------------------------------------------------------------------------------


def _well(life: Life) -> list[bool]:
    """Return for each tick whether the service was well."""
    usual = (life.settings.baseline.accuracy if life.settings.baseline else None) or 0.0
    limit = life.settings.thresholds.error_rate
    found = []
    for number, sight in enumerate(life.sights):
        recent = life.sights[max(number - OVER + 1, 0) : number + 1]
        accurate = fmean(one.rightly for one in recent) >= usual - WITHIN
        found.append(accurate and not _is_late(life, sight) and sight.error_rate <= limit)
    return found


def _episodes(life: Life, well: Sequence[bool]) -> Iterator[Episode]:
    """Yield every incident that there was time to do something about."""
    incidents, last = life.incidents, len(life.sights)
    clean = True
    for number, incident in enumerate(incidents):
        ends = incidents[number + 1].begins if number + 1 < len(incidents) else last + 1
        if incident.begins + incident.lasts > last:
            return
        yield (episode := _episode(life, well, incident, ends, clean=clean))
        clean = not episode.hurt or well[ends - 2]


def _episode(life: Life, well: Sequence[bool], incident: Incident, ends: int, *, clean: bool) -> Episode:
    during = well[incident.begins - 1 : ends - 1]
    hurt = not all(during[: incident.lasts + OVER])
    after = _recovery(during) if hurt else 0
    return Episode(
        kind=incident.kind,
        begins=incident.begins,
        ends=ends,
        hurt=hurt,
        well_before=clean,
        hours=HOURS * (len(during) if after is None else after),
        recovered=after is not None and after < incident.lasts,
        price=price(life, incident.begins, ends),
    )


def _recovery(well: Sequence[bool]) -> int | None:
    """Return after how many ticks a service was well to stay so, counted from the first tick of an incident."""
    first = next(number for number, one in enumerate(well) if not one)
    for number in range(first, len(well) - HOLDS + 1):
        if all(well[number : number + HOLDS]):
            return number
    return None


def _incident_kind(word: str) -> IncidentKind:
    return next(kind for kind in KINDS if kind == word)


# --- deeds -----------------------------------------------------------------------------------------------------------


def _deeds(life: Life, episodes: Sequence[Episode]) -> Iterator[Deed]:
    for tick, effect in life.effects:
        if effect.action not in CHANGING or _gives_back(effect):
            continue
        faced = _faced(tick, episodes)
        if faced is None:
            continue
        right = {action for kind in faced for action in (*KINDS[kind].right, *KINDS[kind].also)}
        idle = not any(KINDS[kind].right for kind in faced)
        fits = effect.action in right and effect.phase != "withdrawn" and not effect.undone
        yield Deed(tick, effect.action, "+".join(faced), wrong=not fits, idle=idle)


def _faced(tick: int, episodes: Sequence[Episode]) -> tuple[IncidentKind, ...] | None:
    """Return the incidents that the service had not got over; None where no episode of the account is on."""
    present = next((number for number, one in enumerate(episodes) if one.begins <= tick < one.ends), None)
    if present is None:
        return None
    first = present
    while first > 0 and not episodes[first].well_before:
        first -= 1
    return tuple(dict.fromkeys(_incident_kind(one.kind) for one in episodes[first : present + 1]))


def _gives_back(effect: Effect) -> bool:
    """Whether a change only gives back what an earlier one took: replicas, or the traffic of one of them."""
    weights, replicas = effect.parameters.get("weights"), effect.parameters.get("replicas")
    if weights:
        return bool(min(weights.values()) > 0)
    return replicas is not None and bool(replicas < len(effect.before.get("replicas", ())))
