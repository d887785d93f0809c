"""One service on the workbench: its rows, its models, and whether anybody still waits for the work.

An artefact is a cache of its version's recipe: one that is missing or cannot be read is made again.
"""

import hashlib
import logging
import uuid
from collections.abc import Callable
from typing import NamedTuple

import joblib
import numpy as np

from aurora.sandbox.effects import Effect
from aurora.sandbox.models import Model, untrained
from aurora.sandbox.service import Service, Version
from aurora.sandbox.store import Store
from aurora.sandbox.streams import SKEW, Rows, Stream

log = logging.getLogger(__name__)

OLD_SHARE = 0.6
"""The version before the first one knew only this share of the rows that the first one was trained on."""
COARSE, FINE = 17, 9
"""How many angles are tried over the half circle, and then around the best of them."""


class Comparison(NamedTuple):
    """The accuracies of two models on the same rows, and how many rows these were."""

    before: float
    after: float
    samples: int


class Workbench:
    """Prepares the target of `effect` as it is now: all its drifts have their angles, all its models can be had."""

    def __init__(self, store: Store, effect: Effect) -> None:
        self._store = store
        self._effect = effect
        # A name from outside may hold anything: only its hash becomes part of a path.
        self._artefacts = store.folder / "artefacts" / hashlib.sha256(effect.target.encode()).hexdigest()[:32]
        self._artefacts.mkdir(parents=True, exist_ok=True)
        with store.read() as books:
            service = books.service(effect.target)
        if service is None:
            raise LookupError(f"there is no service {effect.target!r} any more")
        self._service = service
        self._stream = Stream(service)
        self._models: dict[str, Model] = {}
        for number in range(len(service.drifts)):
            self._fit_drift(number)
        self.concept = len(service.drifts)
        """How many drifts lie behind the newest rows."""

    def model(self, name: str) -> Model:
        """Return the model of a version, from its artefact or made anew."""
        if name not in self._models:
            version = self._service.versions[name]
            self._models[name] = self._loaded(version) or self._remade(name, version)
        return self._models[name]

    def made(self, recipe: Version) -> Model:
        """Train a model as `recipe` says. Raises `Cancelled` when nobody waits for it any more."""
        if recipe.base is None:
            model = untrained(self._service.family, self._service.seed)
        else:
            model = self.model(recipe.base).copied()
        model.learn(self._rows_for(recipe), self._wanted)
        if recipe.target is not None:
            model.preprocessing = self._broken_preprocessing(model, recipe)
        return model

    def compared(self, before: Model, after: Model) -> Comparison:
        """Compare two models on the newest labelled rows that no model ever saw."""
        rows = self._unseen(self.concept)
        return Comparison(round(before.accuracy(rows), 4), round(after.accuracy(rows), 4), len(rows.y))

    def kept(self, model: Model) -> str:
        """Write a model to a file of its own; return the file's name."""
        name = f"{uuid.uuid4().hex}.joblib"
        partial = self._artefacts / f"{name}.part"
        joblib.dump(model, partial)
        partial.replace(self._artefacts / name)
        return name

    def tidy(self) -> None:
        """Delete the artefacts of versions that neither serve nor would after one step back, and what is left over."""
        with self._store.write() as books:
            service = books.service(self._effect.target)
            if service is None:
                return
            near = (service.version, service.previous_version)
            live = {name: version.artefact for name, version in service.versions.items() if name in near}
            for name in service.versions.keys() - live.keys():
                service = _with_artefact(service, name, None)
            books.put_service(service)
        for file in self._artefacts.iterdir():
            if file.name not in live.values():
                file.unlink(missing_ok=True)

    # --- models ------------------------------------------------------------------------------------------------------

    def _loaded(self, version: Version) -> Model | None:
        if version.artefact is None:
            return None
        try:
            found = joblib.load(self._artefacts / version.artefact)
        except Exception:
            # A damaged or outdated file may raise anything; the recipe is still there.
            log.warning("artefact %s cannot be read and is made again", version.artefact, exc_info=True)
            return None
        return found if isinstance(found, Model) else None

    def _remade(self, name: str, version: Version) -> Model:
        model = self.made(version)
        artefact = self.kept(model)
        self._change(lambda service: _with_artefact(service, name, artefact))
        return model

    def _wanted(self) -> bool:
        with self._store.read() as books:
            effect = books.effect(self._effect.key)
        return effect is not None and effect.state == "running"

    # --- rows --------------------------------------------------------------------------------------------------------

    def _rows_for(self, recipe: Version) -> Rows:
        angles = self._angles(recipe.concept)
        if recipe.origin in ("retrain", "fine_tune"):
            return self._stream.rows("fresh", angles, recipe.rows)
        rows = self._stream.rows("past", angles)
        count = int(len(rows.y) * OLD_SHARE) if recipe.origin == "previous" else len(rows.y)
        return Rows(rows.x[:count], rows.y[:count])

    def _unseen(self, concept: int) -> Rows:
        return self._stream.rows("unseen", self._angles(concept))

    def _angles(self, concept: int) -> list[float]:
        return [drift.angle or 0.0 for drift in self._service.drifts[:concept]]

    # --- what is fitted to the telemetry -----------------------------------------------------------------------------

    def _fit_drift(self, number: int) -> None:
        drift = self._service.drifts[number]
        if drift.angle is not None:
            return
        rows, model = self._unseen(number), self.model(drift.against)
        angle = _angle_for(
            drift.target, lambda angle: model.accuracy(Rows(self._stream.turned(rows.x, number, angle), rows.y))
        )
        self._change(lambda service: _with_angle(service, number, angle))

    def _broken_preprocessing(self, model: Model, recipe: Version) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        rows = self._unseen(recipe.concept)
        angle = _angle_for(
            recipe.target or 0.0, lambda angle: model.accuracy(Rows(self._stream.turned(rows.x, SKEW, angle), rows.y))
        )
        return self._stream.turn(SKEW, angle)

    def _change(self, change: Callable[[Service], Service]) -> None:
        with self._store.write() as books:
            present = books.service(self._service.name)
            if present is not None:
                books.put_service(change(present))
        self._service = change(self._service)


def _angle_for(target: float, accuracy: Callable[[float], float]) -> float:
    """Return the angle, in radians, that brings the accuracy nearest to `target`; 0 where it is no higher anyway."""
    if accuracy(0.0) <= target:
        return 0.0
    step = np.pi / (COARSE - 1)
    best = min(np.linspace(0, np.pi, COARSE), key=lambda angle: abs(accuracy(angle) - target))
    around = np.linspace(max(0.0, best - step), min(np.pi, best + step), FINE)
    return float(min(around, key=lambda angle: abs(accuracy(angle) - target)))


def _with_artefact(service: Service, name: str, artefact: str | None) -> Service:
    version = service.versions.get(name)
    return service if version is None else service.with_version(name, version.evolve(artefact=artefact))


def _with_angle(service: Service, number: int, angle: float) -> Service:
    drifts = list(service.drifts)
    drifts[number] = drifts[number].evolve(angle=angle)
    return service.evolve(drifts=tuple(drifts))
