"""The suite on retrain streams: what its figures mean, on runs made by hand, and the whole on a few real streams."""

from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import pytest

from evals.baselines.streams.entrants import NEVER, TABLE
from evals.suites.result import ENGINE, Options, Result
from evals.suites.streams import run, suite
from evals.suites.streams.calibration import calibration
from evals.suites.streams.group import Group
from evals.suites.streams.play import HINDSIGHT, ORACLE, Run, Told, in_hindsight
from evals.suites.streams.recovery import Change, change
from evals.suites.streams.tables import PLANNER, Aims, Findings, report
from evals.worlds.catalogue import Entry, entries
from evals.worlds.changes import begins
from evals.worlds.schedules import Policy, Priced, never, price
from evals.worlds.streams import WINDOW, Stream


def entry(key: str, cost: float = 1.0) -> Entry:
    """Return an entry of the list."""
    return next(one for one in entries() if (one.key, one.cost) == (key, cost))


def stream_of(errors: np.ndarray, cost: float) -> Stream:
    """Return a stream of which only the hidden errors say something."""
    nothing = np.zeros_like(errors)
    return Stream(errors, nothing, nothing, nothing, np.full(len(errors), 50), challenged=False, cost=cost)


def told(*pairs: tuple[float, bool]) -> tuple[Told, ...]:
    """Return what was told and whether it was true, in both senses."""
    return tuple(Told(probability, probability > 0.5, true, true) for probability, true in pairs)


def run_of(key: str, costs: dict[str, Priced], changed: Change | None = None, said: tuple[Told, ...] = ()) -> Run:
    """Return a run of 50 steps."""
    right = dict.fromkeys(costs, 0.5)
    return Run(entry(key), 50, costs, changed, said or told((0.1, False), (0.9, True)), right, (100.0, 120.0))


# --- recovery --------------------------------------------------------------------------------------------------------


def changing(key: str, horizon: int) -> tuple[Stream, int]:
    """Return a stream on which a model learns the new concept by as much of its window as is of it."""
    at = begins(entry(key))
    assert at is not None
    model, step = np.arange(horizon)[:, None], np.arange(horizon)
    learnt = np.clip((model - at) / WINDOW, 0, 1)
    errors = np.where(step >= at, 0.5 - 0.4 * learnt, 0.1 + 0.4 * learnt)
    return stream_of(np.where(model > step, np.nan, errors), 0.1), at


def test_a_model_has_the_new_concept_when_three_quarters_of_the_gap_are_closed() -> None:
    stream, at = changing("sine-abrupt-1", 70)
    # Four of six steps of the window close two thirds, five close more than three quarters.
    assert change(entry("sine-abrupt-1"), stream) == Change(at, 70, frozenset(range(at + 5, 70)))


@pytest.mark.parametrize(("retrains", "expected"), [((5,), 5), ((1, 8), 8), ((2,), None), ((), None)])
def test_steps_to_recovery_are_until_the_first_retrain_that_has_the_new_concept(
    retrains: tuple[int, ...], expected: int | None
) -> None:
    stream, at = changing("sine-abrupt-1", 70)
    found = change(entry("sine-abrupt-1"), stream)
    assert found is not None
    assert found.recovery(tuple(at + later for later in retrains)) == (70 - at if expected is None else expected)


def test_where_the_change_does_no_harm_or_is_not_abrupt_there_is_nothing_to_recover_from() -> None:
    stream, _ = changing("sine-abrupt-1", 70)
    harmless = stream_of(np.where(np.isfinite(stream.errors), 0.1, np.nan), 0.1)
    assert change(entry("sine-abrupt-1"), harmless) is None
    assert change(entry("sine-still-1"), stream) is None
    assert change(entry("sine-moment-1"), stream) is None


# --- calibration -----------------------------------------------------------------------------------------------------


def test_a_probability_that_means_what_it_says_has_no_error_and_the_skill_of_its_spread() -> None:
    random = Random(1)
    said = [told(*((p, random.random() < p) for p in (random.random() for _ in range(400)))) for _ in range(60)]
    found = calibration(said, lambda one: one.cheaper)
    assert found.error.value < 0.012
    assert found.error_of_widths.value < 0.012
    assert found.brier.value == pytest.approx(1 / 6, abs=0.005)
    assert found.skill.value == pytest.approx(1 / 3, abs=0.02)
    assert all(abs(said - true) < 0.05 for said, true in found.curve)


