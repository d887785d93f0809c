"""The monitor: judges the stored points of every model that is due, and opens a decision where one is worth it.

A round is level-triggered and may be run by anybody at any time: what is due follows from the ledger alone, and of two
rounds at once one opens each decision. Most models have nothing new; one statement passes over all of them. Points
that cannot be read today are read in the next round.

It does not decide what to do, and does not take decisions further once they are opened: the runner and its sweep do.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Protocol

from aurora.crashes import Crash, crash_point
from aurora.domain import MetricPoint, Notice, Telemetry
from aurora.graph.attention import AWAY, INTERVAL, attend, claimed, decision_id, heard
from aurora.graph.deps import Deps
from aurora.graph.silences import fell_silent, tell
from aurora.graph.storms import LATELY, Looks, rising
from aurora.observe import Verdict, baseline_of, judge, telemetry_of
from aurora.observe.versions import in_order

if TYPE_CHECKING:
    from aurora.ledger.records import Surroundings, WatchRecord

log = logging.getLogger(__name__)

BATCH = 500
"""How many models are read, judged and written together."""
POINTS = 200
"""How many of a model's newest points are judged: those that a decision looks at too."""
AT_ONCE = 4
"""How many decisions of the monitor are worked out side by side."""
SECONDS_PER_ROUND = 2.0
"""How long a round waits for the decisions it opened. They go on without it; the next round is not theirs to delay."""
NEWEST = 20
"""From how many points the usual interval is taken."""
AHEAD, CLOCK = timedelta(minutes=1), "its clock is"
"""A clock that runs ahead by more than this is told of, and how that begins; less is a clock as clocks are."""


class Starter(Protocol):
    """Whoever takes an opened decision up to its end or its first interrupt."""

    async def start(self, decision_id: str) -> None:
        """Run a new decision."""


@dataclass(frozen=True)
class Wanted:
    """A model that is worth a look."""

    watch: "WatchRecord"
    verdict: Verdict
    around: "Surroundings"
    look: Telemetry | None


class Monitor:
    """Watches all models of one ledger; its rounds run on one event loop."""

    def __init__(self, deps: Deps, runner: Starter) -> None:
        self._deps = deps
        self._runner = runner
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._running: set[asyncio.Task[None]] = set()

    async def round(self) -> int:
        """Judge whatever is due; return how many decisions were opened."""
        wanted = await asyncio.to_thread(self._judge_all)
        if wanted:
            crash_point(Crash.WATCH_KEPT)
        opened = await asyncio.to_thread(self._open_all, wanted)
        if opened:
            crash_point(Crash.WATCH_CLAIMED)
        started = [self._start(one) for one in opened]
        if started:
            await asyncio.wait(started, timeout=SECONDS_PER_ROUND)
        return len(opened)

    # --- judging -----------------------------------------------------------------------------------------------------

    def _judge_all(self) -> list[Wanted]:
        watches, now = self._deps.ledger.watches, self._deps.clock()
        watches.pass_over(now, now + INTERVAL, away_since=now - AWAY)
        wanted: list[Wanted] = []
        silent: list[WatchRecord] = []
        after = ""
        while batch := watches.due(now, BATCH, after):
            # Now, not when the round began: whatever had arrived when these were read counts as judged.
            at = self._deps.clock()
            silent += (quiet := [watch for watch in batch if fell_silent(watch, at)])
            names = {watch.model_name for watch in quiet}
            wanted += self._judge([watch for watch in batch if watch.model_name not in names], at)
            after = batch[-1].model_name
        if silent:
            self._tell(silent, now)
        return wanted

    def _tell(self, silent: Sequence["WatchRecord"], now: datetime) -> None:
        """Tell people of whoever fell silent, of all batches together: one cause may be behind them."""
        watches = self._deps.ledger.watches
        told = tell(silent, watches.fallen_silent(now), watches.reporting(now - LATELY), now)
        watches.keep(told.kept, told.notices)

    def _judge(self, watches: Sequence["WatchRecord"], now: datetime) -> list[Wanted]:
        ledger = self._deps.ledger
        around = ledger.watches.surroundings(watches)
        points = ledger.metrics.recent_of([watch.model_name for watch in watches], POINTS, now)
        kept, wanted, notices = [], [], []
        for watch in watches:
            name = watch.model_name
            found, want = _judged(watch, points[name].points, around[name], now)
            if points[name].ahead > AHEAD:
                notices += [_astray(watch, points[name].ahead, now)] if not _seen_astray(watch) else []
                found = _with_its_clock(found, points[name].ahead)
            kept.append(found)
            wanted += [want] if want is not None else []
        ledger.watches.keep(kept, notices)
        return wanted

    # --- opening -----------------------------------------------------------------------------------------------------

    def _open_all(self, wanted: Sequence[Wanted]) -> list[str]:
        """Claim the looks that no storm holds, and open their decisions; return the ids of these."""
        if not wanted:
            return []
        watches, now = self._deps.ledger.watches, self._deps.clock()
        breaching = watches.breaching(now - LATELY)
        storm = rising(breaching, watches.reporting(now - LATELY), now)
        if storm is not None:
            watches.join_storm(storm.joining, storm.id, storm.until, storm.notices)
            breaching = watches.breaching(now - LATELY)
        looks = Looks(breaching, watches.at_work([watch.model_name for watch in breaching if watch.storm]), now)
        opened, put_off = [], []
        for one in wanted:
            name = one.watch.model_name
            if not looks.allow(name):
                put_off.append(name)
            elif self._claim(one, now):
                opened += [decision_id(one.watch)] if one.look is not None else []
                looks.taken(name)
        if put_off:
            watches.hold(put_off, "storm")
        return opened

    def _claim(self, one: Wanted, now: datetime) -> bool:
        watch, id = claimed(one.watch, one.verdict, one.around, now), decision_id(one.watch)
        notice = None if one.look is not None else _undecidable(watch, id)
        return self._deps.ledger.watches.claim(watch, id, one.look, notice, simulated=self._deps.simulated)

    def _start(self, id: str) -> "asyncio.Task[None]":
        task = asyncio.create_task(self._run(id))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _run(self, id: str) -> None:
        async with self._slots:
            try:
                await self._runner.start(id)
            except Exception:
                # It is open in the ledger, and the sweep goes on with it; the other models' looks must not suffer.
                log.exception("decision %s of the monitor could not be worked out", id)


