"""What the monitor does about a verdict: look, wait, or nothing. Pure, but for the names of what the ledger keeps.

A look is a decision of the whole loop. It is worth one only where the evidence is new: the first time, when another
sign joins, when it gets clearly worse, or after a pause that doubles with every look in vain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal
from uuid import NAMESPACE_OID, uuid5

from aurora.domain import Outcome, Status
from aurora.observe import Verdict

if TYPE_CHECKING:
    from aurora.ledger.records import DecisionRecord, Surroundings, WatchRecord

INTERVAL = timedelta(seconds=60)
"""How long a model without new points is left alone; they make it due at once."""
WORSE = 1.5
"""A breach that reaches so many times as far as it did is new evidence; less may be noise."""
LONGEST_PAUSE = timedelta(days=1)
"""However often it was in vain: once a day somebody should look."""
SHORTEST_PAUSE = timedelta(seconds=1)
"""A model without a cooldown begins with this, and it doubles as any other: the same points tell nothing else."""
SILENT = 5.0
"""A model is silent after so many times its usual interval: one late report, or three, is a slow network."""
SHORTEST_SILENCE = timedelta(seconds=60)
"""And not before: a process that restarts reports nothing for a moment."""
FORGETFUL = 0.9
"""By how much the longest usual interval shrinks with each report, so that one outage is not taken for a habit."""
AWAY = 3 * INTERVAL
"""Who has not looked for so long was away itself, and cannot tell silence."""

Held = Literal["", "in_flight", "cooldown", "same_evidence", "flapping"]


@dataclass(frozen=True, slots=True)
class Attention:
    """What a model gets."""

    watch: "WatchRecord"
    """As it is to be kept."""
    wanted: bool = False
    """Whether a decision is to be opened."""


def attend(watch: "WatchRecord", verdict: Verdict, around: "Surroundings", now: datetime) -> Attention:
    """Return what `verdict` on the newest points comes to; `watch` is from before it."""
    settled = _settled(watch, around)
    calm = settled.evolve(
        judged=watch.heard,
        heard_before=_heard_before(watch, now),
        looked_at=now,
        newest_at=verdict.newest_at,
        signs=verdict.signs,
        since=verdict.since,
        due_at=now + INTERVAL,
    )
    if not verdict.levels:
        return Attention(_at_rest(calm, verdict, now))
    held = _held_by(settled, verdict, around, now)
    breaching = calm.evolve(
        word="held" if held else "breaching",
        held_by=held,
        breach_at=watch.breach_at or now,
        # What silenced it before is no storm of a breach that only begins.
        storm=watch.storm if watch.breach_at is not None else None,
        storm_until=watch.storm_until if watch.breach_at is not None else None,
        due_at=_due(settled, around, now),
    )
    silent = is_silent(watch, now)
    return Attention(breaching, wanted=not held and verdict.pressing and not around.stopped and not silent)


def claimed(watch: "WatchRecord", verdict: Verdict, around: "Surroundings", now: datetime) -> "WatchRecord":
    """Return `watch` as it is claimed with: what it reached so far, and when the same may be looked at again."""
    fresh = renewed(watch.signature, verdict) and verdict.word != "flapping"
    looks = 0 if fresh else watch.looks
    most = {sign.value: max(watch.signature.get(sign, 0.0), reach) for sign, reach in verdict.shown.items()}
    return watch.evolve(
        looks=looks, signature={**watch.signature, **most}, next_allowed_at=now + pause(around, looks + 1)
    )


def decision_id(watch: "WatchRecord") -> str:
    """Return the id of the decision that this look opens; whoever repeats the look opens the same one."""
    newest = "" if watch.newest_at is None else watch.newest_at.isoformat()
    return f"dec_{uuid5(NAMESPACE_OID, f'watch:{watch.model_name}:{watch.turn}:{newest}').hex}"


def pause(around: "Surroundings", looks: int) -> timedelta:
    """Return how long after the `looks`-th look in vain the same evidence rests."""
    first = max(around.settings.cooldown_minutes, SHORTEST_PAUSE / timedelta(minutes=1))
    minutes = first * 2.0 ** min(max(looks - 1, 0), 20)
    return min(timedelta(minutes=min(minutes, 24 * 60)), LONGEST_PAUSE)


def renewed(signature: Mapping[str, float], verdict: Verdict) -> bool:
    """Whether `verdict` tells more than what was looked at: another sign, or one that is clearly worse."""
    return any(reach >= WORSE * signature.get(sign, 0.0) for sign, reach in verdict.levels.items())


def _settled(watch: "WatchRecord", around: "Surroundings") -> "WatchRecord":
    """Account for what the last look came to: a success ends the matter, anything else makes the pause longer."""
    if watch.decision_id is None or around.in_flight or (around.last is not None and _open(around.last)):
        return watch
    if around.last is not None and around.last.outcome is Outcome.BETTER:
        return watch.evolve(decision_id=None, looks=0, signature={}, next_allowed_at=None)
    times = [watch.claimed_at, around.last.updated_at if around.last is not None else None]
    ended = max((moment for moment in times if moment is not None), default=None)
    allowed = None if ended is None else ended + pause(around, watch.looks)
    return watch.evolve(decision_id=None, next_allowed_at=allowed)


def _open(decision: "DecisionRecord") -> bool:
    waits = decision.status in (Status.RUNNING, Status.AWAITING_APPROVAL)
    return waits or decision.outcome is Outcome.PENDING


def _at_rest(watch: "WatchRecord", verdict: Verdict, now: datetime) -> "WatchRecord":
    """Nothing is believed. What was looked at is forgotten once the pause after it is over, not when it just dipped."""
    quiet = verdict.word == "quiet"
    over = watch.next_allowed_at is None or watch.next_allowed_at <= now
    forgotten = {"looks": 0, "signature": {}, "next_allowed_at": None} if quiet and over else {}
    return watch.evolve(
        word="quiet" if quiet else "suspicious",
        held_by="flapping" if verdict.word == "flapping" else "",
        breach_at=None,
        storm=None,
        storm_until=None,
        **forgotten,
    )


def _held_by(watch: "WatchRecord", verdict: Verdict, around: "Surroundings", now: datetime) -> Held:
    if around.in_flight:
        return "in_flight"
    if (until := _cool_until(around)) is not None and now < until:
        return "cooldown"
    if watch.next_allowed_at is None or watch.next_allowed_at <= now:
        return ""
    if verdict.word == "flapping":
        return "flapping"
    return "" if renewed(watch.signature, verdict) else "same_evidence"


def _cool_until(around: "Surroundings") -> datetime | None:
    if around.changed_at is None:
        return None
    return around.changed_at + timedelta(minutes=min(around.settings.cooldown_minutes, 60 * 24 * 365))


def _due(watch: "WatchRecord", around: "Surroundings", now: datetime) -> datetime:
    """Return when a breach that waits is looked at again: with its pause or its cooldown, else on the interval."""
    ends = [moment for moment in (watch.next_allowed_at, _cool_until(around)) if moment is not None and moment > now]
    return min([now + INTERVAL, *ends])


# --- silence ---------------------------------------------------------------------------------------------------------


def was_away(watch: "WatchRecord", now: datetime) -> bool:
    """Whether nobody has looked for so long that the model may well have reported to nobody."""
    return watch.looked_at is not None and now - watch.looked_at > AWAY


def heard(watch: "WatchRecord", interval: float | None, now: datetime) -> "WatchRecord":
    """Learn from an arrival how long it usually takes; `interval` is the usual one between the points, in seconds.

    A gap in which AURORA itself was away is nobody's habit.
    """
    gap = None if watch.heard_before is None or was_away(watch, now) else watch.heard_at - watch.heard_before
    since = None if gap is None else gap.total_seconds()
    known = [FORGETFUL * watch.usual_seconds] if watch.usual_seconds is not None else []
    known += [value for value in (since, interval) if value is not None and value > 0]
    usual = max(known, default=None)
    return watch.evolve(usual_seconds=usual, silent_at=None if usual is None else watch.heard_at + patience(usual))


def _heard_before(watch: "WatchRecord", now: datetime) -> datetime | None:
    """Return since when the next gap counts: the newest arrival, unless AURORA was away since."""
    if watch.heard > watch.judged:
        return watch.heard_at
    return None if was_away(watch, now) else watch.heard_before


def patience(usual_seconds: float) -> timedelta:
    """Return how long a model may say nothing."""
    return max(timedelta(seconds=min(SILENT * usual_seconds, 30 * 24 * 3600)), SHORTEST_SILENCE)


def is_silent(watch: "WatchRecord", now: datetime) -> bool:
    """Whether the model has said nothing for longer than it ever does; what it said before is no evidence then."""
    return watch.usual_seconds is not None and now >= watch.heard_at + patience(watch.usual_seconds)


def silence(watch: "WatchRecord", now: datetime) -> str:
    """Return the sign of a silent model."""
    quiet, usual = (now - watch.heard_at).total_seconds() / 60, watch.usual_seconds or 0.0
    spelt = _many(usual, "second") if usual < 120 else _many(usual / 60, "minute")
    return f"no metrics for {_many(quiet, 'minute')}, usually every {spelt}"


def _many(count: float, unit: str) -> str:
    return f"{count:.0f} {unit}" if round(count) == 1 else f"{count:.0f} {unit}s"
