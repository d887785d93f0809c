"""`aurora demo`: one incident from its first sign to the answer why, on a pretend service of its own.

Everything is real but the world: a real model goes bad, AURORA notices, acts, verifies and explains. It runs in a
folder of its own that is gone afterwards, beside whatever server runs. `events` yields what happens; how it is shown is
not its business.
"""

import logging
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurora.domain import CHANGING, MetricPoint, ModelSettings
from aurora.sandbox.service import IncidentKind
from aurora.settings import Settings

if TYPE_CHECKING:
    from aurora import Aurora
    from aurora.sandbox.fleet.fleet import Fleet
    from aurora.sandbox.store import Store

TICK_SECONDS = 0.5
"""Real seconds for a minute of the service, at speed 1."""
BEGINS = 6
"""Ticks of health before the incident."""
LONGEST = 90
"""Ticks after which the demo gives up, not counting those in which a training is late."""
LONGEST_SECONDS = 55.0
"""After so many real seconds it gives up too; at a slower pace than the usual one after as many more."""
SETTLES = 6
"""Ticks that are still shown once all is done."""
LEFT_ALONE = 22
"""Ticks without any news after which nothing more is waited for."""
STEPS = ("plan", "critique", "rule", "execute", "verify", "undo")

LEFT = "I decided nothing: nothing was outside its limits, or not for long."
GIVEN_UP = "The demo stops here, before everything was seen through: there is more time at a slower pace (--speed 0.5)."

Event = dict[str, Any]


@dataclass
class _Story:
    """What was told so far."""

    told: dict[str, set[tuple[str, int]]] = field(default_factory=dict)
    """By decision, the nouns that were told: node and which of its rounds."""
    ended: dict[str, Event] = field(default_factory=dict)
    """The decisions that have said their last word, or ask a person."""
    word: str = "quiet"
    """What the monitor made of the model."""
    news_at: int = BEGINS
    """The newest counted tick at which there was something to tell."""

    def over(self, tick: int) -> bool:
        """Whether a change was seen through or a person is asked for one, or else nothing has come for long."""
        plans = [(one, one["planner_decision"]) for one in self.ended.values()]
        if any(plan["decision_type"] in CHANGING and _stands(one) for one, plan in plans if plan):
            return True
        return tick > self.news_at + LEFT_ALONE and len(self.ended) == len(self.told)


def _stands(record: Event) -> bool:
    return bool(record["execution_result"] or record["approval_id"])


def events(kind: IncidentKind, speed: float = 1.0, seed: int = 11) -> Generator[Event, None, None]:
    """Let the incident happen and yield what is seen and done, as it is; the last event answers the question why.

    Where it has to give up before, the last event says so: `complete` is False.
    Another `seed` is another life of the service: other rows, another drift.
    """
    from aurora.sandbox.fleet.catalogue import entry_for

    # What is alerted about is told as an event.
    logging.getLogger("aurora").addHandler(logging.NullHandler())
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aurora-demo-")))
        aurora, fleet, store = _opened(stack, home, (kind, seed), TICK_SECONDS / speed)
        name = entry_for(kind).name
        story, after, counted = _Story(), 0, 0
        until = time.monotonic() + LONGEST_SECONDS / min(speed, 1.0)
        yield {"event": "begin", "incident": kind, "model_name": name, "incident_at_tick": BEGINS}
        for tick in count(1):
            due = time.monotonic() + TICK_SECONDS / speed
            point = fleet.tick()[0]
            aurora.add_metrics([MetricPoint.model_validate(point)])
            yield {"event": "telemetry", "tick": tick, "incident": tick >= BEGINS, **point}
            aurora.watch()
            aurora.sweep()
            counted += not _is_late(store, name)
            for event in _news(aurora, name, story):
                story.news_at = counted
                yield event
            after += story.over(counted)
            if after > SETTLES or counted >= LONGEST or time.monotonic() > until:
                break
            time.sleep(max(due - time.monotonic(), 0))
        yield _last_word(aurora, name, story) if after else _given_up(aurora, name, story)


