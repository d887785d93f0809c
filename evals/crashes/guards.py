"""The control: guards taken out of AURORA, in the process that asks for it, to see that their absence is noticed.

Each replaces what the guard does by what a program without it would do; see `CONTROLS` for the points at which that
must lose something or do it twice.
"""

from collections.abc import Callable
from typing import Any, Literal, get_args

from aurora.crashes import Crash
from evals.crashes.client import Client

Guard = Literal["look_up", "sweep", "commit", "alert_key", "request_key", "books"]
"""The look-up before an effect is repeated; the sweep for what nobody was woken for; the commit before the answer;
the key of an alert; the decision id that follows from an Idempotency-Key; the sandbox's look at its books."""

CONTROLS: dict[Crash, Guard] = {
    Crash.METRICS_KEPT: "commit",
    Crash.DECISION_OPENED: "sweep",
    Crash.WATCH_CLAIMED: "sweep",
    Crash.NOUN_DRAFTED: "sweep",
    Crash.NOUN_RECORDED: "sweep",
    Crash.INTENT_BEGUN: "sweep",
    Crash.EFFECT_APPLIED: "look_up",
    Crash.INTENT_FINISHED: "look_up",
    Crash.EFFECT_BOOKED: "books",
    Crash.WAKE_DELIVERED: "sweep",
    Crash.OUTCOME_REPORTED: "sweep",
    Crash.OUTCOME_VERIFIED: "sweep",
    Crash.UNDO_REQUESTED: "sweep",
    Crash.UNDO_APPLIED: "look_up",
    Crash.UNDO_FINISHED: "look_up",
    Crash.LATE_UNDONE: "look_up",
    Crash.NOTICE_DELIVERED: "alert_key",
    Crash.REPLY_MADE: "request_key",
}
"""Where the control kills, and which guard it does so without."""


def remove(guard: Guard) -> None:
    """Take a guard out of this process."""
    _REMOVE[guard]()


def _no_look_up() -> None:
    from aurora.graph import runner
    from aurora.ledger.intents import Intents

    begin = Intents.begin

    def always_fresh(self: Intents, *about: Any, **more: Any) -> Any:
        return begin(self, *about, **more).evolve(fresh=True, result=None)

    async def nothing(*_: Any) -> None:
        """Never look whether it was taken back before."""

    _replace(Intents, "begin", always_fresh)
    _replace(runner, "earlier", nothing)


def _no_sweep() -> None:
    from aurora.ledger.approvals import Approvals
    from aurora.ledger.decisions import Decisions

    for part, name in (
        (Decisions, "unfinished"),
        (Decisions, "unreported"),
        (Decisions, "due"),
        (Approvals, "unheard"),
    ):
        _replace(part, name, lambda *_: [])


def _no_commit() -> None:
    from aurora.ledger.metrics import Metrics

    add, recent_of, waiting = Metrics.add, Metrics.recent_of, list[Any]()

    def write(self: Metrics) -> None:
        while waiting:
            about, more = waiting.pop(0)
            add(self, *about, **more)

    def add_later(_: Metrics, *about: Any, **more: Any) -> None:
        waiting.append((about, more))

    def recent_of_all(self: Metrics, *about: Any) -> Any:
        write(self)
        return recent_of(self, *about)

    _replace(Metrics, "add", add_later)
    _replace(Metrics, "recent_of", recent_of_all)


def _no_alert_key() -> None:
    from aurora.tools.alerting.log import LogAlerts

    def always(self: LogAlerts, alert: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        self._append(line := {**alert, "at": self._clock().isoformat()})
        return line, True

    _replace(LogAlerts, "_once", always)


def _no_request_key() -> None:
    Client.derives_id = False


def _no_books() -> None:
    from aurora.sandbox.world import World

    _replace(World, "_resume", lambda *_: None)


def _replace(owner: Any, name: str, other: Any) -> None:
    setattr(owner, name, other)


_REMOVE: dict[Guard, Callable[[], None]] = {
    "look_up": _no_look_up,
    "sweep": _no_sweep,
    "commit": _no_commit,
    "alert_key": _no_alert_key,
    "request_key": _no_request_key,
    "books": _no_books,
}

assert set(_REMOVE) == set(get_args(Guard))
