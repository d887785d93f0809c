"""Models that send nothing any more: people are told once, and of those that fell silent together in one notice. Pure.

One broken network silences many models, each at the next report that it would have made: who falls silent is shown at
once, and told of when the others have had the time to. Nothing is decided: what is not known changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aurora.domain import Notice
from aurora.graph.attention import INTERVAL, patience, silence, was_away
from aurora.graph.storms import LATELY, LEAST, NAMED, SHARE, WINDOW, standing

if TYPE_CHECKING:
    from aurora.ledger.records import WatchRecord


@dataclass(frozen=True, slots=True)
class Told:
    """What comes of the models that are silent in one round."""

    kept: tuple["WatchRecord", ...]
    """As they are to be kept."""
    notices: tuple[Notice, ...] = ()


def fell_silent(watch: "WatchRecord", now: datetime) -> bool:
    """Whether the model is silent for too long, and nobody was told yet."""
    return watch.heard <= watch.judged and watch.silent_at is not None and watch.silent_at <= now


def tell(silent: Sequence["WatchRecord"], outage: Sequence["WatchRecord"], reporting: int, now: datetime) -> Told:
    """Return what comes of `silent`; `outage` are those that fell silent in one that was told of lately.

    Whoever was away itself waits a while before it calls others silent.
    """
    here = [watch for watch in silent if watch.looked_at is not None and not was_away(watch, now)]
    away = [_waited_for(watch, now) for watch in silent if watch.looked_at is None or was_away(watch, now)]
    present = standing(outage, now)
    if present is not None:
        return Told((*away, *(_told(watch, now, storm=present, storm_until=_until(outage, present)) for watch in here)))
    if len(here) >= LEAST and len(here) >= SHARE * reporting:
        storm, told = _id(_first(here)), _together(here, reporting, now)
        return Told((*away, *(_told(watch, now, storm=storm, storm_until=now + LATELY) for watch in here)), (told,))
    if any(_time_is_up(watch, now) for watch in here):
        notices = (_several(here, now),) if len(here) >= LEAST else tuple(_one(watch, now) for watch in here)
        return Told((*away, *(_told(watch, now) for watch in here)), notices)
    return Told((*away, *(_shown(watch, now) for watch in here)))


def _time_is_up(watch: "WatchRecord", now: datetime) -> bool:
    """Whether all others would have made their next report as well, had they not fallen silent with it."""
    window = min(max(WINDOW, timedelta(seconds=min(watch.usual_seconds or 0.0, 3600.0))), LATELY)
    return watch.silent_at is not None and now >= watch.silent_at + window


def _waited_for(watch: "WatchRecord", now: datetime) -> "WatchRecord":
    later = now + patience(watch.usual_seconds or 0.0)
    return watch.evolve(looked_at=now, due_at=now + INTERVAL, heard_before=None, silent_at=later)


def _shown(watch: "WatchRecord", now: datetime) -> "WatchRecord":
    """Show that it is silent; it stays due until people are told."""
    return watch.evolve(
        word="suspicious",
        held_by="",
        signs=(silence(watch, now),),
        since=watch.heard_at,
        looked_at=now,
        due_at=now,
        breach_at=None,
        storm=None,
        storm_until=None,
    )


def _told(
    watch: "WatchRecord", now: datetime, storm: str | None = None, storm_until: datetime | None = None
) -> "WatchRecord":
    shown = _shown(watch, now)
    return shown.evolve(due_at=now + INTERVAL, silent_at=None, storm=storm, storm_until=storm_until)


def _until(outage: Sequence["WatchRecord"], storm: str) -> datetime | None:
    return next(watch.storm_until for watch in outage if watch.storm == storm)


def _first(silent: Sequence["WatchRecord"]) -> "WatchRecord":
    return min(silent, key=lambda watch: (watch.heard_at, watch.model_name))


def _id(watch: "WatchRecord") -> str:
    return f"silence:{watch.model_name}:{watch.heard}"


def _together(silent: Sequence["WatchRecord"], reporting: int, now: datetime) -> Notice:
    first = _first(silent)
    message = (
        f"{len(silent)} of {max(reporting, len(silent))} models send no metrics any more, which points to one shared "
        f"cause. {first.model_name}: {silence(first, now)}. Those that follow are not told of one by one."
    )
    return Notice(event_id=_id(first), model_name=first.model_name, severity="critical", message=message)


def _several(silent: Sequence["WatchRecord"], now: datetime) -> Notice:
    first, names = _first(silent), [watch.model_name for watch in silent]
    shown = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    message = f"{len(names)} models send no metrics any more: {shown}. {first.model_name}: {silence(first, now)}."
    return Notice(event_id=_id(first), model_name=first.model_name, severity="warning", message=message)


def _one(watch: "WatchRecord", now: datetime) -> Notice:
    message = f"{watch.model_name}: {silence(watch, now)}. Nothing is changed on what is not known."
    return Notice(event_id=_id(watch), model_name=watch.model_name, severity="warning", message=message)
