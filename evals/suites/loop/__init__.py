"""The closed loop: the sandbox fleet for simulated weeks, the same lives with nobody, a person, the rules, and AURORA.

Every life is one service with real models on real data, and incidents that come to it on a seeded schedule. AURORA is
whole: it is opened as in production, decides by itself, acts through its tools, verifies and takes back.
"""

from concurrent.futures import as_completed

from aurora.sandbox.fleet.catalogue import CATALOGUE
from aurora.sandbox.fleet.incidents import DAY
from evals.pool import pool_of
from evals.suites.loop.accounts import Account, account, price
from evals.suites.loop.lives import ARMS, Arm, Life, Plan, live
from evals.suites.loop.people import DELAY_HOURS, DELAY_HOURS_AT_NIGHT
from evals.suites.loop.stage import HOURS
from evals.suites.loop.tables import AURORA, by_kind, comparison, cost, decisions, over_time, plots, recovery, targets
from evals.suites.result import Options, Result, Tell

SEEDS = (7001,)
DAYS = 7
QUICK_DAYS = 1
QUICK_NAMES = ("fraud-scorer", "search-ranker", "parcel-sorter", "menu-tagger")
"""Services that cover a good part of the incidents, and whose models are quick to run."""

NOTES = (
    f"A tick of the fleet stands for {60 * HOURS:.0f} minutes: its day has {DAY} of them.",
    f"People act {DELAY_HOURS:g} hour after they are called in working hours and {DELAY_HOURS_AT_NIGHT:g} hours after "
    "it otherwise, and then do what is right. A person without AURORA is called by breached limits; the rules' and "
    "AURORA's alerts call the same person. What AURORA asks for is approved after the same delay, whatever it is. "
    "Every alert, page and question is an intervention, at the price of an alert.",
    "The right cure at once is done by somebody who knows what is the matter when it begins: a bound, not a policy.",
    "The worlds are the project's own: an incident comes alone to its service, and the services are small.",
    "Users' satisfaction is not measured: no real people have rated, approved or edited anything here.",
)


def plan(options: Options) -> list[Plan]:
    """Return the fleets that are to live."""
    if options.quick:
        return [Plan(SEEDS[0], QUICK_NAMES, QUICK_DAYS * DAY)]
    return [Plan(seed, tuple(entry.name for entry in CATALOGUE), DAYS * DAY) for seed in SEEDS]


def run(options: Options, tell: Tell) -> Result:
    """Let every fleet live under every arm; return the three experiments."""
    lives = _lived(plan(options), options.processes, tell)
    accounts = {arm: [account(life) for life in lives[arm]] for arm in ARMS}
    days = {arm: [_days(life) for life in lives[arm]] for arm in ARMS}
    return Result(
        suite="loop",
        tables=(recovery(accounts), by_kind(accounts), cost(accounts), decisions(accounts)),
        targets=targets(accounts),
        comparisons=(comparison(accounts),),
        plots=plots(accounts, over_time(days)),
        notes=(*NOTES, *_misses(accounts[AURORA])),
    )


def _lived(plans: list[Plan], processes: int, tell: Tell) -> dict[Arm, list[Life]]:
    # The longest first: AURORA's own lives take most of the time.
    tasks = [(one, arm) for arm in sorted(ARMS, key=lambda arm: arm != AURORA) for one in plans]
    found: dict[Arm, list[Life]] = {arm: [] for arm in ARMS}
    with pool_of(processes) as pool:
        futures = [pool.submit(live, one, arm) for one, arm in tasks]
        for done, future in enumerate(as_completed(futures), 1):
            for life in future.result():
                found[life.arm].append(life)
            tell(done, len(tasks))
    return {arm: sorted(some, key=lambda life: (life.seed, life.name)) for arm, some in found.items()}


def _days(life: Life) -> list[float]:
    days = len(life.sights) // DAY
    return [price(life, 1 + DAY * day, 1 + DAY * (day + 1)).total for day in range(days)]


def _misses(mine: list[Account]) -> list[str]:
    """Return a sentence on every change of AURORA's that was wrong."""
    return [
        f"Miss: {one.life.name} of fleet {one.life.seed}, {deed.action} at tick {deed.tick} ({deed.faced})."
        for one in mine
        for deed in one.deeds
        if deed.wrong
    ]
