"""What every move is expected to cost, and what waiting would, in hours of wrong answers over a horizon.

Each cause does its harm every hour. A move that cures it ends the harm after the move's delay. What a move leaves
goes on for one more window, after which it is looked at again: with some chance it is clear by then and the best
move for it is made, else it goes on until the horizon. A move that cures nothing does some harm of its own. Rows
hold one number for each cause, those of the quality side first; see `Priors.causes`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from operator import mul
from typing import NamedTuple

from aurora.domain import CHANGING, Action, Cause
from aurora.policy.belief import NO_RECORD, Record, believed
from aurora.policy.curves import ramp
from aurora.policy.diagnosis import Diagnosis, diagnose
from aurora.policy.effects import HARMLESS, blocked_by_numbers, cures
from aurora.policy.harm import hourly_harm
from aurora.policy.moves import MOVES, Move, Side
from aurora.policy.priors import Row
from aurora.policy.sizing import replicas_wanted
from aurora.policy.view import View


@dataclass(frozen=True, slots=True)
class Prospect:
    """What is going on, before anything is done about it."""

    seen: View
    diagnosis: Diagnosis
    harm: Row
    """Hourly harm of each cause."""

    def hourly_harm(self) -> float:
        """Return the harm that is expected to be done in an hour."""
        return mean(self.diagnosis.chances, self.harm)

    def number(self, name: str) -> float:
        """Return one of the engine's numbers."""
        return self.seen.priors.numbers[name]


