"""Whoever wakes decisions is told once, in the transaction after which there is something to wake for."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from aurora.domain import Health
from aurora.errors import Conflict
from aurora.ledger import Ledger, Store
from aurora.ledger.audit import Audit
from tests.ledger.story import PENDING, Story, Watch, execution, step


@dataclass
class Slate:
    """Writes down what is to be woken, with whether the transaction was still open."""

    told: list[tuple[object, ...]] = field(default_factory=list)

    def resume(self, session: Session, decision_id: str, approval_id: str) -> None:
        self.told.append(("resume", decision_id, approval_id, session.in_transaction()))

    def verify(self, session: Session, decision_id: str, due_at: datetime, now: datetime) -> None:
        self.told.append(("verify", decision_id, due_at, now, session.in_transaction()))

    def health(self) -> Health | None:
        return None


@pytest.fixture
def slate() -> Slate:
    return Slate()


@pytest.fixture
def ledger(store: Store, clock: Watch, slate: Slate) -> Ledger:
    return Ledger(store, clock, wakeups=slate)


def test_a_settled_question_resumes_its_decision_and_the_loser_wakes_nobody(
    ledger: Ledger, story: Story, slate: Slate
) -> None:
    decision = story.asked("apr_1")
    assert slate.told == []
    ledger.approvals.settle("apr_1", "approved", "ada")
    with pytest.raises(Conflict):
        ledger.approvals.settle("apr_1", "rejected", "bo")
    assert slate.told == [("resume", decision, "apr_1", True)]


def test_an_expired_question_resumes_its_decision_once(ledger: Ledger, story: Story, slate: Slate) -> None:
    decision = story.asked("apr_1", hours=1)
    story.clock.forward(hours=2)
    ledger.approvals.expire_due(story.clock.now)
    ledger.approvals.expire_due(story.clock.now)
    assert slate.told == [("resume", decision, "apr_1", True)]


def test_an_executed_change_is_looked_at_when_it_is_due_and_again_when_that_moves(
    ledger: Ledger, story: Story, slate: Slate
) -> None:
    began = story.clock.now
    decision = story.executed()
    later = story.clock.forward(hours=3)
    ledger.decisions.postpone(decision, later)
    assert slate.told == [
        ("verify", decision, began + timedelta(hours=2), began, True),
        ("verify", decision, later, later, True),
    ]


def test_a_noun_that_was_on_record_wakes_nobody_again(ledger: Ledger, story: Story, slate: Slate) -> None:
    decision = story.executed()
    slate.told.clear()
    again = execution(step(), "the same", story.clock.now)
    ledger.decisions.record(decision, 0, "execute", again, PENDING, verify_at=story.clock.forward(hours=9))
    assert slate.told == []


def test_what_is_rolled_back_was_told_on_the_connection_that_rolls_back(
    ledger: Ledger, story: Story, slate: Slate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a wake-up which is written on that connection is gone with it."""
    story.asked("apr_1")

    def full(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(Audit, "append", full)
    with pytest.raises(OSError, match="full"):
        ledger.approvals.settle("apr_1", "approved", "ada")
    assert len(slate.told) == 1
    assert ledger.approvals.get("apr_1").status == "waiting"