def test_one_that_is_always_surer_than_it_may_be_is_off_by_as_much() -> None:
    random = Random(2)
    said = [told(*((0.9, random.random() < 0.6) for _ in range(500))) for _ in range(40)]
    found = calibration(said, lambda one: one.cheaper)
    assert found.error.value == pytest.approx(0.3, abs=0.01)
    assert found.error_of_widths.value == pytest.approx(0.3, abs=0.01)
    assert found.skill.value == pytest.approx(-0.09 / 0.24, abs=0.03)
    assert found.error.low is not None
    assert found.error.low <= found.error.value <= (found.error.high or 0)


def test_the_base_rate_itself_has_no_skill_and_no_error() -> None:
    found = calibration([told(*((0.25, n % 4 == 0) for n in range(40)))] * 5, lambda one: one.cheaper)
    assert found.error.value == pytest.approx(0)
    assert found.skill.value == pytest.approx(0)
    assert found.rate.value == pytest.approx(0.25)


def test_the_two_truths_are_told_apart() -> None:
    said = [(Told(0.8, True, True, False),) * 10] * 3
    assert calibration(said, lambda one: one.cheaper_kept).error.value == pytest.approx(0.2)
    assert calibration(said, lambda one: one.cheaper).error.value == pytest.approx(0.8)


# --- groups ----------------------------------------------------------------------------------------------------------


def played(engine: float, table: float, oracle: float, *, schedule: tuple[int, ...] = (5,)) -> dict[str, Priced]:
    """Return what the engine, the table and the oracle paid; the others are no better than the table."""
    return {
        ENGINE: Priced(engine, (5, 9)),
        TABLE: Priced(table, (30,)),
        NEVER: Priced(table + 1, ()),
        HINDSIGHT: Priced(oracle + 0.1, (20, 40)),
        ORACLE: Priced(oracle, schedule),
    }


@pytest.fixture
def group() -> Group:
    """Two worlds, of which the second is never to be retrained at one of its costs."""
    first = run_of("sea-abrupt-1", played(6, 8, 4), Change(2, 50, frozenset(range(8, 50))))
    later = run_of("sea-abrupt-1", played(6, 8, 4), Change(20, 50, frozenset(range(40, 50))))
    control = run_of("agrawal-still-1", played(3, 2, 2, schedule=()))
    return Group("published", ((first, later), (control,)))


def test_costs_are_taken_over_the_oracle_in_all_and_stream_by_stream(group: Group) -> None:
    assert group.over_oracle(ENGINE).value == pytest.approx(15 / 10)
    assert group.mean_ratio(ENGINE).value == pytest.approx((1.5 + 1.5) / 2)
    assert group.over_oracle(ORACLE).value == 1
    assert group.policies[0] == ORACLE


def test_retrains_are_counted_in_100_steps_and_are_wrong_where_the_oracle_has_none(group: Group) -> None:
    assert group.retrains(ENGINE).value == pytest.approx(100 * 6 / 150)
    assert group.wrong(ENGINE).value == pytest.approx(100 * 2 / 50)
    assert group.wrong(NEVER).value == 0
    assert group.controls() == 1


def test_recovery_is_the_median_of_streams_that_have_one(group: Group) -> None:
    engine, table = group.recovery(ENGINE), group.recovery(TABLE)
    assert engine is not None
    assert table is not None
    # The engine retrains before steps 5 and 9, the table before 30.
    assert engine.value == (9 - 2 + 50 - 20) / 2
    assert table.value == (30 - 2 + 50 - 20) / 2
    assert group.recoveries() == 2
    assert Group("controls", group.worlds[1:]).recovery(ENGINE) is None


def test_a_group_falls_into_families_and_costs(group: Group) -> None:
    assert list(group.by_family()) == ["sea", "agrawal"]
    assert group.by_family()["sea"].over_oracle(ENGINE).value == pytest.approx(1.5)
    assert list(group.by_cost()) == ["1"]


