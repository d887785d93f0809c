"""Messages to people wait until they are delivered."""

from aurora.ledger import Ledger
from tests.ledger.story import NAME, Watch, notice


def test_a_message_waits_until_it_was_sent(ledger: Ledger, clock: Watch) -> None:
    ledger.outbox.add([notice("evt_1")])
    (waiting,) = ledger.outbox.pending()
    assert (waiting.event_id, waiting.model_name, waiting.severity, waiting.created_at) == (
        "evt_1",
        NAME,
        "warning",
        clock.now,
    )

    ledger.outbox.sent(waiting.id)

    assert ledger.outbox.pending() == []


def test_a_message_is_queued_once_per_event(ledger: Ledger) -> None:
    ledger.outbox.add([notice("evt_1"), notice("evt_1")])
    ledger.outbox.sent(ledger.outbox.pending()[0].id)
    ledger.outbox.add([notice("evt_1"), notice("evt_2")])

    assert [waiting.event_id for waiting in ledger.outbox.pending()] == ["evt_2"]


def test_a_message_that_fails_waits_behind_those_that_may_not(ledger: Ledger) -> None:
    ledger.outbox.add([notice("evt_1"), notice("evt_2")])
    ledger.outbox.failed(ledger.outbox.pending()[0].id, "404: not active")

    first, second = ledger.outbox.pending()

    assert (first.event_id, first.attempts) == ("evt_2", 0)
    assert (second.event_id, second.attempts, second.last_error) == ("evt_1", 1, "404: not active")
    assert ledger.outbox.pending(limit=1) == [first]
