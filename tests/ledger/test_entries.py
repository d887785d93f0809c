"""Memory entries: the truth that the index is rebuilt from."""

import math

import pytest

from aurora.domain import Action, MemoryKind, NewEntry, Trust
from aurora.errors import NotFound
from aurora.ledger import ADMINISTRATION, Ledger, chain_of
from tests.ledger.story import NAME, RUNNING, Story, Watch, entry, report, telemetry


def test_an_entry_comes_back_as_it_was_told(ledger: Ledger, clock: Watch) -> None:
    told = NewEntry(
        kind=MemoryKind.EXPERIMENT,
        text="Fine-tuning beat retraining.",
        model_name=NAME,
        decision_type=Action.FINE_TUNE,
        success=True,
        trust=Trust.VERIFIED,
        source="ada",
        decision_id="dec_1",
        features={"drift": 0.4},
        telemetry=telemetry().model_dump(mode="json"),
        simulated=True,
    )

    (id,) = ledger.entries.add([told])

    kept = ledger.entries.get(id)
    assert id.startswith("mem_")
    assert kept.created_at == clock.now
    assert NewEntry.model_validate(kept.model_dump(exclude={"id", "created_at"})) == told


def test_an_entry_whose_id_is_there_is_left_as_it_is(ledger: Ledger) -> None:
    first = ledger.entries.add([entry("first", id="mem_1")])
    again = ledger.entries.add([entry("second", id="mem_1"), entry("third", id="mem_2")])

    assert (first, again) == (["mem_1"], ["mem_1", "mem_2"])
    assert ledger.entries.get("mem_1").text == "first"
    assert ledger.entries.count() == 2


def test_an_unknown_entry_is_not_found(ledger: Ledger) -> None:
    with pytest.raises(NotFound, match="mem_nowhere"):
        ledger.entries.get("mem_nowhere")
    with pytest.raises(NotFound, match="mem_nowhere"):
        ledger.entries.after("mem_nowhere")


def test_many_are_read_at_once_and_the_unknown_left_out(ledger: Ledger) -> None:
    ids = ledger.entries.add([entry(f"number {number}") for number in range(1200)])

    found = ledger.entries.many([*ids, "mem_nowhere"])

    assert list(found) == ids
    assert found[ids[700]].text == "number 700"
    assert ledger.entries.many([]) == {}


def test_entries_can_be_walked_in_the_order_they_were_written(ledger: Ledger) -> None:
    ids = ledger.entries.add([entry(str(number)) for number in range(5)])

    walked: list[str] = []
    while some := ledger.entries.after(walked[-1] if walked else None, limit=2):
        walked += [record.id for record in some]

    assert walked == ids


def test_what_the_index_lacks_is_known(ledger: Ledger) -> None:
    ids = ledger.entries.add([entry(str(number)) for number in range(4)])
    ledger.entries.mark_indexed(ledger.entries.after(ids[0], 2))

    assert [record.id for record in ledger.entries.unindexed()] == [ids[0], ids[3]]
    assert [record.id for record in ledger.entries.unindexed(limit=1)] == [ids[0]]

    ledger.entries.unmark_all()
    assert [record.id for record in ledger.entries.unindexed()] == ids


def test_the_outcome_of_a_case_is_set_and_has_to_be_indexed_again(ledger: Ledger) -> None:
    (id,) = ledger.entries.add([entry(decision_id="dec_1", model_name=NAME)])
    ledger.entries.mark_indexed([ledger.entries.get(id)])

    changed = ledger.entries.set_outcome("dec_1", True, Trust.REPORTED)

    kept = ledger.entries.get(id)
    assert changed == [id]
    assert (kept.success, kept.trust) == (True, Trust.REPORTED)
    assert ledger.entries.unindexed() == [kept]
    assert ledger.audit.events(chain_of(NAME))[0].event == "memory.outcome"
    assert ledger.entries.set_outcome("dec_nowhere", True, Trust.VERIFIED) == []


def test_what_changed_while_it_was_indexed_is_given_back(ledger: Ledger) -> None:
    one, _ = ledger.entries.add([entry("one", decision_id="dec_1"), entry("other", decision_id="dec_2")])
    read = ledger.entries.unindexed()
    ledger.entries.set_outcome("dec_1", True, Trust.REPORTED)

    assert ledger.entries.mark_indexed(read) == [ledger.entries.get(one)]

    assert [record.id for record in ledger.entries.unindexed()] == [one]
    assert ledger.entries.mark_indexed(ledger.entries.unindexed()) == []
    assert ledger.entries.unindexed() == []


def test_hearsay_does_not_overwrite_what_was_verified(ledger: Ledger) -> None:
    (id,) = ledger.entries.add([entry(decision_id="dec_1", success=False, trust=Trust.VERIFIED)])

    assert ledger.entries.set_outcome("dec_1", True, Trust.REPORTED) == []
    assert ledger.entries.get(id).success is False
    assert ledger.entries.set_outcome("dec_1", True, Trust.VERIFIED) == [id]


def test_a_person_can_take_a_verified_success_away_and_the_index_follows(ledger: Ledger) -> None:
    (id,) = ledger.entries.add([entry(decision_id="dec_1", success=True, trust=Trust.VERIFIED)])
    ledger.entries.mark_indexed([ledger.entries.get(id)])

    assert ledger.entries.set_outcome("dec_1", False, Trust.TOLD) == []
    assert ledger.entries.set_outcome("dec_1", False, Trust.REPORTED) == [id]

    kept = ledger.entries.get(id)
    assert (kept.success, kept.trust) == (False, Trust.REPORTED)
    assert ledger.entries.unindexed() == [kept]


def test_a_number_that_is_none_is_left_out(ledger: Ledger) -> None:
    (id,) = ledger.entries.add([entry(features={"drift": math.nan, "load": math.inf, "nulls": 0.1})])

    assert ledger.entries.get(id).features == {"nulls": 0.1}


def test_what_enters_memory_is_on_record(ledger: Ledger, story: Story) -> None:
    ledger.entries.add([entry("general", source="ada"), entry("special", model_name=NAME, source="bo", id="mem_1")])
    decision = story.opened()
    ledger.decisions.record(decision, 0, "learn", report(), RUNNING, entry=entry(id="mem_2", model_name=NAME))

    (general,) = ledger.audit.events(ADMINISTRATION)
    written = [event for event in ledger.audit.events(chain_of(NAME)) if event.event == "memory.added"]
    assert (general.event, general.actor) == ("memory.added", "ada")
    assert [(event.actor, event.body["entries"][0]["id"]) for event in written] == [
        ("aurora", "mem_2"),
        ("bo", "mem_1"),
    ]
