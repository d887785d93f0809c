"""What every part of the ledger is made of."""

from datetime import datetime

from aurora.ledger.audit import Audit
from aurora.ledger.store import Store
from aurora.ports import Clock


class Part:
    """One noun's share of the ledger. Its public methods are one transaction each."""

    def __init__(self, store: Store, clock: Clock, audit: Audit) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit

    def _now(self) -> datetime:
        return self._clock()
