"""A question is settled once, by a named person, for exactly what was asked."""

from datetime import timedelta

import pytest

from aurora.domain import Action, Step
from aurora.errors import Conflict, Invalid, NotFound
from aurora.ledger import Ledger, chain_of
from tests.ledger.story import NAME, RUNNING, WAITING, Story, execution, question, ruling, step


def test_a_question_waits_as_it_was_asked(ledger: Ledger, story: Story) -> None:
    decision = story.asked("apr_1")

    asked = ledger.approvals.get("apr_1")

    assert (asked.status, asked.decision_id, asked.model_name, asked.round) == ("waiting", decision, NAME, 0)
    assert (asked.step, asked.fingerprint, asked.reasons) == (step(), "asked", ("confidence under 0.7",))
    assert (asked.by, asked.settled_at, asked.simulated) == (None, None, True)
    assert asked.expires_at == story.clock.now + timedelta(hours=24)


def test_an_approval_names_who_when_and_why(ledger: Ledger, story: Story) -> None:
    story.asked("apr_1")
    story.clock.forward(hours=1)

    settled = ledger.approvals.settle(
        "apr_1", "approved", "ada", authenticated=True, reason="looks right", fingerprint="asked"
    )

    assert settled == ledger.approvals.get("apr_1")
    assert (settled.status, settled.by, settled.authenticated, settled.reason) == (
        "approved",
        "ada",
        True,
        "looks right",
    )
    assert settled.settled_at == story.clock.now
    event = ledger.audit.events(chain_of(NAME))[0]
    assert (event.event, event.actor, event.body["fingerprint"]) == ("approval.approved", "ada", "asked")


def test_an_edit_covers_the_edited_step(ledger: Ledger, story: Story) -> None:
    story.asked("apr_1")
    smaller = step(Action.FINE_TUNE)

    settled = ledger.approvals.settle("apr_1", "edited", "ada", step=smaller, fingerprint="of the edit")

    assert (settled.status, settled.step, settled.edited_step) == ("edited", step(), smaller)
    assert settled.fingerprint == "of the edit"


@pytest.mark.parametrize("answer", ["approved", "rejected"])
def test_the_loser_learns_who_won(answer: str, ledger: Ledger, story: Story) -> None:
    story.asked("apr_1")
    ledger.approvals.settle("apr_1", answer, "ada")  # type: ignore[arg-type]

    with pytest.raises(Conflict, match=f"was {answer} by ada at 2026-11-22 08:00:00 UTC") as refused:
        ledger.approvals.settle("apr_1", "rejected", "bo")

    assert refused.value.context == {"approval_id": "apr_1", "status": answer, "by": "ada"}
    assert ledger.approvals.get("apr_1").by == "ada"
    assert len(ledger.audit.events(chain_of(NAME))) == 3


def test_nobody_can_settle_what_has_expired(ledger: Ledger, story: Story) -> None:
    story.asked("apr_1", hours=24)
    story.clock.forward(hours=24)

    with pytest.raises(Conflict, match="expired at 2026-11-23 08:00:00 UTC"):
        ledger.approvals.settle("apr_1", "approved", "ada")

    ledger.approvals.expire_due(story.clock.now)
    with pytest.raises(Conflict, match="was expired"):
        ledger.approvals.settle("apr_1", "approved", "ada")


def test_consent_to_something_else_is_refused(ledger: Ledger, story: Story) -> None:
    story.asked("apr_1")

    with pytest.raises(Conflict, match="asks about asked, not about another"):
        ledger.approvals.settle("apr_1", "approved", "ada", fingerprint="another")

    assert ledger.approvals.get("apr_1").status == "waiting"


@pytest.mark.parametrize(("edited", "fingerprint"), [(None, None), (None, "f"), (step(), None)])
def test_an_edit_needs_a_step_and_its_fingerprint(
    edited: Step | None, fingerprint: str | None, ledger: Ledger, story: Story
) -> None:
    story.asked("apr_1")

    with pytest.raises(Invalid, match="edit"):
        ledger.approvals.settle("apr_1", "edited", "ada", step=edited, fingerprint=fingerprint)


def test_a_step_comes_with_an_edit_only(ledger: Ledger, story: Story) -> None:
    story.asked("apr_1")

    with pytest.raises(Invalid, match="edit"):
        ledger.approvals.settle("apr_1", "approved", "ada", step=step(), fingerprint="asked")


def test_an_unknown_approval_is_not_found(ledger: Ledger) -> None:
    with pytest.raises(NotFound, match="apr_nowhere"):
        ledger.approvals.get("apr_nowhere")
    with pytest.raises(NotFound):
        ledger.approvals.settle("apr_nowhere", "approved", "ada")
    with pytest.raises(NotFound):
        ledger.approvals.list(before="apr_nowhere")


def test_what_waited_too_long_expires_once(ledger: Ledger, story: Story) -> None:
    story.asked("apr_short", hours=1)
    story.asked("apr_long", hours=9)
    now = story.clock.forward(hours=1)

    expired = ledger.approvals.expire_due(now)

    assert [(record.id, record.status, record.settled_at) for record in expired] == [("apr_short", "expired", now)]
    assert ledger.approvals.expire_due(now) == []
    assert ledger.approvals.get("apr_long").status == "waiting"
    assert ledger.audit.events(chain_of(NAME))[0].event == "approval.expired"


def test_approvals_are_listed_newest_first_by_status_in_pages(ledger: Ledger, story: Story) -> None:
    for number in range(4):
        story.asked(f"apr_{number}")
    ledger.approvals.settle("apr_2", "rejected", "ada")

    first = ledger.approvals.list("waiting", limit=2)
    second = ledger.approvals.list("waiting", limit=2, before=first.next)

    assert [[item.id for item in page.items] for page in (first, second)] == [["apr_3", "apr_1"], ["apr_0"]]
    assert (first.next, second.next) == ("apr_1", None)
    assert [item.id for item in ledger.approvals.list("rejected").items] == ["apr_2"]
    assert len(ledger.approvals.list().items) == 4


def test_each_round_of_a_decision_has_its_own_question(ledger: Ledger, story: Story) -> None:
    decision = story.asked("apr_0")
    until = story.clock.forward(hours=1)
    again = question("apr_1", until, step(Action.SCALE), round=1)
    ledger.decisions.record(decision, 1, "rule", ruling(step(Action.SCALE), "needs_approval"), WAITING, ask=again)

    of_round = [ledger.approvals.for_round(decision, round) for round in range(3)]

    assert [asked and asked.id for asked in of_round] == ["apr_0", "apr_1", None]
    assert [asked.id for asked in ledger.approvals.of_decision(decision)] == ["apr_0", "apr_1"]


def test_an_answer_that_its_decision_never_heard_is_found(ledger: Ledger, story: Story) -> None:
    story.asked("apr_waiting")
    heard, unheard = story.asked("apr_heard"), story.asked("apr_unheard")
    ledger.approvals.settle("apr_heard", "approved", "ada")
    ledger.approvals.settle("apr_unheard", "approved", "ada")
    ledger.decisions.record(heard, 0, "execute", execution(step(), "key", story.clock.now), RUNNING)

    assert [record.decision_id for record in ledger.approvals.unheard()] == [unheard]
