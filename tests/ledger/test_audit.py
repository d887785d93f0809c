"""What is on record cannot be changed without being seen."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Delete, Update, delete, insert, select, update

from aurora.domain import Mode
from aurora.ledger import ADMINISTRATION, Ledger, Store, chain_of
from aurora.ledger.audit import canonical
from aurora.ledger.tables import EventRow, HeadRow, NounRow
from tests.ledger.story import NAME, RUNNING, Story, plan, report, step

EVENTS, HEADS, NOUNS = EventRow.__table__, HeadRow.__table__, NounRow.__table__
HERE = EVENTS.c.chain == chain_of(NAME)


def change(store: Store, *statements: Update | Delete) -> None:
    with store.write() as session:
        for statement in statements:
            session.execute(statement)


@pytest.fixture
def told(story: Story) -> Story:
    """Some decisions on two models and a change of mode."""
    for name in (NAME, "other", NAME):
        decision = story.opened(name)
        story.ledger.decisions.record(decision, 0, "plan", plan(step()), RUNNING)
        story.ledger.decisions.record(decision, 0, "report", report(), RUNNING)
    story.ledger.installation.set_mode(Mode.ASK, "", "ada")
    return story


def test_an_untouched_trail_is_in_order(told: Story) -> None:
    assert told.ledger.audit.verify() == []


def test_each_model_has_its_own_chain_and_administration_another(told: Story) -> None:
    ours, other = told.ledger.audit.events(chain_of(NAME)), told.ledger.audit.events(chain_of("other"))

    assert [event.position for event in ours] == [6, 5, 4, 3, 2, 1]
    assert [event.event for event in other] == ["decision.report", "decision.plan", "decision.opened"]
    assert [event.event for event in told.ledger.audit.events(ADMINISTRATION)] == ["installation.mode"]
    assert [event.position for event in told.ledger.audit.events(chain_of(NAME), limit=1)] == [6]


def test_a_model_called_administration_has_no_say_there(ledger: Ledger, story: Story) -> None:
    story.opened("administration")

    assert ledger.audit.events(ADMINISTRATION) == []


def test_an_event_tells_who_did_what_when(told: Story) -> None:
    event = told.ledger.audit.events(ADMINISTRATION)[0]

    assert (event.actor, event.at, event.body) == (
        "ada",
        told.clock.now,
        {"before": "autonomous", "after": "ask", "reason": ""},
    )


@pytest.mark.parametrize(
    "edit",
    [
        {"actor": "nobody"},
        {"event": "decision.execute"},
        {"body": canonical({"decision_id": "another"})},
        {"body": "not even JSON"},
        {"previous": "0" * 64},
        {"digest": "0" * 64},
        {"chain": "model:third"},
    ],
    ids=lambda edit: next(iter(edit)),
)
def test_an_edit_is_found(edit: dict[str, Any], told: Story, store: Store) -> None:
    change(store, update(EVENTS).where(HERE, EVENTS.c.position == 3).values(**edit))

    assert any(chain_of(NAME) in problem and "3" in problem for problem in told.ledger.audit.verify())


def test_a_shifted_time_is_found(told: Story, store: Store) -> None:
    change(store, update(EVENTS).where(HERE, EVENTS.c.position == 3).values(at=told.clock.forward(seconds=1)))

    assert f"{chain_of(NAME)}: link 3 was edited" in told.ledger.audit.verify()


def test_an_edit_with_a_new_digest_breaks_the_link_that_follows(told: Story, store: Store) -> None:
    forged = {"body": canonical({}), "digest": "f" * 64}
    change(store, update(EVENTS).where(HERE, EVENTS.c.position == 3).values(**forged))

    assert f"{chain_of(NAME)}: link 4 does not follow the one before it" in told.ledger.audit.verify()


@pytest.mark.parametrize("position", [1, 3])
def test_a_deletion_is_found(position: int, told: Story, store: Store) -> None:
    change(store, delete(EVENTS).where(HERE, EVENTS.c.position == position))

    assert f"{chain_of(NAME)}: link {position} is missing or out of order" in told.ledger.audit.verify()


def test_a_deletion_closed_up_by_renumbering_is_found(told: Story, store: Store) -> None:
    renumber = [update(EVENTS).where(HERE, EVENTS.c.position == p).values(position=p - 1) for p in (4, 5, 6)]
    change(store, delete(EVENTS).where(HERE, EVENTS.c.position == 3), *renumber)

    assert f"{chain_of(NAME)}: link 3 does not follow the one before it" in told.ledger.audit.verify()


def test_another_order_is_found(told: Story, store: Store) -> None:
    moves = [(2, 99), (3, 2), (99, 3)]
    change(store, *(update(EVENTS).where(HERE, EVENTS.c.position == old).values(position=new) for old, new in moves))

    assert f"{chain_of(NAME)}: link 2 was edited" in told.ledger.audit.verify()


def test_a_cut_off_end_is_found(told: Story, store: Store) -> None:
    change(store, delete(EVENTS).where(HERE, EVENTS.c.position > 4))

    problem = f"{chain_of(NAME)}: the end is not the one on record; links were cut off or added"
    assert problem in told.ledger.audit.verify()


def test_a_chain_without_its_links_or_its_head_is_found(told: Story, store: Store) -> None:
    change(store, delete(EVENTS).where(HERE), delete(HEADS).where(HEADS.c.chain == ADMINISTRATION))

    problems = told.ledger.audit.verify()
    assert f"{chain_of(NAME)}: all 6 links are missing" in problems
    assert f"{ADMINISTRATION}: the end is not the one on record; links were cut off or added" in problems


@pytest.mark.parametrize(
    "tamper",
    [
        lambda id: update(NOUNS).where(NOUNS.c.decision_id == id, NOUNS.c.node == "plan").values(body="{}"),
        lambda id: delete(NOUNS).where(NOUNS.c.decision_id == id, NOUNS.c.node == "plan"),
        lambda id: update(NOUNS).where(NOUNS.c.decision_id == id, NOUNS.c.node == "plan").values(round=7),
    ],
    ids=["edited", "deleted", "moved"],
)
def test_a_noun_that_is_not_what_was_recorded_is_found(
    tamper: Callable[[str], Update | Delete], told: Story, store: Store
) -> None:
    id = told.ledger.decisions.list(model_name="other").items[0].id
    change(store, tamper(id))

    assert any(f"the plan noun of {id}" in problem for problem in told.ledger.audit.verify())


def test_a_noun_that_nobody_recorded_is_found(told: Story, store: Store) -> None:
    id = told.ledger.decisions.list().items[0].id
    with store.write() as session:
        copied = session.execute(select(NOUNS).where(NOUNS.c.decision_id == id, NOUNS.c.node == "plan")).one()._asdict()
        session.execute(insert(NOUNS).values(**{**copied, "number": -1, "node": "approve"}))

    assert any(f"the approve noun of {id}" in problem for problem in told.ledger.audit.verify())


def test_what_is_rolled_back_leaves_no_link(told: Story, store: Store) -> None:
    def fail() -> None:
        with store.write() as session:
            told.ledger.audit.append(session, chain_of(NAME), "test", "ada", {})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert told.ledger.audit.events(chain_of(NAME))[0].position == 6
    assert told.ledger.audit.verify() == []