def test_what_cannot_be_put_into_use_is_no_best_baseline(group: Group) -> None:
    assert group.best_of([NEVER, TABLE, HINDSIGHT, ORACLE]) == TABLE
    found = Findings(group, Aims(ratio=(1.15, 1.10)))
    assert found.best == TABLE
    assert found.closed.value == pytest.approx((18 - 15) / (18 - 10))


def test_what_is_too_good_to_be_true_is_said_to_be(group: Group) -> None:
    honest = report(group, Group("held out", group.worlds), quick=False)
    assert not any("leak" in note for note in honest.notes)
    perfect = run_of("sea-abrupt-1", played(4, 8, 4), said=told(*[(0.0, False), (1.0, True)] * 30))
    leaking = report(Group("published", ((perfect,),)), Group("held out", group.worlds), quick=False)
    assert sum("look for a leak" in note for note in leaking.notes) == 2


# --- play ------------------------------------------------------------------------------------------------------------


def test_the_best_period_is_chosen_with_everything_known() -> None:
    random = np.random.default_rng(3)
    errors = np.where(np.tri(40, k=-1, dtype=bool), np.nan, random.random((40, 40)))
    stream = stream_of(errors, 0.4)
    periods = [tuple(range(period, 40, period)) for period in range(1, 41)]
    best = in_hindsight(stream)
    assert best.cost == pytest.approx(min(price(stream, one) for one in periods))
    assert best.cost == pytest.approx(price(stream, best.schedule))


# --- the whole -------------------------------------------------------------------------------------------------------

KEYS = ("shuttle-order-1", "hyperplane-still-1", "phishing-columns-1", "approval-order-1", "sine-abrupt-1")


@dataclass(frozen=True)
class Keeping:
    """A planner that never retrains, as one is loaded from elsewhere."""

    def retrain(self, cost: float) -> Policy:
        """Return the policy of one stream."""
        return never(cost)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Return what the suite finds on a few streams."""
    folder: Path = tmp_path_factory.mktemp("worlds")
    listed = [one for one in entries() if one.key in KEYS and one.cost in {0.3, 1.0}]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suite, "entries", lambda: listed)
        progress: list[tuple[int, int]] = []
        result = run(Options(folder, processes=2, planner=Keeping()), lambda *done: progress.append(done))
    assert progress[-1] == (2 * len(KEYS), 2 * len(KEYS))
    assert progress == sorted(progress)
    return result


def test_it_measures_every_policy_on_both_groups(found: Result) -> None:
    for table in found.tables[:2]:
        names = [row.policy for row in table.rows]
        assert names[0] == ORACLE
        assert {ENGINE, TABLE, NEVER, PLANNER} < set(names)
        assert len(names) == len(set(names)) >= 22
        assert all(len(row.figures) == len(table.columns) for row in table.rows)


def test_nobody_is_cheaper_than_the_oracle_and_a_planner_that_keeps_costs_what_never_does(found: Result) -> None:
    for table in found.tables[:2]:
        ratios = {row.policy: row.figures[0].value for row in table.rows if row.figures[0] is not None}
        assert min(ratios.values()) == ratios[ORACLE] == 1
        assert ratios[PLANNER] == ratios[NEVER] > 1
        assert list(ratios.values()) == sorted(ratios.values())


def test_it_has_the_targets_of_both_groups_and_is_held_against_the_table(found: Result) -> None:
    keys = {target.key for target in found.targets}
    measures = ("ratio", "wrong", "recovery", "ece", "skill", "closed")
    assert keys == {f"streams.{group}.{measure}" for group in ("published", "held_out") for measure in measures}
    assert [one.key for one in found.comparisons] == ["streams.published", "streams.held_out"]


def test_its_plots_have_points_and_names_that_files_can_have(found: Result) -> None:
    assert len({plot.name for plot in found.plots}) == len(found.plots) == 5
    for plot in found.plots:
        assert plot.name.replace("_", "").isalpha()
        assert all(len(points) for points in plot.series.values())
        assert all(len(plot.errors[name]) == len(plot.series[name]) for name in plot.errors)
