"""What AURORA is asked for before it is killed, and every promise that it gave, written down as it was given."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from aurora import Aurora
from aurora.domain import MetricPoint, ModelSettings, OutcomeReport, Telemetry
from evals.crashes.target import LATE, WORSE, read, write
from evals.living import VirtualClock

FAILING = {"model_metrics": {"accuracy": 0.6, "latency_ms": 650}, "data_drift": {"detected": True, "score": 0.8}}
"""A look at a model that is worth a retrain."""
UNEXPLAINED = {"model_metrics": {"error_rate": 0.4}}
"""A look at a model that people have to be told of."""
FINE = {"accuracy": 0.88, "labels": 500, "latency_ms": 300.0, "data_drift_score": 0.1, "cpu_usage": 0.4}
DRIFTED = {**FINE, "accuracy": 0.6, "data_drift_score": 0.8}
FINE_POINTS, DRIFTED_POINTS = 40, 6
WINDOW = 4.0
"""Seconds after which the outcome of a sandbox change is due."""
FORGOTTEN = 60.0
"""Seconds after which an effect of which nothing is known is looked for."""
KEY, OWNER, ROUTE, BODY = "the-key", "ada", "POST /api/analyze", "the-hash"
PERSON = "ada"


class Client:
    """Whoever uses AURORA, with `folder` to keep the promises in."""

    derives_id = True
    """Whether a request under an Idempotency-Key opens the same decision however often it is sent."""

    def __init__(self, aurora: Aurora, clock: VirtualClock, folder: Path) -> None:
        self._aurora = aurora
        self._clock = clock
        self._path = folder / "promises.jsonl"

    def play(self, stories: Sequence[str]) -> None:
        """Ask for what `stories` tell of, one after the other."""
        told = STORIES | TRAINED
        for story in stories:
            told[story](self)
        self._aurora.sweep()

    def promises(self) -> list[dict[str, Any]]:
        """Return what was promised, by this client or the one before it."""
        return read(self._path)

    def answer_questions(self) -> int:
        """Approve whatever waits; return how much that was."""
        waiting = self._aurora.ledger.approvals.list("waiting", 100).items
        for approval in waiting:
            self.approve(approval.id)
        return len(waiting)

    def ask_again(self) -> None:
        """Send the request with the key again, as a client does that had no answer."""
        if any(promise["kind"] == "asked_with_key" for promise in self.promises()):
            self.keyed()

    # --- stories -----------------------------------------------------------------------------------------------------

    def reporting(self) -> None:
        """Points arrive in batches."""
        for _ in range(5):
            self._send("reporting", [FINE] * 3)

    def watched(self) -> None:
        """A model drifts, and the monitor opens a decision by itself."""
        baseline = {"baseline": {"accuracy": 0.88, "latency_ms": 300}, "cooldown_minutes": 0.25, "verify_minutes": 0.05}
        self._aurora.put_settings("watched", ModelSettings.model_validate(baseline), PERSON)
        self._send("watched", [FINE] * FINE_POINTS)
        self._aurora.watch()
        for _ in range(DRIFTED_POINTS):
            self._send("watched", [DRIFTED])
            self._aurora.watch()
        self._clock.advance(WINDOW)
        self._aurora.sweep()

    def better(self) -> None:
        """A retrain helps; its outcome is verified when its wake-up comes."""
        self._verified("better")

    def worse(self) -> None:
        """A retrain makes it worse and is taken back."""
        self._verified(WORSE)

    def asked(self) -> None:
        """A retrain needs a person's approval, and gets it."""
        settings = ModelSettings.model_validate({"autonomy": {"retrain": "ask"}, "verify_minutes": 0.05})
        self._aurora.put_settings("asked", settings, PERSON)
        answer = self._analyze("asked", FAILING)
        if answer.approval_id is None:
            raise LookupError(f"nobody was asked: {answer.status}")
        self.approve(answer.approval_id)

    def accepted(self) -> None:
        """A decision is accepted, and worked on later."""
        look = Telemetry.model_validate({**FAILING, "model_name": "accepted"})
        self._promise("decision", id=self._aurora.open_decision(look))

    def alerted(self) -> None:
        """People have to be told, and nothing to be changed."""
        self._analyze("alerted", UNEXPLAINED)

    def keyed(self) -> None:
        """A request comes with an Idempotency-Key.

        What works on such requests is in the app, which nothing here may import: this asks the ledger for the same in
        the same order, as a test sees to, and leaves out what only HTTP has and what two requests at once would need.
        """
        replies, id = self._aurora.ledger.replies, f"dec_{uuid5(NAMESPACE_OID, KEY).hex}"
        self._promise("asked_with_key")
        kept = replies.begin(KEY, OWNER, ROUTE, BODY)
        if kept is not None and kept.status_code is not None:
            self._promise("reply", body=kept.body)
            return
        if kept is not None:
            # Its process died over it: this one is alone, and takes over.
            replies.forget(KEY, OWNER)
            replies.begin(KEY, OWNER, ROUTE, BODY)
        answer = self._aurora.analyze({**FAILING, "model_name": "keyed"}, decision_id=id if self.derives_id else None)
        replies.finish(KEY, OWNER, 200, answer.decision_id)
        self._promise("reply", body=answer.decision_id)

    def taken_back(self) -> None:
        """A person wants a retrain back that had helped."""
        id = self._verified("taken-back")
        self._aurora.undo(id, "we changed our mind", PERSON)
        self._promise("undo", id=id)

    def reported(self) -> None:
        """Somebody outside says that a retrain helped, before AURORA looked."""
        id = self._analyze("reported", FAILING).decision_id
        self._aurora.report_outcome(id, OutcomeReport(success=True), PERSON)
        self._promise("outcome", id=id)

    def late(self) -> None:
        """A training begins after its service hung up, and is found and taken back."""
        self._analyze(LATE, FAILING)
        self._clock.advance(FORGOTTEN)
        self._aurora.sweep()

    def trained(self) -> None:
        """The sandbox trains a real model, in a process of its own."""
        self._analyze("trained", FAILING)

    # --- one request each --------------------------------------------------------------------------------------------

    def approve(self, id: str) -> None:
        """Approve, and note that this was accepted."""
        self._aurora.settle(id, "approve", by=PERSON)
        self._promise("approval", id=id)

    def _verified(self, model: str) -> str:
        id: str = self._analyze(model, FAILING).decision_id
        self._clock.advance(WINDOW)
        self._aurora.submit_wake(id).result()
        return id

    def _analyze(self, model: str, look: dict[str, Any]) -> Any:
        answer = self._aurora.analyze({**look, "model_name": model})
        self._promise("decision", id=answer.decision_id, status=answer.status.value)
        return answer

    def _send(self, model: str, values: Sequence[dict[str, Any]]) -> None:
        points, stamps = [], []
        for value in values:
            self._clock.advance(1)
            stamps.append(self._clock.now)
            points.append(MetricPoint.model_validate({"model_name": model, "timestamp": stamps[-1], **value}))
        self._aurora.add_metrics(points)
        self._promise("metrics", model=model, stamps=[stamp.isoformat() for stamp in stamps])

    def _promise(self, kind: str, **what: Any) -> None:
        write(self._path, {"kind": kind, **what})


Story = Callable[[Client], None]

STORIES: dict[str, Story] = {
    story.__name__: story
    for story in (
        Client.reporting,
        Client.better,
        Client.reported,
        Client.asked,
        Client.accepted,
        Client.alerted,
        Client.keyed,
        Client.late,
        Client.taken_back,
        Client.worse,
        Client.watched,
    )
}
"""What is played before most kills, in this order: what turns out badly makes AURORA careful, so it comes last."""
TRAINED: dict[str, Story] = {"trained": Client.trained}
"""What is played, alone and on the sandbox's own trainer, before a kill that concerns that one."""
LATER = timedelta(hours=1)
"""How much later than the first process began the second one does."""