def _judged(
    watch: "WatchRecord", points: Sequence[MetricPoint], around: "Surroundings", now: datetime
) -> tuple["WatchRecord", Wanted | None]:
    baseline = baseline_of(around.settings, points)
    verdict = judge(points, around.settings, baseline, now=now)
    if watch.heard > watch.judged:
        watch = heard(watch, _interval(points, now), now)
    attention = attend(watch, verdict, around, now)
    kept = attention.watch
    if not attention.wanted:
        return kept, None
    look = telemetry_of(
        points,
        around.settings,
        now=now,
        rps_baseline=baseline.throughput_rps,
        proven=around.proven,
        notes=f"Seen by the monitor: {'; '.join(verdict.signs)}.",
    )
    return kept, Wanted(kept, verdict, around, look)


def _interval(points: Sequence[MetricPoint], now: datetime) -> float | None:
    """Return the usual time between two of the newest points, in seconds."""
    times = sorted({point.timestamp for point in in_order(points, now) if point.timestamp is not None})[-NEWEST:]
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    return median(gaps) if gaps else None


# --- clocks ----------------------------------------------------------------------------------------------------------


def _with_its_clock(watch: "WatchRecord", ahead: timedelta) -> "WatchRecord":
    """Show that the clock runs ahead; its points are judged all the same, by when they arrived."""
    word = "suspicious" if watch.word == "quiet" else watch.word
    return watch.evolve(word=word, signs=(*watch.signs, _clock(ahead)))


def _seen_astray(watch: "WatchRecord") -> bool:
    return any(sign.startswith(CLOCK) for sign in watch.signs)


def _clock(ahead: timedelta) -> str:
    return f"{CLOCK} {ahead / timedelta(minutes=1):.0f} minutes ahead"


def _astray(watch: "WatchRecord", ahead: timedelta, now: datetime) -> Notice:
    message = f"{watch.model_name}: {_clock(ahead)}. Its points are judged by when they arrive."
    # At most once a day, however often a clock is put right and wrong again.
    id = f"clock:{watch.model_name}:{now.date().isoformat()}"
    return Notice(event_id=id, model_name=watch.model_name, severity="warning", message=message)


def _undecidable(watch: "WatchRecord", id: str) -> Notice:
    message = (
        f"{watch.model_name} is outside its limits: {'; '.join(watch.signs)}. It sends neither accuracy nor latency, "
        "error rate or throughput, so nothing can be decided about it."
    )
    return Notice(event_id=f"{id}:undecidable", model_name=watch.model_name, severity="warning", message=message)
