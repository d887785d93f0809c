"""Somebody who settles approvals on a ledger, in a process of their own."""

from collections.abc import Callable
from typing import Any, Literal

from aurora.errors import Conflict
from aurora.ledger import Ledger, Store
from tests.ledger.story import Watch

Answer = Literal["approved", "rejected"]


def settling(url: str, name: str) -> Callable[[tuple[str, Answer]], str]:
    """Return what settles an approval of the ledger at `url` in the name of `name`, and tells what came of it."""
    ledger = Ledger(Store(url), Watch())
    ledger.installation.mode()

    def settle(asked: tuple[str, Any]) -> str:
        id, answer = asked
        try:
            return ledger.approvals.settle(id, answer, name).status
        except Conflict:
            return "conflict"

    return settle
