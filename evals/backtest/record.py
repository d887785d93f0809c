"""Reads the decisions to replay out of a ledger, without a chance to write to it."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from aurora.domain import CHANGING, Action, Critique, Plan, Recalled, Ruling, Status
from aurora.ledger import Ledger, Store
from aurora.ledger.records import DecisionRecord
from aurora.nouns import NOUNS
from aurora.policy.standing import gave_up
from aurora.settings import Settings
from evals.backtest.past import Past, Written, facts_at, past
from evals.backtest.replay import Case

PAGE = 500
"""Decisions read at once."""

Nouns = dict[str, list[Written]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which decisions are replayed: the newest `limit` of them, of one model, from a time on."""

    limit: int
    model: str | None = None
    since: datetime | None = None


@contextmanager
def opened(settings: Settings) -> Iterator[Ledger | None]:
    """Open the ledger that `settings` name, for reading; None where there is none yet.

    Raises `Misconfigured` or `Unavailable` where it cannot be read.
    """
    url = settings.database_url or f"sqlite:///{settings.home.expanduser().absolute() / 'aurora.db'}"
    store = Store(url)
    if store.url.get_backend_name() == "sqlite":
        file = Path(store.url.database or "").absolute()
        if not file.exists():
            yield None
            return
        # Opened in this way SQLite itself refuses to write; beside the file it may leave its two side files, empty.
        store = Store(f"sqlite:///file:{quote(str(file))}?mode=ro&uri=true")
    try:
        yield Ledger(store)
    finally:
        store.close()


class Record:
    """The decisions that are wanted, and what was left out and why."""

    def __init__(self, ledger: Ledger, wanted: Wanted) -> None:
        self._ledger = ledger
        self.decisions = list(reversed(_decisions(ledger, wanted)))
        """Oldest first."""
        self.left_out: Counter[str] = Counter()
        self._pasts: dict[str, list[Past]] = {}
        self._reversible: Collection[Action] = CHANGING

    def cases(self) -> Iterator[Case | None]:
        """Yield a case for each decision; None where there is nothing to replay, which `left_out` counts."""
        for decision in self.decisions:
            try:
                yield self._case(decision)
            except ValidationError:
                self.left_out["written by a version that is not understood any more"] += 1
                yield None

    def verified(self, decision: DecisionRecord) -> bool:
        """Whether code measured what came of the decision."""
        made = next((one for one in self._past(decision.model_name) if one.decision_id == decision.id), None)
        return made is not None and bool(made.turns) and made.turns[-1].verified

    def _case(self, decision: DecisionRecord) -> Case | None:
        nouns = _nouns(self._ledger, decision.id)
        situations, plans, critiques = nouns.get("observe"), nouns.get("plan"), nouns.get("critique")
        if not (situations and plans and critiques):
            self.left_out["no plan and critique on record"] += 1
            return None
        plan: Plan = plans[-1][1]
        critique: Critique = critiques[-1][1]
        ruling, ruled_at = _ruling(nouns, plan)
        ended = ruling is not None or critique.verdict == "reject" or gave_up(critique)
        if critique.round != plan.round or not ended:
            self.left_out["still being worked out"] += 1
            return None
        made = self._past(decision.model_name)
        return Case(
            decision=decision,
            situation=situations[0][1],
            plan=plan,
            critique=critique,
            ruling=ruling,
            ruled_at=ruled_at or critiques[-1][0],
            seen_alike=plan.recalled,
            turned_out=_distinct(recalled for _, judged in critiques for recalled in judged.recalled),
            facts=facts_at(ruled_at or critiques[-1][0], decision, made, ruling),
            reversible=self._reversible,
        )

    def _past(self, model_name: str) -> list[Past]:
        """Return every change of a model, oldest first."""
        if model_name not in self._pasts:
            done = _pages(self._ledger, model_name, Status.EXECUTED.value)
            changes = [one for one in done if one.decision_type in CHANGING]
            found = [
                past(one, _nouns(self._ledger, one.id, ("observe", "execute", "verify", "undo", "report")))
                for one in changes
            ]
            self._pasts[model_name] = [one for one in reversed(found) if one is not None]
        return self._pasts[model_name]


def _decisions(ledger: Ledger, wanted: Wanted) -> list[DecisionRecord]:
    found: list[DecisionRecord] = []
    for decision in _pages(ledger, wanted.model, None):
        if len(found) == wanted.limit or (wanted.since is not None and decision.created_at < wanted.since):
            break
        found.append(decision)
    return found


def _pages(ledger: Ledger, model_name: str | None, status: str | None) -> Iterator[DecisionRecord]:
    """Yield decisions, newest first."""
    before: str | None = None
    while True:
        page = ledger.decisions.list(PAGE, model_name, status, before)
        yield from page.items
        if (before := page.next) is None:
            return


def _nouns(ledger: Ledger, id: str, nodes: Sequence[str] = ("observe", "plan", "critique", "rule")) -> Nouns:
    found: dict[str, list[tuple[datetime, Any]]] = defaultdict(list)
    for row in ledger.decisions.nouns(id):
        if row.node in nodes:
            found[row.node].append((row.written_at, NOUNS[row.node].model_validate_json(row.body)))
    return dict(found)


def _ruling(nouns: Nouns, plan: Plan) -> tuple[Ruling | None, datetime | None]:
    """Return the first ruling on the last plan: later ones are about what a person or the executor made of it."""
    rulings = [(noun, at) for at, noun in nouns.get("rule", ()) if noun.round == plan.round]
    return rulings[0] if rulings else (None, None)


def _distinct(recalled: Iterator[Recalled]) -> tuple[Recalled, ...]:
    return tuple({one.id: one for one in recalled}.values())
