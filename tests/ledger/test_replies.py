"""A request with an Idempotency-Key has one answer."""

from datetime import timedelta

import pytest

from aurora.errors import IdempotencyMismatch
from aurora.ledger import Ledger
from aurora.ledger.replies import ABANDONED
from tests.ledger.story import Watch

REQUEST = ("key", "ada", "POST /api/analyze", "hash")


def test_the_first_request_is_yours_to_do_and_the_second_has_to_wait(ledger: Ledger) -> None:
    assert ledger.replies.begin(*REQUEST) is None

    waiting = ledger.replies.begin(*REQUEST)
    assert waiting is not None
    assert waiting.status_code is None


def test_the_first_answer_is_given_again(ledger: Ledger) -> None:
    ledger.replies.begin(*REQUEST)
    ledger.replies.finish("key", "ada", 201, '{"ids": ["ü"]}', content_type="application/problem+json")

    reply = ledger.replies.begin(*REQUEST)

    assert reply is not None
    assert (reply.status_code, reply.body, reply.content_type) == (201, '{"ids": ["ü"]}', "application/problem+json")


@pytest.mark.parametrize("other", [("POST /api/memory", "hash"), ("POST /api/analyze", "another hash")])
def test_the_key_of_another_request_is_refused(other: tuple[str, str], ledger: Ledger) -> None:
    ledger.replies.begin(*REQUEST)

    with pytest.raises(IdempotencyMismatch):
        ledger.replies.begin("key", "ada", *other)


def test_owners_do_not_share_keys(ledger: Ledger) -> None:
    ledger.replies.begin(*REQUEST)

    assert ledger.replies.begin("key", "bo", "POST /api/memory", "another hash") is None


def test_a_key_that_was_given_back_can_be_used_anew(ledger: Ledger) -> None:
    ledger.replies.begin(*REQUEST)
    ledger.replies.forget("key", "ada")

    assert ledger.replies.begin(*REQUEST) is None


def test_a_request_that_died_with_its_process_can_be_tried_again(ledger: Ledger, clock: Watch) -> None:
    ledger.replies.begin(*REQUEST)
    clock.now += ABANDONED - timedelta(seconds=1)
    assert ledger.replies.begin(*REQUEST) is not None
    clock.forward(seconds=1)

    assert ledger.replies.begin(*REQUEST) is None
    assert ledger.replies.begin(*REQUEST) is not None


def test_old_answers_can_be_dropped(ledger: Ledger, clock: Watch) -> None:
    ledger.replies.begin(*REQUEST)
    ledger.replies.begin("younger", "ada", "route", "hash")
    clock.forward(days=1)
    ledger.replies.begin("youngest", "ada", "route", "hash")

    assert ledger.replies.forget_before(clock.now) == 2
    assert ledger.replies.begin("youngest", "ada", "route", "hash") is not None
