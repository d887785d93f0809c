"""Where entries lie and where questions look, for every kind of entry there is."""

from datetime import UTC, datetime
from itertools import product

import pytest

from aurora.domain import Action, MemoryKind, Trust
from aurora.ledger.records import EntryRecord
from aurora.memory.partitions import (
    FAILED,
    HOMES,
    SEEN,
    TOLD,
    WORKED,
    alike,
    former_places,
    home,
    is_fused,
    places,
    turned_out,
)

SUCCESS = (None, True, False)


def entry(
    *, simulated: bool, success: bool | None, trust: Trust, action: Action | None = Action.RETRAIN
) -> EntryRecord:
    return EntryRecord(
        id="mem_1",
        kind=MemoryKind.DECISION,
        text="A case.",
        source="aurora",
        decision_type=action,
        success=success,
        trust=trust,
        simulated=simulated,
        created_at=datetime(2026, 11, 22, tzinfo=UTC),
    )


EVERY = [
    entry(simulated=simulated, success=success, trust=trust, action=action)
    for simulated, success, trust, action in product((True, False), SUCCESS, Trust, (None, *Action))
]


def test_every_entry_has_one_home() -> None:
    assert all([place for place in places(one) if place in HOMES] == [home(one)] for one in EVERY)


def test_a_real_situation_looks_nowhere_that_a_simulated_entry_lies() -> None:
    looked_at = {place for trust in (SEEN, TOLD) for place in alike(trust, simulated=False)} | {
        place
        for action, end, trust in product(Action, (FAILED, WORKED), (SEEN, TOLD))
        for place in turned_out(action, end, trust, simulated=False)
    }

    assert all(looked_at.isdisjoint(places(one)) for one in EVERY if one.simulated)
    assert all(looked_at & set(places(one)) for one in EVERY if not one.simulated)


def test_a_simulated_situation_looks_everywhere() -> None:
    everywhere = {*alike(SEEN, simulated=True), *alike(TOLD, simulated=True)}

    assert all(everywhere & set(places(one)) for one in EVERY)


def test_only_what_was_seen_is_found_by_more_than_its_words() -> None:
    assert not any(map(is_fused, HOMES))
    assert not any(map(is_fused, alike(TOLD, simulated=True)))
    assert all(map(is_fused, alike(SEEN, simulated=True)))
    for one in EVERY:
        fused = [place for place in places(one) if is_fused(place)]
        assert bool(fused) == (one.success is not None and one.trust is Trust.VERIFIED)


@pytest.mark.parametrize("simulated", [True, False])
@pytest.mark.parametrize("success", [True, False])
def test_how_an_action_turned_out_is_found_under_its_end(simulated: bool, success: bool) -> None:
    seen = entry(simulated=simulated, success=success, trust=Trust.VERIFIED)
    end, other = (WORKED, FAILED) if success else (FAILED, WORKED)

    assert set(places(seen)) & set(turned_out(Action.RETRAIN, end, SEEN, simulated=simulated))
    assert not set(places(seen)) & set(turned_out(Action.RETRAIN, other, SEEN, simulated=simulated))
    assert not set(places(seen)) & set(turned_out(Action.SCALE, end, SEEN, simulated=simulated))


def test_what_is_told_lies_apart_from_what_was_seen() -> None:
    seen, reported, claimed = (entry(simulated=False, success=True, trust=trust) for trust in Trust)

    assert places(reported) == places(claimed)
    assert set(places(seen)).isdisjoint(places(claimed))


def test_an_open_outcome_is_not_seen_yet() -> None:
    assert home(entry(simulated=False, success=None, trust=Trust.VERIFIED)) == "real-told"


def test_wherever_an_entry_lay_before_its_outcome_changed_is_among_its_former_places() -> None:
    for simulated, action in product((True, False), (None, *Action)):
        moments = [
            entry(simulated=simulated, success=success, trust=trust, action=action)
            for success, trust in product(SUCCESS, Trust)
        ]
        for before, after in product(moments, moments):
            assert set(places(before)) - set(places(after)) <= set(former_places(after))
            assert set(places(after)).isdisjoint(former_places(after))
