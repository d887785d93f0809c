"""An append-only trail of what changed: one hash chain per model, and one for administration.

Each link holds the SHA-256 of its own content and of the link before it, and a table of heads knows how long each
chain is and how it ends. So an edit, a deletion, a changed order and a cut-off end are found by anybody who can read
the database. Somebody who can write all of it and recompute every digest is not stopped: keep a copy of the heads
elsewhere.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from sqlalchemy import bindparam, insert, literal, select, update
from sqlalchemy.engine import Row as Fetched
from sqlalchemy.orm import Session
from sqlmodel import col

from aurora.ledger.columns import storable
from aurora.ledger.records import AuditEvent
from aurora.ledger.store import Store, insert_new
from aurora.ledger.tables import DecisionRow, EventRow, HeadRow, NounRow
from aurora.ports import Clock

ADMINISTRATION = "administration"
"""The chain of what belongs to no single model."""

GENESIS = "0" * 64
"""What the first link of every chain takes for the digest before it."""

AURORA = "aurora"
"""The actor where no person acted."""


_heads = HeadRow.__table__
_OURS = _heads.c.chain == bindparam("of")
_LOCK_HEAD = select(_heads.c.length, _heads.c.digest).where(_OURS).with_for_update()
_MOVE_HEAD = update(_heads).where(_OURS)
_LINK = insert(EventRow.__table__)

Noun = tuple[str, int, str]
"""Decision, round and node."""


def chain_of(model_name: str | None) -> str:
    """Return the name of a model's chain; the prefix keeps a model called `administration` out of that chain."""
    return ADMINISTRATION if model_name is None else f"model:{model_name}"


def canonical(value: Any) -> str:
    """Return `value` as the one JSON text that all equal values share."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def sha256(text: str) -> str:
    """Return the SHA-256 of `text` in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


class Audit:
    """The trail."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def append(self, session: Session, chain: str, event: str, actor: str, body: Mapping[str, Any]) -> None:
        """Add a link in the transaction of what it tells of. `body` is plain JSON; `chain` comes from `chain_of`."""
        head = _locked_head(session, chain)
        link = {
            "chain": chain,
            "position": head.length + 1,
            "at": self._clock(),
            "event": event,
            "actor": storable(actor),
            "body": canonical(body),
            "previous": head.digest,
        }
        digest = _digest(link)
        session.execute(_LINK, {**link, "digest": digest})
        session.execute(_MOVE_HEAD, {"of": chain, "length": head.length + 1, "digest": digest})

    def events(self, chain: str, limit: int = 100) -> list[AuditEvent]:
        """Return the newest links of a chain, newest first."""
        statement = select(EventRow).where(col(EventRow.chain) == chain).order_by(col(EventRow.position).desc())
        with self._store.read() as session:
            return [_event(row) for row in session.scalars(statement.limit(limit))]

    def verify(self) -> list[str]:
        """Walk every chain and return what is wrong, one sentence each; nouns are checked against their links."""
        with self._store.read() as session:
            heads = {row.chain: row for row in session.scalars(select(HeadRow))}
            events = EventRow.__table__
            ordered = select(events).order_by(events.c.chain, events.c.position)
            rows = session.execute(ordered.execution_options(yield_per=1000))
            problems: list[str] = []
            for chain, links in groupby(rows, key=lambda row: row.chain):
                problems += _walk(session, chain, links, heads.pop(chain, None))
            return problems + [f"{chain}: all {head.length} links are missing" for chain, head in heads.items()]


def _locked_head(session: Session, chain: str) -> Fetched[*tuple[Any, ...]]:
    """Return the head of `chain`, locked until the transaction ends; on SQLite a writer has the only lock there is."""
    head = session.execute(_LOCK_HEAD, {"of": chain}).one_or_none()
    if head is None:
        insert_new(session, HeadRow, chain=chain, length=0, digest=GENESIS)
        head = session.execute(_LOCK_HEAD, {"of": chain}).one()
    return head


def _digest(link: Mapping[str, Any]) -> str:
    fields = [link[name] for name in ("chain", "position", "event", "actor", "body", "previous")]
    return sha256(canonical([*fields, link["at"].isoformat()]))


def _event(row: EventRow) -> AuditEvent:
    names = AuditEvent.model_fields.keys() - {"body"}
    return AuditEvent(**{name: getattr(row, name) for name in names}, body=json.loads(row.body))


def _walk(session: Session, chain: str, links: Iterator[Fetched[*tuple[Any, ...]]], head: HeadRow | None) -> list[str]:
    problems = []
    position, previous = 0, GENESIS
    recorded: dict[Noun, str] = {}
    for link in links:
        position += 1
        if link.position != position:
            problems.append(f"{chain}: link {position} is missing or out of order")
            position = link.position
        elif link.previous != previous:
            problems.append(f"{chain}: link {position} does not follow the one before it")
        if _digest(link._asdict()) == link.digest:
            recorded |= _noun(link)
        else:
            problems.append(f"{chain}: link {position} was edited")
        previous = link.digest
    if head is None or (head.length, head.digest) != (position, previous):
        problems.append(f"{chain}: the end is not the one on record; links were cut off or added")
    return problems + _changed(session, chain, recorded)


def _noun(link: Fetched[*tuple[Any, ...]]) -> dict[Noun, str]:
    """Return which noun the link tells of, and the digest it had."""
    body = json.loads(link.body)
    return {(body["decision_id"], body["round"], body["node"]): body["sha256"]} if "sha256" in body else {}


def _changed(session: Session, chain: str, recorded: dict[Noun, str]) -> list[str]:
    """Compare the nouns of a model with what its chain says they were."""
    nouns, decisions = NounRow.__table__.c, DecisionRow.__table__.c
    statement = (
        select(nouns.decision_id, nouns.round, nouns.node, nouns.body)
        .join(DecisionRow.__table__, decisions.id == nouns.decision_id)
        .where(decisions.model_name == chain.removeprefix("model:"), literal(chain != ADMINISTRATION))
        .execution_options(yield_per=1000)
    )
    present = {(row.decision_id, row.round, row.node): sha256(row.body) for row in session.execute(statement)}
    differing = {noun for noun, digest in recorded.items() ^ present.items()}
    return [f"{chain}: {_words(noun)} is not what was recorded" for noun in sorted(differing)]


def _words(noun: Noun) -> str:
    decision_id, round, node = noun
    return f"the {node} noun of {decision_id}, round {round},"
