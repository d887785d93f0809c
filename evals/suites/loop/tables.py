"""The three experiments as tables, with intervals over lives: recovery, cost, and the quality of decisions."""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, median

import numpy as np

from evals.suites.figures import DRAWS, SEED, Figure, Numbers, cheaper_by, drawn, mean, ratio
from evals.suites.loop.accounts import Account, Episode, Price
from evals.suites.loop.lives import ARMS, Arm
from evals.suites.loop.stage import HOURS
from evals.suites.result import Column, Comparison, Plot, Row, Table, Target

TIE = 0.25
"""Hours of wrong answers by which two ways to meet an incident may differ and still be equally good."""
AURORA: Arm = "AURORA"
RULES: Arm = "rules"
PERSON: Arm = "a person"
BOUND: Arm = "right cure at once"

Accounts = Mapping[Arm, Sequence[Account]]
"""By arm the same lives in the same order."""


# --- recovery --------------------------------------------------------------------------------------------------------


def recovery(accounts: Accounts) -> Table:
    """Return time to recovery and accuracy."""
    return Table(
        title="Experiment 1: time to recovery and accuracy",
        about="The same lives under each arm. Recovery: hours from the beginning of an incident that can be cured "
        "until the service is well and stays so, median. In time: before the incident would have passed by itself or, "
        "where it would not, within the hours there are to do something about it.",
        columns=(
            Column("hours to recovery", ".1f"),
            Column("recovered in time", ".1%"),
            Column("accuracy served", ".4f"),
            Column("time over latency target", ".2%"),
            Column("interventions of people a week", ".2f"),
            Column("saved of a person's", ".1%"),
            Column("mistakes", ".2f"),
            Column("mistakes repeated", ".2f"),
        ),
        rows=tuple(Row(arm, _recovery(accounts, arm)) for arm in ARMS),
    )


def _recovery(accounts: Accounts, arm: Arm) -> tuple[Figure | None, ...]:
    mine = accounts[arm]
    hands = [one.interventions for one in mine]
    theirs = [one.interventions for one in accounts[PERSON]]
    return (
        hours_to_recovery(accounts, arm),
        recovered(accounts, arm),
        mean([one.accuracy for one in mine]),
        mean([one.late_share for one in mine]),
        mean([one.interventions / _weeks(one) for one in mine]),
        among([their - own for their, own in zip(theirs, hands, strict=True)], theirs),
        mean([sum(deed.wrong for deed in one.deeds) / _weeks(one) for one in mine]),
        mean([one.repeated / _weeks(one) for one in mine]),
    )


def by_kind(accounts: Accounts) -> Table:
    """Return the median time to recovery of each kind of incident that can be cured."""
    return Table(
        title="Hours to recovery by kind of incident",
        about="Medians over all incidents of a kind. Without anybody a drift, a bad version and a leak stay until the "
        "next incident, and that is their time.",
        columns=tuple(Column(kind.replace("_", " "), ".1f") for kind in _kinds(accounts)),
        rows=tuple(
            Row(arm, tuple(hours_to_recovery(accounts, arm, kind) for kind in _kinds(accounts))) for arm in ARMS
        ),
    )


def hours_to_recovery(accounts: Accounts, arm: Arm, kind: str | None = None) -> Figure | None:
    """Return the median over all incidents that hurt under any arm; None where there was none."""
    return _median([[one.hours for one in _cured(lives, arm, kind)] for lives in _by_life(accounts)])


def recovered(accounts: Accounts, arm: Arm) -> Figure:
    """Return the share of incidents that were recovered from in time."""
    found = [_cured(lives, arm) for lives in _by_life(accounts)]
    return among([sum(one.recovered for one in some) for some in found], [len(some) for some in found])


def _cured(lives: Mapping[Arm, Account], arm: Arm, kind: str | None = None) -> list[Episode]:
    """Return the curable incidents of a life that hurt under at least one arm."""
    hurt = {one.begins for account in lives.values() for one in account.episodes if one.hurt}
    return [
        one for one in lives[arm].episodes if one.curable and one.begins in hurt and (kind is None or one.kind == kind)
    ]


def _by_life(accounts: Accounts) -> list[dict[Arm, Account]]:
    return [dict(zip(accounts, lives, strict=True)) for lives in zip(*accounts.values(), strict=True)]


def _kinds(accounts: Accounts) -> list[str]:
    return sorted({one.kind for lives in _by_life(accounts) for one in _cured(lives, AURORA)})


