"""Who wakes a decision later, told in the very transaction after which it can go on.

So a wake-up is there exactly if what it is for is there. It carries ids only and may come late, twice or never: the
nodes read from the ledger what is the case, and the sweep finds whatever nobody was woken for.
"""

from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from aurora.domain import Health


class WakeUps(Protocol):
    """Takes wake-ups. It never raises: one that cannot be taken costs time, and must not undo what it is for."""

    def resume(self, session: Session, decision_id: str, approval_id: str) -> None:
        """Wake the decision soon: its question is settled."""

    def verify(self, session: Session, decision_id: str, due_at: datetime, now: datetime) -> None:
        """Wake the decision at `due_at`, when its outcome is to be looked at."""

    def health(self) -> Health | None:
        """Return how the deliverer is; None where nobody delivers and nobody was meant to."""


class NoWakeUps:
    """For a program that has AURORA inside itself: there `sweep()` is all that is needed."""

    def resume(self, session: Session, decision_id: str, approval_id: str) -> None:
        """Do nothing."""

    def verify(self, session: Session, decision_id: str, due_at: datetime, now: datetime) -> None:
        """Do nothing."""

    def health(self) -> Health | None:
        """Return None."""
        return None


NOBODY = NoWakeUps()
