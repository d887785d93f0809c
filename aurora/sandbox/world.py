"""The pretend world: services that AURORA's sandbox tools act on, kept in one folder.

Every effect is written under its key in the transaction that brings it about, so that one key acts once, whichever
thread or process asks, and is known after a restart. Trainings run in a process of their own (`trainer.py`,
`worker.py`); one that was running when a process died is begun again, under the same key, by the next process that
opens the folder.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aurora.crashes import Crash, crash_point
from aurora.domain import Serving, Step, Telemetry
from aurora.errors import Conflict, Invalid
from aurora.ports import Clock
from aurora.sandbox.adoption import born, renewed
from aurora.sandbox.effects import Change, Effect, Phase, State, difference, restored, stands
from aurora.sandbox.service import Service
from aurora.sandbox.store import Books, Store
from aurora.sandbox.trainer import Trainer

CRASHES_ALLOWED = 2
UNDO = ":undo"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class World:
    """Open the world in `folder`, which is made if need be. Safe for threads, and for several processes on one folder.

    Raises `Unavailable` where the folder cannot be used. Every method but `close` does so after `close`.
    """

    def __init__(self, folder: Path, clock: Clock = _utc_now) -> None:
        self.folder = folder
        self.clock = clock
        self._store = Store(folder)
        self._trainer = Trainer(folder, self._lost)
        self._followed: tuple[Service, Telemetry] | None = None
        self._resume()

    def close(self) -> None:
        """End the training process and let go of the file. What was training goes on when the folder is next opened."""
        self._trainer.close()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # --- looking -----------------------------------------------------------------------------------------------------

    def adopt(self, telemetry: Telemetry) -> None:
        """Make an unknown name a small service of its own, and let an adopted one follow what the telemetry says.

        A live service is left alone: it shows what it is like by itself.
        """
        with self._store.read() as books:
            known = books.service(telemetry.model_name)
        if known is not None and (known.live is not None or self._follows(known, telemetry)):
            return
        with self._store.write() as books:
            known = books.service(telemetry.model_name)
            if known is None or known.live is None:
                books.put_service(born(telemetry) if known is None else renewed(known, telemetry))

    def _follows(self, service: Service, telemetry: Telemetry) -> bool:
        """Whether the service is already as the telemetry shows it; every tool asks that, one after the other."""
        if self._followed == (service, telemetry):
            return True
        level = renewed(service, telemetry) == service
        if level:
            self._followed = service, telemetry
        return level

    def knows(self, name: str) -> bool:
        """Whether there is a service of that name."""
        with self._store.read() as books:
            return books.service(name) is not None

    def service(self, name: str) -> Service:
        """Return a service as it is now. Raises `Invalid` for a name that the world does not know."""
        with self._store.read() as books:
            return _known(books, name)

    def observe(self, name: str) -> Serving:
        """Return what serves `name` now; empty for an unknown name."""
        with self._store.read() as books:
            service = books.service(name)
        return Serving() if service is None else service.serving()

    def look_up(self, key: str) -> Effect | None:
        """Return what was done under `key`, as far as it has come; None where nothing was."""
        with self._store.read() as books:
            effect = books.effect(key)
        if effect is not None and effect.state == "running":
            self._resume()
        return effect

    # --- acting ------------------------------------------------------------------------------------------------------

    def do(self, key: str, step: Step, change: Callable[[Service], Change]) -> Effect:
        """Change the target of `step` once under `key`; a second call does nothing and returns the first one's effect.

        Raises `Invalid` where the step does not fit the target, and `Conflict` where `key` was used for another step.
        """
        with self._store.write() as books:
            if (earlier := _earlier(books, key, step)) is not None:
                return earlier
            service = _known(books, step.target)
            drafted = change(service)
            training = drafted.work is not None and drafted.work.kind == "train"
            before, after = difference(service, drafted.service)
            effect = self._effect(key, step, _begun(drafted)).evolve(
                before=before,
                after={} if training else after,
                answer=drafted.answer,
                detail=drafted.detail,
                work=drafted.work,
            )
            if service.live is not None:
                effect = self._on_live(effect, service.live.now)
            if not training:
                books.put_service(drafted.service)
            books.put_effect(effect)
        if drafted.work is not None:
            crash_point(Crash.EFFECT_BOOKED)
            self._trainer.wake()
        return effect

    def note(self, key: str, step: Step, answer: dict[str, Any], detail: str) -> Effect:
        """Record once under `key` something that changes no service, such as a message to people."""
        with self._store.write() as books:
            if (earlier := _earlier(books, key, step)) is not None:
                return earlier
            effect = self._effect(key, step, "done").evolve(answer=answer, detail=detail)
            books.put_effect(effect)
        return effect

    def undo(self, key: str) -> Effect | None:
        """Take back what was done under `key`, once, and return that; None where nothing was done under it.

        The undo is itself recorded under `{key}:undo`, and may be asked for by that name too. A training that still
        runs is cancelled. Raises `Conflict` where the target was changed again since.
        """
        key = key.removesuffix(UNDO)
        with self._store.write() as books:
            effect, undone = books.effect(key), books.effect(_undo_key(key))
            if undone is not None or effect is None:
                return undone
            step = Step(action=effect.action, target=effect.target, parameters=effect.parameters)
            detail = _take_back(books, effect)
            undone = self._effect(_undo_key(key), step, "done").evolve(
                before=effect.after, after=effect.before, answer={"state": "done", "undid": key}, detail=detail
            )
            service = _known(books, effect.target)
            if len(service.ready()) < len(service.replicas):
                undone = undone.evolve(state="rollout", phase="booting")
            books.put_effect(undone)
        return undone

    # --- inside ------------------------------------------------------------------------------------------------------

    def _effect(self, key: str, step: Step, state: State) -> Effect:
        return Effect(
            key=key,
            target=step.target,
            action=step.action,
            parameters=step.parameters,
            state=state,
            done_at=self.clock().isoformat(),
        )

    def _on_live(self, effect: Effect, tick: int) -> Effect:
        """Return what was done to a live service with its tick, and with the moment if it is in force at once."""
        phase: Phase = "training" if effect.state == "running" else "booting" if effect.state == "rollout" else ""
        moment = self.clock().isoformat() if effect.state == "done" else ""
        return effect.evolve(tick=tick, phase=phase, effective_at=moment)

    def _resume(self) -> None:
        with self._store.read() as books:
            waiting = bool(books.running())
        if waiting:
            self._trainer.ensure()

    def _lost(self, worker: int) -> None:
        """Count a training process that died by itself against what it worked on; too often, and that has failed."""
        with self._store.write() as books:
            for effect in (one for one in books.running() if one.worker == worker):
                crashes = effect.crashes + 1
                failed = crashes >= CRASHES_ALLOWED
                why = f"The training process died {crashes} times over it." if failed else ""
                state: State = "failed" if failed else "running"
                books.put_effect(effect.evolve(crashes=crashes, worker=None, state=state, ending=why))


def _begun(drafted: Change) -> State:
    if drafted.work is not None:
        return "running"
    return "done" if drafted.in_force else "rollout"


def _known(books: Books, name: str) -> Service:
    service = books.service(name)
    if service is None:
        raise Invalid(f"target: the sandbox knows no service {name!r}.", field="target")
    return service


def _earlier(books: Books, key: str, step: Step) -> Effect | None:
    effect = books.effect(key)
    if effect is None:
        return None
    if (effect.target, effect.action, effect.parameters) != (step.target, step.action, step.parameters):
        raise Conflict(f"The key {key} was used for another step: {effect.action} of {effect.target}.", field="key")
    return effect


def _undo_key(key: str) -> str:
    return f"{key}{UNDO}"


def _take_back(books: Books, effect: Effect) -> str:
    """Bring back what was before; return what that came to, in one sentence."""
    service = _known(books, effect.target)
    if effect.state in ("running", "rollout") and not effect.after:
        books.put_effect(effect.evolve(state="failed", ending="It was cancelled.", undone=True))
        if service.canary is not None and service.canary.key == effect.key:
            books.put_service(service.evolve(canary=None))
        return f"The training of {effect.target} was cancelled; version {service.version} serves as before."
    if effect.state == "failed":
        books.put_effect(effect.evolve(undone=True))
        return f"It had failed and changed nothing: {effect.ending}"
    if not stands(service, effect.after):
        raise Conflict(f"{effect.target} was changed again since; taking this back now would undo more than this.")
    books.put_service(restored(service, effect.before))
    books.put_effect(effect.evolve(state="done", undone=True))
    return f"{effect.target} is as before: {', '.join(sorted(effect.before)) or 'nothing had changed'}."
