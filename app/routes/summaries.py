"""Decisions in short, as lists tell of them: however many, their nouns are read by one query.

A summary says why in the words of whoever had the last say before anything was done. What came of it afterwards is in
its outcome; the sentences about that are in the whole record.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

from app.schemas import DecisionSummary
from aurora.ledger import Ledger
from aurora.ledger.records import DecisionRecord

_TOLD = ("plan", "critique", "rule", "execute")
_ALIKE = set(DecisionSummary.model_fields) & set(DecisionRecord.model_fields)


def summaries(records: Collection[DecisionRecord], ledger: Ledger) -> tuple[DecisionSummary, ...]:
    """Return `records` in short, in their order."""
    nouns = ledger.decisions.newest([record.id for record in records], _TOLD)
    return tuple(_summary(record, nouns[record.id]) for record in records)


def _summary(record: DecisionRecord, bodies: Mapping[str, str]) -> DecisionSummary:
    nouns = {node: json.loads(body) for node, body in bodies.items()}
    done = nouns.get("execute", {})
    return DecisionSummary(
        decision_id=record.id,
        executed_at=done["executed_at"] if done.get("status") == "done" else None,
        why=_why(nouns),
        **record.model_dump(include=_ALIKE),
    )


def _why(nouns: Mapping[str, Mapping[str, Any]]) -> str:
    refusals = [one["reason"] for one in nouns.get("rule", {}).get("findings", ()) if one["verdict"] == "deny"]
    if refusals:
        return " ".join(refusals)
    against = nouns.get("critique", {}).get("verdict") in ("revise", "reject")
    return str(nouns.get("critique" if against else "plan", {}).get("reasoning", ""))
