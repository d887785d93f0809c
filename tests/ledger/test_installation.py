"""The mode of the whole installation."""

from aurora.domain import Mode
from aurora.ledger import ADMINISTRATION, Ledger, Store
from aurora.ledger.installation import stricter
from tests.ledger.story import Watch


def test_an_installation_starts_autonomous(ledger: Ledger) -> None:
    record = ledger.installation.mode_record()

    assert ledger.installation.mode() == record.mode == Mode.AUTONOMOUS
    assert (record.by, record.changed_at) == ("aurora", None)


def test_the_mode_outlives_the_process_with_who_and_why(url: str, ledger: Ledger, clock: Watch) -> None:
    told = ledger.installation.set_mode(Mode.STOPPED, "it misbehaves", "ada")

    later = Store(url)
    record = Ledger(later, clock).installation.mode_record()
    later.close()
    assert record == told
    assert (record.mode, record.reason, record.by, record.changed_at) == (
        Mode.STOPPED,
        "it misbehaves",
        "ada",
        clock.now,
    )


def test_every_change_of_mode_is_on_record(ledger: Ledger) -> None:
    ledger.installation.set_mode(Mode.ASK, "", "ada")
    ledger.installation.set_mode(Mode.AUTONOMOUS, "all is well", "bo")

    changes = [
        (event.actor, event.body["before"], event.body["after"]) for event in ledger.audit.events(ADMINISTRATION)
    ]
    assert changes == [("bo", "ask", "autonomous"), ("ada", "autonomous", "ask")]


def test_the_stricter_of_two_modes_allows_less() -> None:
    order = [Mode.AUTONOMOUS, Mode.ASK, Mode.OBSERVE, Mode.STOPPED]

    assert [stricter(one, other) for one in order for other in order] == [
        max(one, other, key=order.index) for one in order for other in order
    ]