def _median(groups: Sequence[Sequence[float]]) -> Figure | None:
    """Return the median of all values, and an interval over the groups that they come in."""
    values = [value for group in groups for value in group]
    if not values:
        return None
    picked = np.random.default_rng(SEED).integers(len(groups), size=(DRAWS, len(groups)))
    medians = [median(some) for row in picked if (some := [value for number in row for value in groups[number]])]
    low, high = np.percentile(medians, (2.5, 97.5))
    return Figure(median(values), float(low), float(high))


def among(counts: Sequence[float], of: Sequence[float]) -> Figure:
    """Return all counts over all that they are counted among; a draw of lives with nothing to count says nothing."""

    def part(count: Numbers, all_: Numbers) -> Numbers:
        whole: Numbers = all_.sum(-1)
        found: Numbers = count.sum(-1) / np.where(whole > 0, whole, np.nan)
        return found

    return drawn(part, counts, of) if any(of) else Figure(0.0)


def _weeks(one: Account) -> float:
    return len(one.life.sights) * HOURS / 168


# --- cost ------------------------------------------------------------------------------------------------------------


def cost(accounts: Accounts) -> Table:
    """Return what each arm cost."""
    parts: dict[str, Callable[[Price], float]] = {
        "wrong answers": lambda price: price.wrong,
        "over latency target": lambda price: price.late,
        "replicas": lambda price: price.replicas,
        "actions": lambda price: price.actions,
        "people": lambda price: price.people,
        "total": lambda price: price.total,
    }
    return Table(
        title="Experiment 2: cost",
        about="Per service and week, in hours of its normal traffic answered wrongly, at the contract's prices; wrong "
        "answers include those that a healthy model gives. Replica-hours as they are; trainings, and the share of "
        "them whose version beat the serving one on live traffic and stayed.",
        columns=(
            *(Column(name, ".2f") for name in parts),
            Column("total over the right cure at once", ".3f"),
            Column("replica-hours", ".0f"),
            Column("trainings", ".2f"),
            Column("trainings that were better", ".1%"),
        ),
        rows=tuple(
            Row(
                arm,
                (
                    *(mean([part(one.price) / _weeks(one) for one in accounts[arm]]) for part in parts.values()),
                    ratio(_totals(accounts, arm), _totals(accounts, BOUND)),
                    mean([one.replica_hours / _weeks(one) for one in accounts[arm]]),
                    mean([one.trainings / _weeks(one) for one in accounts[arm]]),
                    _better(accounts[arm]),
                ),
            )
            for arm in ARMS
        ),
    )


def _better(mine: Sequence[Account]) -> Figure | None:
    if not any(one.trainings for one in mine):
        return None
    return among([one.better for one in mine], [one.trainings for one in mine])


def _totals(accounts: Accounts, arm: Arm) -> list[float]:
    return [one.price.total for one in accounts[arm]]


# --- decisions -------------------------------------------------------------------------------------------------------


def decisions(accounts: Accounts) -> Table:
    """Return how good the decisions were."""
    return Table(
        title="Experiment 3: decision quality",
        about=f"Right: the incident cost no more than {TIE} hours more than under the best arm in hindsight. False "
        "positives: incidents that need no cure, on a service that was well, in which something was changed. Regret: "
        "hours that a week of a service cost more than under the best arm in hindsight. Users' satisfaction (answer "
        "ratings, approval and edit rates): not measured until real people give them.",
        columns=(
            Column("right within the tie band", ".1%"),
            Column("false positives", ".1%"),
            Column("alerts with nothing to cure", ".1%"),
            Column("regret", ".2f"),
            Column("users' satisfaction", ".1%"),
        ),
        rows=tuple(
            Row(
                arm,
                (
                    tied(accounts, arm),
                    false_positives(accounts[arm]),
                    idle_calls(accounts[arm]),
                    regret(accounts, arm),
                    None,
                ),
            )
            for arm in ARMS
        ),
    )


def tied(accounts: Accounts, arm: Arm) -> Figure:
    """Return the share of incidents that were met as well as in hindsight possible."""
    good, all_ = [], []
    for lives in _by_life(accounts):
        costs = [[one.price.total for one in lives[name].episodes] for name in lives]
        best = [min(some) for some in zip(*costs, strict=True)]
        mine = [one.price.total for one in lives[arm].episodes]
        good.append(sum(own <= least + TIE for own, least in zip(mine, best, strict=True)))
        all_.append(len(best))
    return among(good, all_)


def false_positives(mine: Sequence[Account]) -> Figure:
    """Return the share of incidents with nothing to cure in which a service that was well was changed."""
    found = [_calm(one) for one in mine]
    changed = [
        sum(any(some.begins <= deed.tick < some.ends and deed.idle for deed in one.deeds) for some in calm)
        for one, calm in zip(mine, found, strict=True)
    ]
    return among(changed, [len(calm) for calm in found])


