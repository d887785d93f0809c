"""Named places where a process may die between a promise and its record.

A call does nothing unless a program has installed a hook in its own process: no setting and no environment can.
`evals/crashes` installs one that kills the process there, and looks at what the next one makes of it.
"""

from collections.abc import Callable
from enum import StrEnum


class Crash(StrEnum):
    """Where a process may die."""

    METRICS_KEPT = "metrics_kept"
    """Points are committed, and whoever sent them has no answer yet."""
    DECISION_OPENED = "decision_opened"
    """A decision is on record, and nothing was done about it."""
    WATCH_KEPT = "watch_kept"
    """The monitor has written what it thinks of a model, and not opened the decision that it wants."""
    WATCH_CLAIMED = "watch_claimed"
    """The monitor has opened a decision, and nobody was told to run it."""
    NOUN_DRAFTED = "noun_drafted"
    """A node has done its work, and recorded nothing of it."""
    NOUN_RECORDED = "noun_recorded"
    """A node's noun is in the ledger, and its checkpoint is not written."""
    APPROVAL_SETTLED = "approval_settled"
    """A person's answer is committed, and the decision does not know of it."""
    INTENT_BEGUN = "intent_begun"
    """An effect is on record as about to happen, and the tool was not called."""
    EFFECT_APPLIED = "effect_applied"
    """The tool has acted, and the intent does not say so."""
    INTENT_FINISHED = "intent_finished"
    """The intent says what came of it, and the execution is not recorded."""
    EFFECT_BOOKED = "effect_booked"
    """The sandbox has an effect in its books, and the training process was not woken for it."""
    WAKE_DELIVERED = "wake_delivered"
    """A wake-up has arrived, and its decision was not taken further."""
    OUTCOME_REPORTED = "outcome_reported"
    """Somebody's word on the outcome is committed, and the decision does not know of it."""
    OUTCOME_VERIFIED = "outcome_verified"
    """What came of it is recorded, and nothing was learnt from it."""
    UNDO_REQUESTED = "undo_requested"
    """A person's wish to take it back is committed, and the decision does not know of it."""
    UNDO_BEGUN = "undo_begun"
    """The undo is on record as about to happen, and the tool was not called."""
    UNDO_APPLIED = "undo_applied"
    """The tool has taken it back, and the intent does not say so."""
    UNDO_FINISHED = "undo_finished"
    """The intent says that it was taken back, and the undo is not recorded."""
    LATE_UNDONE = "late_undone"
    """An effect that came after its time limit was taken back, and its intent does not say so."""
    NOTICE_DELIVERED = "notice_delivered"
    """People were told, and the outbox does not know it."""
    ENTRY_INDEXED = "entry_indexed"
    """The index holds an entry, and the ledger does not know it."""
    REPLY_MADE = "reply_made"
    """A request with an Idempotency-Key was worked on, and its answer is not kept."""
    REPLY_KEPT = "reply_kept"
    """The answer is kept, and nobody has received it."""


Hook = Callable[[Crash], None]

_hook: Hook | None = None


def crash_point(point: Crash) -> None:
    """Pass `point`; nothing happens but where a hook was installed."""
    if _hook is not None:
        _hook(point)


def install(hook: Hook | None) -> None:
    """Let `hook` be called at every point that this process passes; None takes it away."""
    global _hook  # noqa: PLW0603  # one per process, as a process dies as one
    _hook = hook
