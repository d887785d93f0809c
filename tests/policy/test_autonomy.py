"""What a record of verified outcomes lets AURORA start by itself, and how a pin overrules it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from aurora.domain import CHANGING, Action, ActionAutonomy, Autonomy, AutonomySettings, TrackRecord
from aurora.policy.autonomy import BAR, FINAL_BAR, autonomy, autonomy_of, bar, in_a_row, lower_bound, needed

OUTCOMES = st.lists(st.booleans(), max_size=40).map(tuple)


def stands(*outcomes: bool, undoable: bool = True, setting: Autonomy = Autonomy.EARNED) -> ActionAutonomy:
    return autonomy_of(Action.SCALE, setting, TrackRecord(outcomes=outcomes), undoable=undoable)


def test_what_can_be_undone_starts_within_the_bands_and_what_cannot_starts_by_asking() -> None:
    assert stands().state == "within_bands"
    assert stands(undoable=False).state == "asks"


@pytest.mark.parametrize("undoable", [True, False])
def test_successes_in_a_row_widen_and_one_miss_narrows(undoable: bool) -> None:
    enough = needed(bar(undoable))
    earned = [True] * enough

    assert stands(False, *earned[1:], undoable=undoable).state == "asks"
    assert stands(False, *earned, undoable=undoable).state == "within_bands"
    assert stands(*[True] * 500, False, undoable=undoable).state == "asks"
    assert stands(False, *earned, False, *earned, undoable=undoable).state == "within_bands"


def test_what_cannot_be_undone_takes_a_longer_record() -> None:
    assert (needed(BAR), needed(FINAL_BAR)) == (4, 8)
    assert stands(*[True] * 7, undoable=False).state == "asks"
    assert stands(*[True] * 8, undoable=False).state == "within_bands"


@given(OUTCOMES, st.booleans(), st.sampled_from([Autonomy.AUTO, Autonomy.ASK, Autonomy.NEVER]))
def test_a_pin_holds_whatever_the_record(outcomes: tuple[bool, ...], undoable: bool, setting: Autonomy) -> None:
    seen = stands(*outcomes, undoable=undoable, setting=setting)

    assert seen.pinned
    assert seen.state == {"auto": "within_bands", "ask": "asks", "never": "never"}[setting]
    assert (seen.verified_successes, seen.misses) == (outcomes.count(True), outcomes.count(False))


@given(OUTCOMES, st.booleans())
def test_a_success_never_narrows_and_a_miss_always_asks(outcomes: tuple[bool, ...], undoable: bool) -> None:
    before, after = (
        stands(*outcomes, undoable=undoable),
        stands(*outcomes, True, undoable=undoable),
    )

    assert before.state == "asks" or after.state == "within_bands"
    assert stands(*outcomes, False, undoable=undoable).state == "asks"


@pytest.mark.parametrize("successes", [0, 1, 4, 8, 200])
def test_the_bound_is_that_of_the_belief_on_a_flat_prior(successes: int) -> None:
    assert lower_bound(successes) == pytest.approx(beta.ppf(0.05, successes + 1, 1))


@given(st.floats(0.06, 0.99))
def test_so_many_as_needed_bring_the_bound_over_the_bar_and_no_fewer(least: float) -> None:
    enough = needed(least)
    assert lower_bound(enough) >= least - 1e-12
    assert enough == 0 or lower_bound(enough - 1) < least


def test_only_those_since_the_last_miss_are_in_a_row() -> None:
    rows = [(), (True, True), (True, False), (False, True, True)]
    assert [in_a_row(TrackRecord(outcomes=row)) for row in rows] == [0, 2, 0, 2]


def test_every_kind_of_change_is_told_with_its_own_setting_and_record() -> None:
    settings = AutonomySettings(route=Autonomy.ASK)
    tracks = {Action.RETRAIN: TrackRecord(outcomes=(False,)), Action.ROUTE: TrackRecord(outcomes=(True,) * 9)}

    told = autonomy(settings, tracks, reversible={Action.RETRAIN, Action.ROUTE, Action.CACHE, Action.SCALE})

    assert tuple(told) == CHANGING
    assert {action: right.state for action, right in told.items()} == {
        Action.RETRAIN: "asks",
        Action.FINE_TUNE: "asks",
        Action.CACHE: "within_bands",
        Action.ROUTE: "asks",
        Action.SCALE: "within_bands",
    }
    assert [action for action, right in told.items() if right.pinned] == [Action.ROUTE]
    assert all(right.reason.endswith(".") for right in told.values())
    assert "8 verified successes in a row" in told[Action.FINE_TUNE].reason
