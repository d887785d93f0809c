"""When many models begin to breach at once: one shared cause, one notice, and nobody planned for at first. Pure.

Ten plans for ten symptoms of one broken network are ten wrong changes. People are told once; the models that joined
wait until the storm is over or its time has passed, and are then looked at one after the other.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aurora.domain import Notice

if TYPE_CHECKING:
    from aurora.ledger.records import WatchRecord

LEAST = 5
"""Four models that break at once are still a coincidence to be looked at one by one."""
SHARE = 0.5
"""And in a large fleet some five always do: it takes half of those that report."""
WINDOW, INTERVALS = timedelta(seconds=10), 3.0
"""They begin within so long of one another, or within so many of their usual intervals: a shared cause shows at the
next report of each, and a report or two later it is believed everywhere."""
LATELY = timedelta(hours=1)
"""Who has sent nothing for so long does not count among those that report, and no window is longer."""
HOLD = timedelta(minutes=10)
"""How long at most planning waits for the shared cause to go: about as long as people take to see it."""
NAMED = 10
"""How many models a notice names."""


@dataclass(frozen=True, slots=True)
class Storm:
    """Models that began to breach together."""

    id: str
    until: datetime
    joining: tuple[str, ...]
    """Who is new in it."""
    notices: tuple[Notice, ...] = ()
    """What people are told; nothing where they know of it already."""


def rising(watches: Sequence["WatchRecord"], reporting: int, now: datetime) -> Storm | None:
    """Return the storm that the models which just began to breach make or join, if there is one."""
    begun = [watch for watch in watches if watch.storm is None and _just_began(watch, now)]
    present = standing(watches, now)
    if present is not None and begun:
        joined = next(watch for watch in watches if watch.storm == present)
        return Storm(present, joined.storm_until or now, tuple(watch.model_name for watch in begun))
    if present is not None or len(begun) < LEAST or len(begun) < SHARE * reporting:
        return None
    first = min(watch.breach_at for watch in begun if watch.breach_at is not None)
    return _risen(f"storm:{first.isoformat()}", begun, reporting, now)


def standing(watches: Sequence["WatchRecord"], now: datetime) -> str | None:
    """Return the id of the storm that is on: its time has not passed, and enough of its models still breach."""
    members: dict[str, int] = {}
    for watch in watches:
        if watch.storm is not None and watch.storm_until is not None and watch.storm_until > now:
            members[watch.storm] = members.get(watch.storm, 0) + 1
    return next((storm for storm, count in sorted(members.items()) if count >= LEAST), None)


class Looks:
    """Who may be looked at in one round as far as storms go; `flying` are those with a decision in flight."""

    def __init__(self, watches: Sequence["WatchRecord"], flying: Collection[str], now: datetime) -> None:
        self._storms = {watch.model_name: watch.storm for watch in watches if watch.storm is not None}
        self._standing = standing(watches, now)
        self._flying: dict[str, set[str]] = {}
        for name in flying:
            self.taken(name)

    def allow(self, name: str) -> bool:
        """Whether it is no storm's, or its storm is over and nobody else of it is being looked at."""
        storm = self._storms.get(name)
        if storm is None:
            return True
        return storm != self._standing and self._flying.get(storm, set()) <= {name}

    def taken(self, name: str) -> None:
        """Note that a decision on it is in flight."""
        if (storm := self._storms.get(name)) is not None:
            self._flying.setdefault(storm, set()).add(name)


def _just_began(watch: "WatchRecord", now: datetime) -> bool:
    window = min(max(WINDOW, timedelta(seconds=INTERVALS * min(watch.usual_seconds or 0.0, 3600.0))), LATELY)
    return watch.breach_at is not None and watch.breach_at > now - window


def _risen(id: str, begun: Sequence["WatchRecord"], reporting: int, now: datetime) -> Storm:
    names = tuple(watch.model_name for watch in begun)
    shown = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    minutes = HOLD.total_seconds() / 60
    message = (
        f"{len(names)} of {reporting} models that report began to breach at once, which points to one shared cause: "
        f"{shown}. Nothing is planned for them until it is over, or for {minutes:.0f} minutes."
    )
    notice = Notice(event_id=id, model_name=names[0], severity="critical", message=message)
    return Storm(id, now + HOLD, names, (notice,))
