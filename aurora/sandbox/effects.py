"""What was done to the pretend world, each effect under its key, and what is still to be done about it."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from aurora.domain import Action, Value
from aurora.sandbox import queueing
from aurora.sandbox.service import Replica, Service, Version

State = Literal["running", "rollout", "done", "failed"]
"""`running` waits for the training process, `rollout` for the fleet."""
Phase = Literal["", "training", "canary", "booting", "promoted", "withdrawn"]
Noted = dict[str, Any]
"""Plain JSON values."""


class Work(Value):
    """What the training process has to do before an effect is done."""

    kind: Literal["train", "measure"]
    """`train` makes `version` and lets it serve; `measure` only compares it with `serving` on the newest labels."""
    version: str
    serving: str
    """The version that served when the work was ordered."""
    recipe: Version | None = None
    """How to make `version`, for a training."""


class Effect(Value):
    """One effect, recorded in the transaction that brought it about."""

    key: str
    target: str
    action: Action
    parameters: Noted
    state: State
    done_at: str
    before: Noted = Field(default_factory=dict)
    """The parts of the service that it changes, as they were."""
    after: Noted = Field(default_factory=dict)
    """The same parts as it left them; empty while a training runs."""
    answer: Noted = Field(default_factory=dict)
    """What was answered at once; a repeated call gets the same."""
    result: Noted = Field(default_factory=dict)
    """What came of it later."""
    detail: str = ""
    """One sentence for people, said at once."""
    ending: str = ""
    """One sentence for people on how later work on it ended."""
    undone: bool = False
    work: Work | None = None
    worker: int | None = None
    """Process that works on it."""
    crashes: int = 0
    """How often that process died over it."""
    phase: Phase = ""
    """How far a change of a live service has come."""
    tick: int = 0
    """Live: when it was ordered."""
    promoted_at: int = 0
    """Live: the tick from which a new version had the whole traffic."""
    effective_at: str = ""
    """Live: the moment, by AURORA's clock, from which it was in force; empty until then."""

    def report(self) -> dict[str, Any]:
        """Return everything that can be said of it now, in one answer."""
        metrics = {**self.answer.get("metrics", {}), **self.result.get("metrics", {})}
        more = {"metrics": metrics} if metrics else {}
        told = {"phase": self.phase, "effective_at": self.effective_at, "undone": self.undone}
        state = "running" if self.state == "rollout" else self.state
        return {**self.answer, **self.result, **more, **{k: v for k, v in told.items() if v}, "state": state}


@dataclass(frozen=True)
class Change:
    """What a step would make of a service."""

    service: Service
    detail: str
    """One sentence for people."""
    answer: dict[str, Any]
    work: Work | None = None
    """What remains to be done by the training process. A `train` changes the service only when it is done."""
    in_force: bool = True
    """False for a change of a live service that takes hold later, such as a replica that boots."""


def foreseen(before: Service, after: Service) -> dict[str, Any]:
    """Return what the queue of an adopted service lets expect of a change; of a live one nothing: it is measured."""
    return {} if before.live else {"metrics": queueing.metrics(before, after), "computed_by": "queue"}


def parts(service: Service) -> dict[str, Any]:
    """Return the parts of a service that an effect may change and an undo brings back, as plain JSON values."""
    return service.model_dump(
        mode="json", include={"version", "previous_version", "replicas", "cache_enabled", "cache_ttl_seconds"}
    )


def difference(before: Service, after: Service) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parts that differ, as they were and as they became."""
    old, new = parts(before), parts(after)
    changed = [name for name in old if old[name] != new[name]]
    return {name: old[name] for name in changed}, {name: new[name] for name in changed}


def stands(service: Service, after: dict[str, Any]) -> bool:
    """Whether what an effect changed still is as the effect left it; how loaded a replica is does not count."""
    return all(_visible(name, parts(service)[name]) == _visible(name, value) for name, value in after.items())


def restored(service: Service, before: dict[str, Any]) -> Service:
    """Return the service with the parts of `before` as they were; what a replica can carry stays as it is now.

    A replica of a live service that was given back boots again.
    """
    changes = dict(before)
    if "replicas" in before:
        present = {replica.name: replica for replica in service.replicas}
        old = tuple(Replica.model_validate(replica) for replica in before["replicas"])
        kept = tuple(present.get(replica.name, _booting(replica, service)) for replica in old)
        weights = {replica.name: replica.weight for replica in old}
        changes["replicas"] = tuple(replica.evolve(weight=weights[replica.name]) for replica in kept)
    return service.evolve(**changes)


def _booting(replica: Replica, service: Service) -> Replica:
    return replica.evolve(ready_at=service.live.now + service.live.boot) if service.live else replica


def _visible(name: str, value: Any) -> Any:
    return [(one["name"], one["weight"]) for one in value] if name == "replicas" else value