def _is_late(store: "Store", name: str) -> bool:
    """Whether a training of the service is not through yet though its time is: it works in real time."""
    with store.read() as books:
        service, running = books.service(name), books.running()
    if service is None or service.live is None:
        return False
    recipes = [(effect.tick, effect.work.recipe) for effect in running if effect.work is not None]
    return any(
        service.live.now - ordered >= service.live.takes(fine_tune=recipe.base is not None)
        for ordered, recipe in recipes
        if recipe is not None
    )


def _opened(
    stack: ExitStack, home: Path, life: tuple[IncidentKind, int], tick_seconds: float
) -> "tuple[Aurora, Fleet, Store]":
    from aurora import Aurora
    from aurora.sandbox.fleet.catalogue import entry_for, made
    from aurora.sandbox.fleet.fleet import Fleet
    from aurora.sandbox.fleet.incidents import LENGTHS
    from aurora.sandbox.service import Incident
    from aurora.sandbox.store import Store

    aurora = stack.enter_context(Aurora.open(Settings.alone(home)))
    store = Store(home / "sandbox")
    stack.callback(store.close)
    (kind, seed), entry = life, entry_for(life[0])
    service = made(entry, seed, (Incident(kind=kind, begins=BEGINS, lasts=LENGTHS[kind]),))
    fleet = Fleet(store, [service])
    for name, settings in fleet.settings(tick_seconds).items():
        aurora.put_settings(name, ModelSettings.model_validate(settings), by="demo")
    aurora.memory.wait_ready(60)
    return aurora, fleet, store


def _news(aurora: "Aurora", name: str, story: _Story) -> Iterator[Event]:
    """Yield what the monitor makes of it, and what was recorded since: an event a noun, with its decision's id."""
    watch = aurora.ledger.watches.get(name)
    if watch is not None and watch.word != story.word:
        story.word = watch.word
        yield {"event": "watch", "word": watch.word, "signs": list(watch.signs), "held_by": watch.held_by}
    for decision in reversed(aurora.ledger.decisions.list(20, model_name=name).items):
        told = story.told.setdefault(decision.id, set())
        record = aurora.record(decision.id)
        for node in STEPS:
            for number, noun in enumerate(record["steps"].get(node, ())):
                if (node, number) not in told:
                    told.add((node, number))
                    yield {"event": node, "decision_id": decision.id, **noun}
        if decision.id not in story.ended and (record["steps"].get("report") or record["approval_id"]):
            story.ended[decision.id] = record


def _last_word(aurora: "Aurora", name: str, story: _Story) -> Event:
    from app.chat import Chat

    records = list(story.ended.values())
    if not records:
        return _end(name, LEFT, records)
    question = _question(records)
    answer = Chat(aurora.ledger, aurora.parts.deps.clock).answer(question)
    cited = [citation.decision_id for citation in answer.citations]
    return {**_end(name, answer.answer, records), "question": question, "citations": cited}


def _given_up(aurora: "Aurora", name: str, story: _Story) -> Event:
    records = [aurora.record(decision_id) for decision_id in story.told]
    return {**_end(name, GIVEN_UP, records), "complete": False, "citations": list(story.told)}


def _end(name: str, answer: str, records: Sequence[Event]) -> Event:
    told = [{part: one[part] for part in ("decision_id", "status", "ending", "outcome")} for one in records]
    return {
        "event": "end",
        "complete": True,
        "question": None,
        "answer": answer,
        "citations": [],
        "model_name": name,
        "decisions": told,
    }


def _question(records: Sequence[Event]) -> str:
    """Return the question about what weighs most of all that was decided: a change, else an alert, else nothing."""
    plans = [record["planner_decision"] for record in records if record["planner_decision"]]
    actions = [plan["decision_type"] for plan in plans]
    changes = [action for action in actions if action in CHANGING]
    if changes:
        return f"why did you {changes[0].replace('_', '-')}?"
    return "why did you alert?" if "alert" in actions else "why did you do nothing?"
