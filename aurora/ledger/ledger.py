"""The ledger as a whole."""

from datetime import UTC, datetime

from aurora.domain import ModelSettings
from aurora.ledger.approvals import Approvals
from aurora.ledger.audit import Audit
from aurora.ledger.decisions import Decisions
from aurora.ledger.entries import Entries
from aurora.ledger.installation import Installation
from aurora.ledger.intents import Intents
from aurora.ledger.metrics import Metrics
from aurora.ledger.models import Models
from aurora.ledger.outbox import Outbox
from aurora.ledger.replies import Replies
from aurora.ledger.store import Store
from aurora.ledger.wakeups import NOBODY, WakeUps
from aurora.ledger.watches import Watches
from aurora.ports import Clock

_PLAIN = ModelSettings()


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """What AURORA knows for certain, by noun. May be used from any number of threads."""

    def __init__(
        self,
        store: Store,
        clock: Clock = _utc_now,
        *,
        sandbox_defaults: ModelSettings = _PLAIN,
        wakeups: WakeUps = NOBODY,
    ) -> None:
        """Stand on a migrated `store`; `sandbox_defaults` hold for simulated models where nobody set anything else."""
        self.store = store
        self.wakeups = wakeups
        self.audit = Audit(store, clock)
        self.models = Models(store, clock, self.audit, sandbox_defaults)
        self.metrics = Metrics(store, clock, self.audit)
        self.decisions = Decisions(store, clock, self.audit, self.models, wakeups)
        self.watches = Watches(store, clock, self.audit, self.models, self.decisions)
        self.approvals = Approvals(store, clock, self.audit, wakeups)
        self.intents = Intents(store, clock, self.audit)
        self.entries = Entries(store, clock, self.audit)
        self.installation = Installation(store, clock, self.audit)
        self.replies = Replies(store, clock, self.audit)
        self.outbox = Outbox(store, clock, self.audit)