def idle_calls(mine: Sequence[Account]) -> Figure:
    """Return the share of incidents with nothing to cure in which people were called to a service that was well."""
    found = [_calm(one) for one in mine]
    called = [
        sum(any(some.begins <= tick < some.ends for tick in one.called) for some in calm)
        for one, calm in zip(mine, found, strict=True)
    ]
    return among(called, [len(calm) for calm in found])


def _calm(one: Account) -> list[Episode]:
    return [some for some in one.episodes if some.well_before and not some.curable]


def regret(accounts: Accounts, arm: Arm) -> Figure:
    """Return how much more a week of a service cost than under the best arm in hindsight."""
    best = [min(one.price.total for one in lives.values()) for lives in _by_life(accounts)]
    return mean([(one.price.total - least) / _weeks(one) for one, least in zip(accounts[arm], best, strict=True)])


# --- what is held to -------------------------------------------------------------------------------------------------


def targets(accounts: Accounts) -> tuple[Target, ...]:
    """Return what the engine is held to, and what is watched."""
    mine = accounts[AURORA]
    watched = {
        "loop.recovery_hours": ("hours to recovery, median", hours_to_recovery(accounts, AURORA), True, ".1f"),
        "loop.recovered": ("incidents recovered from in time", recovered(accounts, AURORA), False, ".1%"),
        "loop.accuracy": ("accuracy served", mean([one.accuracy for one in mine]), False, ".4f"),
        "loop.cost": (
            "total cost over the right cure at once",
            ratio(_totals(accounts, AURORA), _totals(accounts, BOUND)),
            True,
            ".3f",
        ),
        "loop.right": ("incidents met as well as in hindsight possible", tied(accounts, AURORA), False, ".1%"),
        "loop.regret": ("regret, hours a week", regret(accounts, AURORA), True, ".2f"),
        "loop.trainings": ("trainings that were better", _better(mine), False, ".1%"),
        "loop.repeated": (
            "mistakes repeated, a week",
            mean([one.repeated / _weeks(one) for one in mine]),
            True,
            ".2f",
        ),
    }
    return (
        Target(
            key="loop.false_positives",
            measure="changes on services with nothing to cure",
            figure=false_positives(mine),
            must=0.03,
            aim=0.01,
            format=".1%",
        ),
        *(
            Target(key=key, measure=measure, figure=figure, must=None, at_most=less, format=form)
            for key, (measure, figure, less, form) in watched.items()
            if figure is not None
        ),
    )


def comparison(accounts: Accounts) -> Comparison:
    """Return by how much less everything cost than under the rules, over what it would have cost at least."""
    mine, rules, least = (_totals(accounts, arm) for arm in (AURORA, RULES, BOUND))
    return Comparison("loop.cost", RULES, cheaper_by(mine, rules, least))


# --- plots -----------------------------------------------------------------------------------------------------------


def plots(accounts: Accounts, over_time: Mapping[str, Sequence[tuple[float | str, float]]]) -> tuple[Plot, ...]:
    """Return the cost over time, and the time to recovery by kind."""
    bars: dict[str, list[tuple[float | str, float]]] = {arm: [] for arm in ARMS}
    errors: dict[str, list[tuple[float, float]]] = {arm: [] for arm in ARMS}
    for arm in ARMS:
        for kind in _kinds(accounts):
            figure = hours_to_recovery(accounts, arm, kind)
            if figure is not None:
                bars[arm].append((kind.replace("_", " "), figure.value))
                errors[arm].append(figure.ends)
    return (
        Plot(
            name="loop-cost",
            title="What a service had cost by then",
            kind="lines",
            x="days",
            y="hours of normal traffic answered wrongly",
            series=over_time,
        ),
        Plot(
            name="loop-recovery",
            title="Time to recovery",
            kind="bars",
            x="incident",
            y="hours, median",
            series=bars,
            errors=errors,
        ),
    )


def over_time(prices: Mapping[Arm, Sequence[Sequence[float]]]) -> dict[str, Sequence[tuple[float | str, float]]]:
    """Return by arm the days and what a service had cost by then, from what each day cost in each life."""
    found: dict[str, Sequence[tuple[float | str, float]]] = {}
    for arm, lives in prices.items():
        summed = np.cumsum([fmean(day) for day in zip(*lives, strict=True)])
        found[arm] = [(0.0, 0.0), *((float(day + 1), float(value)) for day, value in enumerate(summed))]
    return found
