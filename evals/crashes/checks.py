"""What must hold once the process after a kill has finished: nothing twice, nothing lost, nothing open."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from aurora import Aurora
from aurora.domain import Status
from aurora.ledger.records import DecisionRecord
from evals.crashes.client import PERSON
from evals.crashes.target import UNDO, read

MANY = 500


def open_ends(aurora: Aurora) -> list[str]:
    """Return what is not finished yet."""
    ledger = aurora.ledger
    decisions = [one for one in _decisions(aurora) if not one.reported]
    return [
        *(f"decision {one.id} on {one.model_name} is {one.status}, outcome {one.outcome}" for one in decisions),
        *(f"effect {one.key} is {one.state}" for one in ledger.intents.open_intents()),
        *(f"approval {one.id} is not heard" for one in ledger.approvals.unheard()),
        *(f"notice {one.event_id} is not sent" for one in ledger.outbox.pending()),
        *(f"entry {one.id} is not indexed" for one in ledger.entries.unindexed(MANY)),
    ]


def faults(aurora: Aurora, folder: Path, promises: list[dict[str, Any]]) -> list[str]:
    """Return all that is wrong, each in words; empty where all is as it must be."""
    found = [*open_ends(aurora), *aurora.ledger.audit.verify()]
    return [
        *map(str, found),
        *_twice(aurora, folder),
        *_effects(aurora, folder),
        *_decided(aurora, promises),
        *_answered(aurora, promises),
        *_points(aurora, promises),
    ]


def _decisions(aurora: Aurora) -> tuple[DecisionRecord, ...]:
    return aurora.ledger.decisions.list(MANY).items


def _twice(aurora: Aurora, folder: Path) -> Iterator[str]:
    effects = Counter((line["verb"], line["key"]) for line in read(folder / "target.jsonl"))
    yield from (f"{verb} {key} happened {times} times" for (verb, key), times in effects.items() if times > 1)
    told = Counter(line["key"] for line in read(aurora.parts.home / "alerts.jsonl"))
    yield from (f"people were told {times} times of {key}" for key, times in told.items() if times > 1)
    asked = [one.id for one in _decisions(aurora) if one.model_name == "keyed"]
    if len(asked) > 1:
        yield f"one request with a key opened {len(asked)} decisions"


def _effects(aurora: Aurora, folder: Path) -> Iterator[str]:
    """Compare what the target did with what the ledger says of it."""
    lines = read(folder / "target.jsonl")
    done = {line["key"] for line in lines if line["verb"] == "apply"}
    back = {line["key"] for line in lines if line["verb"] == "undo"}
    intents = {one.key: one for record in _decisions(aurora) for one in aurora.ledger.intents.of_decision(record.id)}
    yield from (f"effect {key} was promised by nobody" for key in done - intents.keys())
    yield from (f"{key} was taken back and never done" for key in back - done)
    for key, intent in intents.items():
        applied, undone = key.removesuffix(UNDO) in done, key.removesuffix(UNDO) in back
        if intent.tool != "recorded.training":
            continue
        if intent.state == "done" and not (undone if intent.undo else applied):
            yield f"the ledger says that {key} is done, and the target knows nothing of it"
        if intent.state == "failed" and applied and not undone:
            yield f"the ledger says that {key} failed, and the target has done it"


def _decided(aurora: Aurora, promises: list[dict[str, Any]]) -> Iterator[str]:
    known = {one.id: one for one in _decisions(aurora)}
    for promise in promises:
        id = promise.get("body" if promise["kind"] == "reply" else "id")
        if promise["kind"] in ("decision", "reply", "undo", "outcome") and id not in known:
            yield f"decision {id} was accepted and is lost"
            continue
        if promise["kind"] == "decision" and promise.get("status") in ("executed", "failed"):
            status = known[promise["id"]].status
            if status != promise["status"]:
                yield f"decision {id} was {promise['status']} and is {status}"
        if promise["kind"] == "undo" and known[promise["id"]].outcome != "undone":
            yield f"decision {id} was to be taken back and is {known[promise['id']].outcome}"
        if promise["kind"] == "outcome" and not aurora.ledger.decisions.outcomes(promise["id"]):
            yield f"the outcome of decision {id} is lost"


def _answered(aurora: Aurora, promises: list[dict[str, Any]]) -> Iterator[str]:
    for promise in promises:
        if promise["kind"] != "approval":
            continue
        approval = aurora.ledger.approvals.get(promise["id"])
        if (approval.status, approval.by) != ("approved", PERSON):
            yield f"approval {approval.id} was accepted and is {approval.status}"
        status = aurora.ledger.decisions.get(approval.decision_id).status
        if status is not Status.EXECUTED:
            yield f"decision {approval.decision_id} was approved and is {status}"


def _points(aurora: Aurora, promises: list[dict[str, Any]]) -> Iterator[str]:
    for model in {promise["model"] for promise in promises if promise["kind"] == "metrics"}:
        accepted = {
            datetime.fromisoformat(stamp)
            for promise in promises
            if promise["kind"] == "metrics" and promise["model"] == model
            for stamp in promise["stamps"]
        }
        kept = Counter(point.timestamp for point in aurora.ledger.metrics.recent(model, MANY))
        if lost := accepted - kept.keys():
            yield f"{len(lost)} points of {model} were accepted and are lost"
        if twice := [stamp for stamp, times in kept.items() if times > 1]:
            yield f"{len(twice)} points of {model} are kept twice"