class Effect(NamedTuple):
    """What a move does."""

    move: Move
    action: Action
    side: Side
    """The side whose goal it would reach."""
    prior: float
    """Chance of success before memory was asked."""
    chance: float
    """Chance of success."""
    wrong: float
    """Chance that it is not what was called for: a goal may be reached for all that, as by a blip that ends."""
    price: float
    """What doing it costs, running costs over the horizon included."""
    cures: Row
    """Chance that it cures each cause."""
    delay: float
    """Hours until it has its effect."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """All that a choice rests on."""

    prospect: Prospect
    options: Mapping[Move, Effect]
    """The moves that can be made."""
    costs: Mapping[Move, float]
    """What each of them is expected to cost in all. To leave it never costs more than to wait."""
    leaving: float
    """Expected cost until the horizon if nothing is ever done."""
    blocked: Mapping[Move, str]
    """The moves that cannot be made, and why."""
    waiting: float
    """Expected cost of looking again after one more window and deciding then."""

    @property
    def seen(self) -> View:
        """The numbers that it rests on."""
        return self.prospect.seen


def assess(
    seen: View, blocked: Mapping[Move, str], records: Mapping[Action, Record], reversible: Collection[Action]
) -> Assessment:
    """Price every possible move, and waiting, under the diagnosis of what is seen."""
    diagnosis = diagnose(seen)
    prospect = Prospect(seen, diagnosis, hourly_harm(seen, diagnosis))
    blocked = {**blocked, **blocked_by_numbers(seen)}
    options = {move: _effect(move, prospect, records) for move in MOVES if move not in blocked}
    sides = _sides(prospect, options)
    costs = _costs(options, sides, reversible, prospect)
    waiting = sum(side.next_look for side in sides)
    leaving = costs[Move.LEAVE]
    costs[Move.LEAVE] = min(leaving, waiting)
    return Assessment(prospect, options, costs, leaving, blocked, waiting)


def mean(chances: Row, values: Row) -> float:
    """Return the mean of `values` under `chances`."""
    return float(sum(map(mul, chances, values)))


# --- what a move does ------------------------------------------------------------------------------------------------


def _effect(move: Move, prospect: Prospect, records: Mapping[Action, Record]) -> Effect:
    seen, diagnosis, action = prospect.seen, prospect.diagnosis, move.action
    row = cures(move, seen)
    cut = len(diagnosis.quality)
    quality, service = mean(diagnosis.quality, row[:cut]), mean(diagnosis.service, row[cut:])
    side = _goal_side(prospect, row, quality, service)
    raw = _worth_telling(prospect) if move is Move.ALERT else _success(move, side, quality, service)
    prior = seen.priors.readings[move].of(raw)
    record = records.get(action, NO_RECORD) if records else NO_RECORD
    chance = believed(prior, record, prospect.number("prior_strength"))
    price = seen.settings.costs.of(action) + _running(move, seen)
    wrong = 1 - _moved((raw,), prior, chance)[0]
    return Effect(move, action, side, prior, chance, wrong, price, _moved(row, prior, chance), seen.priors.hours[move])


def _goal_side(prospect: Prospect, row: Row, quality: float, service: float) -> Side:
    """Return the side on which a move takes away most harm; where there is none, on which it is likeliest to work."""
    if quality == 0 or service == 0:
        return Side.QUALITY if service == 0 else Side.SERVICE
    cut = len(prospect.diagnosis.quality)
    relief = tuple(map(mul, map(mul, prospect.diagnosis.chances, prospect.harm), row))
    return Side.QUALITY if (sum(relief[:cut]), quality) > (sum(relief[cut:]), service) else Side.SERVICE


def _success(move: Move, side: Side, quality: float, service: float) -> float:
    """Return the chance of reaching the goal. Leaving it is right only if both sides can be left."""
    if move is Move.LEAVE:
        return quality * service
    return quality if side is Side.QUALITY else service


def _worth_telling(prospect: Prospect) -> float:
    """Return the chance that something is wrong that people should know of, whether or not they find its cure."""
    return 1 - _any(HARMLESS, Side.QUALITY, prospect) * _any(HARMLESS, Side.SERVICE, prospect)


def _any(causes: Collection[Cause], side: Side, prospect: Prospect) -> float:
    """Return the chance that one of these causes is behind one side."""
    pairs = zip(prospect.seen.priors.states[side], prospect.diagnosis.side(side), strict=True)
    return sum(chance for cause, chance in pairs if cause in causes)


def _moved(row: Row, prior: float, chance: float) -> Row:
    """Return the chances under each cause, moved as memory has moved the chance of success as a whole."""
    if chance == prior:
        return row
    if chance < prior:
        return tuple(q * chance / prior for q in row)
    factor = (1 - chance) / (1 - prior)
    return tuple(1 - (1 - q) * factor if q > 0 else 0.0 for q in row)


def _running(move: Move, seen: View) -> float:
    """Return what the move costs beyond its price: added replicas run for as long as a surge lasts."""
    if move is not Move.SCALE_UP:
        return 0.0
    more = replicas_wanted(seen) - (seen.get("replicas.count") or 1.0)
    return max(more, 0.0) * seen.settings.costs.replica_hour * seen.priors.numbers["surge_hours"]


# --- what it costs ---------------------------------------------------------------------------------------------------


NEGLIGIBLE = 1e-4
"""Expected harm until the horizon below which a cause is left out of the sums."""


@dataclass(slots=True)
class _Harmful:
    """One cause that does harm."""

    index: int
    """Its place in every row."""
    chance: float
    harm: float
    """By the hour."""
    lasting: float
    """Harm until the horizon if nothing is ever done."""
    known: float = 0.0
    """The least that it would cost if it were known."""
    later: float = 0.0
    """What it costs where this look leaves it."""

    def look_ahead(self, options: Collection[Effect], window: float, clear: float) -> None:
        """Work out what this cause costs where it is known, and where it is left until the next look."""
        harm, lasting = self.harm, self.lasting
        self.known = lasting
        for effect in options:
            if cure := effect.cures[self.index]:
                cost = effect.price + lasting - cure * max(lasting - harm * effect.delay, 0.0)
                self.known = min(self.known, cost)
        self.later = min(harm * window + clear * self.known + (1 - clear) * lasting, lasting)


@dataclass(slots=True)
class _Side:
    """What is harmful on one side."""

    causes: list[_Harmful]
    next_look: float = 0.0
    """Expected cost of this side if it is looked at again after one window, and the best is done then."""

    def relief(self, effect: Effect) -> float:
        """Return the harm that a move takes away, against leaving each cause until the next look."""
        cures, delay, total = effect.cures, effect.delay, 0.0
        for cause in self.causes:
            if cure := cures[cause.index]:
                total += cause.chance * cure * max(cause.later - cause.harm * delay, 0.0)
        return total

    def later(self) -> float:
        """Return the expected cost of leaving each cause until the next look."""
        return sum(cause.chance * cause.later for cause in self.causes)

    def lasting(self) -> float:
        """Return the expected harm until the horizon if nothing is ever done."""
        return sum(cause.chance * cause.lasting for cause in self.causes)


def _sides(prospect: Prospect, options: Mapping[Move, Effect]) -> tuple[_Side, _Side]:
    """Return the harmful causes of both sides. To leave them cures nothing, and is no option to weigh here."""
    window, clear = prospect.number("window_hours"), prospect.number("clarity")
    active = [effect for effect in options.values() if effect.move is not Move.LEAVE]
    looming = _looming(prospect)
    causes = (
        _harmful(index, chance, looming[index], prospect) for index, chance in enumerate(prospect.diagnosis.chances)
    )
    harmful = [cause for cause in causes if cause.chance * cause.lasting > NEGLIGIBLE]
    for cause in harmful:
        cause.look_ahead(active, window, clear)
    cut = len(prospect.diagnosis.quality)
    return _Side([c for c in harmful if c.index < cut]), _Side([c for c in harmful if c.index >= cut])


ALARMS: Mapping[Side, tuple[str, ...]] = {
    Side.QUALITY: ("accuracy_low", "labels_few"),
    Side.SERVICE: ("latency_high", "latency_risen", "errors_high", "usage_high", "hot_replica", "memory_high"),
}
"""The signs of which one must show before harm is expected that is not there yet."""


def _looming(prospect: Prospect) -> Row:
    """Return what each cause usually comes to if it is left, as far as any sign of trouble shows on its side."""
    degrees, cut = prospect.diagnosis.degrees, len(prospect.diagnosis.quality)
    quality, service = (max(degrees.get(name, 0.0) for name in ALARMS[side]) for side in Side)
    looms = prospect.seen.priors.looms
    return tuple(value * quality for value in looms[:cut]) + tuple(value * service for value in looms[cut:])


def _harmful(index: int, chance: float, looms: float, prospect: Prospect) -> _Harmful:
    """Return a cause with what it costs until the horizon if it is left: users complain in the end, and people come."""
    harm, priors = prospect.harm[index], prospect.seen.priors
    complained = max(prospect.number("borne_harm"), harm * prospect.number("window_hours"))
    people = complained + harm * priors.hours[Move.ALERT] + prospect.seen.settings.costs.alert
    left = max(min(harm * priors.lasting[index], people), looms)
    # What is still to come is not there at once, and not only at the end.
    return _Harmful(index, chance, max(harm, looms / prospect.number("looming_hours")), left)


def _costs(
    options: Mapping[Move, Effect], sides: tuple[_Side, _Side], reversible: Collection[Action], prospect: Prospect
) -> dict[Move, float]:
    """Return what each move costs: itself, and on each side what it leaves or, if less, what the next look costs."""
    active = [effect for effect in options.values() if effect.move is not Move.LEAVE]
    costs = {effect.move: effect.price + _wrong(effect, prospect, reversible) for effect in active}
    if Move.RETRAIN in costs:
        costs[Move.RETRAIN] += _untimely(prospect)
    left = []
    for side in sides:
        later = side.later()
        after = {effect.move: later - side.relief(effect) for effect in active}
        best = min(costs[move] + harm for move, harm in after.items())
        side.next_look = _next_look(side, min(best, side.lasting()), prospect)
        left.append(after)
    for move in costs:
        costs[move] += sum(min(after[move], side.next_look) for side, after in zip(sides, left, strict=True))
    return {**costs, Move.LEAVE: sum(side.lasting() for side in sides)}


def _next_look(side: _Side, now: float, prospect: Prospect) -> float:
    """Return the cost of one more window on one side and then of the best of now, or less for a cause clear then."""
    window = sum(cause.chance * cause.harm for cause in side.causes) * prospect.number("window_hours")
    clear = prospect.number("clarity")
    known = sum(cause.chance * cause.known for cause in side.causes)
    return window + clear * min(known, now) + (1 - clear) * now


def _untimely(prospect: Prospect) -> float:
    """Return what speaks against a retrain right now by the model's own history, which tells of time and little else.

    Either it would cost more than it brings, or it would bring more if it were made a little later.
    """
    saving, waiting = (prospect.seen.get(f"history.retrain_{name}") for name in ("saving", "waiting"))
    if saving is None or waiting is None:
        return 0.0
    return prospect.number("history_weight") * max(-saving, waiting, 0.0)


def _wrong(effect: Effect, prospect: Prospect, reversible: Collection[Action]) -> float:
    """Return what it costs that a move may not succeed.

    That is its own harm, for longer where it cannot be taken back, the trust that a change costs where nothing was
    wrong, and the person who is asked about an unsure one.
    """
    harm = effect.wrong * prospect.seen.priors.harm[effect.move]
    if effect.action not in CHANGING:
        return harm
    lasting = 1.0 if effect.action in reversible else prospect.number("irreversible_harm")
    asked = 1 - ramp(effect.chance, prospect.number("sure"), prospect.seen.priors.widths["sure"])
    needless = _any((Cause.HEALTHY, Cause.BLIP), effect.side, prospect) * prospect.number("needless_harm")
    return harm * lasting + needless + asked * prospect.seen.settings.costs.alert
