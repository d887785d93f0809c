"""One service on the workbench: its rows, its models, and whether anybody still waits for the work.

An artefact is a cache of its version's recipe: one that is missing or cannot be read is made again.
"""

import hashlib
import logging
import os
import uuid
from collections.abc import Callable
from typing import NamedTuple

import joblib
import numpy as np

from aurora.sandbox.models import Model, untrained
from aurora.sandbox.service import Service, Version
from aurora.sandbox.store import Store
from aurora.sandbox.streams import SKEW, Rows, Stream
from aurora.sandbox.traffic import drawn, labelled

log = logging.getLogger(__name__)

OLD_SHARE = 0.6
"""The version before the first one knew only this share of the rows that the first one was trained on."""
COARSE, FINE = 17, 9
"""How many angles are tried over the half circle, and then around the best of them."""
FITTED_ON = 400
"""Rows of a live service's traffic that a broken version is fitted on."""


class Comparison(NamedTuple):
    """The accuracies of two models on the same rows, and how many rows these were."""

    before: float
    after: float
    samples: int


class Workbench:
    """Prepares one service as it is now: all its drifts have their angles, all its models can be had.

    `wanted` says whether anybody still waits for the work. Raises `LookupError` for a name that the world lacks.
    """

    def __init__(self, store: Store, name: str, wanted: Callable[[], bool] = lambda: True) -> None:
        self._store = store
        self._wanted = wanted
        # A name from outside may hold anything: only its hash becomes part of a path.
        self._artefacts = store.folder / "artefacts" / hashlib.sha256(name.encode()).hexdigest()[:32]
        self._artefacts.mkdir(parents=True, exist_ok=True)
        self._models: dict[str, Model] = {}
        self._service = self._found(name)
        self._stream = Stream(self._service)
        for number in range(len(self._service.drifts)):
            self._fit_drift(number)
        self.concept = len(self._service.drifts)
        """How many drifts lie behind the newest rows."""

    @property
    def service(self) -> Service:
        """The service, as it was when the workbench last looked."""
        return self._service

    def look(self, service: Service) -> None:
        """Go on with the service as it is now; models of versions that it no longer has are let go."""
        self._service = service
        near = {service.version, service.previous_version, service.canary.version if service.canary else None}
        self._models = {name: model for name, model in self._models.items() if name in near}

    def model(self, name: str) -> Model:
        """Return the model of a version, from its artefact or made anew."""
        if name not in self._models:
            version = self._service.versions[name]
            self._models[name] = self._loaded(version) or self._remade(name, version)
        return self._models[name]

    def made(self, recipe: Version) -> Model:
        """Train a model as `recipe` says. Raises `Cancelled` when nobody waits for it any more."""
        if recipe.base is None:
            model = untrained(self._service.family, self._service.seed, self._stream.classes)
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
        with partial.open("wb") as file:
            joblib.dump(model, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._artefacts / name)
        return name

    def tidy(self) -> None:
        """Delete the artefacts of versions that neither serve nor would after one step back, and what is left over."""
        with self._store.write() as books:
            service = books.service(self._service.name)
            if service is None:
                return
            near = (service.version, service.previous_version, service.canary.version if service.canary else None)
            kept = {name: version.artefact for name, version in service.versions.items() if name in near}
            for name in service.versions.keys() - kept.keys():
                service = _with_artefact(service, name, None)
            books.put_service(service)
            recipes = [effect.work.recipe for effect in books.rolling_out() if effect.work and effect.work.recipe]
        files = {*kept.values(), *(recipe.artefact for recipe in recipes)}
        for file in self._artefacts.iterdir():
            if file.name not in files:
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

    # --- rows --------------------------------------------------------------------------------------------------------

    def _rows_for(self, recipe: Version) -> Rows:
        live = self._service.live
        if live is not None and recipe.origin != "initial":
            return labelled(self._service, recipe.trained_at, recipe.rows or live.newest)
        angles = self._angles(recipe.concept)
        if recipe.origin in ("retrain", "fine_tune"):
            return self._stream.rows("fresh", angles, recipe.rows)
        rows = self._stream.rows("past", angles)
        count = int(len(rows.y) * OLD_SHARE) if recipe.origin == "previous" else len(rows.y)
        return Rows(rows.x[:count], rows.y[:count])

    def _unseen(self, concept: int) -> Rows:
        return self._stream.rows("unseen", self._angles(concept))

    def sample(self, tick: int) -> Rows:
        """Return rows of a live service's traffic at `tick` that nothing is ever trained on."""
        return drawn(self._service, tick, "unseen", FITTED_ON).rows

    def angle(self, model: Model, rows: Rows, number: int, target: float) -> float:
        """Return the angle by which turn `number` of the inputs brings the accuracy of `model` nearest to `target`."""
        return _angle_for(
            target, lambda angle: model.accuracy(Rows(self._stream.turned(rows.x, number, angle), rows.y))
        )

    def _angles(self, concept: int) -> list[float]:
        return [drift.angle or 0.0 for drift in self._service.drifts[:concept]]

    # --- what is fitted to the telemetry -----------------------------------------------------------------------------

    def _fit_drift(self, number: int) -> None:
        drift = self._service.drifts[number]
        if drift.angle is not None:
            return
        angle = self.angle(self.model(drift.against), self._unseen(number), number, drift.target)
        self._change(lambda service: _with_angle(service, number, angle))

    def _broken_preprocessing(self, model: Model, recipe: Version) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        live = self._service.live is not None
        rows = self.sample(recipe.trained_at) if live else self._unseen(recipe.concept)
        return self._stream.turn(SKEW, self.angle(model, rows, SKEW, recipe.target or 0.0))

    def _found(self, name: str) -> Service:
        with self._store.read() as books:
            service = books.service(name)
        if service is None:
            raise LookupError(f"there is no service {name!r} any more")
        return service

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
